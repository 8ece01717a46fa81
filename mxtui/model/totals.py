"""Running totals of a queue, per recipient domain and whole: cost follows each change, never the number queued.

No SQL in here: `status` needs no more than this. What a removal can make unknown (the oldest message, the next expiry,
who crossed an age bound) is asked of whoever keeps the messages.
"""

from collections.abc import Callable, Iterable
from types import MappingProxyType

from mxtui.model.age import BUCKETS, bucket
from mxtui.model.message import STATES, QueuedMessage, State
from mxtui.model.overview import DomainTotals, QueueTotals, TopReason
from mxtui.model.reason import summarise

Edges = Callable[[str | None], tuple[float | None, float | None]]
"""(oldest arrival, next expiry) of a domain, or of the whole queue for None, as the keeper of the messages knows."""

_NEVER = float("inf")


class _Tally:
    """Counts for one domain, or for the whole queue."""

    __slots__ = ("ages", "bytes", "edges_stale", "expires", "messages", "oldest", "reasons", "recipients", "states")

    def __init__(self) -> None:
        self.messages = self.recipients = self.bytes = 0
        self.states: dict[State, int] = {}
        self.ages = [0] * BUCKETS
        self.reasons: dict[str, int] = {}
        self.oldest = self.expires = _NEVER
        self.edges_stale = False

    def count(self, message: QueuedMessage, sign: int) -> None:
        self.messages += sign
        self.bytes += sign * message.size
        self.states[message.state] = self.states.get(message.state, 0) + sign
        # With everyone served there is nothing left to expire.
        expires = message.expires if message.expires is not None and message.recipients else _NEVER
        if sign > 0:
            if message.arrival < self.oldest:
                self.oldest = message.arrival
            if expires < self.expires:
                self.expires = expires
        elif message.arrival <= self.oldest or expires <= self.expires:
            self.edges_stale = True

    def settle(self, domain: str | None, edges: Edges) -> tuple[float | None, float | None]:
        """Oldest arrival and next expiry, asked anew only when the message that held one of them has left."""
        if self.edges_stale:
            oldest, expires = edges(domain) if self.messages else (None, None)
            self.oldest = _NEVER if oldest is None else oldest
            self.expires = _NEVER if expires is None else expires
            self.edges_stale = False
        return (
            None if self.oldest == _NEVER else self.oldest,
            None if self.expires == _NEVER else self.expires,
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
        self._summaries: dict[str, str] = {}

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
        whole = self._whole
        whole.count(message, sign)
        recipients = message.recipients
        if not recipients:
            return
        whole.recipients += sign * len(recipients)
        age = bucket(self._now - message.arrival)
        seen: set[str] = set()
        blamed: set[tuple[str, str]] = set()
        for recipient in recipients:
            domain = recipient.domain
            tally = self._domains.get(domain)
            if tally is None:
                tally = self._domains[domain] = _Tally()
            tally.recipients += sign
            tally.ages[age] += sign
            if domain not in seen:
                seen.add(domain)
                tally.count(message, sign)
                self._snapshots.pop(domain, None)
            if recipient.reason is not None:
                summary = self.summary(recipient.reason)
                if (domain, summary) not in blamed:
                    blamed.add((domain, summary))
                    left = tally.reasons.get(summary, 0) + sign
                    if left > 0:
                        tally.reasons[summary] = left
                    else:
                        tally.reasons.pop(summary, None)

    def summary(self, reason: str) -> str:
        """`summarise`, remembered: a dead server is the reason of a hundred thousand messages."""
        known = self._summaries.get(reason)
        if known is None:
            if len(self._summaries) >= 20_000:  # a hostile server words each refusal anew
                self._summaries.clear()
            known = self._summaries[reason] = summarise(reason)
        return known

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


def tally(messages: Iterable[QueuedMessage], now: float) -> Totals:
    """Totals of messages that will not change: for a look that ends, like `status`."""
    totals = Totals(now)
    for message in messages:
        totals.add(message)
    return totals
