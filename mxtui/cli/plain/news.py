"""What changed and matters since it was last said, one line each. Pure.

Compared is what was said with what is now, and not each overview with the one before: so nothing piles up while
somebody types, whoever comes back hears how things stand, and what came and went meanwhile is told as such.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from mxtui.cli.flush import progress_line
from mxtui.cli.plain.sentences import Depth, alert_sentence, state_words, why_words
from mxtui.message.sanitize import one_line
from mxtui.model.alerts.storms import storms
from mxtui.model.drain.standing import Standing, named
from mxtui.model.health import HealthState
from mxtui.model.overview import Alert, DomainStatus, Overview
from mxtui.model.words import clock, counted

FEW: Final = 10
"""Messages that a domain must have, or have had, for its depth to be news."""

MOST: Final = 5
"""Primaries, or domains, that are named at once, the deepest first; the others are counted."""

STEPS: Final = 4
"""Into which a drain's way is divided."""

Place = tuple[str, int]


@dataclass(slots=True)
class Said:
    """What was said last, or was so when nobody needed to be told."""

    alerts: dict[tuple[str, str | None], Alert] = field(default_factory=dict)
    over_at: float = 0.0
    """When the latest of the alerts that were over had been."""
    primaries: dict[Place, tuple[HealthState, float | None]] = field(default_factory=dict)
    depths: dict[str, Depth] = field(default_factory=dict)
    deep: set[str] = field(default_factory=set)
    """Domains that had more than a few, and of which it was not said since that nothing is left."""
    fault: bool = False
    drain: tuple[str, float] | None = None
    """Of whom, and when it began."""
    drain_at: tuple[int, bool, str] = (0, False, "")
    """How many steps it has made, whether it has ended, and why it waits."""


def learn(said: Said, overview: Overview, standing: Standing | None) -> None:
    """How it is when somebody has just been told everything."""
    for _ in news(said, overview, standing):
        pass
    learn_depths(said, overview)


def learn_depths(said: Said, overview: Overview) -> None:
    """Each domain was just told of."""
    said.depths = {row.domain: Depth(row.totals.messages, overview.taken_at) for row in overview.domains}
    for row in overview.domains:
        _remember_deep(said, row)


def _remember_deep(said: Said, row: DomainStatus) -> None:
    if row.totals.messages >= FEW:
        said.deep.add(row.domain)
    elif not row.totals.messages:
        said.deep.discard(row.domain)


def news(said: Said, overview: Overview, standing: Standing | None) -> Iterator[str]:
    """A line for each change that matters; what it tells, or takes for known, is `said` from then on."""
    yield from _of_fault(said, overview)
    yield from _of_alerts(said, overview)
    yield from _of_primaries(said, overview)
    yield from _of_depths(said, overview)
    yield from _of_drain(said, standing)


def _of_fault(said: Said, overview: Overview) -> Iterator[str]:
    if bool(overview.fault) == said.fault:
        return
    said.fault = bool(overview.fault)
    if said.fault:
        at = clock(overview.heard_at, overview.taken_at)
        yield f"The queue cannot be followed: {one_line(overview.fault, 300)}. Figures are those of {at}."
    else:
        yield "The queue is followed again."


def _of_alerts(said: Said, overview: Overview) -> Iterator[str]:
    now = overview.taken_at
    there = {(each.name, each.domain): each for each in overview.alerts}
    fresh, over = [], []
    for key, alert in there.items():
        before = said.alerts.get(key)
        worse = before is not None and before.severity == "warning" and alert.severity == "critical"
        if alert.acknowledged is None and (before is None or worse):
            fresh.append(alert)
    over = [alert for key, alert in said.alerts.items() if key not in there]
    passed = [
        each.alert
        for each in overview.resolved
        if each.at > said.over_at and (key := (each.alert.name, each.alert.domain)) not in there
        and key not in said.alerts
    ]  # fmt: skip
    said.alerts = there
    said.over_at = max([said.over_at, *(each.at for each in overview.resolved)])
    for alert in storms(_told_otherwise_left_out(fresh)):
        yield f"New: {alert_sentence(alert, now)}"
    for alert in storms(_told_otherwise_left_out(over)):
        yield f"Over: {alert_sentence(alert, now)}"
    for alert in storms(_told_otherwise_left_out(passed)):
        yield f"Came and went: {alert_sentence(alert, now)}"


def _told_otherwise_left_out(alerts: Iterable[Alert]) -> Iterator[Alert]:
    """How primaries fare has lines of its own."""
    return (alert for alert in alerts if not alert.name.startswith("primary_"))


def _of_primaries(said: Said, overview: Overview) -> Iterator[str]:
    rows: dict[Place, list[DomainStatus]] = {}
    unknown: set[Place] = set()
    for row in overview.domains:
        if row.primary is not None and row.health is not None:
            place = row.primary.host, row.primary.port
            if row.health.state == "unknown":
                unknown.add(place)
            else:
                rows.setdefault(place, []).append(row)
    changed: list[tuple[Place, list[DomainStatus]]] = []
    for place, its in rows.items():
        health = its[0].health
        assert health is not None
        before, now = said.primaries.get(place), (health.state, health.since)
        said.primaries[place] = now
        if before != now and (before is not None or health.state != "up"):
            changed.append((place, its))
    for place in said.primaries.keys() - rows.keys() - unknown:
        del said.primaries[place]
    changed.sort(key=lambda each: -_waiting(each[1]))
    for (host, port), its in changed[:MOST]:
        health = its[0].health
        assert health is not None
        for_whom = one_line(its[0].domain, 255) + (f" and {counted(len(its) - 1, 'other')}" if len(its) > 1 else "")
        state = f"{state_words(health)}{why_words(health)}"
        waiting = counted(_waiting(its), "message")
        yield f"Primary {one_line(host, 255)} port {port} is {state}. It is that of {for_whom}; {waiting} queued."
    if more := changed[MOST:]:
        up = sum(its[0].health is not None and its[0].health.state == "up" for _, its in more)
        yield f"{counted(len(more), 'more primary', 'more primaries')} changed, {up:,} of them up now: type primaries."


def _waiting(rows: Iterable[DomainStatus]) -> int:
    return sum(row.totals.messages for row in rows)


def _of_depths(said: Said, overview: Overview) -> Iterator[str]:
    """When a domain has twice as much as was said last, half, or nothing more; whole overviews alone are counted."""
    if overview.reading is not None:
        return
    now, changed = overview.taken_at, []
    for row in overview.domains:
        messages, before = row.totals.messages, said.depths.get(row.domain)
        had = before.messages if before is not None else 0
        emptied = not messages and row.domain in said.deep
        if emptied or messages >= max(FEW, 2 * had) or (had >= FEW and 2 * messages <= had):
            changed.append((row, before))
        elif before is None or (messages < had < FEW and row.domain not in said.deep):
            said.depths[row.domain] = Depth(messages, now)
    changed.sort(key=lambda each: -max(each[0].totals.messages, each[1].messages if each[1] else 0))
    for row, before in changed[:MOST]:
        has = counted(row.totals.messages, "message") if row.totals.messages else "nothing"
        was = f", {before.messages:,} at {clock(before.at, now)}" if before is not None else ""
        yield f"{one_line(row.domain, 255)} has {has} queued{was}."
    if more := changed[MOST:]:
        yield f"{counted(len(more), 'more domain')} grew or shrank as much: type domains."
    for row, _ in changed:
        said.depths[row.domain] = Depth(row.totals.messages, now)
        _remember_deep(said, row)


def _of_drain(said: Said, standing: Standing | None) -> Iterator[str]:
    if standing is None:
        return
    which = standing.operator, standing.began
    what = f"Drain of {one_line(named(standing.selection), 200)}"
    if which != said.drain:
        said.drain, said.drain_at = which, (0, False, "")
        yield f"{what} began, {one_line(standing.way, 200)}; asked for by {one_line(standing.operator, 80)}."
    progress = standing.progress
    steps, waits = 0, ""
    if progress is not None:
        steps = int(standing.share * STEPS)
        waits = progress.why if progress.phase == "backoff" else "paused" if progress.paused else ""
    before = said.drain_at
    said.drain_at = steps, not standing.running, waits
    if said.drain_at == before:
        return
    if not standing.running:
        done = progress_line(progress) if progress is not None else "nothing was tried"
        why = standing.fault or (progress.why if progress is not None else "")
        verdict = "stopped" if standing.fault or (progress and progress.phase == "stopped") else "ended"
        yield f"{what}: {verdict}. {done}." + (f" {one_line(why, 600)}" if why else "")
    elif waits and waits != before[2]:
        yield f"{what} waits: {one_line(waits, 600)}"
    elif progress is not None and before[0] < steps < STEPS:
        yield f"{what}: {standing.share:.0%} done. {progress_line(progress)}."
