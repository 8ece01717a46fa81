"""One frozen value per tick: everything the screens and `status` show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from mxtui.model.campaign import Suspects
from mxtui.model.forecast import Forecast
from mxtui.model.health import Health, Primary
from mxtui.model.holds import DomainHold
from mxtui.model.message import State
from mxtui.model.source import Capabilities, Source, Space


@dataclass(frozen=True, slots=True)
class TopReason:
    """The most frequent reason why a domain's mail waits."""

    text: str
    messages: int


@dataclass(frozen=True, slots=True)
class DomainTotals:
    """What is queued for one recipient domain."""

    domain: str
    messages: int
    recipients: int
    bytes: int
    states: Mapping[State, int]
    """Messages per queue; zeros left out."""
    age_buckets: tuple[int, ...]
    """Recipients per age bucket, as qshape counts."""
    oldest_arrival: float | None
    next_expire: float | None
    top_reason: TopReason | None = None
    oldest_waiting: float | None = None
    """Arrival of the oldest message that is tried, and not held, given up or set aside."""
    oldest_held: float | None = None
    """Arrival of the oldest message in hold."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What moved for one domain since somebody began to count; numbers only grow while the same one counts."""

    arrived: int = 0
    """Messages."""
    left: int = 0
    """Messages that are queued no more, whatever became of them."""
    sent: int = 0
    """Recipients that the mail log tells were delivered."""
    refused: int = 0
    """Recipients that were refused for good (5yz), as the mail log tells."""


NO_FLOW = Flow()


@dataclass(frozen=True, slots=True)
class DomainStatus:
    """One row of the Domains screen."""

    totals: DomainTotals
    primary: Primary | None = None
    health: Health | None = None
    change_per_minute: float | None = None
    """Net change over the last minute, messages; None until a minute has been watched."""
    history: tuple[int | None, ...] = ()
    """Messages queued at the end of each five minutes, oldest first, at most 12, the present last; None is a gap."""
    hold: DomainHold | None = None
    """An operator keeps its mail back."""
    flow: Flow = NO_FLOW
    alerts: "tuple[Alert, ...]" = ()
    """Those about it that nobody has acknowledged, gravest first."""
    settled_at: float | None = None
    """Its primary is back, and `serve` drains to it then, if it stays well; epoch seconds."""

    @property
    def domain(self) -> str:
        """The domain's name."""
        return self.totals.domain

    def with_alerts(self, alerts: "tuple[Alert, ...]") -> "DomainStatus":
        """The same row with these. `replace` takes twice as long, and this is done for each row at each tick."""
        return DomainStatus(
            self.totals, self.primary, self.health, self.change_per_minute, self.history, self.hold, self.flow, alerts,
            self.settled_at,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class QueueTotals:
    """The whole queue."""

    messages: int = 0
    recipients: int = 0
    bytes: int = 0
    oldest_arrival: float | None = None
    next_expire: float | None = None
    states: Mapping[State, int] = field(default_factory=dict)


Severity = Literal["warning", "critical"]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """An operator knows of an alert: it shouts no more, until that time is up, it is over, or it gets worse."""

    name: str
    domain: str | None
    severity: Severity
    """What it was acknowledged as: a warning that became critical is news."""
    reason: str
    owner: str
    at: float
    until: float


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that needs an operator."""

    name: str
    """Stable, for scripts: `primary_down`, `expiry`, `disk`."""
    severity: Severity
    domain: str | None
    text: str
    """Fact first, then consequence; one sentence."""
    since: float
    badge: str = ""
    """One of `DOWN BUSY FLAPPING EXPIRY DISK STALE SUSPECT FAILED SUSPENDED STOPPED MIGRATING STALLED HELD REFUSED …`;
    empty: `CHECK`."""
    messages: int = 0
    """How many it concerns."""
    acknowledged: Acknowledgement | None = None
    domains: tuple[str, ...] = ()
    """Of several alerts in one (see `model.alerts.storms`): whom they are about."""

    def lasting(self, since: float) -> "Alert":
        """The same since then; by hand for the same reason as `DomainStatus.with_alerts`."""
        return Alert(
            self.name, self.severity, self.domain, self.text, since, self.badge, self.messages, self.acknowledged,
            self.domains,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resolved:
    """An alert that is over."""

    alert: Alert
    at: float


@dataclass(frozen=True, slots=True)
class Reading:
    """How far the first read of a queue has come."""

    read: int
    expected: int
    """From the names alone; can be a little off while mail moves."""
    left: float | None = None
    """Seconds that the rest takes at the pace so far; None while that cannot be told."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of things at `taken_at`."""

    source: Source
    capabilities: Capabilities
    taken_at: float
    heard_at: float
    """When the queue was last known to be as shown; older than 10 s is stale."""
    queue: QueueTotals
    domains: Sequence[DomainStatus]
    """Deepest first."""
    alerts: Sequence[Alert] = ()
    """Gravest first; those that were acknowledged last."""
    resolved: Sequence[Resolved] = ()
    """What was over within the last hour, the latest first."""
    depth: Mapping[State, int] = field(default_factory=dict)
    """From names alone: there before anything has been read."""
    reading: Reading | None = None
    """None once everything has been read."""
    in_per_minute: float | None = None
    out_per_minute: float | None = None
    space: Space | None = None
    fault: str = ""
    """Why the queue cannot be read at present; the figures are then the last known."""
    hint: str = ""
    forecast: Forecast | None = None
    """None before anything is known."""
    history_fault: str = ""
    """Why there is no history on disk, or no new one: `it is …`; without its full stop."""
    suspects: Suspects | None = None
    """None where nobody judges mail."""
    revision: int = 0
    """Changes when the set of messages did: screens need not fetch rows again otherwise."""

    @property
    def stale_seconds(self) -> float:
        """How long the queue has not been heard of."""
        return max(0.0, self.taken_at - self.heard_at)

    @property
    def stale(self) -> bool:
        """Whether a screen must say that these figures are old."""
        return self.stale_seconds > STALE_AFTER


STALE_AFTER = 10.0
"""Seconds."""


def nothing_for(domain: str) -> DomainTotals:
    """The row of a domain without mail."""
    return DomainTotals(domain, 0, 0, 0, {}, (0,) * 10, None, None)


def with_holds(rows: Iterable[DomainStatus], holds: Mapping[str, DomainHold]) -> tuple[DomainStatus, ...]:
    """The rows with what is known of holds, by domain; one that is held is shown though nothing is queued for it."""
    shown = {
        row.domain: row if row.hold is (hold := holds.get(row.domain)) else replace(row, hold=hold) for row in rows
    }
    return (
        *shown.values(),
        *(DomainStatus(nothing_for(d), hold=holds[d]) for d in sorted(holds.keys() - shown.keys())),
    )
