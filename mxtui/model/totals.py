"""Running totals of a queue, per recipient domain and whole: cost follows each change, never the number queued.

No SQL in here: `status` needs no more than this. What a removal can make unknown (the oldest message, the next expiry,
who crossed an age bound) is asked of whoever keeps the messages.
"""

from collections.abc import Callable, Sequence
from types import MappingProxyType

from mxtui.model.age import BUCKETS, bucket
from mxtui.model.counts import NEVER, Cause, Counts
from mxtui.model.message import STATES, QueuedMessage, State
from mxtui.model.overview import DomainTotals, QueueTotals, TopReason
from mxtui.model.reason import Summaries

Edges = Callable[[str | None], tuple[float | None, float | None]]
"""(oldest arrival, next expiry) of a domain, or of the whole queue for None, as the keeper of the messages knows."""


class _Tally:
    """Counts for one domain, or for the whole queue."""

    __slots__ = ("ages", "bytes", "edges_stale", "expires", "messages", "oldest", "reasons", "recipients", "states")

    def __init__(self) -> None:
        self.messages = self.recipients = self.bytes = 0
        self.states: dict[State, int] = {}
        self.ages = [0] * BUCKETS
        self.reasons: dict[str, int] = {}
        self.oldest = self.expires = NEVER
        self.edges_stale = False

    def count(self, state: State, messages: int, size: int, oldest: float, expires: float) -> None:
        """Messages of one state that came, or (numbers below zero) left."""
        self.messages += messages
        self.bytes += size
        self.states[state] = self.states.get(state, 0) + messages
        if messages > 0:
            if oldest < self.oldest:
                self.oldest = oldest
            if expires < self.expires:
                self.expires = expires
        elif oldest <= self.oldest or expires <= self.expires:
            self.edges_stale = True

    def blame(self, reason: str, messages: int) -> None:
        """Why those messages wait."""
        left = self.reasons.get(reason, 0) + messages
        if left > 0:
            self.reasons[reason] = left
        else:
            self.reasons.pop(reason, None)

    def settle(self, domain: str | None, edges: Edges) -> tuple[float | None, float | None]:
        """Oldest arrival and next expiry, asked anew only when the message that held one of them has left."""
        if self.edges_stale:
            oldest, expires = edges(domain) if self.messages else (None, None)
            self.oldest = NEVER if oldest is None else oldest
            self.expires = NEVER if expires is None else expires
            self.edges_stale = False
        return (
            None if self.oldest == NEVER else self.oldest,
            None if self.expires == NEVER else self.expires,
        )

    def present_states(self) -> MappingProxyType[State, int]:
        return MappingProxyType({state: self.states[state] for state in STATES if self.states.get(state)})


class Totals:
    """Totals at a moment that `advance` moves forward."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._whole = _Tally()
        self._domains: dict[str, _Tally] = {}
        self._snapshots: dict[str, DomainTotals] = {}
        self._summaries = Summaries()

    @property
    def now(self) -> float:
        """The moment that ages are counted at, seconds since the epoch."""
        return self._now

    def add(self, message: QueuedMessage) -> None:
        """Count a message that came."""
        self._count(message, 1)

    def remove(self, message: QueuedMessage) -> None:
        """Uncount one that left, exactly as it was added."""
        self._count(message, -1)

    def _count(self, message: QueuedMessage, sign: int) -> None:
        summaries = self._summaries
        causes = [
            (recipient.domain, summaries[recipient.reason] if recipient.reason is not None else None)
            for recipient in message.recipients
        ]
        # With everyone served there is nothing left to expire.
        expires = message.expires if message.expires is not None and causes else NEVER
        age = bucket(self._now - message.arrival)
        self._alike(message.state, age, causes, sign, sign * message.size, message.arrival, expires)

    def add_counts(self, counts: Counts) -> None:
        """Count messages that were counted elsewhere, at the same moment."""
        for (state, age, causes), (messages, size, oldest, expires) in counts.kinds.items():
            self._alike(state, age, causes, int(messages), int(size), oldest, expires)

    def _alike(
        self, state: State, age: int, causes: Sequence[Cause], messages: int, size: int, oldest: float, expires: float
    ) -> None:
        """Messages of one kind (see `counts`) that came or left."""
        whole = self._whole
        whole.count(state, messages, size, oldest, expires)
        whole.recipients += messages * len(causes)
        seen: set[str] = set()
        blamed: set[Cause] = set()
        for cause in causes:
            domain, reason = cause
            tally = self._domains.get(domain)
            if tally is None:
                tally = self._domains[domain] = _Tally()
            tally.recipients += messages
            tally.ages[age] += messages
            if domain not in seen:
                seen.add(domain)
                tally.count(state, messages, size, oldest, expires)
                self._snapshots.pop(domain, None)
            if reason is not None and cause not in blamed:
                blamed.add(cause)
                tally.blame(reason, messages)

    def summary(self, reason: str) -> str:
        """A reason in few words (see `reason.summarise`)."""
        return self._summaries[reason]

    def cross(self, domain: str, bound: int, recipients: int) -> None:
        """Move recipients that have grown older than `BUCKET_SECONDS[bound]` to the next bucket."""
        ages = self._domains[domain].ages
        ages[bound] -= recipients
        ages[bound + 1] += recipients
        self._snapshots.pop(domain, None)

    def advance(self, now: float) -> None:
        """Set the moment that ages are counted at, after `cross` was called for those concerned."""
        self._now = now

    def queue(self, edges: Edges) -> QueueTotals:
        """The whole queue."""
        oldest, expires = self._whole.settle(None, edges)
        whole = self._whole
        return QueueTotals(whole.messages, whole.recipients, whole.bytes, oldest, expires, whole.present_states())

    def domains(self, edges: Edges) -> list[DomainTotals]:
        """Every domain with mail, deepest first; the ones that did not change are not computed again."""
        for domain in [name for name, tally in self._domains.items() if tally.recipients <= 0]:
            del self._domains[domain]
            self._snapshots.pop(domain, None)
        for domain, tally in self._domains.items():
            if domain not in self._snapshots:
                self._snapshots[domain] = self._snapshot(domain, tally, edges)
        return sorted(self._snapshots.values(), key=lambda totals: (-totals.messages, totals.domain))

    @staticmethod
    def _snapshot(domain: str, tally: _Tally, edges: Edges) -> DomainTotals:
        oldest, expires = tally.settle(domain, edges)
        top = max(tally.reasons.items(), key=lambda item: (item[1], item[0]), default=None)
        return DomainTotals(
            domain=domain,
            messages=tally.messages,
            recipients=tally.recipients,
            bytes=tally.bytes,
            states=tally.present_states(),
            age_buckets=tuple(tally.ages),
            oldest_arrival=oldest,
            next_expire=expires,
            top_reason=TopReason(*top) if top else None,
        )
