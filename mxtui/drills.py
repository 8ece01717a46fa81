"""Drills on record: a file for each queue in `drills/` of the state folder, a line each, only ever appended to."""

import fcntl
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from mxtui.errors import MxtuiError
from mxtui.folders import give_away, make_folder, queue_digest, read_bounded
from mxtui.message.sanitize import one_line
from mxtui.model.drill import Drill

FOLDER: Final = "drills"

LATEST: Final = 1 << 20
"""Bytes at the end that are looked at: some 5,000 drills."""


class Drills:
    """One queue's, by its path, in a state folder; `others` are such folders that are only read."""

    def __init__(self, queue: str, state: Path, *others: Path) -> None:
        name = f"{queue_digest(queue)}.jsonl"
        self.path, *self._others = dict.fromkeys(each / FOLDER / name for each in (state, *others))

    def add(self, drill: Drill) -> None:
        """Record one, durably. Raises MxtuiError."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            make_folder(self.path.parent, 0o755)
            file = os.open(self.path, flags, 0o644)
            try:
                give_away(file, self.path.parent)
                fcntl.flock(file, fcntl.LOCK_EX)
                os.write(file, msgspec.json.encode(drill) + b"\n")
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise MxtuiError(f"the drill cannot be recorded in {self.path}: {error.strerror}", "Run as root.") from None

    def all(self) -> Sequence[Drill]:
        """The latest few thousand, oldest first; what cannot be understood is passed over.

        Raises MxtuiError where one of the records is there and cannot be read: none is known to be missing then.
        """
        lines = [line for path in (self.path, *self._others) for line in _lines(path)]
        found = [drill for line in lines if (drill := _understood(line)) is not None]
        return sorted(found, key=lambda drill: drill.at)

    def latest(self) -> Mapping[str, Drill]:
        """The last of each domain. Raises MxtuiError as `all` does."""
        return {drill.domain: drill for drill in self.all()}


def _lines(path: Path) -> Sequence[bytes]:
    try:
        return read_bounded(path, LATEST, end=True).splitlines()  # the first may be half of one
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise MxtuiError(f"drills cannot be read: {path}: {error.strerror}", "Look whose it is.") from None


def _understood(line: bytes) -> Drill | None:
    try:
        drill = msgspec.json.decode(line, type=Drill)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return replace(drill, domain=one_line(drill.domain, 255).lower(), detail=one_line(drill.detail, 400))
