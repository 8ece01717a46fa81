"""What has to be remembered from one look to the next, for alerts that a single look cannot tell.

Plain values, which a file can keep between two runs of a command (`alerting.store`). Time that nobody watched did not
happen: when a host slept, or its clock was set, every moment here is moved along, and nothing new is said for a while.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mxtui.model.health import Health
from mxtui.model.overview import NO_FLOW, Alert, DomainStatus, Flow, Overview, Resolved

WINDOW: Final = 600.0
"""Seconds. Shares are of the last one to two windows: two sums a domain, however much mail moves."""

SAMPLE: Final = 60.0
"""Seconds between two looks at the room on the disk that are kept."""

SAMPLES: Final = 60

QUIET: Final = 900.0
"""Seconds after an unwatched time in which mail systems find their pace again."""

REASON_SETTLES: Final = 300.0
"""Seconds until a reason why mail waits is taken for the domain's own."""


class Moved(NamedTuple):
    """Sums of a window."""

    arrived: int = 0
    sent: int = 0
    refused: int = 0


NOTHING: Final = Moved()


@dataclass(slots=True)
class DomainMemory:
    """One domain's. Times are seconds since the epoch."""

    up_since: float | None = None
    """Its primary was never seen otherwise since then."""
    down_at: float | None = None
    """When it was seen otherwise last."""
    moved_at: float = 0.0
    """When anything left last, or could not have."""
    messages: int = 0
    oldest: float | None = None
    failed: int = 0
    flow: Flow = NO_FLOW
    """As it was counted at the last look."""
    window_at: float = 0.0
    window: Moved = NOTHING
    before: Moved = NOTHING
    """The window before."""
    reason: str = ""
    """Why its mail waits, once that has lasted."""
    reason_was: str = ""
    reason_at: float | None = None
    """When `reason` took the place of `reason_was`."""
    candidate: str = ""
    candidate_since: float = 0.0


@dataclass(slots=True)
class Raised:
    """An alert under way: not yet raised, raised, or about to be over."""

    alert: Alert
    """As it was last said."""
    since: float
    """When it was first so."""
    fired: bool = False
    over_since: float | None = None
    """No longer so since then; None while it is."""


class Room(NamedTuple):
    """Free room at a moment."""

    at: float
    bytes: int
    inodes: int
    """0 where the file system counts none."""


@dataclass(slots=True)
class Memory:
    """Of one queue. Whoever looks moves it on; it belongs to one thread."""

    at: float | None = None
    """The last look."""
    counter: str = ""
    """Who counted the flows: numbers of another one begin anew."""
    quiet_until: float = 0.0
    domains: dict[str, DomainMemory] = field(default_factory=dict)
    raised: list[Raised] = field(default_factory=list)
    resolved: list[Resolved] = field(default_factory=list)
    room: list[Room] = field(default_factory=list)


def move_on(
    memory: Memory, overview: Overview, *, gap: float, counter: str
) -> Iterator[tuple[DomainStatus, DomainMemory]]:
    """Take in one look: each domain as it is and as it is remembered now. To be gone through to its end.

    `gap`: seconds between two looks after which nobody watched; `counter`: who counts the flows.
    """
    now = overview.taken_at
    if memory.at is not None and not 0 <= now - memory.at <= gap:
        _skip(memory, now - memory.at)
        memory.quiet_until = now + QUIET
        memory.counter = ""  # what moved meanwhile did not move within a window
    known, after, counted = memory.domains, dict[str, DomainMemory](), counter == memory.counter
    for row in overview.domains:
        # A domain without mail and without a primary needs no memory: a spammer chooses domains.
        name = row.totals.domain
        domain = after[name] = known.get(name) or _first_seen(row, now)
        _of_domain(domain, row, now, counted=counted)
        yield row, domain
    memory.domains = after
    if overview.space is not None and (not memory.room or now - memory.room[-1].at >= SAMPLE):
        memory.room = [*memory.room, Room(now, overview.space.bytes_free, overview.space.inodes_free)][-SAMPLES:]
    memory.at, memory.counter = now, counter


def _first_seen(row: DomainStatus, now: float) -> DomainMemory:
    totals = row.totals
    return DomainMemory(
        moved_at=now,
        messages=totals.messages,
        oldest=totals.oldest_waiting,
        failed=totals.states.get("failed", 0),
        flow=row.flow,
        window_at=now,
    )


def _of_domain(domain: DomainMemory, row: DomainStatus, now: float, *, counted: bool) -> None:
    totals, flow = row.totals, row.flow
    was = domain.flow if counted else flow
    failed, oldest = totals.states.get("failed", 0), totals.oldest_waiting
    if not 0 <= now - domain.window_at < WINDOW:
        domain.before = domain.window if now - domain.window_at < 2 * WINDOW else NOTHING
        domain.window, domain.window_at = NOTHING, now
    gone = totals.messages < domain.messages or _later(oldest, domain.oldest)
    if failed > domain.failed or flow != was:
        went, sent = flow.left - was.left, flow.sent - was.sent
        gone = gone or went > 0 or sent > 0
        domain.window = Moved(
            domain.window.arrived + max(0, flow.arrived - was.arrived),
            # Where no log tells, whatever left was delivered; a spool keeps what was refused.
            domain.window.sent + max(0, sent if flow.sent or flow.refused else went),
            domain.window.refused + max(0, flow.refused - was.refused, failed - domain.failed),
        )
    # What could not have left stands not still.
    if _of_primary(domain, row.health, now) or gone or oldest is None:
        domain.moved_at = now
    domain.messages, domain.oldest, domain.failed, domain.flow = totals.messages, oldest, failed, flow
    _of_reason(domain, totals.top_reason.text if totals.top_reason else "", now)


def _of_primary(domain: DomainMemory, health: Health | None, now: float) -> bool:
    """Whether it is not up. One that was not asked is as it was when it was."""
    if health is None or health.state == "unknown":
        return domain.up_since is None
    if health.state != "up":
        domain.up_since, domain.down_at = None, now
        return True
    if domain.up_since is None:
        since = now if health.found_so or health.since is None else min(now, health.since)
        domain.up_since = max(since, domain.down_at or since)
    return False


def _later(oldest: float | None, before: float | None) -> bool:
    """Whether the oldest that is tried is a younger one than before: that one has left."""
    return before is not None and (oldest is None or oldest > before)


def _of_reason(domain: DomainMemory, said: str, now: float) -> None:
    if not said:  # nothing waits, or nothing was tried: what comes next is no change
        if not domain.messages:
            domain.reason, domain.reason_at = "", None
        return
    if said != domain.candidate:
        domain.candidate, domain.candidate_since = said, now
    if said == domain.reason:
        return
    if not domain.reason:
        domain.reason = said
    elif now - domain.candidate_since >= REASON_SETTLES:
        domain.reason_was, domain.reason, domain.reason_at = domain.reason, said, now


def _skip(memory: Memory, seconds: float) -> None:
    """Have a time that nobody watched not have been."""
    for domain in memory.domains.values():
        domain.moved_at += seconds
        domain.window_at += seconds
        domain.candidate_since += seconds
        if domain.up_since is not None:
            domain.up_since += seconds
        if domain.down_at is not None:
            domain.down_at += seconds
        if domain.reason_at is not None:
            domain.reason_at += seconds
    for raised in memory.raised:
        if not raised.fired:
            raised.since += seconds
        if raised.over_since is not None:
            raised.over_since += seconds
    memory.room.clear()
