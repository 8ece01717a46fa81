"""What happens in a queue directory, by file-system events: one new message costs one file read.

Two things stand against events that were missed (a full kernel queue, a hash directory made a moment ago, a time
before we watched): a pass over the names once a minute, and where events are known to have been missed, over the
files' change times.
"""

import os
import threading
import time
from collections.abc import Collection, Generator, Iterable, Iterator
from contextlib import suppress

from mxtui.errors import NoQueue
from mxtui.model.message import Changes
from mxtui.queues.events import SIGN_OF_LIFE, Events
from mxtui.queues.postfix import queue_id
from mxtui.queues.postfix.message_file import Absent, MessageReader, Row, messages
from mxtui.queues.postfix.names import OPTIONAL, READ_ORDER, folders
from mxtui.queues.postfix.queue_id import Hashing
from mxtui.queues.progress import Progress

RECONCILE = 60.0
"""Seconds between passes over the names."""

SHARE = 0.01
"""Of a core that those passes may take: with a million messages they come less often."""

POLL = 5.0
"""Seconds between passes where there are no events."""

_AT_ONCE = 500
"""Messages looked up before they are told."""

_LOGS = "defer"

_WRITTEN = ("incoming", "maildrop")
"""Where files are before they are finished."""

_HASH_DIRECTORIES = "0123456789ABCDEF"
"""Their names: of long IDs, too, it is hex digits that choose (`queue_id.spelling`)."""


class Watcher:
    """Follows one queue directory. For one thread at a time."""

    def __init__(self, root: str, hashing: Hashing, reader: MessageReader, progress: Progress) -> None:
        self._root = root
        self._hashing = hashing
        self._reader = reader
        self._progress = progress
        self.warning = ""
        """Why events do not come, where they do not; the queue is then followed by its names."""

    def follow(self, stop: threading.Event) -> Iterator[Changes]:
        """Changes as they happen, an empty one at least every two seconds, until `stop`.

        Raises NoQueue and NotPermitted when the directory can no longer be read.
        """
        folders = self._folders()
        refused: OSError | None
        try:
            events = Events(folders)
        except OSError as error:
            refused = error
        else:
            self.warning = ""
            with events, self._progress.watching():
                refused = yield from self._listen(events, stop)
            if refused is None:
                return
        self.warning = f"file-system events are not to be had ({refused}); looking every few seconds instead"
        yield from self._poll(stop)

    def _listen(self, events: Events, stop: threading.Event) -> Generator[Changes, None, OSError | None]:
        """Until `stop`, or why there are no events of all that should be watched."""
        due = 0.0
        for heard in events.heard(stop):
            if heard.missed_since is not None:
                self._progress.missed(heard.missed_since)
                due = 0.0
            yield from self._told(heard.paths)
            reconcile = self._progress.complete and time.monotonic() >= due
            if reconcile:
                due = yield from self._reconcile(RECONCILE)
            if reconcile or any(_is_hash_directory(path) for path in heard.paths):
                new = set(self._folders()) - events.folders
                try:
                    for folder in new:
                        events.add(folder)
                except OSError as error:
                    return error
                if new:  # what they hold was there before they were watched
                    yield from self._told(_contents(new))
        return None

    def _folders(self) -> list[str]:
        """Every directory that holds messages or logs, for a few system calls each, however many they hold."""
        found: list[str] = []
        for name in (*READ_ORDER, _LOGS):
            path = f"{self._root}/{name}"
            below = list(_hashed(path))
            if not below and name not in (*OPTIONAL, _LOGS):
                raise NoQueue(f"{path} is not there", "Has the queue been moved?")
            found += below
        return found

    def _poll(self, stop: threading.Event) -> Iterator[Changes]:
        due = 0.0
        while not stop.wait(SIGN_OF_LIFE):
            yield Changes()
            if self._progress.complete and time.monotonic() >= due:
                due = yield from self._reconcile(POLL, blind=True)

    def _told(self, paths: Collection[str]) -> Iterator[Changes]:
        """What the files at these paths are now."""
        places: dict[str, list[str]] = {}
        for path in paths:
            folder, _, name = path.rpartition("/")
            if len(name) > 1 and queue_id.valid(name):
                places.setdefault(name, []).append(folder[len(self._root) + 1 :])
        told = False
        for changes in self._look_up(places):
            told = True
            for name in (*changes.gone, *(message.queue_id for message in changes.present)):
                for folder in places[name]:
                    if folder.partition("/")[0] != _LOGS:
                        self._progress.known.note(folder, name, present=False)
            for message in changes.present:
                folder = self._hashing.folder(message.state, message.queue_id)
                self._progress.known.note(folder, message.queue_id, present=True)
            yield changes
        if not told:
            yield Changes()

    def _look_up(self, ids: Collection[str]) -> Iterator[Changes]:
        waiting = iter(ids)
        self._progress.touch(ids)
        while batch := [name for _, name in zip(range(_AT_ONCE), waiting, strict=False)]:
            rows: list[Row] = []
            gone: list[str] = []
            for name in batch:
                found = self._reader.find(name)
                if found is Absent.GONE:  # or it passed us, from a place not yet tried to one tried before
                    found = self._reader.find(name)
                if isinstance(found, list):
                    rows.append(found)
                elif found is Absent.GONE:
                    gone.append(name)
                else:  # nobody may tell us when it is finished, if that event is missed
                    for state in _WRITTEN:
                        self._progress.known.note(self._hashing.folder(state, name), name, present=False)
            yield Changes(messages(rows), gone)

    def _reconcile(self, interval: float, *, blind: bool = False) -> Generator[Changes, None, float]:
        """Look at the names, and tell what events did not; returns when to do it again (monotonic time).

        `blind`: there are no events, and the next pass has to look back to this one.
        """
        began = time.monotonic()
        suspects, missed_since = self._progress.catch_up(blind=blind)
        known = self._progress.known
        seen = []
        for folder in folders(self._root):
            seen.append(folder.path)
            suspects |= known.differences(folder.path, folder.ids)
            if missed_since is not None:
                suspects.update(_changed(f"{self._root}/{folder.path}", folder.ids, missed_since))
        for path in known.forgotten(seen):
            suspects |= known.differences(path, ())
        cost = time.monotonic() - began
        yield from self._look_up(suspects)
        return time.monotonic() + max(interval, cost / SHARE)


def _changed(path: str, ids: Iterable[str], since: float) -> Iterator[str]:
    """The files whose status changed at or after `since`: written, tried again, moved here."""
    for name in ids:
        try:
            changed = os.stat(f"{path}/{name}", follow_symlinks=False).st_ctime  # noqa: PTH116 (2 µs, not 5)
        except OSError:  # gone meanwhile; that is an event or the next pass
            continue
        if changed >= since - 1:  # kernels stamp files with a clock that ticks a hundred times a second
            yield name


def _hashed(path: str) -> Iterator[str]:
    """A directory and the hash directories below it, those below them, …; nothing where there is none."""
    if os.path.isdir(path):  # noqa: PTH112 (no objects: thousands with a hash_queue_depth of 2)
        yield path
        for name in _HASH_DIRECTORIES:
            yield from _hashed(f"{path}/{name}")


def _contents(folders: Iterable[str]) -> set[str]:
    """The paths of all that is in directories made a moment ago, if they are still there."""
    found: set[str] = set()
    for folder in folders:
        with suppress(FileNotFoundError):
            found.update(f"{folder}/{name}" for name in os.listdir(folder))  # noqa: PTH208
    return found


def _is_hash_directory(path: str) -> bool:
    return len(path) > 1 and path[-2] == "/"
