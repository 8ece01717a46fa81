"""A queue directory without a Postfix, and somebody who follows it as the console does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mxtui.model.message import Changes, QueuedMessage
from mxtui.queues.postfix.glance import Glance, glance
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.queue_id import Hashing
from mxtui.queues.postfix.reader import Reader
from mxtui.queues.queue import Queue
from tests.queues.postfix.writer import QueueFile

HASHING = Hashing(frozenset({"deferred", "defer"}), 1)
DAY = 86400.0


def layout_of(queue: Path) -> Layout:
    """As if Postfix had been asked."""
    return Layout(
        config_directory=queue.parent / "etc",
        queue_directory=queue,
        version="3.7.11",
        hostname="mx2.example.net",
        hashing=HASHING,
        maximal_queue_lifetime=5 * DAY,
        bounce_queue_lifetime=1 * DAY,
        command_directory=Path("/usr/sbin"),
        sendmail_path=Path("/usr/sbin/sendmail"),
        maillog_file=None,
    )


def make_queue(queue: Path) -> Path:
    for name in ("maildrop", "incoming", "active", "deferred", "hold", "corrupt", "defer"):
        (queue / name).mkdir(parents=True)
    return queue


def place(queue: Path, state: str, queue_id: str) -> Path:
    path = queue / HASHING.folder(state, queue_id) / queue_id
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def put(queue: Path, state: str, queue_id: str, raw: bytes | None = None, mode: int = 0o700) -> Path:
    """A queue file, complete at once as a rename makes it."""
    new = queue / "incoming" / "123.456"
    new.write_bytes(QueueFile().raw() if raw is None else raw)
    new.chmod(mode)
    return new.rename(place(queue, state, queue_id))


def move(queue: Path, queue_id: str, before: str, after: str) -> None:
    place(queue, before, queue_id).rename(place(queue, after, queue_id))


class Follower:
    """Reads and watches on two threads, and keeps what they tell as an index does."""

    def __init__(self, reader: Reader | Queue) -> None:
        self.known: dict[str, QueuedMessage] = {}
        self.told: list[str] = []
        """Every ID told as present, in order."""
        self.signs = 0
        """Changes that said nothing but that all is well."""
        self.read_over = threading.Event()
        self.errors: list[BaseException] = []
        self._reader = reader
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def apply(self, changes: Changes) -> None:
        with self._lock:
            for message in changes.present:
                self.known[message.queue_id] = message
                self.told.append(message.queue_id)
            for queue_id in changes.gone:
                self.known.pop(queue_id, None)
            self.signs += not changes.present and not changes.gone

    def state(self, queue_id: str) -> str:
        message = self.known.get(queue_id)
        return message.state if message else ""

    @contextmanager
    def following(self, *, reading: bool = True) -> Iterator["Follower"]:
        def watch() -> None:
            for changes in self._reader.watch(self._stop):
                self.apply(changes)

        def read() -> None:
            for changes in self._reader.read():
                self.apply(changes)
            self.read_over.set()

        threads = [
            threading.Thread(target=self._guarded, args=(work,)) for work in ((watch, read) if reading else (watch,))
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(10)
            assert not any(thread.is_alive() for thread in threads)
            assert not self.errors, self.errors

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 (told where the test can see it)
            self.errors.append(error)


def open_files(pid: int | None = None) -> int:
    """How many descriptors a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid or 'self'}/fd").iterdir())


def count_reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """From now on, the size of every queue file that is read."""
    reads: list[int] = []

    def counting(block: bytes, file_size: int, client_at: int) -> Glance | None:
        reads.append(file_size)
        return glance(block, file_size, client_at)

    monkeypatch.setattr("mxtui.queues.postfix.message_file.glance", counting)
    return reads
