"""Recipients from a file: one address a line, `@domain` for a whole domain, `#` for comments."""

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import NamedTuple

from mxtui.errors import ConfigError
from mxtui.message.sanitize import one_line
from mxtui.receiver.paths import Path, canonical_domain, parse_address
from mxtui.receiver.recipients.verdict import GOOD, Verdict

LARGEST = 512 * 1024 * 1024
"""Bytes; some ten million addresses."""

_COMMENT = re.compile(r"(?:^|\s)#.*")
"""A `#` inside a word is part of it: local parts may have one."""

Log = Callable[..., None]


class _Seen(NamedTuple):
    modified: int
    size: int
    inode: int


class RecipientFile:
    """Looked at once a second at most, while mail comes in; read again, in a thread, when it changed.

    A file that is gone, empty or has a line that is no address keeps the last good one in force and is warned of:
    half an export must not refuse half the users. Raises ConfigError where there is no good one to begin with.

    `delimiter` as Postfix's `recipient_delimiter`: with `+`, user+list@ is good where user@ is.
    """

    asks = False

    def __init__(self, path: FilePath, log: Log, *, clock: Callable[[], float], delimiter: str = "") -> None:
        self.path = path
        self._log = log
        self._clock = clock
        self._delimiter = delimiter
        self._looked = clock()
        self._reading: asyncio.Task[None] | None = None
        try:
            self._seen: _Seen | None = _look(path)
            self._known = read(path)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"the list of recipients {path} cannot be used: {_said(error)}",
                "One address a line, @domain for every address of a domain, # for comments.",
            ) from error

    def __len__(self) -> int:
        return len(self._known)

    async def check(self, recipient: Path) -> Verdict:
        """Good or bad; undecided never."""
        await self.refresh()
        key = recipient.key
        if key in self._known or f"@{recipient.domain}" in self._known:
            return GOOD
        local = key.rpartition("@")[0]
        if self._delimiter and self._delimiter in local[1:]:
            base = local[0] + local[1:].partition(self._delimiter)[0]
            if f"{base}@{recipient.domain}" in self._known:
                return GOOD
        return Verdict("bad", "not in the list of recipients")

    def expect(self, recipient: Path) -> None:
        """Nothing to find out: the file says all there is."""

    async def refresh(self) -> None:
        """Read the file again if it changed. Whoever finds the change waits for it, others use the list in force."""
        now = self._clock()
        if now - self._looked < 1 or self._reading is not None:
            return
        self._looked = now
        try:
            seen = _look(self.path)
        except OSError as error:
            if self._seen is not None:
                self._seen = None
                self._warn(error)
            return
        if seen != self._seen:
            self._seen = seen
            self._reading = asyncio.ensure_future(self._read())
            # Shielded: the session that happened to find the change may go away.
            await asyncio.shield(self._reading)

    async def _read(self) -> None:
        try:
            self._known = await asyncio.to_thread(read, self.path)
            self._log("recipients_reloaded", file=str(self.path), addresses=len(self._known))
        except (OSError, ValueError) as error:
            self._warn(error)
        finally:
            self._reading = None

    def _warn(self, error: Exception) -> None:
        self._log(
            "recipients_broken", level="error", file=str(self.path), error=_said(error), addresses=len(self._known)
        )


def read(path: FilePath) -> frozenset[str]:
    """The keys of all addresses, and `@domain` for whole domains. Raises OSError, ValueError with the line's number."""
    if path.stat().st_size > LARGEST:
        raise ValueError(f"more than {LARGEST} bytes")
    known: set[str] = set()
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            entry = (_COMMENT.sub("", line) if "#" in line else line).strip()
            if not entry:
                continue
            try:
                known.add(f"@{canonical_domain(entry[1:])}" if entry.startswith("@") else parse_address(entry).key)
            except ValueError:
                raise ValueError(f"line {number} is no address: {one_line(entry, 80)}") from None
    if not known:
        raise ValueError("no address in it; to refuse everybody, take the domain out")
    return frozenset(known)


def _said(error: Exception) -> str:
    """An OSError without the file's name, which the message has already."""
    return (error.strerror if isinstance(error, OSError) else None) or one_line(str(error))


def _look(path: FilePath) -> _Seen:
    found = os.stat(path)  # noqa: PTH116
    return _Seen(found.st_mtime_ns, found.st_size, found.st_ino)
