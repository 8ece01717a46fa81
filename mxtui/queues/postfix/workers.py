"""Processes that read queue files for a scan: opening and parsing 100,000 takes 2 s of one core, and there are more.

Each is this very interpreter without site packages, fed folders on stdin and answering rows on stdout, in frames of
eight bytes of length and `marshal` (our own child: nothing hostile can write there). A worker whose parent is gone,
however it died, reads the end of its input and ends; multiprocessing's pools hold both ends of their pipes and do not.
"""

import gc
import itertools
import marshal
import os
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

from mxtui.model.message import State
from mxtui.queues.postfix.message_file import Absent, MessageReader, Row
from mxtui.queues.postfix.queue_id import Hashing

BATCH = 500
"""Files a task names: 10 ms of work, and few enough names to fit a pipe's 64 kB while an answer waits to be read."""

_AHEAD = 3
"""Tasks a worker has in hand, so that it never waits for us."""

_FRAME = struct.Struct("!Q")


class Task(NamedTuple):
    """Files of one folder, to be read."""

    state: State
    path: str
    logs: str
    """Folder of their defer logs; empty where they can be in several, and each is then found by its ID."""
    ids: list[str]


class Answer(NamedTuple):
    """What a task's files were."""

    task: Task
    rows: list[Row]
    gone: list[str]
    """No longer there: looked up by path afterwards."""
    unfinished: list[str]


class Settings(NamedTuple):
    """What a worker has to know."""

    root: str
    lifetimes: tuple[float, float]
    subjects: bool
    hash_names: tuple[str, ...]
    hash_depth: int

    @property
    def hashing(self) -> Hashing:
        """How the queue is split into directories."""
        return Hashing(frozenset(self.hash_names), self.hash_depth)

    def reader(self) -> MessageReader:
        """A reader of these messages, for the calling thread alone."""
        return MessageReader(self.root, self.lifetimes, self.hashing, subjects=self.subjects)


def carry_out(reader: MessageReader, task: Task) -> Answer:
    """Read a task's files, in this process."""
    rows: list[Row] = []
    gone: list[str] = []
    unfinished: list[str] = []
    with reader.folder(task.path) as folder, reader.folder(task.logs) as logs:
        for name in task.ids:
            found = reader.read(task.state, name, folder, logs)
            if isinstance(found, list):
                rows.append(found)
            else:
                (gone if found is Absent.GONE else unfinished).append(name)
    return Answer(task, rows, gone, unfinished)


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
        program = f"import sys; sys.path.insert(0, {package!r}); from {__name__} import serve; serve()"
        self._settings = settings
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", program],
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
        frame = None if self._own else _receive(self._process.stdout)
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
            _transmit(self._process.stdin, message)
        except BrokenPipeError:
            self._own = self._own or self._settings.reader()


def serve() -> None:
    """A worker's life: settings, then tasks until the end of the input."""
    tasks, answers = sys.stdin.buffer, sys.stdout.buffer
    frame = _receive(tasks)
    if frame is None:
        return
    gc.disable()  # nothing here makes cycles, and rows by the thousand would be looked at again and again
    reader = Settings(*marshal.loads(frame)).reader()  # noqa: S302 (our own parent wrote it)
    try:
        while (frame := _receive(tasks)) is not None:
            answer = carry_out(reader, Task(*marshal.loads(frame)))  # noqa: S302
            _transmit(answers, (answer.rows, answer.gone, answer.unfinished))
    except BrokenPipeError:  # the parent has seen enough
        # Python would flush stdout once more, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _transmit(stream: IO[bytes], message: tuple[Any, ...]) -> None:
    frame = marshal.dumps(message)
    stream.write(_FRAME.pack(len(frame)) + frame)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes | None:
    head = stream.read(_FRAME.size)
    if len(head) < _FRAME.size:
        return None
    (length,) = _FRAME.unpack(head)
    frame = stream.read(length)
    return frame if len(frame) == length else None
