"""Drills on record: drills.jsonl in the state folder, a line each, only ever appended to."""

import fcntl
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import msgspec

from mxtui.errors import MxtuiError
from mxtui.folders import give_away, make_folder, read_bounded
from mxtui.message.sanitize import one_line
from mxtui.model.drill import Drill

NAME: Final = "drills.jsonl"

LATEST: Final = 1 << 20
"""Bytes at the end that are looked at: some 5,000 drills."""


class Drills:
    """The record in a state folder; `others` are records of the same that are only read."""

    def __init__(self, state: Path, *others: Path) -> None:
        self.path = state / NAME
        self._paths = tuple(dict.fromkeys(each / NAME for each in (state, *others)))

    def add(self, drill: Drill) -> None:
        """Record one, durably. Raises MxtuiError."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            make_folder(self.path.parent)
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
        """The latest few thousand, oldest first; what cannot be understood is passed over."""
        found = [drill for path in self._paths for line in _lines(path) if (drill := _understood(line)) is not None]
        return sorted(found, key=lambda drill: drill.at)

    def latest(self) -> Mapping[str, Drill]:
        """The last of each domain."""
        return {drill.domain: drill for drill in self.all()}


def _lines(path: Path) -> Sequence[bytes]:
    try:
        return read_bounded(path, LATEST, end=True).splitlines()  # the first may be half of one
    except OSError:
        return ()


def _understood(line: bytes) -> Drill | None:
    try:
        drill = msgspec.json.decode(line, type=Drill)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return replace(drill, domain=one_line(drill.domain, 255), detail=one_line(drill.detail, 400))
