"""`mxtui history`: how domains fared in the last hours and days, as the console shows it."""

from collections.abc import Sequence
from typing import Any

import click

from mxtui.cli.attach import attach
from mxtui.cli.common import common_options
from mxtui.cli.domain_holds import named_domain
from mxtui.cli.output import narrate, print_json, table
from mxtui.errors import UsageError
from mxtui.message.sanitize import one_line
from mxtui.model.history import LEVELS, WHOLE, Column, Point, columns, summary
from mxtui.model.units import DURATION_EXAMPLES, parse_duration
from mxtui.model.words import clock, counted, duration

PARTS = 12
"""Rows of the table of one domain."""

LONGEST = LEVELS[-1][1]


@click.command("history")
@click.argument("domain", required=False)
@common_options
@click.option("--since", metavar="TIME", default="24h", help="How far back: 6h, 7d.  [default: 24h]")
@click.option("--json", "as_json", is_flag=True, help="One object a sample, oldest first.")
def history_command(
    domain: str | None, queue: str | None, config: str | None, no_color: bool, since: str, as_json: bool
) -> None:
    """How DOMAIN, its mail and its primary fared; without one, the whole queue and each domain in a line.

    A minute is kept whenever a console or serve runs, for a week, the coarser the longer ago. What nobody watched is
    left out: it is unknown, not zero.
    """
    try:
        span = float(parse_duration(since))
    except ValueError as error:
        raise UsageError(str(error), f"--since {DURATION_EXAMPLES}.") from None
    span = min(max(span, 60.0), LONGEST)
    with attach(queue, config) as attached:
        store, now = attached.history, attached.now()
        if domain is not None:
            name = named_domain(domain)
            found = {name: store.points(name, span, now)}
        else:
            found = store.all_points(span, now)
    if as_json:
        for name, points in sorted(found.items()):
            for point in points:
                print_json(_object(name, point))
    elif not any(found.values()):
        narrate(f"nothing was watched in the last {since}")
    elif domain is not None:
        _show_domain(next(iter(found.values())), span, now)
    else:
        _show_all(found, now)


def _object(name: str, point: Point) -> dict[str, Any]:
    sample = point.sample
    return {
        "domain": one_line(name, 255) if name != WHOLE else None,
        "at": point.at,
        "seconds": point.seconds,
        "messages": sample.depth,
        "oldest_seconds": sample.oldest,
        "arrived": sample.arrived,
        "left": sample.left,
        "primary": sample.state if name != WHOLE else None,
        "down_seconds": sample.down if name != WHOLE else None,
        "latency_ms": round(sample.latency_ms, 1) if sample.latency_ms is not None else None,
    }


def _show_domain(points: Sequence[Point], span: float, now: float) -> None:
    told, step = summary(points), span / PARTS
    rows = [
        [clock(now - span + step * (number + 1), now), *_cells(column)]
        for number, column in enumerate(columns(points, now - span, now, PARTS))
    ]
    click.echo(table(["until", "most waiting", "oldest", "in/min", "out/min", "primary"], rows, "<>>>><"))
    well = "; never down" if told.known else "; its primary was not checked"
    down = f"; down {duration(told.down)} in {counted(told.outages, 'outage')}" if told.down else well
    click.echo(f"\nwatched {duration(told.watched)}{down}; {counted(told.arrived, 'message')} came, {told.left:,} left")


def _cells(column: Column | None) -> list[str]:
    if column is None:
        return ["–", "–", "–", "–", "not watched"]
    return [
        f"{column.depth:,}",
        duration(column.oldest) if column.oldest is not None else "–",
        *(f"{rate:,.1f}" if rate is not None else "–" for rate in (column.in_per_minute, column.out_per_minute)),
        column.state + (f"  {column.latency_ms:.0f} ms" if column.latency_ms is not None else ""),
    ]


def _show_all(found: dict[str, list[Point]], now: float) -> None:
    rows = []
    told = {name: summary(points) for name, points in found.items()}
    for name, each in sorted(told.items(), key=lambda item: (item[0] != WHOLE, -item[1].most, item[0])):
        rows.append(
            [
                one_line(name, 40) if name != WHOLE else "(all)",
                f"{each.most:,}",
                clock(each.most_at, now) if each.most_at is not None else "–",
                duration(each.oldest) if each.oldest is not None else "–",
                f"{each.arrived:,}",
                f"{each.left:,}",
                duration(each.down) if each.down else "–",
                f"{each.outages:,}" if each.outages else "–",
                duration(each.watched),
            ]
        )
    heads = ["domain", "most", "at", "oldest", "came", "left", "down", "outages", "watched"]
    click.echo(table(heads, rows, "<><>>>>>>"))
