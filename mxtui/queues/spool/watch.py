"""What happens in a spool, by file-system events: one change costs one file read.

Every change is a file that gets or loses a name in a hash folder of queue/. Against events that were missed (a full
kernel queue, a time before we watched) stand a pass over the names once a minute, and where events are known to have
been missed, over the files' change times.
"""

import os
import threading
import time
from collections.abc import Collection, Generator, Iterable, Iterator
from itertools import islice

from mxtui.errors import NoQueue
from mxtui.model.message import Changes
from mxtui.queues.events import SIGN_OF_LIFE, Events
from mxtui.queues.progress import Progress
from mxtui.queues.spool.ids import FOLDERS, folder_of, is_id
from mxtui.queues.spool.layout import STATES
from mxtui.queues.spool.rows import Row, RowReader, messages
from mxtui.queues.spool.scan import folders

RECONCILE = 60.0
"""Seconds between passes over the names."""

SHARE = 0.01
"""Of a core that those passes may take: with a million messages they come less often."""

POLL = 5.0
"""Seconds between passes where there are no events."""

_AT_ONCE = 500
"""Messages looked up before they are told."""


class Watcher:
    """Follows one spool. For one thread at a time."""

    def __init__(self, root: str, progress: Progress) -> None:
        self._root = root
        self._reader = RowReader(root)
        self._progress = progress
        self.warning = ""
        """Why events do not come, where they do not; the spool is then followed by its names."""

    def follow(self, stop: threading.Event) -> Iterator[Changes]:
        """Changes as they happen, an empty one at least every two seconds, until `stop`.

        Raises NoQueue and NotPermitted when the spool can no longer be read.
        """
        folders = self._folders()
        try:
            events = Events(folders)
        except OSError as error:
            self.warning = f"file-system events are not to be had ({error}); looking every few seconds instead"
            yield from self._poll(stop)
            return
        self.warning = ""
        with events, self._progress.watching():
            due = 0.0
            for heard in events.heard(stop):
                if heard.missed_since is not None:
                    self._progress.missed(heard.missed_since)
                    due = 0.0
                yield from self._told(heard.paths)
                if self._progress.complete and time.monotonic() >= due:
                    due = yield from self._reconcile(RECONCILE)

    def _folders(self) -> list[str]:
        paths = [f"{self._root}/queue/{state}/{name}" for state in STATES for name in FOLDERS]
        found = [path for path in paths if os.path.isdir(path)]  # noqa: PTH112 (1,280 of them: no objects)
        if not found:
            raise NoQueue(f"{self._root}/queue is not there", "Has the spool been moved?")
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
            queue_id = name.partition(".")[0]
            if is_id(queue_id) and folder_of(queue_id) == folder[-2:]:
                places.setdefault(queue_id, []).append(folder[len(self._root) + 1 :])
        told = False
        for changes in self._look_up(places):
            told = True
            for queue_id in (*changes.gone, *(message.queue_id for message in changes.present)):
                for folder in places[queue_id]:
                    self._progress.known.note(folder, queue_id, present=False)
            for message in changes.present:
                folder = f"queue/{message.state}/{folder_of(message.queue_id)}"
                self._progress.known.note(folder, message.queue_id, present=True)
            yield changes
        if not told:
            yield Changes()

    def _look_up(self, ids: Collection[str]) -> Iterator[Changes]:
        waiting = iter(ids)
        self._progress.touch(ids)
        while batch := list(islice(waiting, _AT_ONCE)):
            rows: list[Row] = []
            gone: list[str] = []
            for queue_id in batch:
                row = self._reader.find(queue_id)
                if row is None:
                    gone.append(queue_id)
                else:
                    rows.append(row)
            yield Changes(messages(rows), gone)

    def _reconcile(self, interval: float, *, blind: bool = False) -> Generator[Changes, None, float]:
        """Look at the names, and tell what events did not; returns when to do it again (monotonic time).

        `blind`: there are no events, and the next pass has to look back to this one.
        """
        began = time.monotonic()
        suspects, missed_since = self._progress.catch_up(blind=blind)
        for folder in folders(self._root):
            suspects |= self._progress.known.differences(folder.path, folder.ids)
            if missed_since is not None:
                suspects.update(_changed(f"{self._root}/{folder.path}", folder.ids, missed_since))
        cost = time.monotonic() - began
        yield from self._look_up(suspects)
        return time.monotonic() + max(interval, cost / SHARE)


def _changed(path: str, ids: Iterable[str], since: float) -> Iterator[str]:
    """The envelopes whose files' status changed at or after `since`: written, moved here."""
    for queue_id in ids:
        try:
            changed = os.stat(f"{path}/{queue_id}.json", follow_symlinks=False).st_ctime  # noqa: PTH116 (2 µs, not 5)
        except OSError:  # gone meanwhile, which is an event or for the next pass; or set aside, and never changed
            continue
        if changed >= since - 1:  # kernels stamp files with a clock that ticks a hundred times a second
            yield queue_id
