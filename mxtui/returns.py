"""Announced returns of primaries: a file for each queue in `returns/` of the state folder, replaced whole.

Those of root, or of a group that shares the folder, everybody reads; whoever may not write there has their own.
"""

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import msgspec

from mxtui.errors import MxtuiError, NotPermitted
from mxtui.folders import alone, make_folder, queue_digest, read_bounded, replace_file
from mxtui.message.sanitize import one_line
from mxtui.model.holds import REASON_LENGTH
from mxtui.model.returns import Announced

FOLDER: Final = "returns"

LIMIT: Final = 1 << 20
"""Bytes: some 5,000 domains."""


class Returns:
    """One queue's, by its path, in a state folder; `others` are such folders that are only read."""

    def __init__(self, queue: str, state: Path, *others: Path) -> None:
        name = f"{queue_digest(queue)}.json"
        self.path, *self._others = dict.fromkeys(each / FOLDER / name for each in (state, *others))

    def all(self, now: float) -> Mapping[str, Announced]:
        """By domain, those that are to come. What cannot be read or understood announces nothing."""
        found = [each for path in (*self._others, self.path) for each in _read(path) if now < each.back]
        return {each.domain: each for each in found}

    def announce(self, announced: Announced) -> None:
        """Keep it, in place of what was announced for the domain. Raises MxtuiError."""
        self._change({announced.domain}, (announced,))

    def withdraw(self, domain: str) -> None:
        """It is no longer to be expected. Raises MxtuiError."""
        self._change({domain}, ())

    def _change(self, meant: Collection[str], instead: Collection[Announced]) -> None:
        try:
            make_folder(self.path.parent, 0o755)
            with alone(self.path.with_suffix(".lock")):
                now = time.time()
                others = [each for each in _read(self.path) if each.domain not in meant and now < each.back]
                replace_file(self.path, msgspec.json.encode([*others, *instead]), 0o644)
        except OSError as error:
            words = f"an announcement cannot be kept in {self.path}: {error.strerror}"
            kind = NotPermitted if isinstance(error, PermissionError) else MxtuiError
            raise kind(words, "Run as root, or set another folder: state in the settings.") from error


def _read(path: Path) -> list[Announced]:
    try:
        found = msgspec.json.decode(read_bounded(path, LIMIT), type=list[Announced])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    # Whoever wrote it: it is shown on every console.
    return [
        each._replace(
            domain=one_line(each.domain, 255),
            reason=one_line(each.reason, REASON_LENGTH),
            owner=one_line(each.owner, 80),
        )
        for each in found
    ]
