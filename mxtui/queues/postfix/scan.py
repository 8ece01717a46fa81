"""The first read of a whole queue, while Postfix moves its files about.

A message that moves between listing and reading is looked up by path, twice, before it counts as gone. The names are
listed a second time while the files are read: a message that moved against the order of the first pass (released,
retried) shows up in the second.
"""

import os
import time
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import NamedTuple

from mxtui.model.tally import Tallies
from mxtui.queues.postfix import worker as program
from mxtui.queues.postfix.counting import Counter
from mxtui.queues.postfix.message_file import Absent, MessageReader, Row
from mxtui.queues.postfix.names import Folder, folders
from mxtui.queues.postfix.queue_id import Hashing
from mxtui.queues.postfix.worker import Answer, Settings, Task, carry_out
from mxtui.queues.workers import Crew

BATCH = 500
"""Files a task names: 10 ms of work, and few enough names to fit a pipe's 64 kB while an answer waits to be read."""

ALONE = 5000
"""Messages up to which starting workers (40 ms) costs more than it saves."""

_CLOCKS = 1.0
"""Seconds by which a file system's clock may be behind ours."""

MOST_WORKERS = 2
"""Postfix needs the other cores, above all during an outage."""


class Batch(NamedTuple):
    """Some messages of the first read."""

    rows: list[Row]
    gone: list[str]
    """Listed, and gone since."""
    unfinished: list[tuple[str, str]]
    """Folder and ID of files that somebody is still writing."""


def scan(settings: Settings, listed: list[Folder]) -> Iterator[Batch]:
    """Every message of the folders as `names.folders` listed them, and those that moved meanwhile, in batches."""
    reader = settings.reader()
    for task, answer in _answers(settings, reader, listed, _since(settings.root, listed)):
        yield _settled(reader, task, answer)


def count(settings: Settings, now: float) -> Tallies:
    """Every message, counted where it is read, each once; ages at `now`.

    Folders are listed while files are read. Raises NoQueue and NotPermitted as `names.folders` does.
    """
    settings = settings._replace(subjects=False, counted_at=now)
    counter = Counter(settings.reader(), now)
    seen: set[str] = set()
    look = _unseen(folders(settings.root), seen)
    again = _unseen(folders(settings.root, since=time.time() - _CLOCKS), seen)
    # Looked up once in the end: what a worker that died had told gone is told again.
    gone = {name for _, answer in _answers(settings, counter, look, again) for name in answer.gone}
    for name in gone:
        if counter.find(name) is Absent.GONE:  # as in `_settled`
            counter.find(name)
    return counter.tallies


def _answers(
    settings: Settings, hand: MessageReader | Counter, look: Iterable[Folder], again: Iterable[Folder]
) -> Iterator[tuple[Task, Answer]]:
    """What files the folders have, and then those of a second look, which is taken when it is asked for."""
    tasks = _tasks(settings.hashing, look)
    more = _tasks(settings.hashing, again)
    few: list[Task] = []
    messages = 0
    for task in tasks:
        few.append(task)
        messages += len(task.ids)
        if messages > ALONE:
            return _by_workers(settings, hand, chain(few, tasks, more))
    return ((task, carry_out(hand, task)) for task in chain(few, more))


def _by_workers(
    settings: Settings, hand: MessageReader | Counter, tasks: Iterable[Task]
) -> Iterator[tuple[Task, Answer]]:
    """Each task with its answer, in their order. What the workers counted is added to what `hand` counts."""
    processes = min(MOST_WORKERS, len(os.sched_getaffinity(0)))
    with Crew[Task](program.__name__, tuple(settings), processes) as crew:
        for task, answer in crew.spread(tasks, lambda task: carry_out(hand, task)):
            yield task, Answer(*answer)
        if isinstance(hand, Counter):
            for again, counted in crew.counted():
                if counted is None:  # it died before it could tell
                    yield from ((task, carry_out(hand, task)) for task in again)
                else:
                    hand.tallies.merge(*counted)


def _tasks(hashing: Hashing, listed: Iterable[Folder]) -> Iterator[Task]:
    for folder in listed:
        logs = _logs(hashing, folder)
        for start in range(0, len(folder.ids), BATCH):
            yield Task(folder.state, folder.path, logs, folder.ids[start : start + BATCH])


def _logs(hashing: Hashing, folder: Folder) -> str:
    """Where the defer logs of a whole folder are, when that is one place."""
    if not folder.ids:
        return ""
    if "defer" not in hashing.names:
        return "defer"
    state, _, spelled = folder.path.partition("/")
    return f"defer/{spelled}" if spelled and folder.path == hashing.folder(state, folder.ids[0]) else ""


def _since(root: str, listed: list[Folder]) -> Iterator[Folder]:
    """What a second look at the names shows that the first did not; taken when it is asked for."""
    before = {folder.path: folder.ids for folder in listed}
    for folder in folders(root):
        new = set(folder.ids).difference(before.pop(folder.path, ()))
        if new:
            yield Folder(folder.state, folder.path, list(new))


def _unseen(listed: Iterable[Folder], seen: set[str]) -> Iterator[Folder]:
    """Folders without what was seen in others before: moving on, it must not be counted twice."""
    for folder in listed:
        ids = [name for name in folder.ids if name not in seen]
        seen.update(ids)
        yield folder._replace(ids=ids)


def _settled(reader: MessageReader, task: Task, answer: Answer) -> Batch:
    """An answer with what was not where it was listed looked up by path."""
    gone, unfinished = [], [(task.path, name) for name in answer.unfinished]
    for name in answer.gone:
        found = reader.find(name)
        if found is Absent.GONE:  # perhaps it passed us, from a place not yet tried to one tried before
            found = reader.find(name)
        if isinstance(found, list):
            answer.rows.append(found)
        elif found is Absent.GONE:
            gone.append(name)
        else:
            unfinished.append((task.path, name))
    return Batch(answer.rows, gone, unfinished)
