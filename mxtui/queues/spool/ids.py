"""Names of spooled messages: 18 lower-case hexadecimal digits, never used twice.

    06412ab34cd5ef 9c 1f
    │              │  └ folder: the next one after every `TOGETHER` IDs
    │              └ random, so that two processes do not meet
    └ microseconds since the epoch, strictly increasing within a process, whatever the clock does

IDs sort by time of receipt. Messages that arrive together share a folder on purpose: they are committed together, and
one folder is then fsynced for all of them instead of one for each.
"""

import os
import re
import threading
from typing import Final

TOGETHER: Final = 32
"""IDs given out one after the other that share a folder."""

FOLDERS: Final = tuple(f"{number:02x}" for number in range(256))

_ID = re.compile(r"[0-9a-f]{18}")
_TIME_DIGITS: Final = 14
_LATEST: Final = 16**_TIME_DIGITS // 2


class _Sequence:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = -1
        self._count = os.urandom(1)[0] * TOGETHER

    def next(self, microseconds: int) -> tuple[int, int]:
        with self._lock:
            self._last = max(min(microseconds, _LATEST), self._last + 1)
            self._count += 1
            return self._last, self._count // TOGETHER % 256


_sequence = _Sequence()


def new_id(now: float) -> str:
    """A name for a message received at `now` (epoch seconds); later than all before it even if the clock is not."""
    microseconds, folder = _sequence.next(int(now * 1_000_000))
    return f"{microseconds:014x}{os.urandom(1).hex()}{folder:02x}"


def is_id(text: str) -> bool:
    """Whether `text` is such a name, and so fit to be part of a path.

    >>> is_id("06412ab34cd5ef9c1f"), is_id("06412AB34CD5EF9C1F"), is_id("../../../../passwd")
    (True, False, False)
    """
    return _ID.fullmatch(text) is not None


def folder_of(queue_id: str) -> str:
    """The hash folder of a message's files.

    >>> folder_of("06412ab34cd5ef9c1f")
    '1f'
    """
    return queue_id[-2:]


def arrival_of(queue_id: str) -> float:
    """When a message was received, from its name alone: epoch seconds."""
    return int(queue_id[:_TIME_DIGITS], 16) / 1_000_000
