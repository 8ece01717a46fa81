"""A process that reads queue files for a scan (see `queues.workers`). Imports little: its start is paid for."""

import os
from typing import Any, NamedTuple

from mxtui.model.message import State
from mxtui.queues.frames import work
from mxtui.queues.postfix.counting import Counter
from mxtui.queues.postfix.message_file import Absent, MessageReader, Row
from mxtui.queues.postfix.queue_id import Hashing


class Task(NamedTuple):
    """Files of one folder, to be read."""

    state: State
    path: str
    logs: str
    """Folder of their defer logs; empty where they can be in several, and each is then found by its ID."""
    ids: list[str]


class Answer(NamedTuple):
    """What a task's files were."""

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
    return Answer(rows, gone, unfinished)


def serve() -> None:
    """A worker's life."""

    def made(settings: Any) -> Any:
        hand = Settings(*settings).hand()

        def counted() -> Any:
            return hand.tallies.plain() if isinstance(hand, Counter) else None

        return lambda task: tuple(carry_out(hand, Task(*task))), counted

    work(made)
    os._exit(0)  # everything is told, and the parent waits for our end: 6 ms
