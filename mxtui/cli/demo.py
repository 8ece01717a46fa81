"""`mxtui demo`: a real outage on loopback, and the console on it."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mxtui.cli.output import narrate
from mxtui.errors import MxtuiError, NoQueue

if TYPE_CHECKING:
    from mxtui.demo.outage import Outage
    from mxtui.demo.story import Story
    from mxtui.tui.services import Extra


@click.command("demo")
@click.option("--script", is_flag=True, help="Play it without a terminal, and prove that nothing was lost or doubled.")
@click.option("--outage", type=click.FloatRange(1, 3600), help="Seconds that the primary is down. [default: 60]")
@click.option("--postfix", is_flag=True, help="With a private Postfix instead (root, Postfix installed).")
@click.option("--recovery", type=float, default=180.0, show_default=True, help="--postfix: seconds until it is back.")
def demo_command(script: bool, outage: float | None, postfix: bool, recovery: float) -> None:
    """A primary that goes down and comes back, a backup MX, senders and spammers, and the console on it.

    All of it is real, runs on loopback as you are, and is gone afterwards. F2 takes the primary down or brings it back.
    """
    with tempfile.TemporaryDirectory(prefix="mxtui-demo-") as folder:
        if postfix:
            _postfix(Path(folder), recovery)
        elif script:
            _script(Path(folder), outage)
        else:
            _console(Path(folder), outage)


def _console(folder: Path, seconds: float | None) -> None:
    from mxtui.cli.console import open_console
    from mxtui.demo.outage import Outage
    from mxtui.demo.story import Pace, Story, verdict

    narrate("starting primaries, a backup MX, senders and spammers on loopback")
    pace = Pace() if seconds is None else Pace(outage=seconds)
    with Outage(folder) as outage:
        narrate(f"in another terminal: mxtui status --config {outage.backup.config}")
        with Story(outage, pace) as story:
            open_console((), str(outage.backup.config), extras=_extras(outage, story))
        narrate("bringing the primary back, and draining")
        outage.change(down=False, slow=False, greylisting=False, refusing=False)
        outage.settled(FAREWELL)
        for line in verdict(outage.ledger.balance(), operated=True):
            narrate(line)


def _script(folder: Path, seconds: float | None) -> None:
    from mxtui.demo.outage import Outage
    from mxtui.demo.story import QUICK, Pace, play

    pace = QUICK if seconds is None else Pace(QUICK.calm, seconds)
    with Outage(folder) as outage:
        proven = play(outage, click.echo, pace)
    if not proven:
        raise NotProven


class NotProven(MxtuiError):
    """A message was lost or doubled."""

    def __init__(self) -> None:
        super().__init__("not every message was delivered exactly once", "This is a mistake of mxtui's: report it.")


def _extras(outage: "Outage", story: "Story") -> "Sequence[Extra]":
    """The primary's troubles, on function keys. Whoever presses one takes the story over."""
    from mxtui.demo.outage import STAR
    from mxtui.tui.services import Extra

    def switch(name: str, on: str, off: str, tooltip: str, began: str, ended: str) -> Extra:
        def toggle() -> str:
            story.take_over()
            wrong = not getattr(outage.scene, name)
            outage.change(**{name: wrong})
            return f"{STAR}: {began if wrong else ended}"

        return Extra(lambda: off if getattr(outage.scene, name) else on, tooltip, toggle)

    def burst() -> str:
        outage.internet.burst(BURST, STAR)
        return f"{BURST} messages to {STAR} are on their way"

    return (
        switch("down", "Outage", "Recover", f"Take the primary of {STAR} down, or bring it back.",
               "its primary is down", "its primary is back"),
        switch("slow", "Slow", "Fast", f"Have the primary of {STAR} dawdle over every message.",
               "its primary takes two seconds a message", "its primary is fast again"),
        switch("greylisting", "Greylist", "Ungrey", f"Have the primary of {STAR} put everybody off (450).",
               "its primary puts everybody off", "its primary takes mail at once again"),
        switch("refusing", "Half-restored", "Restored", f"Have the primary of {STAR} not know hr@ and board@ (550).",
               "its primary does not know hr@ and board@", "its primary knows everybody again"),
        Extra(lambda: "Burst", f"Send {BURST} messages to {STAR} at once.", burst),
    )  # fmt: skip


BURST = 200
FAREWELL = 15.0
"""Seconds for what still waits when the operator leaves."""

SETTINGS = """
queue = "{queue}"
audit = "{folder}/audit.jsonl"
state = "{folder}/state"
history = "{folder}/history"
holds = "{folder}/holds"

[kept]
folder = "{folder}/kept"
[drain]
folder = "{folder}/drains"
"""
"""Of a queue that is gone in an hour: nothing of it stays on the host."""


def _postfix(folder: Path, recovery: float) -> None:
    from mxtui.cli.console import open_console
    from mxtui.demo.postfix import postfix_available
    from mxtui.demo.scenario import Scenario

    if reason := postfix_available():
        raise NoQueue(
            f"the demonstration needs a Postfix of its own: {reason}", "apt-get install postfix, then run it as root."
        )
    settings = folder / "mxtui.toml"
    with Scenario(folder, recovery=recovery, tell=narrate) as scenario:
        settings.write_text(SETTINGS.format(folder=folder, queue=scenario.postfix.config_directory))
        narrate(f"in another terminal: mxtui status --config {settings}")
        open_console((), str(settings))
