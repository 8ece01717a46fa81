"""`mxtui alerts`, `mxtui ack`: everything that needs an operator, and that an operator knows of it."""

import sys
import time
from collections.abc import Sequence

import click

from mxtui.cli.attach import Attached, attach
from mxtui.cli.common import common_options
from mxtui.cli.looking_in import Look
from mxtui.cli.output import narrate, print_json
from mxtui.cli.status import alert_line, alert_object
from mxtui.errors import MxtuiError, UsageError
from mxtui.message.sanitize import one_line
from mxtui.model.alerts.storms import storms
from mxtui.model.overview import Acknowledgement, Alert, Overview
from mxtui.model.units import DURATION_EXAMPLES, parse_duration
from mxtui.model.words import clock

LASTING = "4h"


@click.command("alerts")
@common_options
@click.option("--json", "as_json", is_flag=True, help="An object a line, as in status --json.")
@click.option("--no-probe", is_flag=True, help="Leave the primaries alone.")
def alerts_command(queue: str | None, config: str | None, no_color: bool, as_json: bool, no_probe: bool) -> None:
    """Everything that needs an operator, gravest first, and what is over since an hour at most."""
    with attach(queue, config, here="alerts") as attached:
        overview = Look(attached, probe=not no_probe).overview
    if as_json:
        for alert in overview.alerts:
            print_json(alert_object(alert))
        for each in overview.resolved:
            print_json({**alert_object(each.alert), "resolved": round(each.at, 3)})
        return
    colour = not no_color and sys.stdout.isatty()
    for alert in storms(overview.alerts):
        line = alert_line(alert, overview.taken_at, lambda text, paint: _styled(text, paint, colour=colour))
        click.echo(f"{line}  [{alert.name}]")
    for each in overview.resolved:
        about = f"{each.alert.domain}  " if each.alert.domain else ""
        over = f"over since {clock(each.at, overview.taken_at)}"
        click.echo(f"resolved  {one_line(about, 255)}{one_line(each.alert.text, 300)}  ({over})  [{each.alert.name}]")
    if not overview.alerts:
        narrate("nothing needs you")


def _styled(text: str, paint: str | None, *, colour: bool) -> str:
    return click.style(text, fg=paint, bold=True) if colour and paint else text


@click.command("ack")
@click.argument("name")
@click.argument("domain", required=False)
@common_options
@click.option("--for", "for_", metavar="TIME", default=LASTING, show_default=True, help="How long: 30m, 2h.")
@click.option("--reason", metavar="TEXT", default="", help="Why; required, but to withdraw.")
@click.option("--withdraw", is_flag=True, help="Take an acknowledgement back.")
@click.option("--no-probe", is_flag=True, help="Leave the primaries alone.")
def ack_command(
    name: str,
    domain: str | None,
    queue: str | None,
    config: str | None,
    no_color: bool,
    for_: str,
    reason: str,
    withdraw: bool,
    no_probe: bool,
) -> None:
    """Acknowledge the alert NAME, of DOMAIN or of all domains that have it: it shouts no more for a while.

    It is shown all the same. Over, worse, or past its time, it is news again.
    """
    try:
        seconds = float(parse_duration(for_))
    except ValueError:
        raise UsageError(f"for how long? {one_line(for_, 40)}", DURATION_EXAMPLES) from None
    if not reason.strip() and not withdraw:
        raise UsageError(f"why acknowledge {one_line(name, 40)}?", "Say --reason: whoever meets it wants to know.")
    with attach(queue, config, here="ack") as attached:
        if withdraw:
            _withdraw(attached, name, domain, reason)
            return
        look = Look(attached, probe=not no_probe)
        if look.fault:  # by what is remembered this time that it is so is told from the next
            raise MxtuiError(look.fault, "Nothing is acknowledged.")
        acknowledge(attached, look.overview, name, domain, reason, seconds)


def acknowledge(
    attached: Attached, overview: Overview, name: str, domain: str | None, reason: str, seconds: float
) -> None:
    """On record, then on file. Raises UsageError (there is no such alert), MxtuiError."""
    meant = [each for each in overview.alerts if each.name == name and domain in (None, each.domain)]
    if not meant:
        there = ", ".join(sorted({alert.name for alert in overview.alerts})) or "none"
        about = f" of {one_line(domain, 255)}" if domain else ""
        raise UsageError(f"there is no alert {one_line(name, 40)}{about}", f"There is: {there}. See mxtui alerts.")
    until = know_of(attached, meant, reason, seconds)
    for each in meant:
        click.echo(f"{_named(each.name, each.domain)} acknowledged until {clock(until, time.time())}")
    if attached.alerts.alone:
        narrate(f"only you see this: it is kept in {attached.alerts.folder}; as root, or with state set, all do")


def know_of(attached: Attached, alerts: Sequence[Alert], reason: str, seconds: float) -> float:
    """Acknowledge these; until when. Raises MxtuiError."""
    operations, now = attached.operations, time.time()
    until, who = now + seconds, operations.operator_name
    operations.note("acknowledge", f"{_all(alerts)} until {clock(until, now)}", reason)
    attached.alerts.acknowledge(
        [Acknowledgement(each.name, each.domain, each.severity, reason, who, now, until) for each in alerts], now
    )
    return until


def know_no_more(attached: Attached, known: Sequence[Acknowledgement], reason: str) -> None:
    """Take these back. Raises MxtuiError."""
    attached.operations.note("withdraw", f"acknowledgement of {_all(known)}", reason)
    attached.alerts.withdraw(known, time.time())


def _all(meant: Sequence[Alert] | Sequence[Acknowledgement]) -> str:
    """What is meant, in the words of the audit."""
    first = _named(meant[0].name, meant[0].domain) if meant else "nothing"
    return f"{first} and {len(meant) - 1} more" if len(meant) > 1 else first


def _withdraw(attached: Attached, name: str, domain: str | None, reason: str) -> None:
    now = time.time()
    meant = [each for each in attached.alerts.acknowledged(now) if each.name == name and domain in (None, each.domain)]
    if not meant:
        raise UsageError(f"nobody has acknowledged {one_line(name, 40)}", "mxtui alerts shows what was.")
    know_no_more(attached, meant, reason)
    for each in meant:
        click.echo(f"{_named(each.name, each.domain)} is no longer acknowledged")


def _named(name: str, domain: str | None) -> str:
    return f"{name} {one_line(domain, 255)}" if domain else name
