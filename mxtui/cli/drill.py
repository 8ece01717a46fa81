"""`mxtui drill`: does mail come through?"""

import time
from typing import Any

import click

from mxtui.cli.asking import agreed
from mxtui.cli.attach import Attached, attach
from mxtui.cli.common import common_options
from mxtui.cli.domain_holds import named_domain
from mxtui.cli.output import narrate, print_json, table
from mxtui.config import readers
from mxtui.drilling.course import Course, run
from mxtui.drilling.letter import compose
from mxtui.errors import MxtuiError, UsageError
from mxtui.message.sanitize import one_line
from mxtui.model.drill import Drill
from mxtui.model.drill import Path as Route
from mxtui.model.message import recipient_domain
from mxtui.model.next_hop import NextHop
from mxtui.model.units import DURATION_EXAMPLES, parse_duration
from mxtui.model.words import clock
from mxtui.queues.postfix.postfix import PostfixQueue
from mxtui.queues.spool.queue import SpoolQueue

SMTP = 25


class DrillFailed(MxtuiError):
    """At least one did."""

    def __init__(self, domains: list[str]) -> None:
        super().__init__(f"the drill of {', '.join(domains)} failed", "mxtui drill --list tells why.")


@click.command("drill")
@click.argument("domain", required=False)
@common_options
@click.option("--to", "address", metavar="ADDRESS", help="Who gets it; else as [drill.addresses] says.")
@click.option("--by-queue", "queued", is_flag=True, help="Keep it in the queue first, then let it go.")
@click.option("--via", metavar="HOST[:PORT]", help="Where the backup takes mail; found out for a spool.")
@click.option("--timeout", metavar="TIME", help="How long it may take.  [default: drill.timeout]")
@click.option("--reason", metavar="TEXT", default="", help="Why, for the audit.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--list", "listing", is_flag=True, help="The drills on record.")
@click.option("--json", "as_json", is_flag=True, help="An object for each.")
def drill_command(domain: str | None, queue: str | None, config: str | None, **options: Any) -> None:
    """Send a marked message through the backup to an address at DOMAIN, and follow it to the primary.

    Without a domain: to each in [drill.addresses]. With --by-queue it is kept in the queue first: on Postfix by
    suspending the domain for that moment.
    """
    with attach(queue, config, here="drill") as attached:
        drill(attached, domain, **options)


def drill(
    attached: Attached,
    domain: str | None,
    *,
    address: str | None,
    queued: bool,
    via: str | None,
    timeout: str | None,
    reason: str,
    yes: bool,
    listing: bool,
    as_json: bool,
    no_color: bool,
) -> None:
    """List, or send, follow, record. Raises DrillFailed."""
    drills = attached.drilled
    if listing:
        show([each for each in drills.all() if domain in (None, each.domain)], as_json=as_json)
        return
    addresses = _addresses(attached, domain, address)
    course = _course(attached, _server(via), _seconds(timeout, attached.settings.drill.timeout))
    path: Route = "queue" if queued else "primary"
    if queued and isinstance(attached.queue, PostfixQueue):
        narrate(f"suspend {', '.join(addresses)} for as long as the drill is in the queue")
        if not agreed("Drill?", yes=yes):
            return
    failed = []
    for each, to in addresses.items():
        attached.operations.note("drill", f"{each} to {to}, by the {path}", reason)
        letter = compose(attached.queue.source.name, attached.settings.drill.sender, to, time.time())
        narrate(f"{each}: {letter.mark} to {to}")
        done = run(course, letter, each, path, lambda text: narrate(f"  {one_line(text, 300)}"), time.time)
        drills.add(done)
        show([done], as_json=as_json)
        failed += [each] if done.result == "failed" else []
    if failed:
        raise DrillFailed(failed)


def show(drills: list[Drill], *, as_json: bool) -> None:
    """Drills for scripts, or for eyes."""
    if as_json:
        for each in drills:
            print_json(each)
        return
    now = time.time()
    rows = [
        [
            clock(each.at, now),
            one_line(each.domain, 40),
            "straight" if each.path == "primary" else "by the queue",
            each.result.upper() if each.result == "failed" else each.result,
            f"{each.seconds:.1f} s",
            one_line(each.detail, 200),
        ]
        for each in drills
    ]
    if rows:
        click.echo(table(["when", "domain", "path", "result", "took", "evidence"], rows, "<<<<><"))
    else:
        narrate("no drill is on record")


def _addresses(attached: Attached, domain: str | None, address: str | None) -> dict[str, str]:
    """By domain. Raises UsageError."""
    known = attached.settings.drill.addresses
    if address is not None:
        try:
            to = readers.address(address)
        except ValueError as error:
            raise UsageError(f"{one_line(address, 80)} is no address: expected {error}") from None
        there = recipient_domain(to)
        if domain is not None and named_domain(domain) != there:
            raise UsageError(f"{to} is no address at {named_domain(domain)}", f"It would drill {there}.")
        return {there: to}
    if domain is None:
        if not known:
            raise UsageError("drill which domain?", "mxtui drill example.org --to drill@example.org")
        return dict(known)
    name = named_domain(domain)
    if name not in known:
        raise UsageError(f"no address for drills of {name}", "Say --to ADDRESS, or put one into [drill.addresses].")
    return {name: known[name]}


def _course(attached: Attached, via: NextHop | None, timeout: float) -> Course:
    queue = attached.queue
    if isinstance(queue, SpoolQueue):
        from mxtui.drilling.spool import SpoolCourse

        lifetime = attached.settings.serve.expire
        return SpoolCourse(queue, attached.operations, via or _listening(queue), timeout, lifetime)
    assert isinstance(queue, PostfixQueue)
    from mxtui.drilling.postfix import PostfixCourse

    here = via or NextHop("127.0.0.1", SMTP, lookup_mx=False)
    return PostfixCourse(queue, attached.holding, here, timeout, attached.settings.primaries)


def _listening(queue: SpoolQueue) -> NextHop | None:
    """Where `serve` takes mail; None where none runs."""
    service = queue.control.service()
    for name in service.listening if service is not None else ():
        host, _, port = name.rpartition(":")
        host = host.strip("[]")
        return NextHop({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), int(port), lookup_mx=False)  # noqa: S104
    return None


def _server(text: str | None) -> NextHop | None:
    if text is None:
        return None
    try:
        return readers.server(text)
    except ValueError as error:
        raise UsageError(f"{one_line(text, 80)}: expected {error}") from None


def _seconds(text: str | None, default: float) -> float:
    if text is None:
        return default
    try:
        return float(parse_duration(text))
    except ValueError:
        raise UsageError(f"how long? {one_line(text, 40)}", DURATION_EXAMPLES) from None
