"""Who writes: of all processes that monitor a queue, the one that holds the lock; when it ends, another takes over."""

import fcntl
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from mxtui.errors import HistoryDamaged, MxtuiError
from mxtui.history.store import Store
from mxtui.model.history import Tick

LOCK: Final = ".lock"


class Recorder:
    """One process's part in a history: reads it, and writes it where nobody else does. Blocks; belongs in a thread.

    Whatever goes wrong is told by `fault`, and stops nothing.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.fault = ""
        """Why there is no history, or no new one: `it …`; empty where all is well. A sentence without its full stop."""
        self.notice = ""
        """What was done about a damaged file, and where it is."""
        self._lock: int | None = None
        self._checked = False

    def last_hour(self, now: float) -> Mapping[str, Sequence[int | None]]:
        """As the store; nothing where that cannot be read."""
        try:
            return self.store.last_hour(now)
        except MxtuiError as error:
            self.fault = error.message
            return {}

    def record(self, tick: Tick, now: float) -> bool:
        """Write a minute, if that is ours to do; whether it was written."""
        try:
            if not self._ours():
                self.fault = ""
                return False
            self._write(tick, now)
        except MxtuiError as error:
            self.fault = error.message
        except OSError as error:
            self.fault = f"it cannot be written: {self.store.path.parent}: {error.strerror}"
        else:
            self.fault = ""
            return True
        return False

    def _write(self, tick: Tick, now: float) -> None:
        try:
            if not self._checked:
                self.store.check()
                self._checked = True
            self.store.write(tick, now)
        except HistoryDamaged as error:
            aside = self.store.set_aside(now)
            self.notice = f"{error.message}; what there was is kept as {aside}"
            self.store.write(tick, now)

    def _ours(self) -> bool:
        """Whether this process writes. Raises OSError, where it would and cannot."""
        if self._lock is not None:
            return True
        folder = self.store.path.parent
        there = next(each for each in (folder, *folder.parents) if each.exists())
        if os.geteuid() == 0 and there.stat().st_uid:
            return False  # root never writes where another user may put links; that user's own serve does
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(
            self.store.path.with_name(self.store.path.name + LOCK),
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600,
        )  # fmt: skip
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def close(self) -> None:
        """Let another write."""
        lock, self._lock = self._lock, None
        if lock is not None:
            with suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_UN)  # a forked child has the same lock
                os.close(lock)
