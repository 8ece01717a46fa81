"""A queued message as Postfix's own smtp(8) sends it: CRLF, dots doubled, long lines broken; nothing else is changed.

Source: Postfix, smtp_text_out() in src/smtp/smtp_proto.c; smtp_line_length_limit in postconf(5).
"""

import errno
import os
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from mxtui.queues.postfix import records
from mxtui.queues.postfix.records import Record, Walk

LINE: Final = 998
"""Bytes of a line without its end, from which on it is broken."""

PIECE: Final = 256 * 1024
"""Bytes gathered before they are handed on."""

CRLF: Final = b"\r\n"

END: Final = b".\r\n"
"""What ends the content, after a complete line."""

BLOCK: Final = 64 * 1024
"""Bytes read at a time; from twice as many on, malloc(3) asks the kernel for each buffer, at 16 µs."""

_LONGEST: Final = 1 << 28
"""Bytes of a record: the most that its length can say. Cut short it would make another message."""


class DamagedError(OSError):
    """A queue file whose content cannot be read to its end, or holds what must not be sent."""

    def __init__(self, why: str) -> None:
        super().__init__(errno.EILSEQ, why)


class Run(NamedTuple):
    """Short lines that follow each other in the file, as nearly all content is."""

    text: bytes
    """For the wire."""
    used: int
    """Bytes of the file."""
    ended: bool
    """The content ends behind it."""


def on_the_wire(fd: int, offset: int) -> Iterator[bytes]:
    """The content that begins at `offset`, with its final dot, in pieces. Raises OSError (DamagedError)."""
    while (run := short_lines(os.pread(fd, BLOCK, offset))).used and not run.ended:
        yield run.text
        offset += run.used
    if run.ended:
        yield run.text + END
        return
    gathered = bytearray()
    for part in broken(_content(fd, offset)):
        gathered += part
        if len(gathered) >= PIECE:
            yield bytes(gathered)
            gathered.clear()
    yield bytes(gathered) + END


def short_lines(raw: bytes) -> Run:
    """What these records begin with, at a tenth of the cost of walking them."""
    lines: list[bytes] = []
    at = end = 0
    ended = False
    line, short = records.LINE, 0x80  # at hand: this is the hottest loop of a drain
    try:
        while raw[at] == line:
            begin = at + 2
            if (length := raw[at + 1]) >= short:
                length = length & 0x7F | raw[begin] << 7
                if raw[begin] >= short or length >= LINE:
                    break
                begin += 1
            at = begin + length
            if at > len(raw):
                break
            lines.append(raw[begin:at])
            end = at
        else:
            ended = raw[at] == records.EXTRACTED
    except IndexError:  # the next record is cut
        pass
    text = CRLF.join((*lines, b""))
    if not text.count(b"\n") == text.count(b"\r") == len(lines):
        return Run(b"", 0, ended=False)  # is refused where each is looked at
    stuffed = text.replace(b"\n.", b"\n..")
    return Run(b"." + stuffed if text.startswith(b".") else stuffed, end, ended)


def broken(content: Iterable[Record]) -> Iterator[bytes]:
    """Lines as they go over the wire, in parts where they are long.

    >>> [*broken([Record(0, ord("N"), b".dot"), Record(0, ord("L"), b"a"), Record(0, ord("N"), b"b")])]
    [b'..dot\\r\\n', b'a', b'b\\r\\n']
    """
    space, kind = LINE, records.LINE
    for _, kind, data in content:
        if space == LINE and data.startswith(b"."):
            yield b"."
        rest = data
        while len(rest) >= space:
            yield rest[:space] + CRLF
            rest = rest[space:]
            space = LINE
            if rest or kind == records.CHUNK:
                yield b" "
                space -= 1
            elif kind == records.LINE:
                break
        else:
            if kind == records.CHUNK:
                yield rest
                space -= len(rest)
            else:
                yield rest + CRLF
                space = LINE
    if kind == records.CHUNK:
        yield CRLF  # the last line has no end in the file


def _content(fd: int, offset: int) -> Iterator[Record]:
    """Lines and chunks, to the end that a whole message has."""
    walk = Walk(fd, offset, longest=_LONGEST)
    for record in walk:
        if record.type == records.EXTRACTED:
            return
        if record.type not in (records.LINE, records.CHUNK):
            raise DamagedError(f"its content has a record of type {record.type} at byte {record.offset}")
        if b"\r" in record.data or b"\n" in record.data:
            # Servers that take either for a line's end would see commands where there is text (SMTP smuggling).
            raise DamagedError("its content has a bare CR or LF")
        yield record
    raise DamagedError(walk.fault or "its content has no end")
