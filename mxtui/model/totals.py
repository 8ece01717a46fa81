"""Running totals of a queue, per recipient domain and whole: cost follows each change, never the number queued.

No SQL in here: `status` needs no more than this. What a removal can make unknown (the oldest message, the next expiry,
who crossed an age bound) is asked of whoever keeps the messages.
"""

from collections.abc import Callable, Iterable
from types import MappingProxyType

from mxtui.model.message import STATES, QueuedMessage, State
from mxtui.model.overview import DomainTotals, QueueTotals, TopReason
from mxtui.model.tally import NEVER, Cause, Tallies, Tally

Edges = Callable[[str | None], tuple[float | None, float | None]]
"""(oldest arrival, next expiry) of a domain, or of the whole queue for None, as the keeper of the messages knows."""


class Totals:
    """Totals at a moment that `advance` moves forward, from what was counted at `now` already, or from nothing."""

    def __init__(self, now: float, counted: Tallies | None = None) -> None:
        self._tallies = counted or Tallies(now)
        self._snapshots: dict[str, DomainTotals] = {}

    @property
    def now(self) -> float:
        """The moment that ages are counted at, seconds since the epoch."""
        return self._tallies.now

    def add(self, message: QueuedMessage) -> None:
        """Count a message that came."""
        self._changed(self._tallies.add(message))

    def remove(self, message: QueuedMessage) -> None:
        """Uncount one that left, exactly as it was added."""
        self._changed(self._tallies.remove(message))

    def _changed(self, causes: Iterable[Cause]) -> None:
        for domain, _ in causes:
            self._snapshots.pop(domain, None)

    def summary(self, reason: str) -> str:
        """A reason in few words, remembered."""
        return self._tallies.summary(reason)

    def cross(self, domain: str, bound: int, recipients: int) -> None:
        """Move recipients that have grown older than `BUCKET_SECONDS[bound]` to the next bucket."""
        ages = self._tallies.domains[domain].ages
        ages[bound] -= recipients
        ages[bound + 1] += recipients
        self._snapshots.pop(domain, None)

    def advance(self, now: float) -> None:
        """Set the moment that ages are counted at, after `cross` was called for those concerned."""
        self._tallies.now = now

    def queue(self, edges: Edges) -> QueueTotals:
        """The whole queue."""
        whole = self._tallies.whole
        oldest, expires = _settled(whole, None, edges)
        return QueueTotals(whole.messages, whole.recipients, whole.bytes, oldest, expires, _present(whole))

    def domains(self, edges: Edges) -> list[DomainTotals]:
        """Every domain with mail, deepest first; the ones that did not change are not computed again."""
        domains = self._tallies.domains
        for domain in [name for name, tally in domains.items() if tally.recipients <= 0]:
            del domains[domain]
            self._snapshots.pop(domain, None)
        for domain, tally in domains.items():
            if domain not in self._snapshots:
                self._snapshots[domain] = _snapshot(domain, tally, edges)
        return sorted(self._snapshots.values(), key=lambda totals: (-totals.messages, totals.domain))


def _snapshot(domain: str, tally: Tally, edges: Edges) -> DomainTotals:
    oldest, expires = _settled(tally, domain, edges)
    top = max(tally.reasons.items(), key=lambda item: (item[1], item[0]), default=None)
    return DomainTotals(
        domain=domain,
        messages=tally.messages,
        recipients=tally.recipients,
        bytes=tally.bytes,
        states=_present(tally),
        age_buckets=tuple(tally.ages),
        oldest_arrival=oldest,
        next_expire=expires,
        top_reason=TopReason(*top) if top else None,
    )


def _settled(tally: Tally, domain: str | None, edges: Edges) -> tuple[float | None, float | None]:
    """Oldest arrival and next expiry, asked anew only when the message that held one of them has left."""
    if tally.edges_stale:
        oldest, expires = edges(domain) if tally.messages else (None, None)
        tally.oldest = NEVER if oldest is None else oldest
        tally.expires = NEVER if expires is None else expires
        tally.edges_stale = False
    return (
        None if tally.oldest == NEVER else tally.oldest,
        None if tally.expires == NEVER else tally.expires,
    )


def _present(tally: Tally) -> MappingProxyType[State, int]:
    return MappingProxyType({state: tally.states[state] for state in STATES if tally.states.get(state)})
