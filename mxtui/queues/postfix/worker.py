"""A process that reads queue files for a scan: settings, then tasks on stdin; answers and in the end counts on stdout.

Frames are eight bytes of length and `marshal` (between ourselves and our own child: nothing hostile can write there).
A worker whose parent is gone, however it died, reads the end of its input and ends. Imports little: its start is paid
for on every first look at a large queue.
"""

import gc
import marshal
import os
import struct
import sys
from typing import IO, Any, NamedTuple

from mxtui.model.message import State
from mxtui.queues.postfix.counting import Counter
from mxtui.queues.postfix.message_file import Absent, MessageReader, Row
from mxtui.queues.postfix.queue_id import Hashing

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
    """None where messages are counted."""
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
    counted_at: float | None = None
    """The moment that ages are counted at, where messages are to be counted and not told."""

    @property
    def hashing(self) -> Hashing:
        """How the queue is split into directories."""
        return Hashing(frozenset(self.hash_names), self.hash_depth)

    def reader(self) -> MessageReader:
        """A reader of these messages, for the calling thread alone."""
        return MessageReader(self.root, self.lifetimes, self.hashing, subjects=self.subjects)

    def hand(self) -> MessageReader | Counter:
        """What carries tasks out, for the calling thread alone."""
        return self.reader() if self.counted_at is None else Counter(self.reader(), self.counted_at)


def carry_out(hand: MessageReader | Counter, task: Task) -> Answer:
    """Read a task's files, in this process."""
    rows: list[Row] = []
    gone: list[str] = []
    unfinished: list[str] = []
    with hand.folder(task.path) as folder, hand.folder(task.logs) as logs:
        for name in task.ids:
            found = hand.read(task.state, name, folder, logs)
            if isinstance(found, list):
                rows.append(found)
            elif found is not None:
                (gone if found is Absent.GONE else unfinished).append(name)
    return Answer(task, rows, gone, unfinished)


def serve() -> None:
    """A worker's life: settings, then tasks until the end of the input."""
    tasks, answers = sys.stdin.fileno(), sys.stdout.buffer
    frame = receive(tasks)
    if frame is None:
        return
    gc.disable()  # nothing here makes cycles, and rows by the thousand would be looked at again and again
    hand = Settings(*marshal.loads(frame)).hand()  # noqa: S302 (our own parent wrote it)
    try:
        while (frame := receive(tasks)) is not None:
            answer = carry_out(hand, Task(*marshal.loads(frame)))  # noqa: S302
            transmit(answers, answer[1:])
        if isinstance(hand, Counter):
            transmit(answers, hand.tallies.plain())
            os._exit(0)  # the parent waits for our end, and there is nothing to tidy: 6 ms
    except BrokenPipeError:  # the parent has seen enough
        # Python would flush stdout once more, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def transmit(stream: IO[bytes], message: tuple[Any, ...]) -> None:
    """Write one frame. Raises BrokenPipeError."""
    frame = marshal.dumps(message)
    stream.write(_FRAME.pack(len(frame)) + frame)
    stream.flush()


def receive(fd: int) -> bytes | None:
    """One frame and not a byte more, so that whoever waits for the next sees it; None at the end, also within one."""
    head = _read(fd, _FRAME.size)
    if len(head) < _FRAME.size:
        return None
    (length,) = _FRAME.unpack(head)
    frame = _read(fd, length)
    return frame if len(frame) == length else None


def _read(fd: int, count: int) -> bytes:
    """That many bytes, or all up to the end."""
    data = os.read(fd, count)
    if len(data) == count:
        return data
    pieces = [data]
    count -= len(data)
    while count and (piece := os.read(fd, count)):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
