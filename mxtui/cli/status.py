"""`mxtui status`: one look at everything, then exit."""

import gc
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import click

from mxtui.cli.attach import Attached, attach
from mxtui.cli.common import common_options
from mxtui.cli.forecasting import forecast_lines, forecast_object, forecast_of
from mxtui.cli.output import print_json, table
from mxtui.message.sanitize import one_line
from mxtui.model.age import BUCKET_MINUTES
from mxtui.model.alerts import LOOKING_IN, Watch, judged
from mxtui.model.alerts.storms import storms
from mxtui.model.health import Health, Primary
from mxtui.model.holds import DomainHold, words
from mxtui.model.overview import Alert, DomainStatus, Overview, nothing_for
from mxtui.model.tally import tally
from mxtui.model.totals import Edge, Totals
from mxtui.model.words import clock, counted, duration
from mxtui.queues.queue import Countable, Queue


@click.command("status")
@common_options
@click.option("--json", "as_json", is_flag=True, help="One object, for scripts.")
@click.option("--no-probe", is_flag=True, help="Leave the primaries alone.")
def status_command(queue: str | None, config: str | None, no_color: bool, as_json: bool, no_probe: bool) -> None:
    """Totals, domains, primaries, alerts: one look, then exit."""
    gc.disable()  # a look makes no cycles, and the collector would go through 100,000 messages again and again: 0.1 s
    with attach(queue, config) as attached:
        overview = look(attached.queue, attached.now())
        overview = looked_at(attached, overview, probe=not no_probe)
        overview = replace(overview, forecast=forecast_of(attached, overview))
    if as_json:
        print_json(as_object(overview))
    else:
        print_text(overview, colour=not no_color and sys.stdout.isatty())


def looked_at(attached: Attached, overview: Overview, *, probe: bool) -> Overview:
    """An overview with primaries, holds and alerts, by what is remembered; nothing is remembered of it."""
    state = attached.alerts
    memory = state.memory()
    here = {row.domain for row in overview.domains}
    # An alert may be about a domain without mail: what was refused is no longer queued, and its primary may be down.
    others = [each for each in dict.fromkeys([*attached.relayed, *memory.domains]) if each not in here]
    known = attached.probe_once([*here, *others]) if probe else {}
    watch = Watch(attached.thresholds, memory, gap=LOOKING_IN, counter="looking in")
    acknowledged = state.acknowledged(overview.taken_at)
    overview = replace(overview, domains=(*overview.domains, *(DomainStatus(nothing_for(each)) for each in others)))
    overview = judged(overview, known, watch, attached.holds(), attached.facts(), acknowledged)
    shown = tuple(row for row in overview.domains if row.hold is not None or row.domain in here)
    return replace(overview, domains=shown)


def look(queue: Queue, now: float) -> Overview:
    """Everything but the primaries, from one read of the queue."""
    told = (message for changes in queue.read(subjects=False) for message in changes.present)
    totals = Totals(now, queue.count(now) if isinstance(queue, Countable) else tally(told, now))
    domains = tuple(DomainStatus(total) for total in totals.domains(unchanged))
    whole = totals.queue(unchanged)
    capabilities, space = queue.capabilities(), queue.space()
    return Overview(queue.source, capabilities, now, now, whole, domains, depth=whole.states, space=space)


def unchanged(*_: object) -> Edge:
    """Of a count that nothing is taken from."""
    raise AssertionError("nothing was removed, so nobody has to ask what is oldest now")


def as_object(overview: Overview) -> dict[str, Any]:
    """The stable form that scripts read."""
    source, queue = overview.source, overview.queue
    return {
        "source": {"kind": source.kind, "name": source.name, "path": source.path, "version": source.version},
        "taken_at": round(overview.taken_at, 3),
        "stale": overview.stale,
        "queue": {
            "messages": queue.messages,
            "recipients": queue.recipients,
            "bytes": queue.bytes,
            "oldest_arrival_time": queue.oldest_arrival,
            "states": dict(queue.states),
        },
        "age_bucket_minutes": BUCKET_MINUTES,
        "domains": [_domain_object(row) for row in overview.domains],
        "alerts": [alert_object(alert) for alert in overview.alerts],
        "forecast": forecast_object(overview),
    }


def alert_object(alert: Alert) -> dict[str, Any]:
    """An alert, as `status` and `alerts` print it; who knows of it where somebody does."""
    known = alert.acknowledged
    said: dict[str, Any] = {
        "name": alert.name,
        "severity": alert.severity,
        "domain": alert.domain and one_line(alert.domain, 255),
        "text": one_line(alert.text, 400),
        "since": round(alert.since, 3),
    }
    if known is not None:
        said["acknowledged"] = {
            "by": one_line(known.owner, 80),
            "reason": one_line(known.reason, 400),
            "at": round(known.at, 3),
            "until": round(known.until, 3),
        }
    return said


def _hold_object(hold: DomainHold) -> dict[str, Any]:
    from mxtui.cli.domain_holds import hold_object  # 20 ms, which a queue without holds need not pay

    return hold_object(hold)


def _domain_object(row: DomainStatus) -> dict[str, Any]:
    totals = row.totals
    top = totals.top_reason
    return {
        "domain": one_line(totals.domain, 255),
        "messages": totals.messages,
        "recipients": totals.recipients,
        "bytes": totals.bytes,
        "states": dict(totals.states),
        "age_buckets": totals.age_buckets,
        "oldest_arrival_time": totals.oldest_arrival,
        "next_expire_time": totals.next_expire,
        "top_reason": {"text": one_line(top.text, 400), "messages": top.messages} if top else None,
        "primary": primary_object(row.primary, row.health),
        "hold": _hold_object(row.hold) if row.hold else None,
    }


def primary_object(primary: Primary | None, health: Health | None) -> dict[str, Any] | None:
    """A primary and its health, as `status` and `probe` print it."""
    if primary is None or health is None:
        return None
    return {
        "host": one_line(primary.host, 255),
        "port": primary.port,
        "source": primary.source,
        "state": health.state,
        "since": health.since,
        "rung": health.rung,
        "detail": one_line(health.detail, 400),
        "latency_ms": health.latency_ms,
    }


_MARKS: Mapping[str, tuple[str, str]] = {
    "up": ("up", "green"),
    "down": ("DOWN", "red"),
    "degraded": ("busy", "yellow"),
    "flapping": ("flapping", "yellow"),
    "unknown": ("?", "white"),
}


def print_text(overview: Overview, *, colour: bool) -> None:
    """The same for eyes."""
    source, queue, now = overview.source, overview.queue, overview.taken_at

    def styled(text: str, name: str | None) -> str:
        return click.style(text, fg=name, bold=True) if colour and name else text

    click.echo(f"{styled(one_line(source.name, 255), 'white')}  {source.kind} {source.version}  {source.path}")
    for alert in storms(overview.alerts):
        click.echo(alert_line(alert, now, styled))
    states = "  ".join(f"{state} {number:,}" for state, number in queue.states.items())
    oldest = f"oldest {duration(now - queue.oldest_arrival)}" if queue.oldest_arrival else "nothing waits"
    click.echo(f"{counted(queue.messages, 'message')}, {counted(queue.recipients, 'recipient')}, {oldest}   {states}")
    for line in forecast_lines(overview):
        click.echo(line)
    click.echo()
    if overview.domains:
        click.echo(table(*_columns(overview, styled)))


def alert_line(alert: Alert, now: float, styled: Callable[[str, str | None], str]) -> str:
    """One alert, for eyes."""
    known = alert.acknowledged
    paint = None if known else "red" if alert.severity == "critical" else "yellow"
    about = f"{one_line(alert.domain, 255)}  " if alert.domain else ""
    by = f"  (acknowledged by {known.owner} until {clock(known.until, now)}: {known.reason})" if known else ""
    return f"{styled(alert.badge or 'CHECK', paint)}  {about}{one_line(alert.text, 400)}{one_line(by, 300)}"


def _columns(overview: Overview, styled: Any) -> tuple[list[str], list[list[str]], str]:
    bounds = [f"≤{minutes}m" for minutes in BUCKET_MINUTES]
    heads = ["domain", "oldest", "queued", *bounds, "older", "expires", "primary"]
    rows = []
    for row in overview.domains:
        totals, now = row.totals, overview.taken_at
        word, paint = _MARKS[row.health.state if row.health else "unknown"]
        about = f"{row.primary.host}:{row.primary.port} " if row.primary else "no primary "
        detail = row.health.detail if row.health and row.health.state != "up" else ""
        rows.append(
            [
                one_line(totals.domain, 40),
                duration(now - totals.oldest_arrival) if totals.oldest_arrival else "–",
                f"{totals.messages:,}",
                *(f"{count:,}" if count else "·" for count in totals.age_buckets),
                clock(totals.next_expire, now) if totals.next_expire else "–",
                f"{styled(word, paint)}  {one_line(about + detail, 60)}{_held(row, now)}",
            ]
        )
    return heads, rows, "<" + ">" * (len(heads) - 2) + "<"


def _held(row: DomainStatus, now: float) -> str:
    return f"  {words(row.hold, now)}: {one_line(row.hold.reason, 60)}" if row.hold else ""
