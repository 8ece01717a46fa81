"""Processes that read a queue's files: opening and parsing 100,000 takes a second or two of a core, and there are more.

Each is this very interpreter without site packages, at the other end of two pipes (`frames`). multiprocessing's pools
would start a third process, and hold both ends of their pipes: their workers outlive a console that is killed.
"""

import marshal
import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from mxtui.queues.frames import receive, transmit

_AHEAD = 3
"""Tasks a worker has in hand, so that it never waits for us."""

_Task = TypeVar("_Task", bound=tuple[Any, ...])


class Crew(Generic[_Task]):
    """Workers that run `serve()` of one module. A context manager: they are gone when it ends.

    Settings, tasks, answers and counts are plain values that `marshal` carries.
    """

    def __init__(
        self, module: str, settings: object, processes: int, *, packages: Sequence[str] = (), counting: bool = True
    ) -> None:
        """`packages`: folders from which the module imports more than ours and the standard library.

        Where `counted` will be asked what was answered is remembered until then. Raises OSError: no process to be had.
        """
        self._counting = counting
        self._workers = [_Worker[_Task](module, settings, packages) for _ in range(processes)]

    def __enter__(self) -> "Crew[_Task]":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()

    def spread(self, tasks: Iterable[_Task], here: Callable[[_Task], Any]) -> Iterator[tuple[_Task, Any]]:
        """Each task with its answer, in their order; the next is carried out by whoever is free.

        What a worker that died had in hand is carried out `here`.
        """
        numbered = enumerate(tasks)
        for worker, (number, task) in zip(self._workers * _AHEAD, numbered, strict=False):
            worker.send(number, task)
        early: dict[int, tuple[_Task, Any]] = {}
        turn = 0
        for worker in self._answering():
            number, task, answer = worker.answer()
            if self._counting and answer is not None:
                worker.answered.append(task)
            early[number] = (task, here(task) if answer is None else answer)
            for following in numbered:
                worker.send(*following)
                break
            while turn in early:
                yield early.pop(turn)
                turn += 1

    def counted(self) -> Iterator[tuple[Sequence[_Task], Any]]:
        """When all is answered: what each worker counted; None where it died, with the tasks that have to be redone."""
        for worker in self._workers:
            worker.finish()
        for worker in self._workers:
            yield worker.answered, worker.counted()

    def _answering(self) -> Iterator["_Worker[_Task]"]:
        """Workers with tasks in hand, each time one has answered or died."""
        with selectors.DefaultSelector() as waiting:
            for worker in self._workers:
                if worker.busy:
                    waiting.register(worker, selectors.EVENT_READ)
            while waiting.get_map():
                for key, _ in waiting.select():
                    worker = cast("_Worker[_Task]", key.fileobj)
                    yield worker
                    if not worker.busy:
                        waiting.unregister(worker)


class _Worker(Generic[_Task]):
    def __init__(self, module: str, settings: object, packages: Sequence[str]) -> None:
        paths = [str(Path(__file__).resolve().parents[2]), *packages]
        start = f"import sys; sys.path[:0] = {paths!r}; from {module} import serve; serve()"
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", start],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # ^C in the terminal is for the console; we end by the end of our input
        )
        self._hand: deque[tuple[int, _Task]] = deque()
        self.answered: list[_Task] = []
        self._send(settings)

    @property
    def busy(self) -> bool:
        """Whether it has tasks in hand."""
        return bool(self._hand)

    def fileno(self) -> int:
        """Where its answers come from."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def send(self, number: int, task: _Task) -> None:
        self._hand.append((number, task))
        self._send(tuple(task))

    def answer(self) -> tuple[int, _Task, Any]:
        """Its first task with its number, and what came of it, which is waited for; None: the worker died."""
        number, task = self._hand.popleft()
        frame = receive(self.fileno())
        return number, task, None if frame is None else marshal.loads(frame)  # noqa: S302 (our own child wrote it)

    def counted(self) -> Any:
        """What it counted; None: it died."""
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

    def _send(self, message: object) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it died: the end of its answers tells
            transmit(self._process.stdin, message)
