"""A process that reads queue files for a scan: settings, then folders on stdin; rows on stdout.

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


def serve() -> None:
    """A worker's life: settings, then tasks until the end of the input."""
    tasks, answers = sys.stdin.buffer, sys.stdout.buffer
    frame = receive(tasks)
    if frame is None:
        return
    gc.disable()  # nothing here makes cycles, and rows by the thousand would be looked at again and again
    reader = Settings(*marshal.loads(frame)).reader()  # noqa: S302 (our own parent wrote it)
    try:
        while (frame := receive(tasks)) is not None:
            answer = carry_out(reader, Task(*marshal.loads(frame)))  # noqa: S302
            transmit(answers, (answer.rows, answer.gone, answer.unfinished))
    except BrokenPipeError:  # the parent has seen enough
        # Python would flush stdout once more, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def transmit(stream: IO[bytes], message: tuple[Any, ...]) -> None:
    """Write one frame. Raises BrokenPipeError."""
    frame = marshal.dumps(message)
    stream.write(_FRAME.pack(len(frame)) + frame)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """One frame; None at the end, also in the middle of one."""
    head = stream.read(_FRAME.size)
    if len(head) < _FRAME.size:
        return None
    (length,) = _FRAME.unpack(head)
    frame = stream.read(length)
    return frame if len(frame) == length else None
