"""Names in a queue directory: how deep each queue is, and which IDs each folder held when last looked."""

import os
import threading
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


def folders(root: str, states: Iterable[State] = READ_ORDER) -> Iterator[Folder]:
    """Every directory of the queues with the IDs in it, from names alone: 0.1 s at 100,000.

    A name of one character is a hash directory, as Postfix's own mail_scan_dir_next() takes it; what is no queue ID
    (a file still being made is called after its process) is left out.

    Raises NoQueue and NotPermitted: a queue that cannot be looked into is not an empty queue.
    """
    for state in states:
        try:
            names = _names(f"{root}/{state}")
        except FileNotFoundError as error:
            if state in OPTIONAL:
                continue
            raise NoQueue(f"{root}/{state} is not there", "Has the queue been moved?") from error
        except OSError as error:
            hint = "The queue's files are for root and the postfix user."
            raise NotPermitted(f"{root}/{state} cannot be looked into: {error.strerror}", hint) from error
        yield from _folders(root, state, state, names, _DEEPEST)


def _folders(root: str, state: State, path: str, names: list[str], depth: int) -> Iterator[Folder]:
    ids = queue_id.valid_among(names)
    yield Folder(state, path, ids)
    if len(ids) == len(names):  # nothing else is in there: as nearly always, where 100,000 are
        return
    for name in names:
        if len(name) == 1 and depth:
            try:
                below = _names(f"{root}/{path}/{name}")
            except (FileNotFoundError, NotADirectoryError):  # removed meanwhile, or a stray file
                continue
            yield from _folders(root, state, f"{path}/{name}", below, depth - 1)


def _names(path: str) -> list[str]:
    return os.listdir(path)  # noqa: PTH208 (100,000 names: no objects)


class Known:
    """Which IDs each folder is known to hold: 12 bytes a message, where a set would take 100.

    Used by the thread that reads and the thread that watches.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, bytes] = {}
        self._changed: dict[str, dict[str, bool]] = {}

    def note(self, path: str, queue_id: str, present: bool) -> None:
        """One came or went."""
        with self._lock:
            self._changed.setdefault(path, {})[queue_id] = present

    def differences(self, path: str, ids: Iterable[str]) -> set[str]:
        """The IDs that came to the folder or left it without being noted; the folder is learnt anew."""
        listed = set(ids)
        with self._lock:
            known = set(self._names.get(path, b"").decode().split())
            for name, present in self._changed.pop(path, {}).items():
                (known.add if present else known.discard)(name)
            self._names[path] = "\n".join(listed).encode()
        return known ^ listed

    def forgotten(self, paths: Iterable[str]) -> set[str]:
        """The folders known that are not among `paths`: hash directories that were removed."""
        with self._lock:
            return (self._names.keys() | self._changed.keys()) - set(paths)
