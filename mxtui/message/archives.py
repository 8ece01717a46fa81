"""What a zip file says is inside it (APPNOTE.TXT 4.3). Nothing is written, and hardly anything unpacked.

Our own reader of the directory, since `zipfile` reads all of it before it tells of the first file, in time and memory
that its maker chooses, and knows a dozen ways to raise. A file's first bytes are unpacked to tell what it is, and a zip
inside a zip as far as the limit goes: a bomb unpacks to that and not a byte more.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from mxtui.message import charsets, magic
from mxtui.message.limits import Budget, amount
from mxtui.message.programs import by_content, by_name
from mxtui.message.sanitize import one_line

_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_COMMENT = 1 << 16

_STORED, _DEFLATED = 0, 8
_UTF8 = 1 << 11
_NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in an archive, by what the archive's directory claims."""

    name: str
    """With its folders, sanitised; for showing, never a path."""
    size: int
    """Bytes once unpacked, as claimed; nobody has unpacked them."""
    packed: int
    """Bytes in the archive."""
    depth: int
    """0 lies in the archive itself, 1 in a zip in it."""
    encrypted: bool
    sniffed: str | None
    """What its first bytes say it is; None also where they cannot be read."""
    executable: str
    """Why it counts as a program (`mxtui.message.programs`); empty where it does not."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What was found in one archive, depth first."""

    entries: tuple[Entry, ...] = ()
    seen: int = 0
    """Files that its directory counts; more than are listed where a limit was hit."""

    @property
    def encrypted(self) -> bool:
        """Whether a password is needed for some of it."""
        return any(entry.encrypted for entry in self.entries)


NOTHING_LISTED = Listing()


def listing(data: bytes, budget: Budget, depth: int = 0) -> Listing:
    """The files of a zip, whole in memory. Raises nothing; what is damaged is left out and noted."""
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - _COMMENT - _END.size))
    if end < 0 or len(data) - end < _END.size:
        budget.note("zip: its directory is missing or cut off, so its files cannot be listed")
        return NOTHING_LISTED
    *_, seen, size, _offset, _comment = _END.unpack_from(data, end)
    entries: list[Entry] = []
    # The directory ends where its own end begins; what stands before the archive (a program) moves all offsets.
    start = max(0, end - size)
    shift = start - _offset
    for header, name in _directory(data, start, end):
        if len(entries) >= budget.limits.archive_entries or budget.spent():
            budget.note(f"zip: the first {len(entries)} of {seen:,} files are listed")
            break
        entry, content = _read(data, header, name, shift, depth, budget)
        entries.append(entry)
        if content is not None:
            entries += listing(content, budget, depth + 1).entries
    return Listing(tuple(entries), max(seen, sum(entry.depth == depth for entry in entries)))


def _directory(data: bytes, at: int, end: int) -> Iterator[tuple[tuple[int, ...], bytes]]:
    """Fixed fields and name of each entry of a central directory."""
    while at + _ENTRY.size <= end and data.startswith(b"PK\x01\x02", at):
        _, *header = _ENTRY.unpack_from(data, at)
        name, extra, comment = header[9], header[10], header[11]
        at += _ENTRY.size
        yield tuple(header), data[at : at + name]
        at += name + extra + comment


def _read(
    data: bytes, header: tuple[int, ...], raw_name: bytes, shift: int, depth: int, budget: Budget
) -> tuple[Entry, bytes | None]:
    """An entry; and what is in it, where that is a zip to be listed as well."""
    _made, _needed, flags, method, _time, _date, _crc, packed, size, *_, offset = header
    encrypted = bool(flags & 1)
    head = b"" if encrypted else _unpack(data, offset + shift, packed, method, magic.HEAD)
    sniffed = magic.sniff(head)
    name = charsets.decode(raw_name, "utf-8" if flags & _UTF8 else "cp437" if not raw_name.isascii() else "")
    entry = Entry(
        one_line(name, _NAME_LENGTH), size, packed, depth, encrypted, sniffed, by_content(sniffed) or by_name(name)
    )
    if sniffed != "zip" or by_name(name):
        return entry, None
    if depth >= budget.limits.archive_depth:
        budget.note(f"zip in a zip: not opened more than {budget.limits.archive_depth} levels deep")
        return entry, None
    if not budget.may_unpack(size):
        return entry, None
    content = _unpack(data, offset + shift, packed, method, size + 1)
    if len(content) > size:
        budget.note(f"zip in a zip: more than the {amount(size)} that it claims; not opened")
        return entry, None
    return entry, content


def _unpack(data: bytes, at: int, packed: int, method: int, limit: int) -> bytes:
    """The first `limit` bytes of a file, or what can be had of them."""
    if at < 0 or not data.startswith(b"PK\x03\x04", at) or len(data) - at < _LOCAL.size:
        return b""
    *_, name, extra = _LOCAL.unpack_from(data, at)
    start = at + _LOCAL.size + name + extra
    if method == _STORED:
        return data[start : start + min(packed, limit)]
    if method != _DEFLATED:
        return b""
    try:
        # A kilobyte of packed bytes holds any file's first 64.
        source = data[start : start + min(packed, 1024 if limit <= magic.HEAD else packed)]
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(source, limit)
    except zlib.error:
        return b""
