"""Messages in custody read to their end: the envelope, and the text as it goes over the wire.

To take a message apart is a third of what sending it costs Python. Where a queue is drained over many connections a
process of its own does it, beside the conversations and on another core; it opens each file once more, by its name,
and what it read counts only if that was the very file.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Final, NamedTuple

from mxtui.queues.postfix.direct import worker
from mxtui.queues.postfix.direct.worker import Read, Task
from mxtui.queues.workers import Crew

ENOUGH: Final = 20
"""Messages that are worth a worker, which takes 40 ms to start."""

SHARE: Final = 25
"""Messages of a task; so many texts are in memory twice for a moment."""


class File(NamedTuple):
    """A queue file that we have open, and locked."""

    path: str
    fd: int
    status: os.stat_result


class Reader:
    """Reads for one run; blocks, for one thread at a time. To be closed."""

    def __init__(self, cores: int | None = None) -> None:
        self._alone = (cores or len(os.sched_getaffinity(0))) < 2
        self._crew: Crew[Task] | None = None
        self._resources = ExitStack()

    def read(self, files: Sequence[File]) -> list[Read]:
        """Each, in their order. Raises nothing that concerns one of them."""
        crew = self._worker() if len(files) >= ENOUGH else None
        if crew is None:
            return [worker.read(each.fd, each.status) for each in files]
        names = [(each.path, each.status.st_ino) for each in files]
        tasks = [Task(names[start : start + SHARE]) for start in range(0, len(names), SHARE)]
        return [worker.from_plain(*plain) for _, answer in crew.spread(tasks, worker.carry_out) for plain in answer]

    def close(self) -> None:
        """End the worker."""
        self._resources.close()

    def _worker(self) -> Crew[Task] | None:
        if self._crew is None and not self._alone:
            try:
                self._crew = self._resources.enter_context(Crew(worker.__name__, None, 1, counting=False))
            except OSError:  # no process to be had: it is done here
                self._alone = True
        return self._crew
