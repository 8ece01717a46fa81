"""The first read of a whole spool, while mail comes and goes.

A message that moves between listing and reading is looked up by path before it counts as gone. The names are listed
a second time while files are read: a message that moved against the order of the first pass shows up in the second.
"""

import os
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from mxtui.errors import NoQueue
from mxtui.model.envelope import SpoolState
from mxtui.model.tally import Tallies
from mxtui.queues.spool import worker as program
from mxtui.queues.spool.ids import FOLDERS
from mxtui.queues.spool.layout import STATES, envelope_ids, set_aside_ids
from mxtui.queues.spool.rows import Row
from mxtui.queues.spool.worker import Answer, Hand, Task
from mxtui.queues.workers import Crew

ALONE: Final = 10_000
"""Messages up to which starting workers costs more than it saves."""

MOST_WORKERS: Final = 2

BATCH: Final = 1_000
"""Files a task names, so that its names fit a pipe's 64 kB while an answer waits to be read."""


class Folder(NamedTuple):
    """The messages in one hash folder."""

    state: SpoolState
    path: str
    """Relative to the spool."""
    ids: list[str]


def folders(root: str) -> Iterator[Folder]:
    """Every folder with the IDs in it, from names alone. Raises NoQueue and NotPermitted."""
    if not os.path.isdir(f"{root}/queue"):  # noqa: PTH112 (a missing folder below is an empty one, a missing spool is not)
        raise NoQueue(f"{root}/queue is not there", "Has the spool been moved?")
    for state in STATES:
        inside = envelope_ids if state != "corrupt" else set_aside_ids
        for name in FOLDERS:
            path = f"queue/{state}/{name}"
            yield Folder(state, path, inside(f"{root}/{path}"))


def scan(root: str, listed: list[Folder]) -> Iterator[Answer]:
    """Every message of the folders as `folders` listed them, and those that moved meanwhile, in batches."""
    hand = Hand(root, None)
    tasks = chain(_tasks(listed), _tasks(_unseen(folders(root), {each for folder in listed for each in folder.ids})))
    if sum(len(folder.ids) for folder in listed) <= ALONE:
        for task in tasks:
            yield _settled(hand, *hand.carry_out(task))
        return
    with _crew(root, None) as crew:
        for _, (rows, gone) in crew.spread(tasks, hand.carry_out):
            yield _settled(hand, rows, gone)


def count(root: str, now: float) -> Tallies:
    """Every message, each once, counted where it is read; ages at `now`. Raises NoQueue and NotPermitted.

    Folders are listed while files are read.
    """
    hand = Hand(root, now)
    assert hand.tallies is not None
    seen: set[str] = set()
    tasks = chain(_tasks(_unseen(folders(root), seen)), _tasks(_unseen(folders(root), seen)))
    few: list[Task] = []
    for task in tasks:
        few.append(task)
        if len(seen) > ALONE:
            gone = list(_counted_by_many(root, hand, hand.tallies, chain(few, tasks)))
            break
    else:
        gone = [queue_id for task in few for queue_id in hand.carry_out(task).gone]
    for queue_id in set(gone):
        hand.look_up(queue_id)
    return hand.tallies


def _counted_by_many(root: str, hand: Hand, tallies: Tallies, tasks: Iterable[Task]) -> Iterator[str]:
    """Have workers count; the IDs that were gone."""
    with _crew(root, tallies.now) as crew:
        for _, (_, gone) in crew.spread(tasks, hand.carry_out):
            yield from gone
        for again, counted in crew.counted():
            if counted is None:  # it died before it could tell
                for task in again:
                    yield from hand.carry_out(task).gone
            else:
                tallies.merge(*counted)


def _crew(root: str, counted_at: float | None) -> Crew[Task]:
    processes = min(MOST_WORKERS, len(os.sched_getaffinity(0)))
    return Crew(program.__name__, (root, counted_at), processes, packages=_packages())


@cache
def _packages() -> list[str]:
    """Where msgspec is: workers start without site packages, which cost twice as much as all the rest."""
    return [str(Path(msgspec.__file__).resolve().parents[1])]


def _tasks(listed: Iterable[Folder]) -> Iterator[Task]:
    for folder in listed:
        for start in range(0, len(folder.ids), BATCH):
            yield Task(folder.state, folder.path, folder.ids[start : start + BATCH])


def _unseen(listed: Iterable[Folder], seen: set[str]) -> Iterator[Folder]:
    """Folders without what was seen in others before: what moved must not be told, or counted, twice."""
    for folder in listed:
        ids = [queue_id for queue_id in folder.ids if queue_id not in seen]
        seen.update(ids)
        yield folder._replace(ids=ids)


def _settled(hand: Hand, rows: list[Row], gone: list[str]) -> Answer:
    """An answer with what was not where it was listed looked up."""
    missing = []
    for queue_id in gone:
        row = hand.look_up(queue_id)
        if row is None:
            missing.append(queue_id)
        else:
            rows.append(row)
    return Answer(rows, missing)
