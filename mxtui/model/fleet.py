"""Several queues side by side: what each host knows of a domain, and what only all of them together tell."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mxtui.model.health import WORST_FIRST, HealthState
from mxtui.model.overview import Alert, DomainStatus, Overview
from mxtui.model.words import enumerated

Reach = Literal["connecting", "away", "stale", "reading", "live"]
"""`away`: not connected, or its queue cannot be read; `stale`: connected, and nothing heard of the queue."""


@dataclass(frozen=True, slots=True)
class HostStatus:
    """One queue of several, as it is known now."""

    name: str
    """As it was named: the same for as long as the console runs."""
    overview: Overview | None = None
    """The latest; of before it went away, where it is."""
    fault: str = ""
    """Why it cannot be reached or read."""
    hint: str = ""
    lag: float | None = None
    """Seconds that it took to answer last; None for a queue on this host."""
    version: str = ""
    """Of the mxtui there; empty on this host."""

    @property
    def reach(self) -> Reach:
        """Whether its figures are of now."""
        if self.fault or (self.overview is not None and self.overview.fault):
            return "away"
        if self.overview is None:
            return "connecting"
        if self.overview.stale:
            return "stale"
        return "live" if self.overview.reading is None else "reading"

    @property
    def why(self) -> tuple[str, str]:
        """What is wrong, and what to do."""
        if self.fault or self.overview is None:
            return self.fault, self.hint
        return self.overview.fault, self.overview.hint

    @property
    def messages(self) -> int:
        """Queued, as last known: from the names alone while the first read goes on."""
        if self.overview is None:
            return 0
        return max(self.overview.queue.messages, sum(self.overview.depth.values()) if self.overview.reading else 0)

    @property
    def alert(self) -> Alert | None:
        """The gravest that nobody knows of."""
        alerts = self.overview.alerts if self.overview is not None else ()
        return next((each for each in alerts if each.acknowledged is None), None)


@dataclass(frozen=True, slots=True)
class DomainAcross:
    """A domain as each host sees it."""

    domain: str
    seen: tuple[tuple[str, DomainStatus], ...]
    """By the name of the host, in the order of the hosts."""

    @property
    def messages(self) -> int:
        """On all hosts together; a message is on one."""
        return sum(row.totals.messages for _, row in self.seen)

    @property
    def held(self) -> int:
        """Of these in hold."""
        return sum(row.totals.states.get("hold", 0) for _, row in self.seen)

    @property
    def oldest_arrival(self) -> float | None:
        """Of the oldest, by the clock of its host."""
        arrivals = [row.totals.oldest_arrival for _, row in self.seen if row.totals.oldest_arrival is not None]
        return min(arrivals, default=None)

    @property
    def worst(self) -> DomainStatus:
        """The row of the host from which the primary fares worst; of those alike the deepest."""
        return min(
            (row for _, row in self.seen), key=lambda row: (WORST_FIRST.index(_state(row)), -row.totals.messages)
        )

    @property
    def finding(self) -> str:
        """What no single host can know: empty where all agree.

        A primary that some reach and others do not is no matter of the primary, but of what lies in between.
        """
        by_state: dict[str, list[str]] = {}
        for host, row in self.seen:
            by_state.setdefault(_state(row), []).append(host)
        reached, missed = by_state.get("up", []), by_state.get("down", [])
        if reached and missed:
            where = f"up from {enumerated(reached)}, down from {enumerated(missed)}"
            return f"{where}: look at the way there, not at the primary"
        routes = {(row.primary.host, row.primary.port) for _, row in self.seen if row.primary is not None}
        if len(routes) > 1:
            ways = [
                f"{host} to {row.primary.host}:{row.primary.port}" for host, row in self.seen if row.primary is not None
            ]
            return f"routed differently: {enumerated(ways)}"
        return ""


def _state(row: DomainStatus) -> HealthState:
    return row.health.state if row.health is not None else "unknown"


def across(hosts: Iterable[HostStatus]) -> Sequence[DomainAcross]:
    """All domains of all hosts, those with a finding first, then the deepest. Grows with their number."""
    seen: dict[str, list[tuple[str, DomainStatus]]] = {}
    for host in hosts:
        for row in host.overview.domains if host.overview is not None else ():
            seen.setdefault(row.domain, []).append((host.name, row))
    rows = [DomainAcross(domain, tuple(each)) for domain, each in seen.items()]
    return sorted(rows, key=lambda row: (not row.finding, -row.messages, row.domain))


def narrowed(rows: Iterable[DomainAcross], text: str) -> Sequence[DomainAcross]:
    """Those that match words: `host:mx2` leaves only what is on that host, `domain:` or a bare word part of a name.

    A `-` before a word negates it.
    """
    found = list(rows)
    for word in text.lower().split():
        found = [kept for row in found if (kept := _narrowed(row, word)) is not None]
    return found


def _narrowed(row: DomainAcross, word: str) -> DomainAcross | None:
    negated, word = word.startswith("-"), word.removeprefix("-")
    key, colon, wanted = word.partition(":")
    if colon and key == "host":
        seen = tuple(each for each in row.seen if (each[0].lower() == wanted) != negated)
        return DomainAcross(row.domain, seen) if seen else None
    wanted = wanted if colon and key == "domain" else word
    return row if (wanted in row.domain) != negated else None
