"""`mxtui check`: a monitoring plugin. One line, performance data, exit 0 to 3; needs no console.

Source: Monitoring Plugins Development Guidelines.
"""

import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any, Final, NoReturn

import click

from mxtui.cli.attach import Attached, attach
from mxtui.cli.common import common_options
from mxtui.cli.looking_in import Look
from mxtui.errors import MxtuiError, UsageError
from mxtui.message.sanitize import one_line
from mxtui.model.alerts.storms import storms
from mxtui.model.overview import Overview
from mxtui.model.plugin import Figure, Range, Status, number, parse_range, plugin_line, seconds
from mxtui.model.words import counted, duration

TIMEOUT: Final = 30

READ: Final[Mapping[str, Callable[[str], float]]] = {
    "depth": number,
    "age": seconds,
    "expiry": seconds,
    "held": number,
}
"""What can have a range, and how its ends are read."""

SAID: Final = 3
"""Alerts in the text."""


class Plugin(click.Command):
    """A mistake on the command line is UNKNOWN: 2 would page somebody at night."""

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        """Raises SystemExit."""
        try:
            return super().make_context(*args, **more)
        except click.ClickException as error:
            click.echo(plugin_line(Status.UNKNOWN, one_line(error.format_message(), 300), ()))
        except MxtuiError as error:
            click.echo(_unknown_for(error))
        sys.exit(Status.UNKNOWN)


def _unknown_for(error: MxtuiError) -> str:
    return plugin_line(Status.UNKNOWN, one_line(f"{error.message}. {error.hint}", 600), ())


AGAIN: Final = 1.0
"""Seconds after which the alarm goes off again: what was ended may take its time to end."""

PATIENCE: Final = 12.0
"""Seconds for all primaries, beside the count. postscreen keeps strangers waiting for six: never seen up, such a
primary would excuse whatever stands still."""

REST: Final = 2.0
"""Seconds of the time that are left for all else."""

SPARE: Final = 1.0
"""Seconds of the time that nobody gets who is told: a failure has to be put down."""


class TooLong(BaseException):
    """The time that was given is over. No MxtuiError: whoever takes those for a failure of a part would go on."""

    def __init__(self, limit: float) -> None:
        super().__init__(f"no answer within {limit:g} s")


@click.command("check", cls=Plugin)
@common_options
@click.option("-w", "--warning", multiple=True, metavar="NAME=RANGE", help="depth=N age=2h expiry=12h held=N")
@click.option("-c", "--critical", multiple=True, metavar="NAME=RANGE", help="The same; ranges as plugins have them.")
@click.option("--no-alerts", is_flag=True, help="Go by the ranges alone.")
@click.option("--no-probe", is_flag=True, help="Leave the primaries alone.")
@click.option("--notify", is_flag=True, help="Tell of alerts, too, as [notify] has it: for a timer.")
@click.option("-t", "--timeout", type=click.IntRange(1, 3600), default=TIMEOUT, show_default=True, help="Seconds.")
def check_command(
    queue: str | None,
    config: str | None,
    no_color: bool,
    warning: tuple[str, ...],
    critical: tuple[str, ...],
    no_alerts: bool,
    no_probe: bool,
    notify: bool,
    timeout: int,
) -> None:
    """A monitoring plugin: OK, WARNING, CRITICAL or UNKNOWN (exit 0 to 3), in one line with performance data.

    A range is `N` (alert above), `N:` (alert below), `A:B`, `~:B` or `@A:B` (alert inside); for expiry a bare time is
    the least that is well. Alerts that nobody acknowledged count, too.
    """
    gc.disable()
    sys.excepthook = _unknown
    until = time.monotonic() + timeout
    try:
        with _within(timeout):
            ranges = _ranges(warning), _ranges(critical)
            with attach(queue, config, here="check") as attached:
                status, line = check(
                    attached,
                    *ranges,
                    alerts=not no_alerts,
                    probe=not no_probe,
                    notify=notify,
                    until=until - SPARE,
                )
    except MxtuiError as error:
        status, line = Status.UNKNOWN, _unknown_for(error)
    except TooLong as error:
        print(plugin_line(Status.UNKNOWN, f"{error}. See --timeout.", ()), flush=True)
        os._exit(Status.UNKNOWN)  # a thread that hangs would be waited for
    click.echo(line)
    sys.exit(status)  # click would leave with 0


def check(
    attached: Attached,
    warning: Mapping[str, Range],
    critical: Mapping[str, Range],
    *,
    alerts: bool,
    probe: bool,
    notify: bool,
    until: float,
) -> tuple[Status, str]:
    """Look, judge, tell, by the moment of `time.monotonic()` that is given. Raises MxtuiError."""
    look = Look(attached, probe=probe, patience=PATIENCE, until=until - REST)
    overview = look.overview
    figures = figures_of(overview, warning, critical)
    status = max((figure.status for figure in figures), default=Status.OK)
    said = [_summary(overview)]
    said += [f"{each.label} out of range" for each in figures if each.status]
    said += [f"{counted(look.late, 'primary', 'primaries')} not checked in time"] if look.late else []
    if alerts:
        standing = [alert for alert in overview.alerts if alert.acknowledged is None]
        status = max([status, *(_STATUS[alert.severity] for alert in standing)])
        told = storms(standing)
        said += [
            one_line(f"{alert.domain}: {alert.text}" if alert.domain else alert.text, 300) for alert in told[:SAID]
        ]
        said += [f"{len(told) - SAID} more"] if len(told) > SAID else []
        known = len(overview.alerts) - len(standing)
        said += [f"{known} acknowledged"] if known else []
    faults = attached.telling.tell(overview, until) if notify else []
    if look.fault and (notify or alerts):
        faults.append(look.fault)
    if faults:
        status = max(status, Status.WARNING)
        said += [one_line(fault, 300) for fault in faults]
    return status, plugin_line(status, "; ".join(said), [*figures, *_counts(overview)])


_STATUS: Final = {"warning": Status.WARNING, "critical": Status.CRITICAL}


def figures_of(overview: Overview, warning: Mapping[str, Range], critical: Mapping[str, Range]) -> list[Figure]:
    """The four that can have ranges. Age is of the oldest message that is tried, and of none it is 0."""
    queue, now = overview.queue, overview.taken_at
    waiting = [row.totals.oldest_waiting for row in overview.domains if row.totals.oldest_waiting is not None]
    values: dict[str, tuple[float | None, str]] = {
        "depth": (queue.messages, ""),
        "age": (round(max(0.0, now - min(waiting))) if waiting else 0, "s"),
        "expiry": (None if queue.next_expire is None else round(queue.next_expire - now), "s"),
        "held": (queue.states.get("hold", 0), ""),
    }
    return [
        Figure(name, value, unit, warning.get(name), critical.get(name), None if name == "expiry" else 0)
        for name, (value, unit) in values.items()
    ]


def _counts(overview: Overview) -> list[Figure]:
    standing = [alert.severity for alert in overview.alerts if alert.acknowledged is None]
    return [Figure("warnings", standing.count("warning")), Figure("criticals", standing.count("critical"))]


def _summary(overview: Overview) -> str:
    queue = overview.queue
    oldest = f", the oldest for {duration(overview.taken_at - queue.oldest_arrival)}" if queue.oldest_arrival else ""
    return f"{counted(queue.messages, 'message')} queued{oldest}"


def _ranges(given: Sequence[str]) -> Mapping[str, Range]:
    """`depth=10`, several in one word or several words. Raises UsageError."""
    found: dict[str, Range] = {}
    for word in " ".join(given).replace(",", " ").split():
        name, equals, text = word.partition("=")
        if not equals or name not in READ:
            raise UsageError(f"{one_line(word, 40)} is no threshold", f"One of {', '.join(READ)}, as in depth=1000.")
        try:
            found[name] = parse_range(text, READ[name], least=name == "expiry")
        except ValueError as error:
            raise UsageError(f"{name}: {error}", "N, N:, A:B, ~:B or @A:B; times as 30m, 2h.") from None
    return found


class _within:  # noqa: N801 (used as a statement)
    """Have what is inside end in time. Raises TooLong."""

    def __init__(self, limit: float) -> None:
        self._limit = limit

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, self._over)
        signal.setitimer(signal.ITIMER_REAL, self._limit, AGAIN)

    def __exit__(self, *_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.0)

    def _over(self, number: int, frame: FrameType | None) -> NoReturn:
        raise TooLong(self._limit)


def _unknown(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody foresaw: Python's own exit status would be a warning."""
    print(plugin_line(Status.UNKNOWN, one_line(repr(error), 300), ()), flush=True)
    traceback.print_exception(kind, error, trace)
    os._exit(Status.UNKNOWN)
