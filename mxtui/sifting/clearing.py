"""What operators said is no spam: a small file for each queue, kept whatever becomes of everything else.

A campaign is known again by its name, or by what its messages say, where it was named anew; a message of none by its
content, byte for byte.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from mxtui.errors import MxtuiError
from mxtui.folders import make_folder, replace_file
from mxtui.sifting.sketch import EMPTY, likeness

ALIKE: Final = 0.5
"""Likeness from which on a campaign is one that was cleared under another name."""

MOST: Final = 1_000
"""The latest; who cleared more than so many meant something else."""


class Cleared(msgspec.Struct, frozen=True):
    """One campaign that is no spam, or one content."""

    campaign: str
    """Empty where it is a content."""
    sketch: str
    """Of a message of it, hexadecimal."""
    by: str
    reason: str
    at: float
    """Epoch seconds."""
    content: str = ""
    """SHA-256 of a message as stored, hexadecimal."""

    @property
    def key(self) -> str:
        """What it is about."""
        return self.campaign or self.content


class Clearing:
    """One queue's. Blocks; reads the file only where it changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int] | None = None
        self._known: dict[str, Cleared] = {}

    def all(self) -> dict[str, Cleared]:
        """By campaign or content; nothing where the file cannot be read."""
        try:
            status = self.path.lstat()
            stamp = status.st_ino, status.st_mtime_ns
            if stamp != self._stamp:
                found = msgspec.json.decode(self.path.read_bytes(), type=list[Cleared])
                self._known, self._stamp = {each.key: each for each in found}, stamp
        except FileNotFoundError:
            self._known, self._stamp = {}, None
        except (OSError, msgspec.DecodeError):
            pass  # what was known stays
        return self._known

    def find(self, campaign: str, sketch: bytes = EMPTY) -> Cleared | None:
        """Whether a campaign was cleared, by its name or by what it says."""
        known = self.all()
        if campaign in known or sketch == EMPTY:
            return known.get(campaign)
        alike = (each for each in known.values() if each.campaign and _likeness(each, sketch) >= ALIKE)
        return next(alike, None)

    def contents(self) -> frozenset[str]:
        """The contents that are no spam, by SHA-256."""
        return frozenset(each.content for each in self.all().values() if each.content)

    def clear(self, cleared: Cleared) -> None:
        """It is no spam. Raises MxtuiError."""
        self._write({**self.all(), cleared.key: cleared}.values())

    def withdraw(self, campaign: str, sketch: bytes = EMPTY) -> None:
        """It may be, after all. Raises MxtuiError."""
        found = self.find(campaign, sketch)
        self._write(each for each in self.all().values() if each is not found)

    def withdraw_content(self, content: str) -> None:
        """That content may be, after all. Raises MxtuiError."""
        self._write(each for each in self.all().values() if each.content != content)

    def _write(self, some: Iterable[Cleared]) -> None:
        latest = sorted(some, key=lambda each: each.at)[-MOST:]
        try:
            make_folder(self.path.parent)
            replace_file(self.path, msgspec.json.format(msgspec.json.encode(latest)) + b"\n")
        except OSError as error:
            raise MxtuiError(f"{self.path} cannot be written: {error.strerror}", "Look at its folder.") from error


def _likeness(cleared: Cleared, sketch: bytes) -> float:
    return likeness(bytes.fromhex(cleared.sketch), sketch)


def file_beside(sifted: Path) -> Path:
    """Where it is, by the file of what is remembered of a queue."""
    return sifted.with_suffix(".cleared.json")
