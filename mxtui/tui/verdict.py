"""What line 2 says: one sentence on how things are. Pure rules over one overview."""

from dataclasses import dataclass
from typing import Literal

from mxtui.model.alerts.storms import storms
from mxtui.model.health import lasting
from mxtui.model.overview import Alert, DomainStatus, Overview
from mxtui.model.words import clock, counted, duration

STALE_VERDICT = 120.0
"""Seconds without a sign of life after which nothing else on the screen may be trusted."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Fact first, then consequence."""

    severity: Literal["well", "plain", "warning", "critical"]
    badge: str
    """Empty when there is nothing to shout."""
    subject: str
    """Whom it is about: a domain, or the sentence's own beginning."""
    text: str
    short: str
    """For narrow screens."""
    others: tuple[Alert, ...] = ()
    """What else needs an operator."""


def judge(overview: Overview, now: float) -> Verdict:
    """The verdict: a view that cannot be trusted first, then the gravest alert, then how well things are."""
    stale = now - overview.heard_at
    # What somebody knows of is on the screen of alerts, and shouts no more.
    alerts = tuple(storms([alert for alert in overview.alerts if alert.acknowledged is None]))
    if overview.fault:
        return Verdict("critical", "STALE", "", f"{overview.fault}. {overview.hint}".strip(), overview.fault, alerts)
    if stale > STALE_VERDICT:
        said = f"nothing heard of the queue for {duration(stale)}; the figures are from {clock(overview.heard_at, now)}"
        return Verdict("critical", "STALE", "", said, f"nothing heard for {duration(stale)}", alerts)
    if alerts:
        first, *rest = alerts
        badge = first.badge or "CHECK"
        return Verdict(first.severity, badge, first.domain or "", first.text, _short(first, overview, now), tuple(rest))
    if overview.alerts:
        known, waiting = f"{counted(len(overview.alerts), 'alert')} acknowledged.", _waiting(overview, now)
        return Verdict("plain", "", known, waiting, waiting)
    return _calm(overview, now)


def _short(alert: Alert, overview: Overview, now: float) -> str:
    row = next((row for row in overview.domains if row.domain == alert.domain), None)
    if alert.badge != "DOWN" or row is None or row.health is None or row.health.since is None:
        return alert.text
    words = "refused" if "refused" in row.health.detail else "down"
    safe = (
        f"; {row.totals.messages:,} safe until {clock(row.totals.next_expire, now)}" if row.totals.next_expire else ""
    )
    return f"{words} {lasting(row.health, now)}{safe}"


def _calm(overview: Overview, now: float) -> Verdict:
    waiting = _waiting(overview, now)
    checked = [row for row in overview.domains if row.primary is not None and _known(row)]
    unchecked = sum(row.primary is not None and not _known(row) for row in overview.domains)
    hosts = len({row.primary for row in checked})
    if not checked:
        said = f"{counted(unchecked, 'primary', 'primaries')} not checked yet." if unchecked else ""
        return Verdict("plain", "", said, waiting, waiting)
    if unchecked:
        return Verdict("plain", "", f"{hosts} up, {unchecked} not checked yet.", waiting, waiting)
    all_of_them = {1: "The primary is", 2: "Both primaries are"}
    well = f"{all_of_them.get(hosts, f'All {hosts} primaries are')} up."
    return Verdict("well", "", well, waiting, waiting)


def _known(row: DomainStatus) -> bool:
    return row.health is not None and row.health.state != "unknown"


def _waiting(overview: Overview, now: float) -> str:
    queue = overview.queue
    if not queue.messages:
        return "Nothing is waiting."
    oldest = f", the oldest for {duration(now - queue.oldest_arrival)}" if queue.oldest_arrival is not None else ""
    return f"{counted(queue.messages, 'message')} {'waits' if queue.messages == 1 else 'wait'}{oldest}."
