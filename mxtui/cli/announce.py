"""`mxtui announce`: when a primary is to be back."""

import time
from typing import TYPE_CHECKING

import click

from mxtui.cli.attach import Attached, attach
from mxtui.cli.common import common_options
from mxtui.cli.domain_holds import lasting, named_domain
from mxtui.cli.output import narrate, print_json, table
from mxtui.errors import UsageError
from mxtui.message.sanitize import one_line
from mxtui.model.returns import Announced
from mxtui.model.words import clock

if TYPE_CHECKING:
    from collections.abc import Iterable


@click.command("announce")
@click.argument("domain", required=False)
@common_options
@click.option("--for", "for_", metavar="TIME", help="How long it stays away: 30m, 6h.")
@click.option("--until", metavar="TIME", help="Or when it is back: 18:30, 2026-11-28T07:00.")
@click.option("--reason", metavar="TEXT", default="", help="Why; required.")
@click.option("--withdraw", is_flag=True, help="It is no longer to be expected.")
@click.option("--json", "as_json", is_flag=True, help="What is announced, an object a line.")
def announce_command(
    domain: str | None,
    queue: str | None,
    config: str | None,
    no_color: bool,
    for_: str | None,
    until: str | None,
    reason: str,
    withdraw: bool,
    as_json: bool,
) -> None:
    """Say when the primary of DOMAIN is to be back, so that what expires before that is foretold. Nothing is held.

    Without a domain: what is announced.
    """
    with attach(queue, config, here="announce") as attached:
        if domain is None:
            show(attached.returns.all(time.time()).values(), as_json=as_json)
            return
        name = named_domain(domain)
        if withdraw:
            if name not in attached.returns.all(time.time()):
                raise UsageError(f"no return of {name} is announced", "mxtui announce shows what is.")
            take_back(attached, name, reason)
            click.echo(f"{name} is no longer expected back")
            return
        if not reason.strip():
            raise UsageError(f"why is {name} away?", "Say --reason: whoever meets it wants to know.")
        announced = announce(attached, name, reason, lasting(for_, until, None))
        click.echo(f"{name} is to be back at {clock(announced.back, announced.since)}")
        if len(attached.states) > 1:
            narrate(
                f"only you see this: it is kept in {attached.returns.path.parent}; as root, or with state set, all do"
            )


def announce(attached: Attached, domain: str, reason: str, seconds: float) -> Announced:
    """On record, then on file. Raises MxtuiError."""
    now, operations = time.time(), attached.operations
    announced = Announced(domain, now + seconds, reason.strip(), operations.operator_name, now)
    operations.note("announce", f"{domain} back at {clock(announced.back, now)}", reason)
    attached.returns.announce(announced)
    return announced


def take_back(attached: Attached, domain: str, reason: str) -> None:
    """No longer. Raises MxtuiError."""
    attached.operations.note("withdraw", f"announced return of {domain}", reason)
    attached.returns.withdraw(domain)


def show(announced: "Iterable[Announced]", *, as_json: bool) -> None:
    """For scripts, or for eyes."""
    now, known = time.time(), sorted(announced, key=lambda each: each.back)
    if as_json:
        for each in known:
            print_json(each._asdict())
        return
    rows = [[each.domain, clock(each.back, now), one_line(each.owner, 20), one_line(each.reason, 60)] for each in known]
    if rows:
        click.echo(table(["domain", "back at", "by", "why"], rows, "<<<<"))
    else:
        narrate("no return of a primary is announced")
