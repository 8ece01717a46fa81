"""The records of a Postfix queue file, walked with nothing trusted.

A record is a type byte, a length in groups of seven bits (least significant first, 0x80 set on all but the last), and
that many bytes. `p` records jump: a milter's edits live behind the end of the message and are reached through them.

Source: Postfix, src/global/record.c and rec_type.h.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

SIZE = ord("C")
TIME = ord("T")
SENDER = ord("S")
TODO = ord("R")
DONE = ord("D")
CANCELLED = ord("/")
ORIGINAL = ord("O")
ATTRIBUTE = ord("A")
WARN = ord("W")
REDIRECT = ord(">")
VERP = ord("V")
FILTER = ord("L")
CONTENT = ord("M")
LINE = ord("N")
CHUNK = ord("L")
"""In content: a piece of a line that the next record continues. The same letter as FILTER in an envelope."""
PADDING = ord("w")
POINTER = ord("p")
EXTRACTED = ord("X")
END = ord("E")

WINDOW = 65536
"""Bytes read at a time."""

_LENGTH_BYTES = 4
"""Postfix refuses longer lengths: four groups of seven bits."""


class Record(NamedTuple):
    """One record."""

    offset: int
    """Of the type byte, from the start of the file."""
    type: int
    data: bytes


class Walk:
    """The records of one open file, pointers followed and padding skipped.

    Iterating ends at the end of the file, at damage (`fault` then says what and where) and never raises: a queue file
    is read while others write it. Each record's data is cut to `longest` bytes.

    No byte of a sound file is read twice, whatever was edited, so a walk that has gone further than the file is long
    goes in circles. That bounds hostile pointers to one pass.
    """

    def __init__(self, fd: int, start: int = 0, *, longest: int = WINDOW, furthest: int | None = None) -> None:
        self.fault: str | None = None
        self._fd = fd
        self._position = start
        self._longest = longest
        self._size = os.fstat(fd).st_size
        self._left = self._size if furthest is None else min(self._size, furthest)
        self._window = b""
        self._base = 0

    def seek(self, position: int) -> None:
        """Go on from there."""
        self._position = position

    def __iter__(self) -> Iterator[Record]:
        while (record := self._short() or self._next()) is not None:
            if record.type == PADDING:
                continue
            if record.type == POINTER:
                if not self._follow(record):
                    return
                continue
            yield record

    def _short(self) -> Record | None:
        """A record of less than 128 bytes that is in memory as a whole, as nearly all are, at half the cost."""
        at, window = self._position, self._window
        begin = at - self._base
        if not 0 <= begin < len(window) - 1:
            return None
        length = window[begin + 1]
        end = begin + 2 + length
        if length >= 0x80 or end > len(window) or length > self._longest or self._left < 2 + length:
            return None
        self._left -= 2 + length
        self._position = at + 2 + length
        return Record(at, window[begin], window[begin + 2 : end])

    def short(self, kind: int) -> list[bytes]:
        """The data of all records of this type and less than 128 bytes that come next and are in memory as a whole, at
        a quarter of what they cost one by one: 25 MB of base64 are 330,000 lines, an envelope is 20 attributes.
        """
        window, end, left = self._window, len(self._window), self._left
        at = first = self._position - self._base
        found: list[bytes] = []
        while 0 <= at < end - 1 and window[at] == kind and (length := window[at + 1]) < 0x80:
            after = at + 2 + length
            if after > end or length > self._longest or after - first > left:
                break
            found.append(window[at + 2 : after])
            at = after
        self._left -= at - first
        self._position += at - first
        return found

    def _next(self) -> Record | None:
        at = self._position
        head = self._bytes(at, 2 + _LENGTH_BYTES)
        if not head:
            return None
        length = shift = 0
        for position in range(1, 1 + _LENGTH_BYTES):
            if position >= len(head):
                self._damaged(f"cut short at byte {at}")
                return None
            octet = head[position]
            length |= (octet & 0x7F) << shift
            shift += 7
            if octet < 0x80:
                break
        else:
            self._damaged(f"a record of absurd length at byte {at}")
            return None
        start = at + position + 1
        if start + length > self._size:
            self._damaged(f"a record at byte {at} runs past the end of the file")
            return None
        self._left -= start + length - at
        if self._left < 0:
            self._damaged(f"goes on without end at byte {at}")
            return None
        self._position = start + length
        data = self._bytes(start, min(length, self._longest))
        return Record(at, head[0], data[: min(length, self._longest)])

    def _follow(self, pointer: Record) -> bool:
        try:
            target = int(pointer.data)
        except ValueError:
            target = -1
        if target < 0 or target >= self._size:
            self._damaged(f"a pointer to nowhere at byte {pointer.offset}")
            return False
        if target:  # 0 is a place kept free for an edit that never came
            self._position = target
        return True

    def _bytes(self, start: int, count: int) -> bytes:
        begin = start - self._base
        # What would be beyond the end of the file is not looked for: most files are in one window as a whole.
        if begin < 0 or min(begin + count, self._size - self._base) > len(self._window):
            try:
                # No more than there is: to make room for 64 kB takes longer than to read most files.
                self._window = os.pread(self._fd, min(max(count, WINDOW), max(0, self._size - start)), start)
            except OSError as error:
                self._damaged(f"cannot be read at byte {start}: {error.strerror}")
                self._window = b""
            self._base = start
            begin = 0
        return self._window[begin : begin + count]

    def _damaged(self, fault: str) -> None:
        self.fault = self.fault or fault
