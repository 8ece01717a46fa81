"""`mxtui drain`: how the drain of a queue stands, and pausing, resuming or stopping it from anywhere."""

import sys
import time

import click

from mxtui.cli.attach import attach
from mxtui.cli.common import common_options
from mxtui.cli.flush import CLEAR, held_line, live_line, progress_line, progress_object
from mxtui.cli.output import narrate, print_json
from mxtui.drains import Wish
from mxtui.errors import NoQueue
from mxtui.message.sanitize import one_line
from mxtui.model.drain.standing import Standing, named
from mxtui.model.words import clock

LOOK = 0.5
"""Seconds between two looks at a drain that somebody else runs."""


@click.command("drain")
@common_options
@click.option("--json", "as_json", is_flag=True, help="One object.")
@click.option("--follow", is_flag=True, help="status: until it ends.")
@click.argument("what", type=click.Choice(["status", "pause", "resume", "stop", "report"]), default="status")
def drain_command(
    what: str, queue: str | None, config: str | None, as_json: bool, follow: bool, no_color: bool
) -> None:
    """How the drain that runs stands, or the last one that did; whoever started it."""
    with attach(queue, config) as attached:
        drains = attached.drains
        match what:
            case "pause" | "resume" | "stop":
                wish: Wish = what
                drains.wish(wish)
                narrate(f"asked to {what}; mxtui drain status shows when it has")
            case "report":
                standing = drains.standing()
                if standing is not None and standing.running:
                    narrate("a drain is running (mxtui drain status); this is the report of the one before")
                click.echo(drains.report(as_json=as_json))
            case _:
                standing = drains.standing()
                while standing is not None and standing.running and follow:
                    if sys.stderr.isatty() and standing.progress is not None:
                        paused = "paused, " if standing.progress.paused else ""
                        click.echo(f"{CLEAR}{paused}{live_line(standing.progress, len(paused))}", nl=False, err=True)
                    time.sleep(LOOK)
                    standing = drains.standing()
                if follow and sys.stderr.isatty():
                    click.echo(CLEAR, nl=False, err=True)
                if standing is None:
                    raise NoQueue("no drain of this queue is known", drains.others or "mxtui flush starts one.")
                _tell(standing, attached.now(), as_json=as_json)


def _tell(standing: Standing, now: float, *, as_json: bool) -> None:
    progress = standing.progress
    if as_json:
        print_json(
            {
                "selection": standing.selection,
                "way": standing.way,
                "operator": standing.operator,
                "process": standing.process,
                "began": standing.began,
                "ended": standing.ended,
                "at": standing.at,
                "fault": one_line(standing.fault, 600),
                "report": standing.report or None,
                "held": standing.held,
                "progress": progress_object(progress) if progress is not None else None,
            }
        )
        return
    paused = standing.running and progress is not None and progress.paused
    stands = "paused" if paused else "running"
    ended = f"ended {clock(standing.ended, now)}" if standing.ended is not None else stands
    click.echo(
        f"{one_line(named(standing.selection), 200)}: {ended}, began {clock(standing.began, now)}, "
        f"by {one_line(standing.operator, 40)}"
    )
    if progress is not None:
        words = f"paused, {progress.in_hand:,} still in hand, " if paused else ""
        at_most = standing.settings.rate.at_most if standing.running else ""
        click.echo(f"{words}{progress.phase}: {progress_line(progress, going=standing.running)}{at_most}")
        if progress.why:
            click.echo(one_line(progress.why, 600))
    if standing.held:
        click.echo(held_line(standing))
    if standing.fault:
        click.echo(one_line(standing.fault, 600))
    if standing.report:
        click.echo(f"report: {standing.report}")
