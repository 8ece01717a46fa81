"""What the thread that reads a queue and the thread that watches it tell each other."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from mxtui.queues.known import Known

Row = list[Any]
"""The fields of a QueuedMessage, in their order, as plain values."""


class Progress:
    """How far the first read is, what events have said meanwhile, and since when they may have been missed.

    A message that an event has told is not told again by the read, which may have seen it earlier. Since both yield to
    the same index on their own threads, it is told once more when the read is over: whatever order they came in, the
    last word is the latest.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.known = Known()
        self._clock = clock
        self._lock = threading.Lock()
        self._reading = 0
        self._read = False
        self._watching = False
        self._touched: set[str] = set()
        self._suspects: set[str] = set()
        self._blind_since: float | None = None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The first read goes on."""
        with self._lock:
            self._reading += 1
            if not self._watching and self._blind_since is None:
                self._blind_since = self._clock()
        try:
            yield
            self._read = True
        finally:
            with self._lock:
                self._reading -= 1

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Events arrive."""
        with self._lock:
            self._watching = True
        try:
            yield
        finally:
            with self._lock:
                self._watching = False
                if self._blind_since is None:
                    self._blind_since = self._clock()

    def missed(self, since: float) -> None:
        """Events were, at some time after `since`, seconds since the epoch."""
        with self._lock:
            self._blind_since = since if self._blind_since is None else min(since, self._blind_since)

    @property
    def complete(self) -> bool:
        """Whether the whole queue has been read, and none is being read."""
        return self._read and not self._reading

    def touch(self, ids: Iterable[str]) -> None:
        """An event told of these."""
        with self._lock:
            if not self.complete:
                self._touched.update(ids)

    def suspect(self, ids: Iterable[str]) -> None:
        """These have left where they were known to be."""
        with self._lock:
            self._suspects.update(ids)

    def untouched(self, rows: list[Row], gone: list[str]) -> tuple[list[Row], list[str]]:
        """What the read found, without that of which an event has told since."""
        touched = self._touched
        if not touched:
            return rows, gone
        with self._lock:
            return [row for row in rows if row[0] not in touched], [name for name in gone if name not in touched]

    def catch_up(self, *, blind: bool = False) -> tuple[set[str], float | None]:
        """What is to be looked at again now that the read is over, and since when events were missed, if they were.

        `blind`: from now on they are missed again.
        """
        with self._lock:
            suspects, self._touched, self._suspects = self._touched | self._suspects, set(), set()
            missed_since = self._blind_since
            self._blind_since = self._clock() if blind else None
            return suspects, missed_since
