"""Rules that need to know how things were before: what stands still, what fills up, what changed."""

import re
from collections.abc import Iterator
from typing import Final

from mxtui.model.alerts.memory import DomainMemory, Memory
from mxtui.model.alerts.thresholds import Thresholds
from mxtui.model.overview import Alert, DomainStatus, Overview, Severity
from mxtui.model.tally import DELIVERABLE
from mxtui.model.words import clock, counted, duration

FEW_REFUSALS: Final = 3
"""Fewer are somebody's typing errors, whatever their share."""

NEWS: Final = 3600.0
"""Seconds that a changed reason is an alert."""

LEAST_ROOM: Final = 600.0
"""Seconds over which the room on the disk has to be watched before its rate means anything."""

FULL_CRITICAL: Final = 3600.0

_REPLY = re.compile(r"\b[45]\d\d\b|\b[45]\.\d{1,3}\.\d{1,3}\b|\bsaid:")
"""A primary's own words, and no failure to reach it."""


def of_movement(memory: Memory, overview: Overview, thresholds: Thresholds) -> Iterator[Alert]:
    """Everything wrong that a single look does not show. `memory` has taken in `overview`."""
    now = overview.taken_at
    if overview.capabilities.running and overview.capabilities.delivers is False:
        who = "serve's forwarder" if overview.capabilities.road == "spool" else "Postfix's queue manager (qmgr)"
        text = (
            f"{who} gives no sign of life: nothing is delivered. {counted(overview.queue.messages, 'message')} queued"
        )
        yield Alert("forwarder", "critical", None, text, now, "STOPPED", overview.queue.messages)
    yield from _filling(memory, overview, thresholds)
    resting = overview.capabilities.service == "suspended"
    for row in overview.domains:
        domain = memory.domains[row.domain]
        found: tuple[Alert | None, ...] = (_refused(domain, row, thresholds), _reason(domain, row, now))
        if row.hold is None and not resting:
            found += (_standing_still(domain, row, now, thresholds), _accepting(domain, row, now, thresholds))
        for alert in found:
            if alert is not None:
                yield alert


def _settled(domain: DomainMemory, now: float, thresholds: Thresholds) -> bool:
    return domain.up_since is not None and now - domain.up_since >= thresholds.settled


def _standing_still(domain: DomainMemory, row: DomainStatus, now: float, thresholds: Thresholds) -> Alert | None:
    totals = row.totals
    oldest, up_since = totals.oldest_waiting, domain.up_since
    if oldest is None or up_since is None or row.health is None or row.health.state != "up":
        return None
    still = now - domain.moved_at
    late = _settled(domain, now, thresholds) and now - oldest >= thresholds.backlog
    if still < thresholds.stalled and not late:
        return None
    waiting = sum([count for state, count in totals.states.items() if state in DELIVERABLE])
    why = "" if totals.top_reason is None else totals.top_reason.text
    if waiting <= thresholds.put_off and why and _REPLY.search(why):
        return None
    wait = f"{counted(waiting, 'message')} {'waits' if waiting == 1 else 'wait'}"
    aged = f"the oldest for {duration(now - oldest)}{': ' if why else ''}{why}"
    if still >= thresholds.stalled:
        text = f"its primary is up, and nothing has left for {duration(still)}. {wait}, {aged}"
        return Alert("stalled", "critical", row.domain, text, domain.moved_at, "STALLED", waiting)
    text = f"its primary is up since {clock(up_since, now)}. {wait} all the same, {aged}"
    since = max(oldest + thresholds.backlog, up_since + thresholds.settled)
    return Alert("backlog", "warning", row.domain, text, since, "BACKLOG", waiting)


def _accepting(domain: DomainMemory, row: DomainStatus, now: float, thresholds: Thresholds) -> Alert | None:
    came = domain.before.arrived + domain.window.arrived
    if came < thresholds.accepting or not _settled(domain, now, thresholds):
        return None
    text = f"{counted(came, 'message')} came here within minutes though its primary is up: who sends here, and why?"
    return Alert("accepting", "warning", row.domain, text, now, "STANDBY", came)


def _refused(domain: DomainMemory, row: DomainStatus, thresholds: Thresholds) -> Alert | None:
    if not (domain.window.refused or domain.before.refused):
        return None
    moved = domain.before.plus(domain.window)
    share = moved.refused / (moved.refused + moved.sent)
    if moved.refused < FEW_REFUSALS or share <= thresholds.refused:
        return None
    text = f"{share:.0%} of what is delivered is refused for good ({moved.refused:,} of late): mail is lost or bounced"
    return Alert("refused", "critical", row.domain, text, domain.window_at, "REFUSED", moved.refused)


def _reason(domain: DomainMemory, row: DomainStatus, now: float) -> Alert | None:
    if domain.reason_at is None or now - domain.reason_at > NEWS:
        return None
    if row.health is not None and row.health.state in ("down", "flapping", "degraded"):
        return None  # that says it better
    if row.totals.top_reason is None or row.totals.top_reason.text != domain.reason:
        return None
    text = f"mail waits for another reason: {domain.reason} (it was: {domain.reason_was})"
    return Alert("reason_changed", "warning", row.domain, text, domain.reason_at, "REASON", row.totals.messages)


def _filling(memory: Memory, overview: Overview, thresholds: Thresholds) -> Iterator[Alert]:
    if overview.space is None or len(memory.room) < 2:
        return
    first, last = memory.room[0], memory.room[-1]
    if last.at - first.at < LEAST_ROOM:
        return
    left: list[tuple[float, str]] = []
    for what, before, after in (("room", first.bytes, last.bytes), ("inodes", first.inodes, last.inodes)):
        if after < before:
            left.append((after / (before - after) * (last.at - first.at), what))
    if left and min(left)[0] < thresholds.full:
        seconds, what = min(left)
        severity: Severity = "critical" if seconds < FULL_CRITICAL else "warning"
        rate = f"at the rate of the last {duration(last.at - first.at)}"
        text = f"the queue's file system has no {what} left in {duration(seconds)}, {rate}"
        yield Alert("filling", severity, None, text, overview.taken_at, "DISK", overview.queue.messages)
