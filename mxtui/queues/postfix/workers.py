"""Processes that read queue files for a scan: opening and parsing 100,000 takes 2 s of one core, and there are more.

Each is this very interpreter without site packages, at the other end of two pipes (`worker`). multiprocessing's pools
would start a third process, and hold both ends of their pipes: their workers outlive a console that is killed.
"""

import marshal
import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from mxtui.queues.postfix import worker as program
from mxtui.queues.postfix.counting import Counter
from mxtui.queues.postfix.message_file import MessageReader
from mxtui.queues.postfix.worker import Answer, Settings, Task, carry_out, receive, transmit

BATCH = 500
"""Files a task names: 10 ms of work, and few enough names to fit a pipe's 64 kB while an answer waits to be read."""

_AHEAD = 3
"""Tasks a worker has in hand, so that it never waits for us."""


def spread(settings: Settings, tasks: Iterable[Task], processes: int) -> Iterator[Answer]:
    """Carry tasks out in `processes` workers, the next by whoever is free; answers come in the order of the tasks.

    The workers are gone when this is, whether it ended or was closed early. What a worker that died had in hand is
    read in this process.
    """
    workers = [_Worker(settings) for _ in range(processes)]
    try:
        numbered = enumerate(tasks)
        for worker, (number, task) in zip(workers * _AHEAD, numbered, strict=False):
            worker.send(number, task)
        early: dict[int, Answer] = {}
        turn = 0
        for worker in _answering(workers):
            number, answer = worker.answer()
            early[number] = answer
            following = next(numbered, None)
            if following is None:
                worker.finish()
            else:
                worker.send(*following)
            while turn in early:
                yield early.pop(turn)
                turn += 1
    finally:
        for worker in workers:
            worker.end()


def _answering(workers: Iterable["_Worker"]) -> Iterator["_Worker"]:
    """Workers with tasks in hand, each time one has answered or died."""
    with selectors.DefaultSelector() as waiting:
        for worker in workers:
            waiting.register(worker, selectors.EVENT_READ)
        while waiting.get_map():
            for key, _ in waiting.select():
                worker = cast("_Worker", key.fileobj)
                if worker.busy:
                    yield worker
                else:
                    waiting.unregister(worker)


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
        self._hand: deque[tuple[int, Task]] = deque()
        self._own: MessageReader | Counter | None = None
        self._send(tuple(settings))

    @property
    def busy(self) -> bool:
        """Whether it has tasks in hand."""
        return bool(self._hand)

    def fileno(self) -> int:
        """Where its answers come from."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def send(self, number: int, task: Task) -> None:
        self._hand.append((number, task))
        self._send(tuple(task))

    def answer(self) -> tuple[int, Answer]:
        """What its first task came to, and that task's number; waits for it."""
        number, task = self._hand.popleft()
        frame = None if self._own else receive(self.fileno())
        if frame is None:
            self._own = self._own or self._settings.hand()
            return number, carry_out(self._own, task)
        return number, Answer(task, *marshal.loads(frame))  # noqa: S302 (our own child wrote it)

    def finish(self) -> None:
        """Nothing more will be sent."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def end(self) -> None:
        """Nothing more will be read either."""
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
            self._own = self._own or self._settings.hand()
