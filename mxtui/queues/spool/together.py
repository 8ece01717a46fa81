"""Group commit: what waits together is made durable together.

The way of one message to the disk is a generator. It does its steps, and yields what has to survive a power cut before
it may go on. Many are driven side by side: each advances to where it waits, all that they wait for is fsynced (a
folder that several wait for once), each goes on. A failed fsync is thrown into those that waited for it, who undo what
they did; the others do not notice.
"""

from collections.abc import Generator, Sequence
from typing import NamedTuple

from mxtui.queues.spool.disk import Disk


class Durable(NamedTuple):
    """What a job waits for."""

    files: Sequence[int] = ()
    """Descriptors."""
    folders: Sequence[str] = ()


Job = Generator[Durable, None, None]


def together(disk: Disk, jobs: Sequence[Job]) -> list[OSError | None]:
    """Drive all of them to their end. An outcome for each, in their order."""
    outcomes: list[OSError | None] = [None] * len(jobs)
    going: list[tuple[int, Job]] = list(enumerate(jobs))
    failures: dict[int | str, OSError] = {}
    awaited: dict[int, Durable] = {}
    while going:
        waiting = []
        for index, job in going:
            failure = _failure(awaited.get(index), failures)
            try:
                awaited[index] = next(job) if failure is None else job.throw(failure)
                waiting.append((index, job))
            except StopIteration:
                pass
            except OSError as error:
                outcomes[index] = error
        going = waiting
        failures = _synced(disk, [awaited[index] for index, _ in going])
    return outcomes


def _synced(disk: Disk, awaited: Sequence[Durable]) -> dict[int | str, OSError]:
    """Have all of it on disk; what could not be, and why."""
    failures: dict[int | str, OSError] = {}
    files = [each for durable in awaited for each in durable.files]
    for step in (disk.begin_sync, disk.sync) if len(files) > 1 else (disk.sync,):
        for descriptor in files:
            try:
                step(descriptor)
            except OSError as error:
                failures[descriptor] = error
    for folder in dict.fromkeys(each for durable in awaited for each in durable.folders):
        try:
            disk.sync_folder(folder)
        except OSError as error:
            failures[folder] = error
    return failures


def _failure(durable: Durable | None, failures: dict[int | str, OSError]) -> OSError | None:
    if durable is None or not failures:
        return None
    return next((failures[each] for each in (*durable.files, *durable.folders) if each in failures), None)
