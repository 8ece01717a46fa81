"""`mxtui metrics`: for Prometheus, on stdout or in a file for node exporter's textfile collector."""

import gc
import json
import sys
from pathlib import Path

import click

from mxtui.cli.attach import attach
from mxtui.cli.common import common_options
from mxtui.cli.looking_in import Look
from mxtui.cli.output import narrate
from mxtui.folders import read_bounded
from mxtui.model.doctor import DoctorReport

LIMIT = 1 << 20


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
    with attach(queue, config) as attached:
        look = Look(attached, probe=not no_probe)
        from mxtui.metrics import Told, text, write  # the client library: 50 ms

        told = Told(look.overview, attached.facts(), doctor_report(attached.state / "doctor.json"))
    if look.fault:
        narrate(look.fault)
    if textfile is not None:
        write(told, textfile)
        return
    sys.stdout.buffer.write(text(told))


def doctor_report(path: Path) -> DoctorReport | None:
    """What the last `mxtui doctor` left; None where there was none, or it cannot be understood."""
    try:
        said = json.loads(read_bounded(path, LIMIT))
        return DoctorReport(float(said["taken_at"]), int(said["pass"]), int(said["warn"]), int(said["fail"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
