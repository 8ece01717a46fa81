"""`mxtui demo`: a real outage on loopback, and the console on it."""

import tempfile
from pathlib import Path

import click

from mxtui.cli.output import narrate
from mxtui.demo.postfix import postfix_available
from mxtui.demo.scenario import Scenario
from mxtui.errors import NoQueue


@click.command("demo")
@click.option(
    "--recovery", type=float, default=180.0, show_default=True, help="Seconds until the dead primary is back."
)
def demo_command(recovery: float) -> None:
    """A private Postfix on loopback whose primaries are down, busy or full, with mail coming in, and the console on it.

    Needs Postfix installed and root (its master does); touches no other instance, and nothing can leave this host.
    """
    from mxtui.cli.console import open_console

    if reason := postfix_available():
        raise NoQueue(
            f"the demonstration needs a Postfix of its own: {reason}", "apt-get install postfix, then run it as root."
        )
    with (
        tempfile.TemporaryDirectory(prefix="mxtui-demo-") as folder,
        Scenario(Path(folder), recovery=recovery, tell=narrate) as scenario,
    ):
        open_console(str(scenario.postfix.config_directory), None)
