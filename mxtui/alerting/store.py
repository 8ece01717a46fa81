"""The alerts of one queue, between one command and the next. One folder a queue, named by a digest of its path:

    memory.json        what `model.alerts.memory` goes by; a cache: lost or damaged, it begins anew
    acknowledged.json  what operators know of
    told-WAY.json      what was told by command, and by mail (see `alerting.telling`)
    watched.json       when somebody told who watches all the time: a console, or `serve`
    lock               held (flock(2)) by whoever changes the last three, or tells

Each is replaced whole. Acknowledgements are for everybody to read: those of root count for an operator, too.
"""

import fcntl
import os
import time
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from mxtui.errors import Guarded, MxtuiError, NotPermitted
from mxtui.folders import give_away, make_folder, queue_digest, read_bounded, replace_file
from mxtui.model.alerts.memory import Memory
from mxtui.model.alerts.news import Told
from mxtui.model.overview import Acknowledgement

LIMIT: Final = 16 << 20
"""Bytes; the memory of 1,000 domains takes 0.4 MB."""

PATIENCE: Final = 5.0

WATCHED: Final = 240.0
"""Seconds: `serve` may pause for 150, beside the time that its look takes."""

_T = TypeVar("_T")


class AlertState:
    """One queue's; `state` is the folder of all that has to survive, `others` are such folders that are only read."""

    def __init__(self, queue: str, state: Path, *others: Path) -> None:
        self.folder, *self._others = dict.fromkeys(each / "alerts" / queue_digest(queue) for each in (state, *others))

    @property
    def alone(self) -> bool:
        """Whether nobody else goes by what is kept here: it is not the folder that all look into."""
        return bool(self._others)

    def memory(self) -> Memory:
        """What is remembered; nothing where there is nothing, or nothing that can be understood."""
        return _read(self.folder / "memory.json", Memory) or Memory()

    def keep(self, memory: Memory) -> None:
        """Remember it. Raises MxtuiError."""
        self._write("memory.json", memory)

    def acknowledged(self, now: float) -> Sequence[Acknowledgement]:
        """What operators know of and whose time is not up."""
        found: dict[tuple[str, str | None], Acknowledgement] = {}
        for folder in (*self._others, self.folder):
            found.update({(each.name, each.domain): each for each in self._acknowledged(folder, now)})
        return list(found.values())

    def _acknowledged(self, folder: Path, now: float) -> Sequence[Acknowledgement]:
        known = _read(folder / "acknowledged.json", list[Acknowledgement]) or []
        return [each for each in known if now < each.until]

    def acknowledge(self, known: Sequence[Acknowledgement], now: float) -> None:
        """Keep these, in place of those of the same alerts. Raises MxtuiError."""
        self._change({(each.name, each.domain) for each in known}, known, now)

    def withdraw(self, known: Sequence[Acknowledgement], now: float) -> None:
        """Forget these. Raises MxtuiError."""
        self._change({(each.name, each.domain) for each in known}, (), now)

    def told(self, way: str) -> Told:
        """What was told by `command` or `mail`."""
        return _read(self.folder / f"told-{way}.json", Told) or Told()

    def set_told(self, way: str, told: Told) -> None:
        """Keep it; for whoever holds the lock. Raises MxtuiError."""
        self._write(f"told-{way}.json", told)

    def watched(self, now: float) -> bool:
        """Whether somebody who watches all the time has told of late, or had nothing to tell."""
        at = _read(self.folder / "watched.json", float)
        return at is not None and 0 <= now - at < WATCHED

    def set_watched(self, now: float) -> None:
        """Somebody does; for whoever holds the lock. Raises MxtuiError."""
        self._write("watched.json", now)

    @contextmanager
    def changing(self, patience: float = PATIENCE) -> Iterator[None]:
        """Be the only one who tells, or changes acknowledgements. Raises Guarded (another is at it), MxtuiError."""
        try:
            self._make()
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise self._trouble(error) from error
        try:
            give_away(lock, self.folder)
            _take(lock, time.monotonic() + patience)
            yield
        finally:
            os.close(lock)

    def _change(self, meant: Set[tuple[str, str | None]], instead: Sequence[Acknowledgement], now: float) -> None:
        with self.changing():
            others = [each for each in self._acknowledged(self.folder, now) if (each.name, each.domain) not in meant]
            self._write("acknowledged.json", [*others, *instead], 0o644)

    def _write(self, name: str, value: object, mode: int = 0o600) -> None:
        try:
            self._make()
            replace_file(self.folder / name, msgspec.json.encode(value), mode)
        except OSError as error:
            raise self._trouble(error) from error

    def _make(self) -> None:
        make_folder(self.folder, 0o755)

    def _trouble(self, error: OSError) -> MxtuiError:
        words = f"the alerts' state cannot be kept in {self.folder}: {error.strerror}"
        if isinstance(error, PermissionError):
            return NotPermitted(words, "Run as root, or set another folder: state in the settings.")
        return MxtuiError(words, "Look what is there, and how full the disk is.")


def _read(path: Path, kind: type[_T]) -> _T | None:
    try:
        return msgspec.json.decode(read_bounded(path, LIMIT), type=kind)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _take(lock: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Guarded("another mxtui is at the alerts of this queue", "Try again in a moment.") from None
            time.sleep(0.05)
        else:
            return
