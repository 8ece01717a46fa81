"""`mxtui flush`: try delivery now, and follow each message to its verdict."""

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from mxtui.cli.acting import PartlyDone, changing_options, confirmed, select, show_plan, stopping
from mxtui.cli.attach import Attached, attach
from mxtui.cli.common import FilteringCommand
from mxtui.cli.output import narrate, print_json
from mxtui.errors import Guarded, Unreachable
from mxtui.message.sanitize import one_line
from mxtui.model.drain.rate import EXAMPLES, Rate, parse_rate
from mxtui.model.guard import Troubles, apart, down, kept_back
from mxtui.model.plan import FlushProgress, Plan, Result, Target
from mxtui.model.source import Verb
from mxtui.model.words import counted, duration

if TYPE_CHECKING:
    from mxtui.drains import Drains
    from mxtui.model.drain.standing import Standing
    from mxtui.model.route import Router


class _Rate(click.ParamType[Rate]):
    """See `parse_rate`."""

    name = "N/s"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Rate:
        try:
            return parse_rate(str(value))
        except ValueError:
            self.fail(f"messages a second, bytes a second, or both: {EXAMPLES}", param, ctx)


CLEAR = "\r\x1b[K"
"""Back to the start of the line, and wipe it."""


@click.command("flush", cls=FilteringCommand)
@changing_options
@click.option("--force", is_flag=True, help="Also when a primary is not healthy.")
@click.option("--limit", type=click.IntRange(1), help="At most so many, oldest first.")
@click.option("--rate", metavar="N/s", type=_Rate(), help=f"At most so many messages or bytes a second: {EXAMPLES}.")
@click.option("--direct", is_flag=True, help="By our own SMTP sender; Postfix need not run.")
@click.option("--to", metavar="HOST[:PORT]", help="To this host, by our own sender, wherever else the mail would go.")
@click.option("--detach", is_flag=True, help="Leave it running: mxtui drain follows and stops it.")
@click.option("--planned", is_flag=True, hidden=True)
@click.option("--ends", metavar="DOMAIN", hidden=True)
def flush_command(filter: tuple[str, ...], queue: str | None, config: str | None, **options: Any) -> None:  # noqa: A002
    """Drain what matches to its primary: a canary first, then ever faster, followed to a verdict for each message.

    Refuses while a primary is not healthy, and stops when it refuses mail. Exit 1: something was not delivered.
    """
    with attach(queue, config) as attached:
        flush(attached, filter, queue=queue, config=config, **options)


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
    rate: Rate | None,
    direct: bool,
    to: str | None,
    detach: bool,
    planned: bool,
    ends: str | None,
    no_color: bool,
    queue: str | None = None,
    config: str | None = None,
) -> None:
    """Plan, check the primaries, ask, drain.

    `queue` and `config` are as given, for a process of its own. In that process the plan was made already (`planned`),
    and a migration may end with the drain (`ends`).
    """
    if attached.elsewhere:
        from mxtui.cli import flush_elsewhere

        flush_elsewhere.flush(
            attached, words, everything=everything, dry_run=dry_run, yes=yes, reason=reason, as_json=as_json,
            force=force, limit=limit, rate=rate, direct=direct or to is not None, detach=detach,
        )  # fmt: skip
        return
    from mxtui.cli import draining, migrate, ways

    host = ways.named_host(to) if to else None
    direct = direct or host is not None
    if not direct:
        attached.require(Verb.FLUSH)
    drains = attached.drains
    if not dry_run:
        drains.require_free()
    router = ways.router_to(attached, host)
    # Whoever delivers: what our own sender was killed at is in hold, where a guard's and a plan's may be, too.
    interrupted = ways.finish_interrupted(attached, dry_run=dry_run)
    if planned:
        plan = interrupted.heeded(draining.planned())
    else:
        targets, selection = select(attached, words, everything=everything, verb=Verb.FLUSH)
        going, left_out, refusal = who_goes(targets, {} if force else troubles(attached, targets, router))
        if refusal is not None and not dry_run:
            raise refusal
        operations = attached.operations
        steps = () if direct else None
        plan = operations.plan(Verb.FLUSH, going, selection, forced=force, steps=steps)
        if limit:
            left_out = [*plan.excluded, *left_out]
            plan = operations.plan(Verb.FLUSH, plan.targets[:limit], selection, forced=force, steps=steps)
        if direct:
            plan = replace(plan, steps=ways.steps(host, len(plan.targets), postfix=_is_postfix(attached)))
        plan = interrupted.heeded(replace(plan, excluded=(*plan.excluded, *left_out)))
        show_drain(plan, rate, as_json=as_json)
        if refusal is not None:
            raise refusal
        if dry_run or not confirmed(plan, yes=yes):
            return
    if detach:
        asked = (("--rate", rate and str(rate)), ("--to", to), ("--reason", reason))
        options = [word for option, value in asked if value for word in (option, value)]
        arguments = [*draining.naming(queue, config), *(["--direct"] if direct else []), *options]
        draining.detached(arguments, plan, drains, narrate)
        narrate("It is running: mxtui drain status follows it, mxtui drain stop stops it; screen 4 of the console.")
        return
    by_ours = direct and _is_postfix(attached)
    settings = draining.drain_settings(attached, force=plan.forced, rate=rate, direct=by_ours)
    way = ways.own_way(attached, router, host, drains) if direct else attached.queue
    drain = draining.draining(attached, plan, settings, way, router)
    words_of_way = _way_in_words(attached, direct=direct, to=to)
    with stopping() as stop, closing(draining.drained(attached, plan, drain, reason, stop, words_of_way)) as stream:
        last = follow(stream, None if planned else stop, as_json=as_json)
    if ends:  # a migration, whose mail this was
        migrate.finish(attached, ends, last, reason, force=plan.forced)
    sum_up(plan, last, drains, os.getpid())


def show_drain(plan: Plan, rate: Rate | None, *, as_json: bool) -> None:
    """What would go, and how."""
    show_plan(plan, as_json=as_json)
    if plan.targets and not as_json:
        at_most = rate.at_most if rate is not None else ""
        narrate(
            f"  One message goes first, then ever more{at_most}; when mail is refused it stops, and holds the rest."
        )


def sum_up(plan: Plan, last: FlushProgress | None, drains: "Drains", process: int) -> None:
    """Say why a drain by this process stopped, and what it held. Raises PartlyDone."""
    if last is not None and last.phase == "stopped" and last.why:
        narrate(f"stopped: {one_line(last.why, 600)}")
        with suppress(Unreachable):  # it is on another host
            ended = drains.standing()
            if ended is not None and ended.process == process and ended.held:
                narrate(held_line(ended))
    if last is None or last.delivered < last.queued or plan.excluded:
        raise PartlyDone


def held_line(standing: "Standing") -> str:
    """Of a drain that its guard stopped."""
    return f"{counted(standing.held, 'message')} held, not tried; the next mxtui flush takes them, too"


def who_goes(targets: list[Target], found: Troubles) -> tuple[list[Target], list[Result], Guarded | None]:
    """What goes, what had better not, and why nothing may: then all of it is what would go, for a dry run to tell."""
    going, left_out = apart(targets, found)
    if going or not left_out:
        return going, left_out, None
    hint = "Wait until that is over (mxtui status), or say --force."
    return targets, [], Guarded(left_out[0].detail, hint)


def troubles(attached: Attached, targets: Sequence[Target], router: "Router | None" = None) -> Troubles:
    """Domains whose mail had better not go now: a primary that is down, or a hold."""
    concerned = {domain for target in targets for domain in target.domains}
    found = down(attached.probe_once(concerned, router=router))
    return {**found, **kept_back(concerned, attached.holds().values(), attached.now())}


def _is_postfix(attached: Attached) -> bool:
    return attached.queue.source.kind == "postfix"


def _way_in_words(attached: Attached, *, direct: bool, to: str | None) -> str:
    if to:
        return f"directly to {to}"
    if _is_postfix(attached):
        return "directly, by our own sender" if direct else "through Postfix"
    return "by our own forwarder"


def follow(stream: Iterator[FlushProgress], stop: threading.Event | None, *, as_json: bool) -> FlushProgress | None:
    """Print how a drain goes while it does; its last progress, None where there was none.

    Where nobody can read it any more, `stop` is set; without one it goes on unseen: a log on a full disk ends nothing.
    """
    last: FlushProgress | None = None
    live = sys.stderr.isatty() and not as_json
    watched = True
    for last in stream:
        if not watched:
            continue
        try:
            _show(last, as_json=as_json, live=live)
        except OSError:  # the terminal or the reader is gone: no more is taken, and what is in hand comes to its end
            watched = False
            if stop is not None:
                stop.set()
    with suppress(OSError):
        if live and watched:
            click.echo(err=True)
        if last is not None and watched and not as_json:
            click.echo(progress_line(last, going=False))
    return last


def _show(progress: FlushProgress, *, as_json: bool, live: bool) -> None:
    """One step. Raises OSError: nobody can see it."""
    if as_json:
        print_json(progress_object(progress))
        return
    for verdict in progress.recent:
        if verdict.fate != "delivered":
            about = "  ".join(filter(None, (verdict.queue_id, one_line(verdict.recipient, 80))))
            narrate(f"{CLEAR if live else ''}  {about}  {verdict.fate}: {one_line(verdict.reply, 300)}")
    if live:
        click.echo(f"{CLEAR}{live_line(progress)}", nl=False, err=True)


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
        "refused": progress.refused,
        "possible_duplicates": progress.possible_duplicates,
        "window": progress.window,
        "why": one_line(progress.why, 600),
        "at": round(time.time(), 3),
    }


def live_line(progress: FlushProgress, before: int = 0) -> str:
    """The same for eyes, on one line of the terminal with `before` columns taken: what wraps cannot be drawn over."""
    columns = shutil.get_terminal_size().columns - 1 - before
    line = progress_line(progress)
    if len(line) > columns:
        lost = progress.refused + progress.bounced + progress.unknown
        line = (
            f"{progress.delivered:,} of {progress.queued:,} delivered, {progress.deferred:,} deferred, "
            f"{lost:,} refused, {progress.left:,} left  {progress.per_second:.1f}/s{_eta(progress)}"
        )
    return line if len(line) <= columns else f"{line[: max(0, columns - 1)]}…"


def _eta(progress: FlushProgress, growing: str = "") -> str:
    if progress.growing:
        return f", growing{growing}"
    return f", about {duration(progress.eta_seconds)} left" if progress.eta_seconds else ""


def progress_line(progress: FlushProgress, *, going: bool = True) -> str:
    """As long as it takes. One that is not `going` any more, killed or stopped, has no pace and no end before it."""
    eta = _eta(progress, ": more arrives than is delivered")
    refused = f", {progress.refused:,} refused and kept" if progress.refused else ""
    doubtful = (
        f", {progress.possible_duplicates:,} perhaps delivered all the same" if progress.possible_duplicates else ""
    )
    unknown = f", {progress.unknown:,} left the queue without evidence" if progress.unknown else ""
    return (
        f"{counted(progress.queued, 'message')}: {progress.delivered:,} delivered, "
        f"{progress.deferred:,} deferred again, {progress.bounced:,} bounced{refused}{unknown}{doubtful}, "
        f"{progress.left:,} left"
        + (f"   {progress.per_second:.1f}/s{eta}" if going and progress.phase != "done" else "")
    )
