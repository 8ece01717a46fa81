"""Rules that one look at things is enough for: of each domain while it is at hand, then of the queue."""

from collections.abc import Iterable, Iterator, Sequence

from mxtui.model.alerts.certificates import expires as certificate_expires
from mxtui.model.alerts.certificates import of_certificate
from mxtui.model.alerts.drills import of_drills
from mxtui.model.alerts.facts import NO_FACTS, Facts, KilledDrain, StoppedDrain
from mxtui.model.alerts.order import in_order
from mxtui.model.alerts.thresholds import Thresholds
from mxtui.model.health import Health, lasting
from mxtui.model.holds import DomainHold
from mxtui.model.overview import Alert, DomainStatus, DomainTotals, QueueTotals, Severity
from mxtui.model.source import Capabilities, Space
from mxtui.model.tally import DELIVERABLE
from mxtui.model.words import clock, counted, duration, some


def alerts(
    domains: Sequence[DomainStatus],
    queue: QueueTotals,
    capabilities: Capabilities,
    space: Space | None,
    now: float,
    thresholds: Thresholds,
    facts: Facts = NO_FACTS,
) -> Sequence[Alert]:
    """Everything wrong, gravest first: critical before warning, then most messages concerned."""
    found: list[Alert] = []
    for row in domains:
        of_domain(row, now, thresholds, found)
    return in_order([*found, *of_queue(domains, queue, capabilities, space, now, thresholds, facts)])


def of_domain(row: DomainStatus, now: float, thresholds: Thresholds, found: list[Alert]) -> None:
    """Add what is wrong with one: of a thousand nearly all are well, and cost a few comparisons."""
    totals, health, hold = row.totals, row.health, row.hold
    if health is not None:
        if health.state != "up" and row.primary is not None and health.since is not None:
            found += _of_primary(row, row.primary.host, health, health.since, now)
        at = certificate_expires(health)
        if at is not None and row.primary is not None:
            found += of_certificate(row.domain, row.primary.host, at, now, thresholds)
    expires = totals.next_expire
    if expires is not None and expires - now <= thresholds.expiry_warning:
        found.append(_expiry(row, expires, now, thresholds))
    if hold is not None:
        found += _of_hold(row, hold, now, thresholds)
    elif totals.oldest_held is not None and now - totals.oldest_held >= thresholds.held:
        found.append(_held(row, totals.oldest_held, now, thresholds))


def of_queue(
    domains: Iterable[DomainStatus],
    queue: QueueTotals,
    capabilities: Capabilities,
    space: Space | None,
    now: float,
    thresholds: Thresholds,
    facts: Facts,
) -> Iterator[Alert]:
    """What is wrong with all of it, or follows from what no row tells."""
    if capabilities.recovering:
        left = facts.stopped.messages if facts.stopped is not None else 0
        yield from _of_recoveries(domains, capabilities, left, now)
    yield from _of_stopped_drains(queue, capabilities, facts.stopped, now)
    yield from _of_killed_drains(queue, facts.killed, now)
    if facts.certificate is not None:
        yield from of_certificate(None, "", facts.certificate, now, thresholds)
    yield from of_drills(facts, now, thresholds)
    yield from _of_suspects(facts, now)
    yield from _of_scanners(facts, now)
    if facts.untold:
        yield Alert("notify", "warning", None, facts.untold, now, "UNTOLD")
    yield from _of_files(queue, capabilities, space, now, thresholds)


SUSPECTS = 20
"""Messages from which on suspected spam wants to be looked at before a flush."""


def _of_suspects(facts: Facts, now: float) -> Iterator[Alert]:
    if facts.suspects >= SUSPECTS:
        text = f"{counted(facts.suspects, 'message')} are suspected spam"
        text += f", {counted(facts.campaigns, 'campaign')} among them" if facts.campaigns else ""
        yield Alert(
            "suspects", "warning", None, f"{text}. Look before they are flushed.", now, "SUSPECT", facts.suspects
        )


def _of_scanners(facts: Facts, now: float) -> Iterator[Alert]:
    if facts.silent:
        they = "they answer" if len(facts.silent) > 1 else "it answers"
        text = f"{', and '.join(facts.silent)}. Mail stays unscanned until {they}"
        yield Alert("scanner", "warning", None, text, now, "SCANNER")


OVERDUE = 30.0
"""Seconds that whoever ends a suspension may take."""


def _of_primary(row: DomainStatus, host: str, health: Health, since: float, now: float) -> Iterator[Alert]:
    waiting = row.totals.messages
    if health.state == "down":
        text = f"{host} {_down_words(health, since, now)}. {_waiting(row, now)}"
        yield Alert("primary_down", "critical" if waiting else "warning", row.domain, text, since, "DOWN", waiting)
    elif health.state == "flapping":
        text = f"{host} goes up and down since {clock(since, now)}: {health.detail}. {_waiting(row, now)}"
        yield Alert("primary_flapping", "warning", row.domain, text, since, "FLAPPING", waiting)
    elif health.state == "degraded":
        lasted = f" {lasting(health, now)}" if now - since >= 1 else ""
        text = f"primary {'without TLS' if health.rung == 'starttls' else 'busy'}{lasted}: {health.detail}"
        yield Alert("primary_degraded", "warning", row.domain, text, since, "BUSY", waiting)


def _down_words(health: Health, since: float, now: float) -> str:
    refused = "refused" in health.detail
    if now - since < 1:  # seen once: how long it has been so is not known
        return "refuses connections" if refused else f"is down ({health.rung}: {health.detail})"
    how = "has refused connections" if refused else f"has been down ({health.rung}: {health.detail})"
    again = " and answers again" if refused and "answers again" in health.detail else ""
    return f"{how} {lasting(health, now)}{again}"


def _waiting(row: DomainStatus, now: float) -> str:
    if not row.totals.messages:
        return "Nothing waits."
    verb = "waits" if row.totals.messages == 1 else "wait"
    safe = f", safe until {clock(row.totals.next_expire, now)}" if row.totals.next_expire else ""
    return f"{counted(row.totals.messages, 'message')} {verb}{safe}."


def _expiry(row: DomainStatus, expires: float, now: float, thresholds: Thresholds) -> Alert:
    severity: Severity = "critical" if expires - now < thresholds.expiry_critical else "warning"
    reason = f": {row.totals.top_reason.text}" if row.totals.top_reason else ""
    left = f"in {duration(expires - now)}" if expires > now else "at its next attempt"
    text = f"the next message expires {left}{reason}"
    since = expires - thresholds.expiry_warning
    return Alert("expiry", severity, row.domain, text, since, "EXPIRY", row.totals.messages)


def _of_hold(row: DomainStatus, hold: DomainHold, now: float, thresholds: Thresholds) -> Iterator[Alert]:
    waiting = row.totals.messages
    until, wait = clock(hold.until, now), _all_waiting(waiting)
    if hold.ending:
        text = f"its {hold.noun} is being ended. Where nobody is at it any more: mxtui {hold.ended_by}. {wait}"
        yield Alert("hold_not_ended", "warning", row.domain, text, min(hold.until, now), hold.badge, waiting)
    elif hold.kind == "suspend" and hold.over(now - OVERDUE):
        text = f"its suspension was to end at {until}, and nobody ended it (mxtui resume {hold.domain}). {wait}"
        yield Alert("hold_not_ended", "critical", row.domain, text, hold.until, hold.badge, waiting)
    elif hold.kind == "suspend":
        text = f"suspended by {hold.owner} until {until}: {hold.reason}. {wait}"
        yield Alert("suspended", "warning", row.domain, text, hold.since, hold.badge, waiting)
    elif hold.over(now):
        text = f"was to have moved by {until} ({hold.owner}: {hold.reason}). {wait} until the migration is ended"
        yield Alert("migration_end", "critical", row.domain, text, hold.until, hold.badge, waiting)
    elif hold.until - now < thresholds.hold_warning:
        text = f"its migration is to end in {duration(hold.until - now)} ({hold.owner}: {hold.reason}). {wait}"
        since = hold.until - thresholds.hold_warning
        yield Alert("migration_end", "warning", row.domain, text, max(since, hold.since), hold.badge, waiting)
    elif hold.caught_since is None:
        text = "migrates, and new mail for it is tried as ever: nothing catches it (mxtui migrate status)"
        yield Alert("migration", "warning", row.domain, text, hold.since, hold.badge, waiting)


def _held(row: DomainStatus, oldest: float, now: float, thresholds: Thresholds) -> Alert:
    held = row.totals.states.get("hold", 0)
    text = f"{_all_waiting(held)} in hold, the oldest from {clock(oldest, now)}: release, redirect, reject or delete"
    return Alert("held", "warning", row.domain, text, oldest + thresholds.held, "HELD", held)


def _all_waiting(messages: int) -> str:
    return f"{counted(messages, 'message')} {'waits' if messages == 1 else 'wait'}"


def _of_recoveries(
    domains: Iterable[DomainStatus], capabilities: Capabilities, left: int, now: float
) -> Iterator[Alert]:
    """Primaries that are back, and that nobody drains to. `left` are messages that guards have left, in hold."""
    rows = {row.domain: row.totals for row in domains}
    for each in capabilities.recovering:
        for domain in each.domains if not each.drained_by_hand else ():
            messages = _drainable(rows[domain], left) if domain in rows else 0
            wait = _all_waiting(messages)
            if each.word == "stopped":
                until = clock(each.until, now) if each.until is not None else "some time"
                text = f"{each.why}. {wait} until mxtui flush domain:{domain}, or {until}"
                yield Alert("drain_stopped", "critical", domain, text, each.since, "STOPPED", messages)
            elif each.word == "settling" and each.why:
                text = f"back, and not drained to: {each.why}. {wait}"
                yield Alert("not_drained", "warning", domain, text, each.since, "UNWELL", messages)
            elif each.word == "well" and each.why:
                text = f"back, and its mail goes without a canary or a guard: {each.why}"
                yield Alert("not_drained", "critical", domain, text, each.since, "UNGUARDED", messages)


def _drainable(totals: DomainTotals, left: int) -> int:
    """Messages that a drain would take: those that are tried, and of those in hold what a guard has put there."""
    kept = sum(number for state, number in totals.states.items() if state not in DELIVERABLE)
    return totals.messages - kept + min(left, totals.states.get("hold", 0))


def _of_stopped_drains(
    queue: QueueTotals, capabilities: Capabilities, stopped: StoppedDrain | None, now: float
) -> Iterator[Alert]:
    """Those that somebody began; `serve` tells of its own."""
    held = queue.states.get("hold", 0)
    if stopped is None or not held or any(each.word == "stopped" for each in capabilities.recovering):
        return
    messages = min(held, stopped.messages)
    why = f": {stopped.why}" if stopped.why else ""
    are = "is" if messages == 1 else "are"
    since = "drains to their primaries were stopped, the last" if stopped.several else "a drain was stopped"
    text = f"{counted(messages, 'message')} {are} held since {since} at {clock(stopped.at, now)}{why}"
    yield Alert("drain_stopped", "critical", None, text, stopped.at, "STOPPED", messages)


def _of_killed_drains(queue: QueueTotals, killed: KilledDrain | None, now: float) -> Iterator[Alert]:
    held = queue.states.get("hold", 0)
    if killed is None or not held:
        return
    number, unanswered = min(held, killed.messages), killed.unanswered
    said = []
    if number:
        are = "is" if number == 1 else "are"
        said.append(
            f"{counted(number, 'message')} {are} in hold since a drain by mxtui's own sender was killed at "
            f"{clock(killed.at, now)}; the next mxtui flush takes them out again"
        )
    if unanswered:
        were = "was" if len(unanswered) == 1 else "were"
        said.append(
            f"{some(unanswered)} {were} sent and never answered, perhaps delivered, and in hold: "
            "ask the primary, then release or delete"
        )
    if said:
        messages = min(held, killed.messages + len(unanswered))
        yield Alert("drain_killed", "critical", None, ". ".join(said), killed.at, "KILLED", messages)


def _of_files(
    queue: QueueTotals, capabilities: Capabilities, space: Space | None, now: float, thresholds: Thresholds
) -> Iterator[Alert]:
    if not capabilities.running:
        waiting = counted(queue.messages, "message")
        text = f"{_who(capabilities)} is stopped: nothing is accepted or delivered. {waiting} queued."
        yield Alert("stopped", "critical", None, text, now, "STOPPED", queue.messages)
    if space is not None and space.bytes_free < thresholds.least_free:
        text = f"the queue's file system is {space.used_share:.0%} full, too full for whoever takes mail: it is refused"
        yield Alert("disk", "critical", None, text, now, "DISK", queue.messages)
    elif space is not None and 1 - space.used_share < thresholds.free_warning:
        severity: Severity = "critical" if 1 - space.used_share < thresholds.free_critical else "warning"
        text = f"the queue's file system is {space.used_share:.0%} full; when it is full, mail is refused"
        yield Alert("disk", severity, None, text, now, "DISK", queue.messages)
    if capabilities.caveat:
        yield Alert("figures", "warning", None, capabilities.caveat, now, "FIGURES")
    if failed := queue.states.get("failed", 0):
        text = f"{counted(failed, 'message')} given up, refused or expired: release, redirect, reject or delete"
        yield Alert("failed", "critical", None, text, now, "FAILED", failed)
    if capabilities.service == "suspended":
        text = f"delivery is suspended by an operator: {counted(queue.messages, 'message')} wait until it is resumed"
        yield Alert("suspended", "warning", None, text, now, "SUSPENDED", queue.messages)
    if corrupt := queue.states.get("corrupt", 0):
        text = f"{counted(corrupt, 'queue file')} in corrupt: {_set_aside(capabilities)} and will not deliver them"
        yield Alert("corrupt", "warning", None, text, now, messages=corrupt)


def _who(capabilities: Capabilities) -> str:
    return "mxtui serve" if capabilities.road == "spool" else "the mail system"


def _set_aside(capabilities: Capabilities) -> str:
    return "mxtui set them aside" if capabilities.road == "spool" else "Postfix set them aside"
