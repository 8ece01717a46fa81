"""What was begun and what was answered, on disk before anything depends on it: JSON lines, only ever appended to.

    taken      about to be held and locked
    begun      its content is about to be sent to these recipients
    answered   what the server said of them; without it after `begun`, nobody knows
    done       out of our hands: deleted, released, or left in hold on purpose

A message is named by its queue ID, which the file's inode keeps from being used again for as long as we have it open.
"""

import errno
import fcntl
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from mxtui.errors import Guarded, MxtuiError
from mxtui.folders import sync_folder
from mxtui.model.message import Identity

NAME: Final = "journal"

OPEN: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

BLOCK: Final = 256 * 1024
"""Bytes made sure of at a time."""

AT_ONCE: Final = 16 * 1024
"""Bytes of lines read together."""

HEADROOM: Final = 64 * 1024
"""Bytes free beyond each line: whatever was begun, its answer finds room."""


class Taken(msgspec.Struct, frozen=True, tag_field="event", tag="taken", omit_defaults=True):
    """Written before anything is done to the message."""

    id: str
    inode: int
    arrival: float
    held: bool = False
    """An operator had held it already: it stays held whatever happens."""

    @property
    def identity(self) -> Identity:
        """Of the very message."""
        return Identity(self.id, self.inode, self.arrival)


class Begun(msgspec.Struct, frozen=True, tag_field="event", tag="begun", omit_defaults=True):
    """On disk before a byte of content is sent."""

    id: str
    recipients: tuple[int, ...]
    """Offsets of their records."""
    host: str
    at: float
    """Epoch seconds."""


class Answered(msgspec.Struct, frozen=True, tag_field="event", tag="answered", omit_defaults=True):
    """On disk before the next message is begun over the same connection."""

    id: str
    accepted: tuple[int, ...] = ()
    """Offsets; the others of the same `begun` were not accepted."""
    refused: bool = False
    """Somebody was refused for good: it stays in hold, for Postfix would return it."""


class Done(msgspec.Struct, frozen=True, tag_field="event", tag="done", omit_defaults=True):
    """Nothing is left to do."""

    id: str


Entry = Taken | Begun | Answered | Done

_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Entry)
_decode, _decode_lines = _decoder.decode, _decoder.decode_lines


class Unfinished(msgspec.Struct):
    """What the journal knows of a message that is not done."""

    taken: Taken
    begun: Begun | None = None
    """Without an answer: nobody knows whether it was accepted."""
    accepted: tuple[int, ...] = ()
    refused: bool = False

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The same in as few lines as possible."""
        answered = (Answered(self.taken.id, self.accepted, self.refused),) if self.accepted or self.refused else ()
        return (self.taken, *answered, *(() if self.begun is None else (self.begun,)))


def replay(entries: Iterable[Entry]) -> dict[str, Unfinished]:
    """What is not done, by queue ID, oldest first."""
    known: dict[str, Unfinished] = {}
    for entry in entries:
        if isinstance(entry, Taken):
            known[entry.id] = Unfinished(entry)
        elif isinstance(entry, Done):
            known.pop(entry.id, None)
        elif (message := known.get(entry.id)) is not None:
            if isinstance(entry, Begun):
                message.begun = entry
            else:
                message.begun = None
                message.accepted += entry.accepted
                message.refused |= entry.refused
    return known


def read(folder: Path) -> Iterator[Entry]:
    """Every whole line, one after the other: all of a million messages' at once would take 1.6 GB.

    A line cut short by a crash was awaited by nobody. Raises OSError; no file is no lines. To be consumed before the
    journal begins anew.
    """
    try:
        file = (folder / NAME).open("rb")
    except FileNotFoundError:
        return
    with file:
        while lines := file.readlines(AT_ONCE):
            yield from _read(lines)


def _read(lines: Sequence[bytes]) -> Iterable[Entry]:
    if lines[-1].endswith(b"\n"):
        with suppress(msgspec.DecodeError):
            return _decode_lines(b"".join(lines))  # a third of the time
    return _read_each(lines)


def _read_each(lines: Sequence[bytes]) -> Iterator[Entry]:
    for line in lines:
        if line.endswith(b"\n"):
            with suppress(msgspec.DecodeError):
                yield _decode(line.strip(b"\0\n"))


class Journal:
    """Open for one run: the folder is locked. Appending is for any thread."""

    def __init__(self, folder: Path) -> None:
        """Raises Guarded (another run has it), MxtuiError (no folder can be made, or not written to)."""
        self.folder = folder
        self._lock = threading.Lock()
        self._file = -1
        self._end = self._room = 0
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise unusable(folder, error) from error
        try:
            fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._folder)
            raise Guarded("somebody else delivers directly from this queue", "Wait for its end, or stop it.") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, unfinished: Iterable[Unfinished]) -> None:
        """Start anew with what is not done, in one step. Raises MxtuiError: no room, nothing may be sent."""
        lines = b"".join(_line(entry) for message in unfinished for entry in message.entries)
        path, new = self.folder / NAME, self.folder / f".{NAME}"
        file = -1
        try:
            file = os.open(new, OPEN | os.O_TRUNC, 0o600)
            self._end = self._room = 0
            self._write(file, lines)
            os.fsync(file)
            new.replace(path)
            sync_folder(self.folder)
        except OSError as error:
            if file >= 0:
                os.close(file)
            raise unusable(self.folder, error) from error
        self._file, old = file, self._file
        if old >= 0:
            os.close(old)

    def append(self, entries: Sequence[Entry]) -> None:
        """Durably. Raises OSError: none of it may be relied on."""
        with self._lock:
            self._write(self._file, b"".join(map(_line, entries)))
            os.fdatasync(self._file)

    def close(self) -> None:
        """Let others have it."""
        for descriptor in (self._file, self._folder):
            if descriptor >= 0:
                os.close(descriptor)
        self._file = self._folder = -1

    def _write(self, file: int, lines: bytes) -> None:
        # Room is taken in advance: a disk that fills up must be found out before something is sent, not after. It is
        # written, too, so that a line is data in place, whose sync needs no commit of the file system's own journal:
        # on ext4 each commit holds up every deletion from the queue by milliseconds.
        if self._end + len(lines) + HEADROOM > self._room:
            start = max(self._end, self._room)
            zeros = bytes(self._end + len(lines) + BLOCK - start)
            if os.pwrite(file, zeros, start) != len(zeros):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file)
            self._room = start + len(zeros)
        if os.pwrite(file, lines, self._end) != len(lines):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._end += len(lines)


def unusable(folder: Path, error: OSError) -> MxtuiError:
    """No journal, no sending."""
    return MxtuiError(
        f"the journal in {folder} cannot be written: {os.strerror(error.errno) if error.errno else error}",
        "Free some space there; nothing is sent that could not be recorded.",
    )


def _line(entry: Entry) -> bytes:
    return _encode(entry) + b"\n"
