"""Following the mail log, from where it stands: a file that is rotated under us, or the journal."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Protocol, Self

import msgspec

from mxtui.queues.postfix.maillog import LINE_LIMIT, Event, parse_line, parse_message
from mxtui.queues.postfix.run import ENVIRONMENT, started

READ_LIMIT: Final = 4 * 1024 * 1024
"""Bytes taken at one look, so that a flood in the log cannot keep a flush from being told to stop."""

JOURNAL_LINE_LIMIT: Final = 64 * 1024

SYSLOG_FILES: Final = (Path("/var/log/mail.log"), Path("/var/log/maillog"))
"""Where Debian's and Red Hat's syslog put the mail facility."""


class LogTail(Protocol):
    """What was logged since the last look."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def events(self) -> Iterator[Event]:
        """What came since the last call; never waits for more."""
        ...


def open_tail(maillog_file: Path | None) -> LogTail | None:
    """The log to follow: the configured file, else syslog's, else the journal; None where we may read none."""
    found = readable_log(maillog_file)
    if isinstance(found, Path):
        return FileTail(found)
    return JournalTail() if found == "journal" else None


def readable_log(maillog_file: Path | None) -> Path | Literal["journal"] | None:
    """Where Postfix's log can be read, in the order of `open_tail`; None where we may read none."""
    for path in (maillog_file,) if maillog_file else SYSLOG_FILES:
        if os.access(path, os.R_OK):
            return path
    if maillog_file is None and shutil.which("journalctl", path=ENVIRONMENT["PATH"]) and _journal_readable():
        return "journal"
    return None


def _journal_readable() -> bool:
    """The system's journal, not only our own messages: for root and the groups it names."""
    return any(
        os.access(journal, os.R_OK)
        for folder in (Path("/var/log/journal"), Path("/run/log/journal"))
        for journal in folder.glob("*/system.journal")
    )


class FileTail:
    """A log file from its present end on. Lines past the limit are passed over; a rotated file is read to its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = Lines(LINE_LIMIT)
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        os.lseek(self._fd, 0, os.SEEK_END)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        os.close(self._fd)

    def events(self) -> Iterator[Event]:
        """What was logged since the last call."""
        for line in self._new_lines():
            if (event := parse_line(line)) is not None:
                yield event

    def _new_lines(self) -> Iterator[bytes]:
        yield from self._read()
        try:
            named = self._path.stat()
        except FileNotFoundError:  # between rename and re-creation
            return
        if not os.path.samestat(named, os.fstat(self._fd)):
            yield from self._read()  # what was written before the daemons moved on
            try:
                successor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return
            os.close(self._fd)
            self._fd = successor
            self._lines = Lines(LINE_LIMIT)
            yield from self._read()
        elif named.st_size < os.lseek(self._fd, 0, os.SEEK_CUR):  # copytruncate
            os.lseek(self._fd, 0, os.SEEK_SET)
            yield from self._read()

    def _read(self) -> Iterator[bytes]:
        return read_lines(self._fd, self._lines)


class JournalTail:
    """The mail facility of systemd's journal, from now on."""

    def __init__(self, namespace: str | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._argv = (
            "journalctl",
            *([f"--namespace={namespace}"] if namespace else []),
            "--follow",
            # Not --lines=0: what is logged while journalctl starts, 50 ms, would be missed.
            "--no-tail",
            f"--since=@{clock():.6f}",
            "--output=json",
            "--output-fields=SYSLOG_IDENTIFIER,MESSAGE",
            "SYSLOG_FACILITY=2",
        )
        self._stack = ExitStack()
        self._lines = Lines(JOURNAL_LINE_LIMIT)
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        child = self._stack.enter_context(started(self._argv))
        assert child.stdout is not None
        os.set_blocking(child.stdout.fileno(), False)
        self._child = child
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def events(self) -> Iterator[Event]:
        """What was logged since the last call."""
        assert self._child is not None
        assert self._child.stdout is not None
        yield from journal_events(read_lines(self._child.stdout.fileno(), self._lines))


def journal_events(lines: Iterable[bytes]) -> Iterator[Event]:
    """What entries of the journal tell, as `journalctl --output=json` writes them."""
    for line in lines:
        try:
            entry = _entries.decode(line)
        except msgspec.DecodeError:
            continue
        if (event := parse_message(entry.identifier.rpartition("/")[2], entry.text[:LINE_LIMIT])) is not None:
            yield event


class _Entry(msgspec.Struct):
    identifier: str = msgspec.field(name="SYSLOG_IDENTIFIER", default="")
    message: str | list[int] = msgspec.field(name="MESSAGE", default="")
    """Text that is not UTF-8 comes as its bytes (systemd's JOURNAL_EXPORT_FORMATS)."""

    @property
    def text(self) -> str:
        if isinstance(self.message, str):
            return self.message
        return bytes(byte & 255 for byte in self.message).decode("utf-8", "replace")


_entries = msgspec.json.Decoder(_Entry)


class Lines:
    """Bytes in, whole lines out; no more than `limit` bytes are ever held, and longer lines are cut to that."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that `data` completes, without line feeds."""
        first, *others = data.split(b"\n")
        self._rest = (self._rest + first)[: self._limit]
        for line in others:
            yield self._rest
            self._rest = line[: self._limit]


def read_lines(fd: int, lines: Lines, read: Callable[[int, int], bytes] = os.read) -> Iterator[bytes]:
    """What can be read at once, at most READ_LIMIT bytes."""
    taken = 0
    while taken < READ_LIMIT:
        try:
            data = read(fd, 65536)
        except BlockingIOError:
            return
        if not data:
            return
        taken += len(data)
        yield from lines.feed(data)
