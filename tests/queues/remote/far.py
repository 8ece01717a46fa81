"""A queue at the far end of a line that can be cut, without ssh."""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mxtui.errors import MxtuiError, Unreachable
from mxtui.model.message import QueuedMessage
from mxtui.model.ssh_address import Address
from mxtui.queues.queue import Queue
from mxtui.queues.remote.link import Link
from mxtui.queues.remote.queue import RemoteQueue
from tests.support import line
from tests.support.settings import FOLDERS

FAR = Address("far.test")


class Line:
    """Between here and the agent of a queue."""

    def __init__(self, folder: Path, source: str, *, stalled: float = 20.0, ahead: float = 0.0) -> None:
        self.folder = folder
        self._said = folder / "line"
        self._stalled = stalled
        folder.mkdir(exist_ok=True)
        config = folder / "mxtui.toml"
        config.write_text(FOLDERS.format(folder=folder))
        late = f"import time; real = time.time; time.time = lambda: real() + {ahead}"
        run = f"{late}; from mxtui.__main__ import main; main()"
        self.agent = [sys.executable, "-c", run, "agent", "-q", source, "--config", str(config)]
        self.attempts = 0

    def says(self, word: str) -> None:
        """What becomes of the line."""
        self._said.write_text(word)

    def connect(self, argv: Sequence[str], host: str, failure: Callable[[int | None, str], Unreachable]) -> Link:
        """In place of ssh."""
        self.attempts += 1
        command = [sys.executable, str(Path(line.__file__)), str(self._said), *self.agent]
        return Link(command, host, failure, stalled=self._stalled)

    def queue(self, patience: float = 30.0) -> RemoteQueue:
        """Connected."""
        return RemoteQueue(FAR, connect=self.connect, patience=patience)


class Watcher:
    """Follows a queue as a monitor does: what it takes the queue to hold, and what went wrong."""

    def __init__(self, queue: Queue) -> None:
        self.known: dict[str, QueuedMessage] = {}
        self.faults: list[str] = []
        self.told = 0
        self.read = False
        """Whether everything was read once."""
        self._queue = queue
        self._stop = threading.Event()

    @contextmanager
    def following(self) -> Iterator["Watcher"]:
        threads = [threading.Thread(target=work, daemon=True) for work in (self._watch, self._read)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(20)
                assert not thread.is_alive()

    def _read(self) -> None:
        while not self._stop.is_set():
            try:
                for changes in self._queue.read():
                    self._apply(changes.present, changes.gone)
            except MxtuiError:
                self._stop.wait(0.05)
            else:
                self.read = True
                return

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                for changes in self._queue.watch(self._stop):
                    self._apply(changes.present, changes.gone)
            except MxtuiError as error:
                self.faults.append(error.message)
                self._stop.wait(0.05)

    def _apply(self, present: Sequence[QueuedMessage], gone: Sequence[str]) -> None:
        self.told += len(present)
        self.known.update((message.queue_id, message) for message in present)
        for queue_id in gone:
            self.known.pop(queue_id, None)


def environment(path: str) -> dict[str, str]:
    """With another PATH."""
    return {**os.environ, "PATH": path}
