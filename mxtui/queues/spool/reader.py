"""Reading a spool as a queue: everything once, then what changes."""

import threading
from collections.abc import Collection, Iterator, Mapping

from mxtui.model.message import Changes, QueuedMessage, State
from mxtui.model.tally import Tallies
from mxtui.queues.progress import Progress
from mxtui.queues.spool.ids import is_id
from mxtui.queues.spool.rows import RowReader, messages
from mxtui.queues.spool.scan import count, folders, scan
from mxtui.queues.spool.watch import Watcher


class SpoolReader:
    """Reads one spool from its files, and follows it by file-system events. See `queues.queue.Queue`."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._progress = Progress()
        self._watcher: Watcher | None = None

    @property
    def warning(self) -> str:
        """Why changes are seen late, where they are; empty when all is well."""
        return self._watcher.warning if self._watcher else ""

    def depth(self) -> Mapping[State, int]:
        """Messages per state, from names alone. Raises NoQueue and NotPermitted."""
        depth: dict[State, int] = {}
        for folder in folders(self._root):
            depth[folder.state] = depth.get(folder.state, 0) + len(folder.ids)
        return depth

    def read(self) -> Iterator[Changes]:
        """Everything queued, once. Raises NoQueue and NotPermitted."""
        known = self._progress.known
        with self._progress.reading():
            listed = list(folders(self._root))
            for folder in listed:
                # Nobody, the first time.
                self._progress.suspect(known.differences(folder.path, folder.ids).difference(folder.ids))
            for answer in scan(self._root, listed):
                rows, gone = self._progress.untouched(answer.rows, answer.gone)
                yield Changes(messages(rows), gone)

    def count(self, now: float) -> Tallies:
        """Everything queued, counted at `now` and not told. Raises NoQueue and NotPermitted."""
        return count(self._root, now)

    def watch(self, stop: threading.Event) -> Iterator[Changes]:
        """What changes from the start of `read` on. Raises NoQueue and NotPermitted."""
        self._watcher = Watcher(self._root, self._progress)
        return self._watcher.follow(stop)

    def find(self, queue_id: str) -> QueuedMessage | None:
        """The message under this ID now, wherever it is; None when it is gone."""
        return self.find_all([queue_id]).get(queue_id)

    def find_all(self, queue_ids: Collection[str]) -> Mapping[str, QueuedMessage]:
        """Some messages as they are now; those missing are gone."""
        reader = RowReader(self._root)
        rows = [row for each in queue_ids if is_id(each) and (row := reader.find(each)) is not None]
        return {message.queue_id: message for message in messages(rows)}
