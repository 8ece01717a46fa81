"""The first road to a queue: its files, for root and the postfix user."""

import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from mxtui.errors import NoQueue, NotPermitted
from mxtui.model.message import Changes, QueuedMessage, State
from mxtui.model.tally import Tallies
from mxtui.queues.postfix import queue_file, queue_id
from mxtui.queues.postfix.census import census
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.message_file import LOOK_UP_ORDER, messages
from mxtui.queues.postfix.names import folders
from mxtui.queues.postfix.queue_file import Envelope
from mxtui.queues.postfix.scan import count, scan
from mxtui.queues.postfix.worker import Settings
from mxtui.queues.progress import Progress

if TYPE_CHECKING:
    from mxtui.queues.cached import Counted
    from mxtui.queues.postfix.watch import Watcher


class FileReader:
    """Reads a queue from its files, and follows it by file-system events."""

    road: Literal["files"] = "files"

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._root = str(layout.queue_directory)
        self._progress = Progress()
        self._watcher: Watcher | None = None
        self._subjects = True

    @property
    def warning(self) -> str:
        """Why changes are seen late, where they are; empty when all is well."""
        return self._watcher.warning if self._watcher else ""

    def depth(self) -> Mapping[State, int]:
        """Messages per state, from names alone. Raises NoQueue and NotPermitted."""
        return census(self._root)

    def read(self, *, subjects: bool = True) -> Iterator[Changes]:
        """Everything queued, once. Raises NoQueue and NotPermitted."""
        self._subjects = subjects
        known = self._progress.known
        with self._progress.reading():
            listed = list(folders(self._root))
            for folder in listed:
                # Nobody, the first time.
                self._progress.suspect(known.differences(folder.path, folder.ids).difference(folder.ids))
            for batch in scan(self._settings(), listed):
                for path, name in batch.unfinished:
                    known.note(path, name, present=False)
                rows, gone = self._progress.untouched(batch.rows, batch.gone)
                yield Changes(messages(rows), gone)

    def count(self, now: float) -> Tallies:
        """Everything queued, counted at `now` and not told. Raises NoQueue and NotPermitted."""
        return count(self._settings(), now)

    def count_again(self, now: float, cache: Path) -> "Counted":
        """The same by what a file remembers. Raises NoQueue and NotPermitted."""
        from mxtui.queues.cached import Cache
        from mxtui.queues.postfix.cached import PostfixFiles

        return Cache(cache, PostfixFiles(self._settings())).count(now)

    def watch(self, stop: threading.Event) -> Iterator[Changes]:
        """What changes from the start of `read` on. Raises NoQueue and NotPermitted."""
        from mxtui.queues.postfix.watch import Watcher  # 5 ms, which one look need not pay

        reader = self._settings().reader()
        self._watcher = Watcher(self._root, self._layout.hashing, reader, self._progress)
        return self._watcher.follow(stop)

    def find(self, queue_id: str) -> QueuedMessage | None:
        """The message under this ID now, wherever it is; None when it is gone."""
        if not _valid(queue_id):
            return None
        for _ in range(2):  # it may pass us once, against the order of looking
            found = self._settings().reader().find(queue_id)
            if isinstance(found, list):
                return messages([found])[0]
        return None

    def content(self, queue_id: str, limit: int) -> bytes:
        """The message as stored, at most `limit` bytes. Raises NoQueue (gone) and NotPermitted."""
        path = self._path(queue_id)
        try:
            return queue_file.content(path, limit)
        except OSError as error:
            raise _unreadable(queue_id, error) from error

    def envelope(self, queue_id: str) -> Envelope:
        """Everything but the message. Raises NoQueue (gone) and NotPermitted."""
        path = self._path(queue_id)
        try:
            return queue_file.read_envelope(path)
        except OSError as error:
            raise _unreadable(queue_id, error) from error

    def _path(self, queue_id: str) -> str:
        if _valid(queue_id):
            for state in LOOK_UP_ORDER * 2:
                path = Path(self._root, self._layout.hashing.folder(state, queue_id), queue_id)
                if os.path.lexists(path):
                    return str(path)
        raise NoQueue(f"{queue_id} is no longer queued")

    def _settings(self) -> Settings:
        hashing = self._layout.hashing
        return Settings(self._root, self._layout.lifetimes, self._subjects, tuple(sorted(hashing.names)), hashing.depth)


_valid = queue_id.valid


def _unreadable(queue_id: str, error: OSError) -> NoQueue | NotPermitted:
    if isinstance(error, PermissionError):
        return NotPermitted(f"{queue_id} may not be read", "Its file is for root and the postfix user.")
    if isinstance(error, FileNotFoundError):
        return NoQueue(f"{queue_id} is no longer queued")
    return NoQueue(f"{queue_id} cannot be read: {error.strerror}")
