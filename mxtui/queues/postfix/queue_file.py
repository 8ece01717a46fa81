"""One queue file, read exactly: its whole envelope, or its message as stored.

Scans read a file's first block instead and come here for what is unusual (`glance`, `message_file`).
"""

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple

from mxtui.queues.postfix import records
from mxtui.queues.postfix.addresses import decoded
from mxtui.queues.postfix.records import Record, Walk

OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""No symbolic links, and no waiting on something that is not a file: maildrop is writable through postdrop(1)."""

ENVELOPE_BYTES = 16 * 1024 * 1024
"""How far an envelope may be walked: 10,000 recipients with all their attributes take 2 MB."""

RecipientState = Literal["todo", "done", "cancelled"]

_STATES: Mapping[int, RecipientState] = {
    records.TODO: "todo",
    records.DONE: "done",
    records.CANCELLED: "cancelled",
}

_PER_RECIPIENT = frozenset({"dsn_orig_rcpt", "notify_flags"})
"""Attributes that belong to the recipient record that follows them."""


class Sizes(NamedTuple):
    """The `C` record."""

    data: int
    """Bytes from the first content record to the extracted segment; what postqueue calls the message's size."""
    offset: int
    """Of the first content record."""
    recipients: int
    flags: int = 0
    """Hints to the queue manager."""
    content: int = 0
    """Bytes of the message itself; what the log calls its size."""
    smtputf8: int = 0
    """1 requested, 2 needed by a header, 4 needed by the sender."""


class EnvelopeRecipient(NamedTuple):
    """One recipient record."""

    address: str
    """Quoted as postqueue prints it; empty is the null address."""
    state: RecipientState
    offset: int
    """Of the record's type byte; how defer logs name a recipient, and where Postfix marks it done."""
    original: str | None = None
    """As first received, where it was rewritten since."""
    dsn_original: str | None = None
    """ORCPT of RFC 3461."""
    notify: str | None = None
    """NOTIFY of RFC 3461, as Postfix's flag bits."""


class Envelope(NamedTuple):
    """Everything but the message. All text is hostile.

    Named tuples here and in `queue_id`: dataclasses cost a worker a third of its start.
    """

    inode: int
    modified: float
    forced_expire: bool
    sizes: Sizes | None
    """None for mail that cleanup(8) has not seen yet (maildrop)."""
    arrival: float | None
    sender: str | None
    recipients: tuple[EnvelopeRecipient, ...]
    attributes: Mapping[str, str]
    """Every message attribute: client_address, helo_name, encoding, envelope_id, ret_flags and the rest."""
    filter: str | None = None
    """Content filter (FILTER) to deliver through."""
    redirect: str | None = None
    """Address that replaces all recipients (REDIRECT)."""
    verp: str | None = None
    warn_at: float | None = None
    """When the sender is to be told of the delay."""
    fault: str | None = None
    """What is wrong with the file; the rest is then what could be read."""


def open_file(path: str) -> tuple[int, os.stat_result]:
    """Open a queue file. Raises OSError (FileNotFoundError when it is gone), also for what is not a plain file."""
    fd = os.open(path, OPEN)
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise OSError(0, "not a regular file", path)
    return fd, status


def read_envelope(path: str) -> Envelope:
    """Everything in a queue file but the message.

    Raises OSError when it cannot be opened; damage is the result's `fault`.
    """
    fd, status = open_file(path)
    try:
        return envelope(fd, status)
    finally:
        os.close(fd)


def envelope(fd: int, status: os.stat_result) -> Envelope:
    """Everything but the message, from an open file. Content is skipped, not read, where its size is known."""
    walk = Walk(fd, furthest=ENVELOPE_BYTES)
    found = _Gatherer()
    in_content = ended = False
    for record in walk:
        if in_content:
            in_content = record.type != records.EXTRACTED
        elif record.type == records.CONTENT:
            in_content = True
            if found.sizes is not None:
                walk.seek(found.sizes.offset + found.sizes.data)
        elif record.type == records.END:
            ended = True
            break
        else:
            found.take(record)
            found.attributes(walk.short(records.ATTRIBUTE))  # most are
    fault = walk.fault or found.fault()
    if fault is None and not ended:
        fault = "cut short: the record that ends a message is missing"
    return found.envelope(status, fault)


def content(path: str, limit: int) -> bytes:
    """The message as stored, at most `limit` bytes: what `postcat -bh` prints, byte by byte.

    Raises OSError when the file cannot be opened. Damage ends it early: the text up to there is still evidence.
    """
    fd, _ = open_file(path)
    try:
        message = bytearray()
        unfinished_line = False
        walk = Walk(fd, longest=limit)
        for record in _of_content(walk, inside=False):
            message += record.data
            unfinished_line = record.type == records.CHUNK
            if not unfinished_line:
                message += b"\n"
                if lines := walk.short(records.LINE):
                    message += b"\n".join(lines) + b"\n"
            if len(message) >= limit:
                break
        if unfinished_line:
            message += b"\n"
        return bytes(message[:limit])
    finally:
        os.close(fd)


def content_records(
    fd: int, *, start: int | None = None, longest: int = records.WINDOW, furthest: int | None = None
) -> Iterator[Record]:
    """The records of the message itself, lines and chunks; `start` is the content's offset where it is known.

    `longest` and `furthest` are in bytes: of one record, and of the whole walk.
    """
    yield from _of_content(Walk(fd, start or 0, longest=longest, furthest=furthest), inside=start is not None)


def _of_content(walk: Walk, *, inside: bool) -> Iterator[Record]:
    for record in walk:
        if inside:
            if record.type == records.EXTRACTED:
                return
            if record.type in (records.LINE, records.CHUNK):
                yield record
        elif record.type == records.CONTENT:
            inside = True
        elif record.type == records.SIZE and (sizes := parse_sizes(record.data)):
            walk.seek(sizes.offset)
            inside = True


_LARGEST_SIZE = 10**15

LATEST = 1e11
"""Seconds since the epoch: the year 5138. What is beyond is damage, and no calendar can show it."""


def parse_sizes(data: bytes) -> Sizes | None:
    """The fields of a `C` record; None when they make no sense."""
    try:
        fields = [int(field) for field in data.split()[:6]]
    except ValueError:
        return None
    # Before Postfix 2.4 and 3.0 there were four and five fields. More than Postfix's 15 digits no file offset can hold.
    if len(fields) < 3 or min(fields) < 0 or max(fields) > _LARGEST_SIZE or fields[1] == 0:
        return None
    return Sizes(*fields)


def parse_time(data: bytes) -> float | None:
    """Seconds and microseconds of a `T` record; None when it makes no sense."""
    seconds, _, microseconds = data.partition(b" ")
    try:
        moment = int(seconds) + int(microseconds or 0) / 1e6
    except (ValueError, OverflowError):
        return None
    return moment if 0 <= moment <= LATEST else None


def began(arrival: float, created: bytes | None) -> float:
    """When a message's lifetime began: as `create_time` says (seconds), or where that makes no sense at its arrival.

    What was renewed (postsuper -r) keeps its arrival; qmgr(8) goes by the other. Source: qmgr_message.c, qmgr_active.c.
    """
    seconds = parse_time(created) if created else None
    # Both are of one moment but for fractions, where nothing was renewed.
    return arrival if seconds is None or abs(seconds - arrival) < 1.0 else seconds


class _Gatherer:
    """Collects an envelope record by record."""

    def __init__(self) -> None:
        self.sizes: Sizes | None = None
        self.sender: str | None = None
        self._unsized = True
        self._arrival: float | None = None
        self._recipients: list[EnvelopeRecipient] = []
        self._attributes: dict[str, str] = {}
        self._next: dict[str, str] = {}
        self._original: str | None = None
        self._filter: str | None = None
        self._redirect: str | None = None
        self._verp: str | None = None
        self._warn_at: float | None = None

    def take(self, record: Record) -> None:
        _, kind, data = record
        if kind == records.ATTRIBUTE:
            self.attributes((data,))
        elif (state := _STATES.get(kind)) is not None:
            self._recipients.append(
                EnvelopeRecipient(
                    decoded(data),
                    state,
                    record.offset,
                    self._original,
                    self._next.get("dsn_orig_rcpt"),
                    self._next.get("notify_flags"),
                )
            )
            self._original = None
            self._next.clear()
        elif kind == records.ORIGINAL:
            self._original = decoded(data)
        elif kind == records.SENDER:
            self.sender = decoded(data) if self.sender is None else self.sender
        elif kind == records.TIME:
            self._arrival = parse_time(data) if self._arrival is None else self._arrival
        elif kind == records.SIZE:
            # A second one is left from an earlier cleanup (postsuper -r before Postfix 2.1).
            self.sizes = parse_sizes(data) if self._unsized else self.sizes
            self._unsized = False
        elif kind == records.WARN:
            self._warn_at = parse_time(data.strip())
        elif kind == records.FILTER:
            self._filter = data.decode("utf-8", "replace")
        elif kind == records.REDIRECT:
            self._redirect = data.decode("utf-8", "replace")
        elif kind == records.VERP:
            self._verp = data.decode("utf-8", "replace")

    def attributes(self, lines: Sequence[bytes]) -> None:
        """The data of attribute records."""
        of_message, of_recipient = self._attributes, self._next
        for data in lines:
            name, _, value = data.decode("utf-8", "replace").partition("=")
            # The first of a name counts, as it does to `glance`.
            (of_recipient if name in _PER_RECIPIENT else of_message).setdefault(name, value)

    def fault(self) -> str | None:
        if self.sizes is None and not self._unsized:
            return "its record of sizes makes no sense"
        return "it names no sender" if self.sender is None else None

    def envelope(self, status: os.stat_result, fault: str | None) -> Envelope:
        return Envelope(
            inode=status.st_ino,
            modified=status.st_mtime,
            forced_expire=bool(status.st_mode & stat.S_IXGRP),
            sizes=self.sizes,
            arrival=self._arrival,
            sender=self.sender,
            recipients=tuple(self._recipients),
            attributes=MappingProxyType(self._attributes),
            filter=self._filter,
            redirect=self._redirect,
            verp=self._verp,
            warn_at=self._warn_at,
            fault=fault,
        )
