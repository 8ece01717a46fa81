"""What a program and its children use, from /proc (proc(5))."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> Iterator[int]:
    """A process and all below it that live now."""
    yield pid
    # The kernel lists the children of each thread on its own.
    with suppress(OSError):
        for listed in Path(f"/proc/{pid}/task").glob("*/children"):
            with suppress(OSError):
                for child in listed.read_text().split():
                    yield from tree(int(child))


def cpu_seconds(pid: int) -> float:
    """Processor time of the tree so far, of children that have ended too."""
    total = 0
    for process in tree(pid):
        with suppress(OSError):
            # The name in parentheses may hold anything; utime is field 14.
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, fields[11:15] if process == pid else fields[11:13]))
    return total / _TICKS


def memory(pid: int) -> float:
    """Megabytes (10⁶) of the tree, pages shared within it counted once (PSS)."""
    kilobytes = 0
    for process in tree(pid):
        with suppress(OSError):
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    kilobytes += int(line.split()[1])
    return kilobytes * 1024 / 1e6


class Peak:
    """The most memory that a tree is seen to use while the context lasts."""

    def __init__(self, pid: int, every: float = 0.1) -> None:
        self.megabytes = 0.0
        self._pid = pid
        self._every = every
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            self.megabytes = max(self.megabytes, memory(self._pid))
