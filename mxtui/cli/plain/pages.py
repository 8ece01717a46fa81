"""What is said, a page at a time: nobody can listen to a thousand lines, and a terminal forgets them."""

import io
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Final

from mxtui.message.sanitize import block, one_line

PAGE: Final = 20
"""Lines said at once."""

KEPT: Final = 2_000
"""Lines of a command that wait for `more`; what it says beyond is not kept."""

LONGEST: Final = 10_000
"""Characters of a line of a command."""


class Pages:
    """Lines to the operator: a page at once, the rest on request."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._rest: Iterator[str] = iter(())
        self._left: Callable[[], int] = lambda: 0

    def say(self, line: str) -> None:
        """One line, whatever the page."""
        self._write(f"{block(line)}\n")

    def show(self, lines: Iterable[str], left: Callable[[], int]) -> None:
        """The first page of these; `left` tells how many have not been taken yet."""
        self.keep(lines, left)
        self._next()

    def keep(self, lines: Iterable[str], left: Callable[[], int]) -> None:
        """Have these said by `more`."""
        self._rest, self._left = iter(lines), left

    def more(self) -> None:
        """The next page, and how much is left."""
        if not self._next():
            self.say("There is no more.")

    def _next(self) -> bool:
        some = False
        for line in islice(self._rest, PAGE):
            self.say(line)
            some = True
        if left := self._left():
            self.say(f"{left:,} more: type more.")
        return some


class Output(io.RawIOBase):
    """What a command writes, on either stream: the first page at once, the rest kept for `more`; or all of it at once,
    unless `paged`.
    """

    def __init__(self, pages: Pages, *, paged: bool = True) -> None:
        self._pages, self._paged = pages, paged
        self._part = b""
        self._said = 0
        self._kept: deque[str] = deque()
        self._dropped = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """Of whom it is written to in the end."""
        return sys.__stdout__.fileno() if sys.__stdout__ is not None else -1

    def isatty(self) -> bool:
        """No colours, and nothing that goes back in its line."""
        return False

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]
        """Of lines that are whole."""
        *lines, self._part = (self._part + bytes(data)).split(b"\n")
        for line in lines:
            self._line(line)
        if len(self._part) > 4 * LONGEST:
            self._line(self._part)
            self._part = b""
        return len(data)

    def _line(self, line: bytes) -> None:
        text = one_line(line.decode("utf-8", "replace"), LONGEST)
        if self._said < PAGE or not self._paged:
            self._said += 1
            self._pages.say(text)
        elif len(self._kept) < KEPT:
            self._kept.append(text)
        else:
            self._dropped += 1

    def say_all(self) -> None:
        """Everything so far, since there is something to be asked about it."""
        self._end_line()
        while self._kept:
            self._pages.say(self._kept.popleft())
        self._said = 0

    def end(self, *, conclusion: bool) -> None:
        """The command is over; its last line is said in any case where that is its `conclusion`."""
        self._end_line()
        last = self._kept.pop() if conclusion and self._kept else None
        if self._dropped:
            self._kept.append(f"{self._dropped:,} more lines were not kept.")
        if self._kept:
            kept = self._kept
            self._pages.say(f"{len(kept):,} more lines: type more.")
            self._pages.keep((kept.popleft() for _ in range(len(kept))), lambda: len(kept))
        if last is not None:
            self._pages.say(last)

    def _end_line(self) -> None:
        if self._part:
            self._line(self._part)
            self._part = b""
