"""Records an outage for both kinds of backup MX, and a session over four hosts: `python -m tests.recording`. Needs
Postfix, sshd and root; takes minutes.

For each kind three files are written to `docs/runs/`: what was seen, and the drain's report as text and as JSON; for
the hosts what was seen. Exit status 1 when a message is lost or doubled.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mxtui.demo.postfix import postfix_available
from tests.benchmarks.machine import machine
from tests.recording.hosts import record_hosts
from tests.recording.record import KINDS, record

HOSTS: Final = "hosts"
SHARE: Final = 10
"""Part of the messages that comes to each of the hosts."""

FOLDER: Final = Path(__file__).parents[2] / "docs" / "runs"


def main(given: Sequence[str] | None = None) -> int:
    """Record; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.recording", description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--kinds", nargs="+", choices=(*KINDS, HOSTS), default=(*KINDS, HOSTS), help="no others")
    parser.add_argument("--into", type=Path, default=FOLDER)
    options = parser.parse_args(given)
    if {"postfix", HOSTS} & {*options.kinds} and (reason := postfix_available()):
        print(reason, file=sys.stderr)
        return 4
    options.into.mkdir(parents=True, exist_ok=True)
    proven = True
    for kind in options.kinds:
        with tempfile.TemporaryDirectory(prefix="mxtui-run-") as name:
            folder = Path(name)
            folder.chmod(0o755)  # Postfix's daemons are not root
            where = machine(folder)
            if kind == HOSTS:
                (options.into / f"{kind}.txt").write_text(
                    f"{record_hosts(options.messages // SHARE, folder)}\nOn {where}.\n"
                )
                continue
            made = record(kind, options.messages, folder)
        (options.into / f"{kind}.txt").write_text(f"{made.transcript}\nOn {where}.\n")
        (options.into / f"{kind}-report.txt").write_text(made.report)
        (options.into / f"{kind}-report.json").write_text(made.report_json)
        print(f"{kind}: {made.balance}")
        proven = proven and made.balance.proven
    return int(not proven)


if __name__ == "__main__":
    sys.exit(main())
