"""From overviews to alerts: raised when they have lasted, over when that has lasted, acknowledged or not."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Final

from mxtui.model.alerts.facts import NO_FACTS, Facts
from mxtui.model.alerts.memory import Memory, Raised, move_on
from mxtui.model.alerts.moving import of_movement, of_moving_domain
from mxtui.model.alerts.order import in_order
from mxtui.model.alerts.present import alerts, of_domain, of_queue
from mxtui.model.alerts.thresholds import Thresholds
from mxtui.model.health import Health, Primary
from mxtui.model.holds import DomainHold
from mxtui.model.overview import Acknowledgement, Alert, DomainStatus, Overview, Resolved, with_holds

BACKLOG_LASTS: Final = 60.0
"""Seconds that a backlog has to last, beyond what its rule asks for."""

SILENCE_LASTS: Final = 60.0
"""Seconds that a scanner has to be silent: one that is started anew is back by then."""

LINGERS: Final[Mapping[str, float]] = {
    "backlog": 60.0, "disk": 60.0, "filling": 300.0, "accepting": 300.0, "scanner": 60.0,
}  # fmt: skip
"""Seconds that it must not be so before it is over, where figures swing about a limit."""

WATCHING: Final = 60.0
"""Seconds between two looks of who watches, after which nobody watched."""

LOOKING_IN: Final = 900.0
"""The same where somebody looks in now and then."""

TOLD: Final = 3600.0
"""Seconds that what is over is remembered."""

MOST_RESOLVED: Final = 100

_MOVING: Final = frozenset({"forwarder", "filling", "refused", "stalled", "backlog", "reason_changed", "accepting"})
"""Not raised within the quiet time."""

_WORSE: Final[Mapping[str, str]] = {"backlog": "stalled"}
"""What became another alert is not over."""

_OF_PRIMARY: Final = frozenset({"primary_down", "primary_flapping", "primary_degraded", "certificate"})
"""Not over before somebody has looked at the primary again."""

_Key = tuple[str, str | None]


class Watch:
    """Follows the overviews of one queue. Pure; belongs to one thread.

    `counter` names who counts the flows in these overviews (see `Memory.counter`).
    """

    def __init__(
        self,
        thresholds: Thresholds | None = None,
        memory: Memory | None = None,
        *,
        gap: float = WATCHING,
        counter: str = "",
    ) -> None:
        self.thresholds = thresholds or Thresholds()
        self.memory = memory or Memory()
        self._gap = LOOKING_IN if memory is not None else gap
        self._gap_then = gap
        self._counter = counter or f"watch {id(self)}"
        self._lasts = {
            "backlog": BACKLOG_LASTS,
            "forwarder": self.thresholds.silent,
            "scanner": SILENCE_LASTS,
        }
        """Seconds that something has to be so before it is an alert; all else is at once."""

    def judge(self, overview: Overview, facts: Facts = NO_FACTS, known: Sequence[Acknowledgement] = ()) -> Overview:
        """The overview with its alerts. Of figures that are old or not whole no new conclusions are drawn."""
        memory, now = self.memory, overview.taken_at
        if overview.fault or overview.stale:
            return self._with(overview, known)
        capabilities, thresholds = overview.capabilities, self.thresholds
        of_all = overview.domains, overview.queue, capabilities, overview.space, now, thresholds, facts
        if overview.reading is not None:
            return replace(overview, alerts=alerts(*of_all))
        found, rests = list[Alert](), capabilities.service == "suspended"
        # All of a domain while it is at hand: going through a thousand of them once for each rule takes twice as long.
        for row, domain in move_on(memory, overview, gap=self._gap, counter=self._counter):
            of_domain(row, now, thresholds, found)
            of_moving_domain(row, domain, now, thresholds, found, rests=rests)
        found += of_queue(*of_all)
        found += of_movement(memory, overview, thresholds)
        self._gap = self._gap_then
        self._settle(found, {row.domain for row in overview.domains if _unseen(row)}, now)
        return self._with(overview, known)

    def _settle(self, found: Sequence[Alert], unseen: Container[str | None], now: float) -> None:
        """`unseen`: domains whose primary did not show how it is."""
        memory = self.memory
        before: dict[_Key, Raised] = {_key(raised.alert): raised for raised in memory.raised}
        after: list[Raised] = []
        keys = set()
        for alert in found:
            key = alert.name, alert.domain
            keys.add(key)
            raised = before.pop(key, None) or Raised(alert, now)
            # What only says "now" is as old as it has been said.
            raised.alert = alert.lasting(raised.since) if alert.since >= now else alert
            raised.over_since = None
            quiet = alert.name in _MOVING and now < memory.quiet_until
            raised.fired = raised.fired or (not quiet and now - raised.since >= self._lasts.get(alert.name, 0.0))
            after.append(raised)
        for raised in before.values():
            if not raised.fired or (_WORSE.get(raised.alert.name), raised.alert.domain) in keys:
                continue
            if raised.alert.name in _OF_PRIMARY and raised.alert.domain in unseen:
                after.append(raised)
                continue
            if raised.over_since is None:
                raised.over_since = now
            if now - raised.over_since < LINGERS.get(raised.alert.name, 0.0):
                after.append(raised)
            else:
                memory.resolved.insert(0, Resolved(raised.alert, now))
        memory.raised = after
        memory.resolved = [each for each in memory.resolved if now - each.at < TOLD][:MOST_RESOLVED]

    def _with(self, overview: Overview, known: Sequence[Acknowledgement]) -> Overview:
        now = overview.taken_at
        acknowledged = {(each.name, each.domain): each for each in known}
        shown = in_order(
            _marked(raised, acknowledged.get(_key(raised.alert)), now) for raised in self.memory.raised if raised.fired
        )
        of: dict[str, list[Alert]] = {}
        for alert in shown:
            if alert.domain is not None and alert.acknowledged is None:
                of.setdefault(alert.domain, []).append(alert)
        domains = overview.domains
        if of:
            domains = tuple(
                row.with_alerts(tuple(of[row.domain])) if row.domain in of else row for row in overview.domains
            )
        return replace(overview, domains=domains, alerts=shown, resolved=tuple(self.memory.resolved))


def _unseen(row: DomainStatus) -> bool:
    """It was not asked, or did not come to an answer in time."""
    return row.health is None or (row.primary is not None and row.health.state == "unknown")


def _key(alert: Alert) -> _Key:
    return alert.name, alert.domain


def _marked(raised: Raised, known: Acknowledgement | None, now: float) -> Alert:
    """With an acknowledgement that holds: of this time that it was so, not over, and not of a lesser severity."""
    if known is None or now >= known.until or known.at < raised.since:
        return raised.alert
    if raised.alert.severity == "critical" and known.severity == "warning":
        return raised.alert
    return replace(raised.alert, acknowledged=known)


def judged(
    overview: Overview,
    known: Mapping[str, tuple[Primary | None, Health]],
    watch: Watch,
    holds: Mapping[str, DomainHold] | None = None,
    facts: Facts = NO_FACTS,
    acknowledged: Sequence[Acknowledgement] = (),
) -> Overview:
    """An overview with what is known of the primaries and of holds, and the alerts that follow from all of it."""
    domains = tuple(
        replace(row, primary=known[row.domain][0], health=known[row.domain][1]) if row.domain in known else row
        for row in with_holds(overview.domains, holds or {})
    )
    return watch.judge(replace(overview, domains=domains), facts, acknowledged)
