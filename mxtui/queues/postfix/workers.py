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


def spread(
    settings: Settings, hand: MessageReader | Counter, tasks: Iterable[Task], processes: int
) -> Iterator[Answer]:
    """Carry tasks out in `processes` workers, the next by whoever is free; answers come in the order of the tasks.

    What the workers counted is added to what `hand` counted. The workers are gone when this is, whether it ended or
    was closed early. What a worker that died had in hand, or had counted, `hand` reads in this process.
    """
    workers = [_Worker(settings) for _ in range(processes)]
    try:
        numbered = enumerate(tasks)
        for worker, (number, task) in zip(workers * _AHEAD, numbered, strict=False):
            worker.send(number, task)
        early: dict[int, Answer] = {}
        turn = 0
        for worker in _answering(workers):
            number, task, answer = worker.answer()
            early[number] = answer or carry_out(hand, task)
            for following in numbered:
                worker.send(*following)
                break
            while turn in early:
                yield early.pop(turn)
                turn += 1
        if isinstance(hand, Counter):
            yield from _counted(hand, workers)
    finally:
        for worker in workers:
            worker.end()


def _counted(hand: Counter, workers: Iterable["_Worker"]) -> Iterator[Answer]:
    """Add up what workers counted; what one did who died before it could tell is counted anew."""
    for worker in workers:
        worker.finish()
    for worker in workers:
        counted = worker.counted()
        if counted is None:
            yield from (carry_out(hand, task) for task in worker.answered)
        else:
            hand.tallies.merge(*counted)


def _answering(workers: Iterable["_Worker"]) -> Iterator["_Worker"]:
    """Workers with tasks in hand, each time one has answered or died."""
    with selectors.DefaultSelector() as waiting:
        for worker in workers:
            if worker.busy:
                waiting.register(worker, selectors.EVENT_READ)
        while waiting.get_map():
            for key, _ in waiting.select():
                worker = cast("_Worker", key.fileobj)
                yield worker
                if not worker.busy:
                    waiting.unregister(worker)


class _Worker:
    def __init__(self, settings: Settings) -> None:
        package = str(Path(__file__).resolve().parents[3])
        start = f"import sys; sys.path.insert(0, {package!r}); from {program.__name__} import serve; serve()"
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # ^C in the terminal is for the console; we end by the end of our input
        )
        self._hand: deque[tuple[int, Task]] = deque()
        self.answered: list[Task] = []
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

    def answer(self) -> tuple[int, Task, Answer | None]:
        """Its first task with its number, and what came of it, which is waited for; None: the worker died."""
        number, task = self._hand.popleft()
        frame = receive(self.fileno())
        if frame is None:
            return number, task, None
        self.answered.append(task)
        return number, task, Answer(task, *marshal.loads(frame))  # noqa: S302 (our own child wrote it)

    def counted(self) -> tuple[Any, ...] | None:
        """What it counted (`Tallies.plain`); None: it died."""
        frame = receive(self.fileno())
        return None if frame is None else marshal.loads(frame)  # noqa: S302

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
        with suppress(BrokenPipeError):  # it died: the end of its answers tells
            transmit(self._process.stdin, message)
