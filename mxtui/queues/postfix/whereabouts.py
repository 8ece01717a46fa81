"""Where a message is now, and whether it is still the one that was meant.

An ID alone is no proof: short ones are inode numbers and are used again. Cheap: one open file, its first block.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal, NamedTuple

from mxtui.model.message import Identity, State
from mxtui.model.planning import same_arrival
from mxtui.queues.postfix import records
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.queue_file import open_file, parse_time
from mxtui.queues.postfix.records import Walk

FLOW: Final[tuple[State, ...]] = ("active", "deferred", "incoming", "hold")
"""The order in which to look, so that a message on its way is met."""

Standing = Literal["same", "changed", "gone"]


class Whereabouts(NamedTuple):
    """Where the file of a queue ID is."""

    path: Path
    state: State
    inode: int
    modified: float


def locate(layout: Layout, queue_id: str, states: Sequence[State] = FLOW) -> Whereabouts | None:
    """The file under this ID, wherever it is; None when it is gone.

    Looked for twice: a message that moves against the order of looking is missed once, hardly twice.
    """
    for state in (*states, *states):
        path = layout.queue_directory / layout.hashing.folder(state, queue_id) / queue_id
        try:
            status = os.lstat(path)
        except FileNotFoundError:
            continue
        return Whereabouts(path, state, status.st_ino, status.st_mtime)
    return None


def held_since(layout: Layout, queue_ids: Iterable[str]) -> Mapping[str, float]:
    """When each of these that is in hold was moved there, epoch seconds: 4 µs each.

    rename(2) sets the time of change. Where that is the time of modification, too, the file was written to since, and
    when it was moved nobody can say.
    """
    found: dict[str, float] = {}
    for queue_id in queue_ids:
        with suppress(OSError):
            status = os.lstat(layout.queue_directory / layout.hashing.folder("hold", queue_id) / queue_id)
            if status.st_ctime_ns != status.st_mtime_ns:
                found[queue_id] = status.st_ctime
    return found


def standing(identity: Identity, here: Whereabouts | None) -> Standing:
    """Whether what is under the ID now is the message that was meant.

    Raises PermissionError when its file may not be read.
    """
    if here is None:
        return "gone"
    if identity.inode and here.inode != identity.inode:
        return "changed"
    try:
        arrived = arrival(here.path)
    except FileNotFoundError:  # moved between the two looks; the inode was right
        return "same" if identity.inode else "gone"
    return "same" if arrived is not None and same_arrival(arrived, identity.arrival) else "changed"


def arrival(path: Path | str) -> float | None:
    """When a queue file's message arrived, from its first records; None where they do not say. Raises OSError."""
    fd, _ = open_file(str(path))
    try:
        for record in Walk(fd, furthest=records.WINDOW):
            if record.type == records.TIME:
                return parse_time(record.data)
            if record.type == records.CONTENT:
                break
        return None
    finally:
        os.close(fd)
