"""How long it takes to hold many messages."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from mxtui.demo.postfix import SBIN
from tests.benchmarks.queue_factory import Queue
from tests.benchmarks.site import Site, running
from tests.benchmarks.table import Figure


def acting(messages: int, times: int) -> Iterator[Figure]:
    """On a running Postfix with just these messages."""
    whole, act = [], []
    with running(Queue(messages, held=0)) as here:
        hold = here.mxtui("hold", "--all", "--yes", "--json", "--reason", "benchmark")
        for _ in range(times):
            ran = here.run(hold)
            summary = json.loads(ran.output.splitlines()[-1])
            if summary["done"] != messages or len(here.names()["hold"]) != messages:
                raise RuntimeError(f"not all of {messages} messages were held: {summary}")
            whole.append(ran.seconds)
            act.append(summary["seconds"])
            _release(here)
        programs = _programs(here, hold)
    name = f"holding {messages:,} messages"
    yield Figure(f"{name}: the act", median(act), "s", 1.0)
    yield Figure(f"{name}: the whole `mxtui hold`, from its start to its end", median(whole), "s", 1.0)
    note = "" if programs is not None else "needs strace"
    count = None if programs is None else programs.count("postsuper")
    yield Figure(f"{name}: `postsuper` processes", count, "", 1, note)


def _release(here: Site) -> None:
    """Put everything back as it was; by hand, since `mxtui release` would have it tried."""
    config = str(here.postfix.config_directory)
    subprocess.run(
        ["postsuper", "-c", config, "-H", "ALL"],
        env={"PATH": SBIN},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )


def _programs(here: Site, argv: list[str]) -> list[str] | None:
    """Which programs a command starts, by name; None where strace(1) is missing. Not timed: tracing costs."""
    if shutil.which("strace") is None:
        return None
    trace = here.settings.parent / "trace"
    here.run(["strace", "-f", "-qq", "-e", "trace=execve", "-e", "status=successful", "-o", str(trace), *argv])
    started = [line.split('execve("', 1)[1].split('"', 1)[0] for line in trace.read_text().splitlines()
               if 'execve("' in line]  # fmt: skip
    return [Path(program).name for program in started]
