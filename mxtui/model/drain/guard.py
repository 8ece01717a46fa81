"""When a drain has to stop: the canary's verdict, too many refused, too many put off. Each rule gives a sentence.

A primary that is back with half its users refuses mail for good, and Postfix returns that to its senders at once: what
the guard lets through is lost. So it judges early, from little, and would rather stop once too often.
"""

from collections import deque
from typing import Final

from mxtui.model.drain.pace import ails
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.way import Settled
from mxtui.model.plan import Fate
from mxtui.model.reason import summarise

CANARIES: Final = 3
"""That may be put off: a full mailbox or a greylist says little of the primary, three in a row say enough."""

REFUSED: Final[frozenset[Fate]] = frozenset({"refused", "bounced"})
"""By the primary, for good; whether we kept it or the engine returned it."""

BURST: Final = 20
"""Of so many last ones half refused is a primary that has just broken, however many it took before."""

LATEST: Final = 50
"""Last verdicts of which deferrals are a share, and the fewest in which they mean anything."""
LEAST: Final = 20

ADVICE: Final = "look at the replies, and drain again when it takes mail"


class Guard:
    """What was settled so far. Its answers are sentences: why to stop and what to do; empty while all is well."""

    def __init__(self, settings: DrainSettings) -> None:
        self._settings = settings
        self._settled = 0
        self._refused = 0
        self._latest: deque[Fate] = deque(maxlen=LATEST)
        self._canaries = 0

    @property
    def on_trial(self) -> bool:
        """The primary is not believed yet: what it refuses may be due to its own trouble."""
        return self._settled < self._settings.trial

    def canary(self, settled: Settled) -> str:
        """After the verdict on the message that went first, alone."""
        # One that the host had no room for says nothing of what it would do to mail: the pace waits for it.
        if _untried(settled) or ails(settled):
            return ""
        self._canaries += 1
        said = _reply(settled)
        if settled.fate == "delivered":
            return ""
        if settled.fate in REFUSED:
            became = "returned to its sender" if settled.fate == "bounced" else "kept"
            return f"the canary {settled.queue_id} was refused{said} and {became}; nothing else was tried: {ADVICE}"
        if settled.fate != "deferred":
            became = "left the queue without evidence" if settled.fate == "vanished" else "expired"
            return f"the canary {settled.queue_id} {became}{said}; nothing else was tried: look for it in the mail log"
        if self._canaries < CANARIES:
            return ""
        return f"{self._canaries} canaries in a row were deferred{said}; nothing else was tried: {ADVICE}"

    def settled(self, settled: Settled, *, echo: bool = False) -> str:
        """After each verdict, the canary's included.

        `echo`: it was under way when the primary failed. A hundred that are put off by one restart of it are one
        failure, which the pace has answered, and no share of deferrals.
        """
        self._settled += 1
        self._refused += settled.fate in REFUSED
        # What ails the host itself is for the pace, which waits, and gives up when waiting does not help.
        if not (ails(settled) or _untried(settled) or (echo and settled.fate == "deferred")):
            self._latest.append(settled.fate)
        return self._too_many_refused(settled) or self._too_many_put_off(settled)

    def _too_many_refused(self, settled: Settled) -> str:
        """Of at least a trial, or the first refusal of a drain would be all of it."""
        if settled.fate not in REFUSED:
            return ""
        share = self._settings.refused_share
        if self._refused > share * max(self._settled, self._settings.trial):
            of = f"{self._refused:,} of the first {self._settled:,}"
            return f"{of} were refused, more than {share:.0%} of a trial, the last{_reply(settled)}: {ADVICE}"
        burst = list(self._latest)[-BURST:]
        refused = sum(fate in REFUSED for fate in burst)
        if share < 1 and refused * 2 >= BURST:
            return f"{refused} of the last {BURST} were refused, the last{_reply(settled)}: {ADVICE}"
        return ""

    def _too_many_put_off(self, settled: Settled) -> str:
        if settled.fate in REFUSED or settled.fate == "delivered" or _untried(settled) or len(self._latest) < LEAST:
            return ""
        put_off = sum(fate not in REFUSED and fate != "delivered" for fate in self._latest)
        if put_off <= self._settings.deferred_share * len(self._latest):
            return ""
        unseen = ", or left the queue without evidence" if "vanished" in self._latest else ""
        return f"{put_off} of the last {len(self._latest)} were deferred{unseen}, the last{_reply(settled)}: {ADVICE}"


def _untried(settled: Settled) -> bool:
    """It was kept from its turn, or gone before it: that says nothing of the primary."""
    return settled.untried or (settled.fate == "vanished" and settled.seconds is None)


def _reply(settled: Settled) -> str:
    said = next((verdict for verdict in settled.verdicts if verdict.fate == settled.fate), None)
    words = summarise(said.reply) if said is not None and said.reply else ""
    return f" ({words})" if words else ""
