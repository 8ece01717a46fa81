"""A queue told minute by minute, and what the alerts make of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mxtui.model.alerts import NO_FACTS, Facts, Thresholds, Watch
from mxtui.model.health import Health, Primary
from mxtui.model.overview import (
    Acknowledgement,
    Alert,
    DomainStatus,
    DomainTotals,
    Flow,
    Overview,
    QueueTotals,
    TopReason,
)
from mxtui.model.source import Capabilities, Source, Space
from mxtui.model.tally import DELIVERABLE

NOW = 1_800_000_000.0
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
SOURCE = Source("postfix", "mx2.example.net", "/var/spool/postfix", "3.7.11")
RUNNING = Capabilities("files", running=True, delivers=True)
ROOM = Space(100 << 30, 60 << 30, 1 << 20, 1 << 19)


def health(state: str = "up", since: float = NOW - DAY, **more: Any) -> Health:
    return Health(state, since, "starttls", "connection refused" if state == "down" else "", 9.0, **more)  # type: ignore[arg-type]


def row(domain: str = "example.org", messages: int = 0, *, oldest: float | None = None, **more: Any) -> DomainStatus:
    """A domain with so many deferred messages, the oldest of them from `oldest`."""
    states = more.pop("states", {"deferred": messages} if messages else {})
    reason = more.pop("reason", "")
    totals = DomainTotals(
        domain,
        messages,
        messages,
        messages * 4096,
        states,
        (messages, *[0] * 9),
        oldest if messages else None,
        more.pop("expires", None),
        TopReason(reason, messages) if reason else None,
        oldest if not DELIVERABLE.isdisjoint(states) else None,
        more.pop("held", None),
    )
    status = DomainStatus(totals, Primary(f"mx1.{domain}", 25, "transport"), health())
    return replace(status, **more)


def overview(now: float, *rows: DomainStatus, **more: Any) -> Overview:
    """At a moment."""
    whole = QueueTotals(sum(each.totals.messages for each in rows))
    return replace(Overview(SOURCE, RUNNING, now, now, whole, tuple(rows), space=ROOM), **more)


@dataclass
class Story:
    """A watch that is told of one overview after the other, a step apart."""

    thresholds: Thresholds = field(default_factory=Thresholds)
    now: float = NOW
    step: float = 10.0
    facts: Facts = NO_FACTS
    known: Sequence[Acknowledgement] = ()
    last: Overview | None = None

    def __post_init__(self) -> None:
        self.watch = Watch(self.thresholds)

    def tell(self, *rows: DomainStatus, **more: Any) -> list[str]:
        """One look; the names of the alerts."""
        self.last = self.watch.judge(overview(self.now, *rows, **more), self.facts, self.known)
        return [alert.name for alert in self.last.alerts]

    def go_on(self, seconds: float, *rows: DomainStatus, **more: Any) -> list[str]:
        """Look again and again for so long, with nothing different; the names of the alerts in the end."""
        until = self.now + seconds
        names = self.tell(*rows, **more)
        while self.now < until:
            self.now = min(until, self.now + self.step)
            names = self.tell(*rows, **more)
        return names

    def sleep(self, seconds: float) -> None:
        """Nobody watches for so long; negative: the clock is set back."""
        self.now += seconds

    @property
    def alerts(self) -> Sequence[Alert]:
        assert self.last is not None
        return self.last.alerts

    @property
    def resolved(self) -> list[str]:
        assert self.last is not None
        return [each.alert.name for each in self.last.resolved]


def flow(arrived: int = 0, left: int = 0, sent: int = 0, refused: int = 0) -> Flow:
    return Flow(arrived, left, sent, refused)
