"""`mxtui flush`: try delivery now, and follow each message to its verdict."""

import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from mxtui.cli.acting import PartlyDone, changing_options, confirmed, select, show_plan, stopping
from mxtui.cli.attach import Attached, attach
from mxtui.cli.common import FilteringCommand
from mxtui.cli.output import narrate, print_json
from mxtui.errors import Guarded
from mxtui.message.sanitize import one_line
from mxtui.model.guard import unwell
from mxtui.model.plan import FlushProgress
from mxtui.model.planning import refusal
from mxtui.model.source import Verb
from mxtui.model.words import counted, duration

CLEAR = "\r\x1b[K"
"""Back to the start of the line, and wipe it."""


@click.command("flush", cls=FilteringCommand)
@changing_options
@click.option("--force", is_flag=True, help="Also when a primary is down.")
@click.option("--limit", type=click.IntRange(1), help="At most so many, oldest first.")
def flush_command(filter: tuple[str, ...], queue: str | None, config: str | None, **options: Any) -> None:  # noqa: A002
    """Deliver now what matches; refuses while a primary is down. Exit 1: something was not delivered."""
    with attach(queue, config) as attached:
        flush(attached, filter, **options)


def flush(
    attached: Attached,
    words: Sequence[str],
    *,
    everything: bool,
    dry_run: bool,
    yes: bool,
    reason: str,
    as_json: bool,
    force: bool,
    limit: int | None,
    no_color: bool,
) -> None:
    """Plan, check the primaries, ask, follow."""
    attached.require(Verb.FLUSH)
    targets, selection = select(attached, words, everything=everything, verb=Verb.FLUSH)
    tried = [target for target in targets if not refusal(Verb.FLUSH, target.state)] if limit else targets
    plan = attached.operations.plan(Verb.FLUSH, tried[:limit], selection, forced=force)
    show_plan(plan, as_json=as_json)
    if dry_run or not plan.targets:
        return
    if not force:
        concerned = {domain for target in plan.targets for domain in target.domains}
        if sick := unwell(attached.probe_once(concerned)):
            raise Guarded(sick, "Wait until it is up (mxtui probe), leave it out of the filter, or say --force.")
    if not confirmed(plan, yes=yes):
        return
    with stopping() as stop:
        last = follow(attached.operations.flush(plan, reason=reason, stop=stop), as_json=as_json)
    if last is None or last.delivered < last.queued:
        raise PartlyDone


def follow(stream: Any, *, as_json: bool) -> FlushProgress | None:
    """Tell how a flush goes, as it goes; how it ended."""
    last: FlushProgress | None = None
    seen = 0.0
    live = sys.stderr.isatty() and not as_json
    for last in stream:
        for verdict in last.recent if not as_json else ():
            if verdict.at > seen and verdict.fate != "delivered":
                about = f"{verdict.queue_id}  {one_line(verdict.recipient, 80)}"
                narrate(f"{CLEAR if live else ''}  {about}  {verdict.fate}: {one_line(verdict.reply, 300)}")
        seen = max((verdict.at for verdict in last.recent), default=seen)
        if as_json:
            print_json(progress_object(last))
        elif live:
            click.echo(f"{CLEAR}{progress_line(last)}", nl=False, err=True)
    if live:
        click.echo(err=True)
    if last is not None and not as_json:
        click.echo(progress_line(last))
    return last


def progress_object(progress: FlushProgress) -> dict[str, object]:
    """One step of `flush --json`."""
    return {
        "queued": progress.queued,
        "delivered": progress.delivered,
        "deferred": progress.deferred,
        "bounced": progress.bounced,
        "left": progress.left,
        "per_second": round(progress.per_second, 2),
        "eta_seconds": progress.eta_seconds,
        "phase": progress.phase,
        "unknown": progress.unknown,
        "at": round(time.time(), 3),
    }


def progress_line(progress: FlushProgress) -> str:
    """The same for eyes."""
    eta = f", about {duration(progress.eta_seconds)} left" if progress.eta_seconds else ""
    unknown = f", {progress.unknown:,} left the queue without evidence" if progress.unknown else ""
    return (
        f"{counted(progress.queued, 'message')}: {progress.delivered:,} delivered, "
        f"{progress.deferred:,} deferred again, {progress.bounced:,} bounced{unknown}, {progress.left:,} left"
        + (f"   {progress.per_second:.1f}/s{eta}" if progress.phase != "done" else "")
    )
