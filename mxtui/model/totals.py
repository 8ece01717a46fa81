"""Running totals of a queue, per recipient domain and whole: cost follows each change, never the number queued.

No SQL in here: `status` needs no more than this. What a removal can make unknown (the oldest message, the next expiry,
who crossed an age bound) is asked of whoever keeps the messages.
"""

from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import NamedTuple

from mxtui.model.message import STATES, QueuedMessage, State
from mxtui.model.overview import DomainTotals, QueueTotals, TopReason
from mxtui.model.tally import DELIVERABLE, NEVER, Cause, Tallies, Tally


class Edge(NamedTuple):
    """What the totals cannot know any more when a message leaves. Seconds since the epoch; None: there is none."""

    oldest: float | None
    expires: float | None
    waiting: float | None = None
    """Arrival of the oldest message that is tried; not asked of the whole queue."""
    held: float | None = None
    """And of the oldest in hold."""


Edges = Callable[[str | None, bool, bool], Edge]
"""Of a domain, or of the whole queue for None, as the keeper of the messages knows. The flags: whether anything there
is tried, and whether anything is in hold; what is not there need not be looked for.
"""


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
        edge = _settled(whole, None, edges)
        return QueueTotals(whole.messages, whole.recipients, whole.bytes, edge.oldest, edge.expires, _present(whole))

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
    edge = _settled(tally, domain, edges)
    top = max(tally.reasons.items(), key=lambda item: (item[1], item[0]), default=None)
    return DomainTotals(
        domain=domain,
        messages=tally.messages,
        recipients=tally.recipients,
        bytes=tally.bytes,
        states=_present(tally),
        age_buckets=tuple(tally.ages),
        oldest_arrival=edge.oldest,
        next_expire=edge.expires,
        top_reason=TopReason(*top) if top else None,
        oldest_waiting=edge.waiting,
        oldest_held=edge.held,
    )


def _settled(tally: Tally, domain: str | None, edges: Edges) -> Edge:
    """Asked anew only when the message that held one of them has left."""
    if tally.edges_stale:
        states = tally.states
        tried = any(states.get(state) for state in DELIVERABLE)
        edge = edges(domain, tried, bool(states.get("hold"))) if tally.messages else Edge(None, None)
        tally.oldest, tally.expires, tally.waiting, tally.held = (NEVER if each is None else each for each in edge)
        tally.edges_stale = False
    return Edge(*(None if at == NEVER else at for at in (tally.oldest, tally.expires, tally.waiting, tally.held)))


def _present(tally: Tally) -> MappingProxyType[State, int]:
    return MappingProxyType({state: tally.states[state] for state in STATES if tally.states.get(state)})
