"""What became of each message of a drain, what was replied how often, and what is told of it only once."""

from collections import Counter, deque
from collections.abc import Container, Sequence
from typing import Final, NamedTuple

from mxtui.model.drain.way import Settled
from mxtui.model.flushing import FATES, RECENT
from mxtui.model.plan import Fate, Target, Verdict
from mxtui.model.reason import summarise

MOST_GROUPS: Final = 500
"""Replies told apart; a hostile server words each anew."""

OTHER: Final = "other replies"

WORDS: Final = 300
"""Characters of a reply that are kept for each message that was not delivered."""


class Group(NamedTuple):
    """Recipients that met the same fate with the same reply, but for what differs from message to message."""

    fate: Fate
    reply: str
    """Folded as `reason.summarise` does; hostile text."""
    recipients: int


class Undelivered(NamedTuple):
    """A message that was tried and not delivered whole."""

    target: Target
    said: Verdict
    """Of the recipient that decided it; its reply is bounded."""


class Books:
    """Of one drain."""

    def __init__(self) -> None:
        self.counts: dict[Fate, int] = dict.fromkeys(FATES, 0)
        self.bytes_delivered = 0
        self.undelivered: dict[str, Undelivered] = {}
        """By queue ID, in the order in which they were settled. 500 bytes each: the guard stops long before many."""
        self.possible_duplicates: list[str] = []
        """Queue IDs."""
        self._replies: Counter[tuple[Fate, str]] = Counter()
        self._recent: deque[Verdict] = deque(maxlen=RECENT)
        self._closed: list[Verdict] = []
        self._texts: dict[str, str] = {}

    @property
    def settled(self) -> int:
        """Messages."""
        return sum(self.counts.values())

    def close(self, target: Target, settled: Settled) -> None:
        """One message is out of our hands."""
        said = next((verdict for verdict in settled.verdicts if verdict.fate == settled.fate), None)
        said = said or Verdict(settled.queue_id, "", settled.fate)
        self.counts[settled.fate] += 1
        self._closed.append(said)
        verdicts = settled.verdicts or (said,)
        self._recent.extend(verdicts)
        for verdict in verdicts:
            self._count(verdict)
        if settled.possible_duplicate or settled.sent_before:
            self.possible_duplicates.append(settled.queue_id)
        if settled.fate == "delivered":
            self.bytes_delivered += target.size
        else:
            kept = said._replace(reply=self._kept(said.reply))
            self.undelivered[settled.queue_id] = Undelivered(target, kept)

    def reopen(self, queue_ids: Container[str]) -> None:
        """Those of these that were tried and not delivered are to be tried once more: each counts once, as it ends."""
        for queue_id in [each for each in self.undelivered if each in queue_ids]:
            self.counts[self.undelivered.pop(queue_id).said.fate] -= 1

    def tell(self) -> tuple[Sequence[Verdict], Sequence[Verdict]]:
        """Recipients' verdicts for the screen (newest last), and one for each message; each is told once."""
        recent, closed = tuple(self._recent), self._closed
        self._recent.clear()
        self._closed = []
        return recent, closed

    def replies(self) -> tuple[Group, ...]:
        """Most frequent first."""
        return tuple(Group(fate, reply, number) for (fate, reply), number in self._replies.most_common())

    def _count(self, verdict: Verdict) -> None:
        group = verdict.fate, summarise(verdict.reply)
        if group not in self._replies and len(self._replies) >= MOST_GROUPS:
            group = verdict.fate, OTHER
        self._replies[group] += 1

    def _kept(self, reply: str) -> str:
        """Bounded, and one string for all that are alike."""
        text = reply[:WORDS]
        if len(self._texts) >= MOST_GROUPS:
            self._texts.clear()
        return self._texts.setdefault(text, text)
