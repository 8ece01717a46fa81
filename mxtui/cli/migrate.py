"""`mxtui migrate`: hold a domain while its primary moves, and let its mail go to the new one."""

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import click

from mxtui.cli.acting import PartlyDone, show_plan, stopping
from mxtui.cli.asking import agreed
from mxtui.cli.attach import Attached, attach
from mxtui.cli.common import common_options
from mxtui.cli.domain_holds import conclude, doubt, lasting, named_domain, show_catching, show_holds
from mxtui.cli.draining import drain_settings, drained, draining
from mxtui.cli.flush import follow
from mxtui.cli.output import narrate, print_json
from mxtui.cli.ways import finish_interrupted, named_host
from mxtui.errors import Guarded
from mxtui.message.sanitize import one_line
from mxtui.model.guard import not_yet
from mxtui.model.health import UNKNOWN
from mxtui.model.holds import DomainHold, left
from mxtui.model.plan import FlushProgress
from mxtui.model.words import clock, counted


@click.group("migrate")
def migrate_command() -> None:
    """Hold a domain while its primary moves: what is queued, and what comes meanwhile."""


@migrate_command.command("start")
@click.argument("domain")
@common_options
@click.option("--for", "for_", metavar="TIME", help="How long it is going to take: 2h, 1d.")
@click.option("--until", metavar="TIME", help="Or until when: 18:30, 2026-11-28T07:00.")
@click.option(
    "--to", metavar="HOST[:PORT]", default="", help="The new primary; the end is refused while mail goes elsewhere."
)
@click.option("--reason", metavar="TEXT", default="", help="Why; required.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--json", "as_json", is_flag=True, help="The plan, a line per message, a summary.")
def start_command(domain: str, queue: str | None, config: str | None, **options: Any) -> None:
    """Hold what is queued for DOMAIN and catch what comes, until `mxtui migrate end`. Said again: hold it longer."""
    with attach(queue, config, here="migrate") as attached:
        start(attached, named_domain(domain), **options)


def start(
    attached: Attached,
    domain: str,
    *,
    for_: str | None,
    until: str | None,
    to: str,
    reason: str,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    no_color: bool,
) -> None:
    """Plan, ask, hold."""
    holding = attached.holding
    hold = holding.wanted(domain, "migrate", reason, lasting(for_, until, None), str(named_host(to)) if to else "")
    ending = attached.drains.standing()
    if ending is not None and ending.running and ending.selection == hold.selection:
        raise Guarded(
            f"a drain ends the {hold.mark} just now", "mxtui drain stop first: what it has not tried is held."
        )
    finish_interrupted(attached, dry_run=dry_run)
    plan = holding.plan(hold)
    show_plan(plan, as_json=as_json)
    doubt(attached, hold.domain)
    to_host = f" to {hold.to}" if hold.to else ""
    narrate(f"migrate {domain}{to_host} until {clock(hold.until, hold.since)}: {hold.reason}")
    if not dry_run and agreed(f"Hold {domain} for {left(hold, hold.since)}?", yes=yes):
        with stopping() as stop:
            _, complete = conclude(holding.begin(hold, stop), f"{domain} is held", as_json=as_json)
        show_catching(holding.catching(hold))
        if not complete:
            raise PartlyDone
    else:
        show_catching(holding.catching(hold))


@migrate_command.command("status")
@click.argument("domain", required=False)
@common_options
@click.option("--json", "as_json", is_flag=True, help="An object for each.")
def status_command(domain: str | None, queue: str | None, config: str | None, as_json: bool, no_color: bool) -> None:
    """The domains that migrate, with time left and what waits."""
    with attach(queue, config, here="migrate") as attached:
        holding = attached.holding
        holds = {name: hold for name, hold in attached.holds().items() if hold.kind == "migrate"}
        if domain is not None:
            holds = {name: hold for name, hold in holds.items() if name == named_domain(domain)}
        catching = attached.site.catch().standing() if holds else None
        more: dict[str, dict[str, Any]] = {}
        for name, hold in holds.items():
            waiting = holding.volume(hold)
            more[name] = {"messages": len(waiting), "bytes": sum(target.size for target in waiting)}
            if as_json and catching is not None:
                more[name]["catching"] = catching.works
        show_holds(holds, "migrating", as_json=as_json, more=more)
        if catching is not None and not as_json:
            show_catching(catching)


@migrate_command.command("end")
@click.argument("domain")
@common_options
@click.option("--force", is_flag=True, help="Also when the primary is down, or mail does not go to the new one.")
@click.option("--reason", metavar="TEXT", default="", help="Why, for the audit.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option("--json", "as_json", is_flag=True, help="The plan, a flush's progress, a summary.")
def end_command(domain: str, queue: str | None, config: str | None, **options: Any) -> None:
    """Catch nothing more, and drain what the migration held to the new primary: a canary first, oldest first.

    What is not delivered to it stays in hold, where the guard stops the drain; said again, it goes on.
    """
    with attach(queue, config, here="migrate") as attached:
        end(attached, named_domain(domain), **options)


def end(
    attached: Attached,
    domain: str,
    *,
    force: bool,
    reason: str,
    yes: bool,
    dry_run: bool,
    as_json: bool,
    no_color: bool,
) -> None:
    """Plan, look at the primary, ask, let go, flush."""
    holding = attached.holding
    hold = holding.known(domain, "migrate")
    finish_interrupted(attached, dry_run=dry_run)
    plan = holding.plan_end(hold, forced=force)
    show_plan(plan, as_json=as_json)
    if dry_run:
        return
    if not force and (why := _not_yet(attached, hold)):
        reading = " (serve reads its settings again on SIGHUP)" if attached.queue.source.kind == "spool" else ""
        raise Guarded(why, f"Mend that first{reading}, or say --force.")
    attached.drains.require_free()
    if not agreed(f"End the {hold.mark}?", yes=yes):
        return
    with stopping() as stop:
        hold = holding.catch_no_more(hold)
        delivered = all([*let_go(attached, hold, reason, stop, force=force, as_json=as_json)])
        holding.forget(domain)
    left = 0 if holding.holds.get(domain) is None else len(holding.plan_end(hold).targets)
    said = f"{hold.mark} {'has not ended' if left else 'ended'}"
    if as_json:
        print_json({"summary": said, "held": left})
    else:
        click.echo(f"{said}: {counted(left, 'message')} still in hold; the same again goes on" if left else said)
    if left or not delivered:
        raise PartlyDone


def let_go(
    attached: Attached, hold: DomainHold, reason: str, stop: threading.Event, *, force: bool, as_json: bool
) -> Iterator[bool]:
    """Drain what waits for the end of a migration; of each drain, whether it delivered all."""
    # Twice: a client that was between RCPT and the end of its message has its mail held all the same.
    for _ in range(2):
        plan = attached.holding.plan_end(hold, forced=force)
        if not plan.targets or stop.is_set():
            return
        drain = draining(attached, plan, drain_settings(attached, force=force))
        with closing(drained(attached, plan, drain, reason, stop, "after its migration")) as stream:
            last = follow(stream, stop, as_json=as_json)
        yield last is not None and last.delivered == last.queued
        if last is None or last.phase != "done":
            if last is not None and last.why:
                narrate(f"stopped: {one_line(last.why, 600)}")
            return


def finish(attached: Attached, domain: str, last: FlushProgress | None, reason: str, *, force: bool) -> None:
    """The rest of an end whose drain is over: what was caught as the catching ended goes, too."""
    holding = attached.holding
    hold = holding.holds.get(domain)
    if hold is not None and hold.ending and last is not None and last.phase == "done":
        with stopping() as stop:
            for _ in let_go(attached, hold, reason, stop, force=force, as_json=False):
                break
    holding.forget(domain)


def _not_yet(attached: Attached, hold: DomainHold) -> str:
    primary = attached.router().route([hold.domain])[hold.domain].primary
    return not_yet(hold, {hold.domain: (primary, UNKNOWN), **attached.probe_once([hold.domain])})
