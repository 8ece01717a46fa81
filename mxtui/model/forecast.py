"""What is to come, from what is known: what expires, when the disk is full, how long a drain would take."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from mxtui.model.drill import Drill
from mxtui.model.history import Summary
from mxtui.model.holds import DomainHold
from mxtui.model.returns import Announced
from mxtui.model.source import Space

HALF_DAY: Final = 12 * 3600.0
DAY: Final = 86_400.0

SOONEST: Final = 600.0
"""Seconds that room has to be known for before anything is said of when it is used up."""

HORIZON: Final = 14 * DAY
"""Seconds. What is full later than this is full some day."""

NOISE: Final = 1 << 20
"""Bytes that come and go on any file system: logs, temporary files."""

FEW_INODES: Final = 200

ENOUGH: Final = 20
"""Messages that have to have been delivered for their rate to say anything."""

BLOCK: Final = 4096
"""Bytes that each message takes beside its own: the rest of its last block, and its envelope's."""


class Deadlines(NamedTuple):
    """Messages of a domain that are given up soon. What is held is not, while it is; released, it is renewed."""

    within_12h: int = 0
    within_24h: int = 0
    before_return: int | None = None
    """Before its primary's announced return; None where none was announced."""


class Room(NamedTuple):
    """Free room of the queue's file system at a moment."""

    at: int
    bytes_free: int
    inodes_free: int
    arrived_bytes: int | None
    """Bytes of mail that came in `seconds`."""
    seconds: int


class Full(NamedTuple):
    """When there is no room any more, at the present rate."""

    at: float
    what: str
    """`disk` or `inodes`."""


class Usual(NamedTuple):
    """What a day brings."""

    messages: float
    bytes: float


class Outage(NamedTuple):
    """A time when a primary was down."""

    domain: str
    began: int
    seconds: int


class LastDrain(NamedTuple):
    """What the last drain that ended did."""

    ended: float
    seconds: float
    delivered: int
    returned: int
    """Refused for good, or expired and returned."""
    left: int


class Examined(NamedTuple):
    """What doctor found last."""

    at: float
    """Seconds since the epoch."""
    passed: int
    warned: int
    failed: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known from before, and changes slowly."""

    rooms: Sequence[Room] = ()
    """Of the last hour, oldest first."""
    usual: Usual | None = None
    today: Summary | None = None
    """Of the whole queue, the last 24 hours."""
    per_second: float | None = None
    """At which mail was delivered when there was much of it."""
    rate_of: str = ""
    """Which rate that is: `the last drain`."""
    outage: Outage | None = None
    drain: LastDrain | None = None
    drills: Mapping[str, Drill] | None = field(default_factory=dict)
    """The last of each domain; None where that cannot be read."""
    drilled: Sequence[str] = ()
    """Domains that are to be drilled, as the settings have it."""
    doctor: Examined | None = None
    drill_every: float = 30 * DAY
    """Seconds after which a drill says little about today, as the settings have it."""
    free: float = 0.2
    """Share of the disk that is to be free, from 0 to 1, as the settings have it."""


NOTHING_KNOWN: Final = Outlook()


@dataclass(frozen=True, slots=True)
class Forecast:
    """Of one moment."""

    at: float
    expiring: Mapping[str, Deadlines] = field(default_factory=dict)
    """By domain; those of which nothing expires are left out."""
    returns: Mapping[str, float] = field(default_factory=dict)
    """When primaries are to be back: as operators announced it, or else the ends of their holds."""
    announced: Mapping[str, Announced] = field(default_factory=dict)
    """Those of which that was announced, by domain."""
    full: Full | None = None
    outlook: Outlook = NOTHING_KNOWN

    def of(self, domain: str) -> Deadlines:
        """What expires of a domain."""
        return self.expiring.get(domain, Deadlines(before_return=0 if domain in self.returns else None))

    @property
    def within_12h(self) -> int:
        """Messages of all domains; one for several counts for each."""
        return sum(each.within_12h for each in self.expiring.values())

    @property
    def within_24h(self) -> int:
        """The same of a day."""
        return sum(each.within_24h for each in self.expiring.values())

    def drain_seconds(self, messages: int) -> float | None:
        """How long it takes to deliver so many at the last known rate; None where none is known."""
        return messages / self.outlook.per_second if self.outlook.per_second else None


def returning(holds: Iterable[DomainHold], announced: Mapping[str, Announced], now: float) -> dict[str, float]:
    """When primaries are to be back, by domain: as announced; else the end of a hold is what its operator expects."""
    ends = {hold.domain: hold.until for hold in holds if not hold.ending and hold.until > now}
    return {**ends, **{domain: each.back for domain, each in announced.items() if each.back > now}}


def horizon(domain: str, returns: Mapping[str, float], now: float) -> float:
    """Until when it matters whether a domain's mail expires."""
    return max(now + DAY, returns.get(domain, 0.0))


def filling(rooms: Sequence[Room], space: Space | None, now: float) -> Full | None:
    """When the file system is full, as fast as it filled up in the time of these; None when it does not, or not soon.

    A burst that is over says little, so both ends are averages of a few minutes.
    """
    if space is None or len(rooms) < 4 or rooms[-1].at - rooms[0].at < SOONEST:
        return None
    some = max(1, len(rooms) // 6)
    first, last = rooms[:some], rooms[-some:]
    seconds = _mean([room.at for room in last]) - _mean([room.at for room in first])
    found = []
    for what, free, noise in (("disk", space.bytes_free, NOISE), ("inodes", space.inodes_free, FEW_INODES)):
        if what == "inodes" and not space.inodes_total:
            continue
        field = "bytes_free" if what == "disk" else "inodes_free"
        used = _mean([getattr(room, field) for room in first]) - _mean([getattr(room, field) for room in last])
        if used > noise and seconds > 0:
            found.append(Full(now + free * seconds / used, what))
    soonest = min(found, default=None)
    return soonest if soonest is not None and soonest.at - now < HORIZON else None


def room_for(space: Space, usual: Usual) -> float:
    """Days that mail finds room for at the usual rate, were none of it delivered; endless where none comes.

    >>> room_for(Space(10**10, 10**9, 10**6, 10**5), Usual(1000.0, 10**7))
    70.94211123723042
    """
    days = [space.bytes_free / (usual.bytes + BLOCK * usual.messages)] if usual.messages else []
    if usual.messages and space.inodes_total:
        days.append(space.inodes_free / usual.messages)
    return min(days, default=float("inf"))


def usual(today: Summary, rooms: Sequence[Room]) -> Usual | None:
    """What a day brings, from what came in the last; None where less than an hour of it was watched."""
    if today.watched < 3600:
        return None
    size = sum(room.arrived_bytes or 0 for room in rooms)
    return Usual(today.arrived * DAY / today.watched, size * DAY / today.watched)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
