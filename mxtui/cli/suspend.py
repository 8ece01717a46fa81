"""`mxtui suspend`, `mxtui resume`: leave a domain's mail alone for a while, or all of a spool's."""

from typing import Any

import click

from mxtui.cli import keeper
from mxtui.cli.acting import PartlyDone, show_plan, stopping
from mxtui.cli.asking import agreed
from mxtui.cli.attach import Attached, attach
from mxtui.cli.common import common_options
from mxtui.cli.domain_holds import conclude, doubt, lasting, named_domain, show_catching, show_holds
from mxtui.cli.output import narrate
from mxtui.cli.ways import finish_interrupted
from mxtui.errors import UsageError
from mxtui.holding import Holding
from mxtui.model.holds import SUSPENDED_FOR, DomainHold, left
from mxtui.model.source import Verb
from mxtui.model.words import clock

ALL = "all deliveries"


@click.command("suspend")
@click.argument("domain", required=False)
@common_options
@click.option("--for", "for_", metavar="TIME", help="How long: 30m, 2h.  [default: 1h]")
@click.option("--until", metavar="TIME", help="Or until when: 18:30, 2026-11-28T07:00.")
@click.option("--reason", metavar="TEXT", default="", help="Why; required.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--list", "listing", is_flag=True, help="What is suspended.")
@click.option("--json", "as_json", is_flag=True, help="The plan, a line per message, a summary.")
def suspend_command(domain: str | None, queue: str | None, config: str | None, **options: Any) -> None:
    """Leave DOMAIN's mail alone for a while; it ends by itself. Without a domain: all of a spool's, until resumed.

    On a spool nothing is touched: serve begins no delivery. On Postfix what is queued is held, and released at the end.
    """
    with attach(queue, config, here="suspend") as attached:
        suspend(attached, domain, **options)


def suspend(
    attached: Attached,
    domain: str | None,
    *,
    for_: str | None,
    until: str | None,
    reason: str,
    yes: bool,
    dry_run: bool,
    listing: bool,
    as_json: bool,
    no_color: bool,
) -> None:
    """List, or plan, ask, hold."""
    holding = attached.holding
    if listing:
        show_holds(
            {name: hold for name, hold in holding.holds.all().items() if hold.kind == "suspend"},
            "suspended",
            as_json=as_json,
            more={},
        )
        return
    if domain is None:
        _suspend_all(attached, reason, for_ or until, yes=yes or dry_run, dry_run=dry_run)
        return
    seconds = lasting(for_, until, SUSPENDED_FOR)
    hold = holding.wanted(named_domain(domain), "suspend", reason, seconds)
    finish_interrupted(attached, dry_run=dry_run)
    plan = holding.plan(hold)
    if holding.moves(hold) or as_json:
        show_plan(plan, as_json=as_json)
        if not plan.targets and not as_json:
            narrate(f"nothing is queued for {hold.domain} just now")
    show_catching(holding.catching(hold))
    doubt(attached, hold.domain)
    narrate(f"suspend {hold.domain} until {clock(hold.until, hold.since)}: {hold.reason}")
    if dry_run or not agreed(f"Suspend {hold.domain} for {left(hold, hold.since)}?", yes=yes):
        return
    with stopping() as stop:
        _, complete = conclude(holding.begin(hold, stop), f"{hold.domain} suspended", as_json=as_json)
    if not complete:
        raise PartlyDone


@click.command("resume")
@click.argument("domain", required=False)
@common_options
@click.option("--reason", metavar="TEXT", default="", help="Why, for the audit.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--due", is_flag=True, help="End every suspension whose time is up: for cron, after a restart.")
@click.option("--when-due", is_flag=True, hidden=True, help="Wait until its time is up, and end it.")
@click.option("--json", "as_json", is_flag=True, help="The plan, a line per message, a summary.")
def resume_command(domain: str | None, queue: str | None, config: str | None, **options: Any) -> None:
    """End the suspension of DOMAIN now; without a domain: of all of a spool's deliveries."""
    with attach(queue, config, here="resume") as attached:
        resume(attached, domain, **options)


def resume(
    attached: Attached,
    domain: str | None,
    *,
    reason: str,
    yes: bool,
    dry_run: bool,
    due: bool,
    when_due: bool,
    as_json: bool,
    no_color: bool,
) -> None:
    """Plan, ask, let go."""
    holding = attached.holding
    if due:
        for hold in holding.overdue():
            _end(holding, hold, "its time is up", as_json=as_json)
        return
    if domain is None:
        _resume_all(attached, reason, yes=yes or dry_run, dry_run=dry_run)
        return
    hold = holding.known(named_domain(domain), "suspend")
    if when_due:
        if (over := keeper.waited(holding, hold)) is not None:
            _end(holding, over, "its time is up", as_json=as_json)
        return
    finish_interrupted(attached, dry_run=dry_run)
    plan = holding.plan_end(hold)
    if holding.moves(hold) or as_json:
        show_plan(plan, as_json=as_json)
    if dry_run or not agreed(f"Resume {hold.domain}?", yes=yes):
        return
    _end(holding, hold, reason, as_json=as_json)


def _end(holding: Holding, hold: DomainHold, reason: str, *, as_json: bool) -> None:
    with stopping() as stop:
        _, complete = conclude(holding.end(hold, reason, stop), f"{hold.domain} resumed", as_json=as_json)
    if not complete:
        raise PartlyDone


def _suspend_all(attached: Attached, reason: str, lasting: str | None, *, yes: bool, dry_run: bool) -> None:
    control = attached.site.control()
    if control is None:
        raise UsageError("suspend which domain?", "mxtui suspend example.org --reason TEXT")
    if not reason.strip():
        raise UsageError("why suspend all deliveries?", "Say --reason: whoever meets it wants to know.")
    if lasting:
        raise UsageError(
            "a suspension of all deliveries lasts until mxtui resume", "Name a domain, or leave --for out."
        )
    narrate("suspend all deliveries of this spool, until mxtui resume or the next start of serve")
    if not dry_run and agreed("Suspend all deliveries?", yes=yes):
        _on_record(attached, Verb.HOLD, f"suspend {ALL}", reason)
        control.suspend()
        click.echo("all deliveries suspended")


def _resume_all(attached: Attached, reason: str, *, yes: bool, dry_run: bool) -> None:
    control = attached.site.control()
    if control is None:
        raise UsageError("resume which domain?", "mxtui suspend --list shows what is suspended.")
    if not dry_run and agreed("Resume all deliveries?", yes=yes):
        _on_record(attached, Verb.RELEASE, f"resume {ALL}", reason)
        control.resume()
        click.echo("all deliveries resumed")


def _on_record(attached: Attached, verb: Verb, selection: str, reason: str) -> None:
    operations = attached.operations
    for _ in operations.execute(operations.plan(verb, (), selection), reason):
        pass
