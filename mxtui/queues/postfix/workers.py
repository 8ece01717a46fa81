"""Processes that read queue files for a scan: opening and parsing 100,000 takes 2 s of one core, and there are more.

Each is this very interpreter without site packages, at the other end of two pipes (`worker`). multiprocessing's pools
would start a third process, and hold both ends of their pipes: their workers outlive a console that is killed.
"""

import itertools
import marshal
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mxtui.queues.postfix import worker as program
from mxtui.queues.postfix.message_file import MessageReader
from mxtui.queues.postfix.worker import Answer, Settings, Task, carry_out, receive, transmit

BATCH = 500
"""Files a task names: 10 ms of work, and few enough names to fit a pipe's 64 kB while an answer waits to be read."""

_AHEAD = 3
"""Tasks a worker has in hand, so that it never waits for us."""


def spread(settings: Settings, tasks: Iterable[Task], processes: int) -> Iterator[Answer]:
    """Carry tasks out in `processes` workers; answers come in the order of the tasks.

    The workers are gone when this is, whether it ended or was closed early. What a worker that died had in hand is
    read in this process.
    """
    workers = [_Worker(settings) for _ in range(processes)]
    try:
        waiting: deque[tuple[_Worker, Task]] = deque()
        for worker, task in zip(itertools.cycle(workers), tasks, strict=False):
            worker.send(task)
            waiting.append((worker, task))
            if len(waiting) >= _AHEAD * processes:
                asked, oldest = waiting.popleft()
                yield asked.answer(oldest)
        for worker in workers:
            worker.finish()
        for worker, task in waiting:
            yield worker.answer(task)
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    def __init__(self, settings: Settings) -> None:
        package = str(Path(__file__).resolve().parents[3])
        start = f"import sys; sys.path.insert(0, {package!r}); from {program.__name__} import serve; serve()"
        self._settings = settings
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # ^C in the terminal is for the console; we end by the end of our input
        )
        self._own: MessageReader | None = None
        self._send(tuple(settings))

    def send(self, task: Task) -> None:
        self._send(tuple(task))

    def answer(self, task: Task) -> Answer:
        assert self._process.stdout is not None
        frame = None if self._own else receive(self._process.stdout)
        if frame is None:
            self._own = self._own or self._settings.reader()
            return carry_out(self._own, task)
        rows, gone, unfinished = marshal.loads(frame)  # noqa: S302 (our own child wrote it)
        return Answer(task, rows, gone, unfinished)

    def finish(self) -> None:
        """Nothing more will be sent."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            self._own = self._own or self._settings.reader()

    def end(self) -> None:
        self.finish()
        assert self._process.stdout is not None
        self._process.stdout.close()
        try:
            self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, message: tuple[Any, ...]) -> None:
        assert self._process.stdin is not None
        try:
            transmit(self._process.stdin, message)
        except BrokenPipeError:
            self._own = self._own or self._settings.reader()
