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
    """What is wrong with all of the queue. `memory` has taken in `overview`."""
    now = overview.taken_at
    if overview.capabilities.running and overview.capabilities.delivers is False:
        who = "serve's forwarder" if overview.capabilities.road == "spool" else "Postfix's queue manager (qmgr)"
        text = (
            f"{who} gives no sign of life: nothing is delivered. {counted(overview.queue.messages, 'message')} queued"
        )
        yield Alert("forwarder", "critical", None, text, now, "STOPPED", overview.queue.messages)
    yield from _filling(memory, overview, thresholds)


def of_moving_domain(
    row: DomainStatus, domain: DomainMemory, now: float, thresholds: Thresholds, found: list[Alert], *, rests: bool
) -> None:
    """Add what is wrong with one; `rests`: an operator has suspended delivery. Nearly all are well, and cost little."""
    if domain.window.refused or domain.before.refused:
        found += _refused(domain, row, thresholds)
    if domain.reason_at is not None and now - domain.reason_at <= NEWS:
        found += _reason(domain, row, domain.reason_at)
    if rests or row.hold is not None:
        return
    oldest = row.totals.oldest_waiting
    if oldest is not None and domain.up_since is not None and row.health is not None and row.health.state == "up":
        still = now - domain.moved_at
        late = now - oldest >= thresholds.backlog and now - domain.up_since >= thresholds.settled
        if late or still >= thresholds.stalled:
            found += _standing_still(row, oldest, domain.up_since, domain.moved_at, now, thresholds)
    if (
        domain.before.arrived + domain.window.arrived >= thresholds.accepting
        and domain.up_since is not None
        and now - domain.up_since >= thresholds.settled
    ):
        found.append(_accepting(domain, row, now))


def _standing_still(
    row: DomainStatus, oldest: float, up_since: float, moved_at: float, now: float, thresholds: Thresholds
) -> Iterator[Alert]:
    totals = row.totals
    waiting = sum([count for state, count in totals.states.items() if state in DELIVERABLE])
    why = "" if totals.top_reason is None else totals.top_reason.text
    if waiting <= thresholds.put_off and why and _REPLY.search(why):
        return
    wait = f"{counted(waiting, 'message')} {'waits' if waiting == 1 else 'wait'}"
    aged = f"the oldest for {duration(now - oldest)}{': ' if why else ''}{why}"
    if now - moved_at >= thresholds.stalled:
        text = f"its primary is up, and nothing has left for {duration(now - moved_at)}. {wait}, {aged}"
        yield Alert("stalled", "critical", row.domain, text, moved_at, "STALLED", waiting)
    else:
        text = f"its primary is up since {clock(up_since, now)}. {wait} all the same, {aged}"
        since = max(oldest + thresholds.backlog, up_since + thresholds.settled)
        yield Alert("backlog", "warning", row.domain, text, since, "BACKLOG", waiting)


def _accepting(domain: DomainMemory, row: DomainStatus, now: float) -> Alert:
    came = domain.before.arrived + domain.window.arrived
    text = f"{counted(came, 'message')} came here within minutes though its primary is up: who sends here, and why?"
    return Alert("accepting", "warning", row.domain, text, now, "STANDBY", came)


def _refused(domain: DomainMemory, row: DomainStatus, thresholds: Thresholds) -> Iterator[Alert]:
    refused, sent = domain.before.refused + domain.window.refused, domain.before.sent + domain.window.sent
    share = refused / (refused + sent)
    if refused >= FEW_REFUSALS and share > thresholds.refused:
        text = f"{share:.0%} of what is delivered is refused for good ({refused:,} of late): mail is lost or bounced"
        yield Alert("refused", "critical", row.domain, text, domain.window_at, "REFUSED", refused)


def _reason(domain: DomainMemory, row: DomainStatus, since: float) -> Iterator[Alert]:
    if row.health is not None and row.health.state in ("down", "flapping", "degraded"):
        return  # that says it better
    if row.totals.top_reason is not None and row.totals.top_reason.text == domain.reason:
        text = f"mail waits for another reason: {domain.reason} (it was: {domain.reason_was})"
        yield Alert("reason_changed", "warning", row.domain, text, since, "REASON", row.totals.messages)


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
