"""`mxtui metrics`: for Prometheus, on stdout or in a file for node exporter's textfile collector."""

import gc
import sys
from pathlib import Path

import click

from mxtui.cli.attach import attach
from mxtui.cli.common import common_options
from mxtui.cli.looking_in import Look
from mxtui.cli.output import narrate
from mxtui.doctor.record import last_result


@click.command("metrics")
@common_options
@click.option(
    "--textfile", type=click.Path(dir_okay=False, path_type=Path), metavar="PATH", help="Into this file, whole at once."
)
@click.option("--no-probe", is_flag=True, help="Leave the primaries alone.")
def metrics_command(
    queue: str | None, config: str | None, no_color: bool, textfile: Path | None, no_probe: bool
) -> None:
    """What is queued, how the primaries fare, and the alerts, in Prometheus's text format."""
    gc.disable()
    with attach(queue, config, here="metrics") as attached:
        look = Look(attached, probe=not no_probe)
        from mxtui.metrics import Told, text, write  # the client library: 50 ms

        told = Told(
            look.overview, attached.facts(), last_result(attached.queue.source.path, attached.states), look.up_since
        )
    if look.fault:
        narrate(look.fault)
    if textfile is not None:
        write(told, textfile)
        return
    sys.stdout.buffer.write(text(told))
