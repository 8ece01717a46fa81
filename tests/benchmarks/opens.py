"""Which files a running program opens, by strace(1)."""

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.waiting import wait_until

# openat(7</queue/deferred/A>, "A1B2C3D4E5", O_RDONLY|O_CLOEXEC) = 9</queue/deferred/A/A1B2C3D4E5>
_OPENED = re.compile(r"open(?:at)?\(.*, (O_\S+?)(?:, \d+)?\) = \d+<([^>]+)>")


@contextmanager
def opened_files(pid: int, below: Path, trace: Path) -> Iterator[list[Path]]:
    """Files (not directories) below `below` that the process opens meanwhile; the list is filled at the end.

    Raises:
        FileNotFoundError: there is no strace.
    """
    strace = shutil.which("strace")
    if strace is None:
        raise FileNotFoundError("strace")
    tracer = subprocess.Popen(
        [strace, "-f", "-y", "-e", "trace=open,openat", "-o", str(trace), "-p", str(pid)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    found: list[Path] = []
    try:
        assert tracer.stderr is not None
        wait_until(lambda: _traced(pid), what="strace has attached")
        yield found
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.communicate()
    for flags, path in _OPENED.findall(trace.read_text()):
        if "O_DIRECTORY" not in flags and path.startswith(f"{below}/") and not Path(path).is_dir():
            found.append(Path(path))


def _traced(pid: int) -> bool:
    """Whether every thread has a tracer (proc(5))."""
    states = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    return bool(states) and all("TracerPid:\t0\n" not in state for state in states)
