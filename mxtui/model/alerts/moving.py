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
        if row.hold is None and not resting:
            yield from _standing_still(domain, row, now, thresholds)
            yield from _accepting(domain, row, now, thresholds)
        yield from _refused(domain, row, thresholds)
        yield from _reason(domain, row, now)


def _settled(domain: DomainMemory, now: float, thresholds: Thresholds) -> bool:
    return domain.up_since is not None and now - domain.up_since >= thresholds.settled


def _standing_still(domain: DomainMemory, row: DomainStatus, now: float, thresholds: Thresholds) -> Iterator[Alert]:
    oldest, totals = row.totals.oldest_waiting, row.totals
    if oldest is None or domain.up_since is None or row.health is None or row.health.state != "up":
        return
    waiting = sum(totals.states.get(state, 0) for state in DELIVERABLE)
    if waiting <= thresholds.put_off and totals.top_reason is not None and _REPLY.search(totals.top_reason.text):
        return
    wait = f"{counted(waiting, 'message')} {'waits' if waiting == 1 else 'wait'}"
    aged = f"the oldest for {duration(now - oldest)}"
    still, why = now - domain.moved_at, f": {totals.top_reason.text}" if totals.top_reason else ""
    if still >= thresholds.stalled:
        text = f"its primary is up, and nothing has left for {duration(still)}. {wait}, {aged}{why}"
        yield Alert("stalled", "critical", row.domain, text, domain.moved_at, "STALLED", waiting)
    elif _settled(domain, now, thresholds) and now - oldest >= thresholds.backlog:
        text = f"its primary is up since {clock(domain.up_since, now)}. {wait} all the same, {aged}{why}"
        since = max(oldest + thresholds.backlog, domain.up_since + thresholds.settled)
        yield Alert("backlog", "warning", row.domain, text, since, "BACKLOG", waiting)


def _accepting(domain: DomainMemory, row: DomainStatus, now: float, thresholds: Thresholds) -> Iterator[Alert]:
    came = domain.before.arrived + domain.window.arrived
    if came >= thresholds.accepting and _settled(domain, now, thresholds):
        text = f"{counted(came, 'message')} came here within minutes though its primary is up: who sends here, and why?"
        yield Alert("accepting", "warning", row.domain, text, now, "STANDBY", came)


def _refused(domain: DomainMemory, row: DomainStatus, thresholds: Thresholds) -> Iterator[Alert]:
    if not (domain.window.refused or domain.before.refused):
        return
    moved = domain.before.plus(domain.window)
    share = moved.refused / (moved.refused + moved.sent)
    if moved.refused >= FEW_REFUSALS and share > thresholds.refused:
        text = (
            f"{share:.0%} of what is delivered is refused for good ({moved.refused:,} of late): mail is lost or bounced"
        )
        yield Alert("refused", "critical", row.domain, text, domain.window_at, "REFUSED", moved.refused)


def _reason(domain: DomainMemory, row: DomainStatus, now: float) -> Iterator[Alert]:
    if domain.reason_at is None or now - domain.reason_at > NEWS:
        return
    if row.health is not None and row.health.state in ("down", "flapping", "degraded"):
        return  # that says it better
    if row.totals.top_reason is not None and row.totals.top_reason.text == domain.reason:
        text = f"mail waits for another reason: {domain.reason} (it was: {domain.reason_was})"
        yield Alert("reason_changed", "warning", row.domain, text, domain.reason_at, "REASON", row.totals.messages)


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
