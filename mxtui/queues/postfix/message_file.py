"""Queue files as messages: the row that every scan, event and look-up makes of one file.

A row is a `QueuedMessage` as plain lists and tuples, which `marshal` carries between processes at a third of what
`pickle` costs.
"""

import os
import stat
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from functools import partial
from typing import Any

from mxtui.message.encoded_words import decode_subject
from mxtui.model.message import QueuedMessage, Recipient, State, recipient_domain
from mxtui.queues.opened import opened
from mxtui.queues.postfix import defer_log, queue_file, queue_id, records, subject
from mxtui.queues.postfix.addresses import decoded
from mxtui.queues.postfix.defer_log import NOTHING, DeferLog
from mxtui.queues.postfix.glance import Glance, client_at, glance, glance_subject
from mxtui.queues.postfix.queue_id import Hashing

Row = list[Any]
"""The fields of a QueuedMessage, its recipients plain tuples."""

LOOK_UP_ORDER: tuple[State, ...] = ("active", "deferred", "incoming", "hold", "corrupt", "maildrop")
"""The order in which a message is looked for by path: with the way it moves, so that it is not passed in between."""

BLOCK = 4096
"""Bytes of the first read. It shows nine envelopes in ten; reading more costs more than it saves."""

SUBJECT_BLOCK = 8192
"""With the Subject, which comes after `Received` and signatures."""

_LOG_BLOCK = 16384

_READY = stat.S_IRWXU
"""Mode of a complete file; without all three bits somebody is still writing it."""

MODE = 0o170000 | _READY
"""What of a mode tells whether a file is `COMPLETE`: its type (S_IFMT), and whether it is ready."""

COMPLETE = stat.S_IFREG | _READY

LOGGED = frozenset({"incoming", "active", "deferred", "hold"})
"""Queues whose messages can have a defer log: it survives a hold and a release."""

_DOMAINS = 16384
"""Domains remembered; a sender of spam chooses recipients, so there is a bound."""


_NO_ATIME = getattr(os, "O_NOATIME", 0)
"""Deferred mail is modified in the future, so even `relatime` would write each file's access time with every look.

For the owner and root; where it is refused, files are opened without.
"""


class Absent(Enum):
    """Why there is no message where one was looked for."""

    GONE = "gone"
    UNFINISHED = "unfinished"
    """Somebody is still writing it; its arrival will be an event of its own."""


class MessageReader:
    """Reads the messages of one queue directory. Not for use from two threads at once.

    `lifetimes` are seconds: of ordinary mail, and of mail from the null sender.
    """

    def __init__(self, root: str, lifetimes: tuple[float, float], hashing: Hashing, *, subjects: bool) -> None:
        self._root = root
        self._hashing = hashing
        self._lifetime, self._bounce_lifetime = lifetimes
        self._subjects = subjects
        self._block = SUBJECT_BLOCK if subjects else BLOCK
        self._logs = defer_log.Parser()
        self._domains: dict[bytes, str] = {}
        self._flags = queue_file.OPEN | _NO_ATIME

    def folder(self, path: str) -> AbstractContextManager[int | None]:
        """An open directory below the root, to read files of; None where it does not exist or `path` is empty."""
        return opened(f"{self._root}/{path}") if path else nullcontext()

    def find(self, name: str, states: Iterable[State] = LOOK_UP_ORDER) -> Row | Absent:
        """The message `name` wherever it is now, tried at its place in each queue in turn."""
        for state in states:
            with self.folder(self._hashing.folder(state, name)) as folder:
                found = self.read(state, name, folder, None)
            if found is not Absent.GONE:
                return found
        return Absent.GONE

    def read(self, state: State, name: str, folder: int | None, logs: int | None) -> Row | Absent:
        """The message `name` in the open directory `folder`, its reasons from the open directory `logs`.

        Where `logs` is None the log is looked for at its own place. Damage is the row's fault; nothing is raised.
        """
        if folder is None:
            return Absent.GONE
        try:
            fd = self.open(name, folder)
        except FileNotFoundError:
            return Absent.GONE
        except OSError as error:
            return _unreadable(state, name, None, f"cannot be opened: {error.strerror}")
        try:
            status = os.fstat(fd)
            mode = status.st_mode
            if not stat.S_ISREG(mode):
                return _unreadable(state, name, status, "not a regular file")
            if mode & _READY != _READY and state != "corrupt":
                return Absent.UNFINISHED
            block = os.read(fd, self._block)
            seen = glance(block, status.st_size, client_at(block))
            if seen is None:
                return self._exactly(state, name, fd, status, logs)
            return self._row(state, name, fd, status, block, seen, logs)
        except OSError as error:
            return _unreadable(state, name, status, f"cannot be read: {error.strerror}")
        finally:
            os.close(fd)

    def open(self, path: str, folder: int | None) -> int:
        """A file to be read, by path or by its name in an open directory. Raises OSError."""
        try:
            return os.open(path, self._flags, dir_fd=folder)
        except PermissionError:
            if self._flags == queue_file.OPEN:
                raise
            self._flags = queue_file.OPEN
            return self.open(path, folder)

    def _row(
        self, state: State, name: str, fd: int, status: os.stat_result, block: bytes, seen: Glance, logs: int | None
    ) -> Row:
        size, content, when, sender_raw, todo, done, client, created = seen
        seconds, _, microseconds = when.partition(b" ")
        try:
            arrival = int(seconds) + int(microseconds) / 1e6
        except (ValueError, OverflowError):
            return self._exactly(state, name, fd, status, logs)
        if not 0 <= arrival <= queue_file.LATEST:
            return self._exactly(state, name, fd, status, logs)
        log = self.log(state, name, logs)
        heading = None
        if self._subjects:
            settled, raw = glance_subject(block, content)
            if not settled:
                raw = self._subject(fd, content)
            heading = decode_subject(raw) if raw is not None else None
        sender = decoded(sender_raw)
        return [
            name,
            state,
            status.st_ino,
            arrival,
            size,
            sender,
            tuple([self._recipient(offset, address, log) for offset, address in todo]),
            done,
            _next_retry(state, status.st_mtime),
            self.expires(state, queue_file.began(arrival, created), sender),
            bool(status.st_mode & stat.S_IXGRP),
            client.decode("utf-8", "replace") if client is not None else None,
            heading,
            None,
            _CORRUPT if state == "corrupt" else None,
        ]

    def _exactly(self, state: State, name: str, fd: int, status: os.stat_result, logs: int | None) -> Row:
        found = queue_file.envelope(fd, status)
        log = self.log(state, name, logs)
        arrival = found.arrival if found.arrival is not None else status.st_mtime
        heading = None
        if self._subjects:
            raw = self._subject(fd, found.sizes.offset if found.sizes else None)
            heading = decode_subject(raw) if raw is not None else None
        fault = found.fault
        if state == "corrupt":
            fault = f"{_CORRUPT}: {fault}" if fault else _CORRUPT
        elif fault is None and found.sizes is None and state != "maildrop":
            fault = "its record of sizes is missing"
        sender = found.sender or ""
        return [
            name,
            state,
            status.st_ino,
            arrival,
            found.sizes.data if found.sizes and state != "maildrop" else status.st_size,
            sender,
            tuple(
                [
                    self._recipient(recipient.offset, recipient.address.encode(), log, quoted=recipient.address)
                    for recipient in found.recipients
                    if recipient.state == "todo"
                ]
            ),
            sum(recipient.state == "done" for recipient in found.recipients),
            _next_retry(state, status.st_mtime),
            self.expires(state, queue_file.began(arrival, found.attributes.get("create_time", "").encode()), sender),
            found.forced_expire,
            found.attributes.get("client_address"),
            heading,
            None,
            fault,
        ]

    def _recipient(
        self, offset: int, raw: bytes, log: DeferLog, *, quoted: str | None = None
    ) -> tuple[str, str, str | None, str | None]:
        address = decoded(raw) if quoted is None else quoted
        domain = self.domain(raw, quoted)
        deferral = log.get(offset) or log.get(raw)
        if deferral is None:
            return (address, domain, None, None)
        return (address, domain, deferral.reason, deferral.dsn)

    def domain(self, raw: bytes, quoted: str | None = None) -> str:
        """The domain that a recipient counts under, from its address as files hold it (`quoted`: as listings do)."""
        local, _, domain = raw.rpartition(b"@")
        # An address without @ is a domain of its own, and not worth remembering.
        known = self._domains.get(domain) if local else None
        if known is None:
            known = recipient_domain(decoded(raw) if quoted is None else quoted)
            if len(self._domains) >= _DOMAINS:
                self._domains.clear()
            if local:
                self._domains[domain] = known
        return known

    def log(self, state: State, name: str, logs: int | None) -> DeferLog:
        """Why each recipient waits; see `read` for `logs`. Nothing where there is no log, or none that can be read."""
        if state not in LOGGED:
            return NOTHING
        path = name if logs is not None else f"{self._root}/{self._hashing.folder('defer', name)}/{name}"
        try:
            fd = self.open(path, logs)
        except OSError:  # no attempt failed yet, or the queue manager just took the message
            return NOTHING
        try:
            text = os.read(fd, _LOG_BLOCK)
            if len(text) == _LOG_BLOCK:
                text += _rest(fd, defer_log.LONGEST)
        except OSError:
            return NOTHING
        finally:
            os.close(fd)
        return self._logs.parse(text)

    def _subject(self, fd: int, offset: int | None) -> bytes | None:
        return subject.raw_subject(queue_file.content_records(fd, start=offset, furthest=subject.HEADER_BYTES))

    def expires(self, state: State, began: float, sender: str | bytes) -> float | None:
        """When the queue gives up what began to live then; None in queues that nothing is delivered from."""
        if state in ("maildrop", "corrupt"):
            return None
        return began + (self._lifetime if sender else self._bounce_lifetime)


_CORRUPT = "set aside by Postfix as corrupt"

_recipient_of = partial(tuple.__new__, Recipient)
_message_of = partial(tuple.__new__, QueuedMessage)


def messages(rows: Iterable[Row]) -> list[QueuedMessage]:
    """Rows as the model's own type; the rows themselves are used up. A third of the cost of `QueuedMessage(*row)`."""
    made = []
    for row in rows:
        row[6] = tuple(map(_recipient_of, row[6]))
        made.append(_message_of(row))
    return made


def _next_retry(state: State, mtime: float) -> float | None:
    """Deferred mail waits until its mtime; mail in incoming has one in the future while it cools down."""
    if state == "deferred" or (state == "incoming" and mtime > time.time()):
        return mtime
    return None


def _rest(fd: int, limit: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < limit and (piece := os.read(fd, records.WINDOW)):
        pieces += piece
    return bytes(pieces)


def _unreadable(state: State, name: str, status: os.stat_result | None, fault: str) -> Row:
    """A message of which we know no more than that it is there."""
    arrival = queue_id.arrival(name)
    if arrival is None:
        arrival = status.st_mtime if status is not None else time.time()
    inode, size = (status.st_ino, status.st_size) if status is not None else (0, 0)
    return [name, state, inode, arrival, size, "", (), 0, None, None, False, None, None, None, fault]
