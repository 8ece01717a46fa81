"""Names in a queue directory: how deep each queue is, and which IDs each folder held when last looked."""

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mxtui.errors import NoQueue, NotPermitted
from mxtui.model.message import State
from mxtui.queues.postfix import queue_id

READ_ORDER: tuple[State, ...] = ("active", "deferred", "incoming", "hold", "maildrop", "corrupt")
"""The way of a message through the queues, so that most moves during a pass are with it and not against it."""

OPTIONAL: frozenset[State] = frozenset({"maildrop", "corrupt"})
"""Queues that a Postfix can be without: one is for local submission, the other made when it is needed."""

_DEEPEST = 16
"""Levels of hash directories; hash_queue_depth is 1 or 2 on any real host."""


class Folder(NamedTuple):
    """The messages in one directory."""

    state: State
    path: str
    """Relative to the queue directory: `deferred/4`."""
    ids: list[str]


def folders(root: str, states: Iterable[State] = READ_ORDER, *, since: float = 0) -> Iterator[Folder]:
    """Every directory of the queues with the IDs in it, from names alone: 0.1 s at 100,000.

    A name of one character is a hash directory, as Postfix's own mail_scan_dir_next() takes it; what is no queue ID
    (a file still being made is called after its process) is left out.

    `since` is for a second look, seconds since the epoch: where no name has come since then, there is nothing new.

    Raises NoQueue and NotPermitted: a queue that cannot be looked into is not an empty queue.
    """
    for state in states:
        try:
            names = _names(f"{root}/{state}", since)
        except FileNotFoundError as error:
            if state in OPTIONAL:
                continue
            raise NoQueue(f"{root}/{state} is not there", "Has the queue been moved?") from error
        except OSError as error:
            hint = "The queue's files are for root and the postfix user."
            raise NotPermitted(f"{root}/{state} cannot be looked into: {error.strerror}", hint) from error
        yield from _folders(root, state, state, names, _DEEPEST, since)


def _folders(root: str, state: State, path: str, names: list[str], depth: int, since: float) -> Iterator[Folder]:
    ids = queue_id.valid_among(names)
    yield Folder(state, path, ids)
    if len(ids) == len(names):  # nothing else is in there: as nearly always, where 100,000 are
        return
    for name in names:
        if len(name) == 1 and depth:
            try:
                below = _names(f"{root}/{path}/{name}", since)
            except (FileNotFoundError, NotADirectoryError):  # removed meanwhile, or a stray file
                continue
            yield from _folders(root, state, f"{path}/{name}", below, depth - 1, since)


def _names(path: str, since: float) -> list[str]:
    # A directory within is a third link; where links are not counted (Btrfs), there is one.
    if since and (status := os.stat(path)).st_mtime < since and status.st_nlink == 2:  # noqa: PTH116
        return []
    return os.listdir(path)  # noqa: PTH208 (100,000 names: no objects)
