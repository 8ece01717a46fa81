"""What the console draws, in sentences: what matters first, then short lines. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mxtui.index import Row
from mxtui.message.sanitize import one_line
from mxtui.model.alerts.storms import storms
from mxtui.model.health import Health, lasting
from mxtui.model.holds import words as words_of_hold
from mxtui.model.message import written_sender
from mxtui.model.overview import Alert, DomainStatus, Overview
from mxtui.model.reason import summarise
from mxtui.model.words import clock, counted, duration


class Depth(NamedTuple):
    """How many messages a domain had when that was last said."""

    messages: int
    at: float


def heading(overview: Overview) -> Iterator[str]:
    """The queue, what needs an operator, and how much waits."""
    source = overview.source
    name = f"{one_line(source.name, 255)}, " if source.name else ""
    yield f"{name}{source.kind} {source.version}, {one_line(source.path, 255)}."
    yield from alarm(overview)
    yield from depth(overview)


def alarm(overview: Overview) -> Iterator[str]:
    """Everything that needs an operator, gravest first."""
    for alert in storms(overview.alerts):
        yield alert_sentence(alert, overview.taken_at)
    if overview.fault:
        yield f"The queue cannot be followed: {one_line(overview.fault, 300)}. {one_line(overview.hint, 300)}".strip()
    if overview.stale:
        yield f"These figures are {duration(overview.stale_seconds)} old."
    if not overview.alerts and overview.reading is None and not overview.fault and not overview.stale:
        yield "Nothing needs you."


def alert_sentence(alert: Alert, now: float) -> str:
    """`Critical, DOWN: example.org: …`; who knows of it, where somebody does."""
    known = alert.acknowledged
    about = f"{one_line(alert.domain, 255)}: " if alert.domain else ""
    by = f" Acknowledged by {known.owner} until {clock(known.until, now)}: {known.reason}." if known else ""
    text = one_line(alert.text, 400)
    return f"{alert.severity.capitalize()}, {alert.badge or 'CHECK'}: {about}{text}{one_line(by, 300)}"


def depth(overview: Overview) -> Iterator[str]:
    """How much waits, and since when."""
    reading, queue, now = overview.reading, overview.queue, overview.taken_at
    if reading is not None:
        left = f", {duration(reading.left)} left" if reading.left else ""
        yield f"{counted(sum(overview.depth.values()), 'message')} queued; {reading.read:,} of them read so far{left}."
        return
    oldest = f", the oldest for {duration(now - queue.oldest_arrival)}" if queue.oldest_arrival else ""
    states = ", ".join(f"{number:,} {state}" for state, number in queue.states.items() if number)
    yield f"{counted(queue.messages, 'message')} queued{oldest}{': ' if states else ''}{states}."
    if queue.next_expire is not None:
        yield f"The next one expires at {clock(queue.next_expire, now)}."
    flow = [
        f"{figure:.0f} a minute {way}"
        for figure, way in ((overview.in_per_minute, "in"), (overview.out_per_minute, "out"))
        if figure is not None
    ]
    if flow:
        yield f"{', '.join(flow)}."


def domain_sentence(row: DomainStatus, now: float, said: Depth | None = None) -> str:
    """Name, number, oldest, its primary, and what changed since it was last `said`."""
    totals = row.totals
    oldest = f", oldest {duration(now - totals.oldest_arrival)}" if totals.oldest_arrival else ""
    parts = [f"{counted(totals.messages, 'message')}{oldest}", primary_words(row, now)]
    if row.hold is not None:
        parts.append(f"{words_of_hold(row.hold, now)}: {one_line(row.hold.reason, 200)}")
    if change := change_words(row, now, said):
        parts.append(change)
    return f"{one_line(totals.domain, 255)}: {'; '.join(parts)}"


def change_words(row: DomainStatus, now: float, said: Depth | None) -> str:
    """Since it was last said, or within a minute; empty where nothing changed, or nobody knows."""
    if said is not None and (change := row.totals.messages - said.messages):
        return f"{abs(change):,} {'more' if change > 0 else 'fewer'} than at {clock(said.at, now)}"
    if said is None and row.change_per_minute is not None and abs(row.change_per_minute) >= 1:
        return f"{'growing' if row.change_per_minute > 0 else 'shrinking'} by {abs(row.change_per_minute):.0f} a minute"
    return ""


def message_sentence(row: Row, now: float) -> str:
    """From whom to whom, what about, and why it waits; its ID last, for it has a number."""
    more = f" and {row.recipients - 1:,} more" if row.recipients > 1 else ""
    why = row.fault or (summarise(row.reason) if row.reason else "")
    parts = [
        f"from {one_line(written_sender(row.sender, row.fault), 100)} to {one_line(row.recipient, 100)}{more}",
        f"subject {one_line(row.subject, 80)}" if row.subject else "no subject",
        f"{row.state} for {duration(now - row.arrival)}",
        *([one_line(why, 100)] if why else []),
        f"{row.size:,} bytes",
        row.queue_id,
    ]
    return "; ".join(parts)


def primary_words(row: DomainStatus, now: float) -> str:
    """Where it goes, and how that fares."""
    if row.health is None or row.health.unasked:
        return "primary not checked yet"
    if row.primary is None:
        return "no primary known"
    state = f"{state_words(row.health)} {lasting(row.health, now)}".strip()
    return f"primary {one_line(row.primary.host, 255)} port {row.primary.port} {state}{why_words(row.health)}"


def state_words(health: Health) -> str:
    """`up`, `down`, `busy` …"""
    if health.state == "degraded":
        return "up without TLS" if health.rung == "starttls" else "busy"
    return "not known yet" if health.state == "unknown" else health.state


def why_words(health: Health) -> str:
    """`, connection refused`; nothing where all is well."""
    return "" if health.state in ("up", "unknown") else f", {one_line(health.detail, 200)}"


def domain_details(
    row: DomainStatus, reasons: Sequence[tuple[str, int]], now: float, said: Mapping[str, Depth]
) -> Iterator[str]:
    """One domain at length."""
    totals = row.totals
    yield f"{domain_sentence(row, now, said.get(row.domain))}."
    states = ", ".join(f"{number:,} {state}" for state, number in totals.states.items() if number)
    if states:
        yield f"{states}; {counted(totals.recipients, 'recipient')}, {totals.bytes:,} bytes."
    if totals.next_expire is not None:
        yield f"The next one expires at {clock(totals.next_expire, now)}."
    for text, messages in reasons:
        yield f"{counted(messages, 'message')} wait{'s' if messages == 1 else ''} because: {one_line(text, 300)}"
    for alert in row.alerts:
        yield alert_sentence(alert, now)


def primary_details(row: DomainStatus, now: float) -> Iterator[str]:
    """Its ladder, rung by rung."""
    yield f"{one_line(row.domain, 255)}: {primary_words(row, now)}."
    health = row.health
    if health is None or health.climb is None:
        return
    for rung in health.climb.rungs:
        took = f" in {rung.milliseconds:.0f} ms" if rung.milliseconds is not None else ""
        detail = f": {one_line(rung.detail, 300)}" if rung.detail else ""
        yield f"{rung.name} {rung.outcome}{took}{detail}"
    yield f"Checked at {clock(health.climb.taken_at, now)}."
