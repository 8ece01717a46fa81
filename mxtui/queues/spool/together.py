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
        durables = [awaited[index] for index, _ in going]
        folders = dict.fromkeys(folder for durable in durables for folder in durable.folders)
        failures = disk.sync_all([file for durable in durables for file in durable.files], folders)
    return outcomes


def _failure(durable: Durable | None, failures: dict[int | str, OSError]) -> OSError | None:
    if durable is None or not failures:
        return None
    return next((failures[each] for each in (*durable.files, *durable.folders) if each in failures), None)
