"""File-system events of a queue's directories (inotify(7))."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from errno import ENOENT, ENOTDIR
from typing import Final, Self

SETTLE: Final = 0.1
"""Seconds over which events are gathered: a message being received makes a dozen in a few milliseconds."""

STEP: Final = 0.025
"""Seconds of quiet that end the gathering."""

SIGN_OF_LIFE: Final = 1.0
"""Seconds without events after which nothing at all says that all is well."""

STOPS: Final = 100
"""Milliseconds between two looks at whether to stop."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What happened since the last time."""

    paths: frozenset[str] = frozenset()
    """Of files and directories in what is watched; of what is watched itself where it went away."""
    missed_since: float | None = None
    """Seconds since the epoch, where the kernel had more to say than it keeps (fs.inotify.max_queued_events, 16,384);
    None where nothing was missed."""


class Events:
    """What happens in directories, each of which is named: nothing is known of what is below them.

    A name costs about 2 µs to read, the kernel merges what it says twice in a row. For one thread at a time.
    """

    def __init__(self, folders: Iterable[str], clock: Callable[[], float] = time.time) -> None:
        """Raises OSError where events are not to be had: too many watches or instances, another kernel."""
        # Here, since it costs 20 ms, and nothing that looks but once needs it.
        from inotify_simple import INotify, flags

        self._clock = clock
        self._overflow, self._lost, self._own = (
            int(flags.Q_OVERFLOW),
            int(flags.IGNORED),
            int(flags.DELETE_SELF | flags.MOVE_SELF | flags.IGNORED),
        )
        # Not CLOSE_WRITE: who delivers a message opens its file for writing, and mostly writes nothing.
        self._mask = int(
            flags.CREATE | flags.DELETE | flags.MOVED_FROM | flags.MOVED_TO | flags.MODIFY | flags.ATTRIB
            | flags.DELETE_SELF | flags.MOVE_SELF | flags.ONLYDIR
        )  # fmt: skip
        self._watches: dict[int, str] = {}
        try:
            self._inotify = INotify(nonblocking=True)
        except AttributeError as error:  # a C library without it
            raise OSError("this system has no inotify") from error
        try:
            for folder in folders:
                self.add(folder)
        except OSError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Nothing more is heard."""
        self._inotify.close()

    @property
    def folders(self) -> set[str]:
        """What is watched."""
        return set(self._watches.values())

    def add(self, folder: str) -> None:
        """Watch this, too. One that is gone meanwhile is not watched. Raises OSError."""
        try:
            self._watches[self._inotify.add_watch(folder, self._mask)] = folder
        except OSError as error:
            if error.errno not in (ENOENT, ENOTDIR):
                raise

    def heard(self, stop: threading.Event) -> Iterator[Heard]:
        """What happened, and nothing at all as a sign of life, until `stop`."""
        began, quiet_since = self._clock(), time.monotonic()
        while not stop.is_set():
            before, began = began, self._clock()
            events = self._inotify.read(STOPS)
            if events:
                gathered_since = time.monotonic()
                while time.monotonic() - gathered_since < SETTLE and not stop.wait(STEP):
                    more = self._inotify.read(0)
                    if not more:
                        break
                    events += more
            elif time.monotonic() - quiet_since < SIGN_OF_LIFE:
                continue
            paths: set[str] = set()
            missed_since = None
            for watch, mask, _, name in events:
                if mask & self._overflow:
                    missed_since = before  # when all had been read
                    continue
                folder = self._watches.get(watch)
                if folder is not None:
                    paths.add(folder if mask & self._own else f"{folder}/{name}")
                if mask & self._lost:
                    self._watches.pop(watch, None)
            yield Heard(frozenset(paths), missed_since)
            quiet_since = time.monotonic()
