"""Where holds of domains are kept: a folder for each queue, in it two small files for each domain.

    DOMAIN.json    the hold
    DOMAIN.held    the messages that were put into hold for it, a line each: queue ID, inode, arrival
    .lock          locked (flock) by whoever changes any of them

Each file is replaced whole: written aside, fsynced, renamed. In a spool the folder belongs to the spool's user, who
may not be trusted by root: no link is followed, and what root writes is given to the folder's owner.
"""

import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec

from mxtui.errors import Guarded, MxtuiError, NotPermitted, Unreachable
from mxtui.folders import give_away, is_there, make_folder, replace_file, writable_folder
from mxtui.message.sanitize import one_line
from mxtui.model.holds import DOMAIN, REASON_LENGTH, DomainHold
from mxtui.model.message import Identity
from mxtui.model.next_hop import parse_next_hop

SYSTEM_FOLDER: Final = Path("/var/lib/mxtui/holds")

LOCK: Final = ".lock"

PATIENCE: Final = 5.0
"""Seconds that another who changes something is waited for; with many messages that takes longer, and one is told."""

LIMIT: Final = 64 * 1024
"""Bytes of a hold; ours take a few hundred."""

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def folder_for(queue: Path, root: Path | None = None) -> Path:
    """The folder of a queue that has none of its own. Everybody sees those that root began."""
    if root is None:
        root = SYSTEM_FOLDER if is_there(SYSTEM_FOLDER) else writable_folder(SYSTEM_FOLDER, "holds")
    return root / quote(str(queue), safe="")


class Holds:
    """The holds of one queue. A folder that is not there holds none."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> Mapping[str, DomainHold]:
        """By domain. Raises Unreachable where one cannot be understood, NotPermitted."""
        with self._reading() as folder:
            if folder is None:
                return {}
            names = sorted(name for name in os.listdir(folder) if name.endswith(".json"))  # noqa: PTH208 (a descriptor)
            found = (self._hold(folder, name) for name in names if DOMAIN.fullmatch(name.removesuffix(".json")))
            return {hold.domain: hold for hold in found if hold is not None}

    def get(self, domain: str) -> DomainHold | None:
        """The hold of a domain. Raises as `all` does."""
        with self._reading() as folder:
            return None if folder is None else self._hold(folder, f"{domain}.json")

    def held(self, domain: str) -> list[Identity]:
        """The messages that were put into hold for it. Raises as `all` does."""
        with self._reading() as folder:
            data = None if folder is None else self._content(folder, f"{domain}.held", None)
        try:
            return [_identity(line) for line in (data or b"").decode().splitlines()]
        except ValueError as error:
            raise self._damaged(f"{domain}.held", error) from error

    def revision(self) -> int:
        """Another number after a change; the first changes within one tick of the kernel's clock may share theirs."""
        try:
            return self.folder.stat().st_mtime_ns
        except OSError:
            return 0

    @contextmanager
    def changing(self, patience: float = PATIENCE) -> Iterator[None]:
        """Be the only one who changes them. Raises Guarded (another does, for too long), NotPermitted, Unreachable."""
        with self._writing() as folder:
            descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
            try:
                give_away(descriptor, folder)
                _lock(descriptor, time.monotonic() + patience)
                yield
            finally:
                os.close(descriptor)

    def put(self, hold: DomainHold) -> None:
        """Keep it, durably, in place of what was there. Raises as `changing` does."""
        self._replace(f"{hold.domain}.json", msgspec.json.encode(hold) + b"\n")

    def set_held(self, domain: str, messages: Iterable[Identity]) -> None:
        """The messages that are, or are about to be, in hold for it. Raises as `changing` does."""
        lines = (f"{each.queue_id} {each.inode} {each.arrival!r}\n" for each in messages)
        self._replace(f"{domain}.held", "".join(lines).encode())

    def remove(self, domain: str) -> None:
        """It is over. Raises as `changing` does."""
        with self._writing() as folder:
            for name in (f"{domain}.json", f"{domain}.held"):
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)
            os.fsync(folder)

    # -- files --------------------------------------------------------------------------------------------------

    def _hold(self, folder: int, name: str) -> DomainHold | None:
        data = self._content(folder, name, LIMIT)
        if data is None:
            return None
        try:
            hold = msgspec.json.decode(data, type=DomainHold)
            if hold.to:
                parse_next_hop(hold.to)
        except (msgspec.DecodeError, ValueError) as error:
            raise self._damaged(name, error) from error
        if f"{hold.domain}.json" != name:
            raise self._damaged(name, "it is of another domain")
        # Whoever wrote it: it is shown on every console.
        return replace(
            hold, reason=one_line(hold.reason, REASON_LENGTH), owner=one_line(hold.owner, 80), to=one_line(hold.to, 255)
        )

    def _content(self, folder: int, name: str, limit: int | None) -> bytes | None:
        try:
            descriptor = os.open(name, _READ, dir_fd=folder)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            return file.read() if limit is None else file.read(limit)

    def _replace(self, name: str, content: bytes) -> None:
        with self._writing() as folder:
            replace_file(self.folder / name, content, 0o644, folder=folder)  # everybody sees it

    @contextmanager
    def _reading(self) -> Iterator[int | None]:
        try:
            folder = os.open(self.folder, _FOLDER)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise self._trouble(error) from error
        with self._told(folder):
            yield folder

    @contextmanager
    def _writing(self) -> Iterator[int]:
        try:
            make_folder(self.folder, 0o755)
            folder = os.open(self.folder, _FOLDER)
        except OSError as error:
            raise self._trouble(error) from error
        with self._told(folder):
            yield folder

    @contextmanager
    def _told(self, folder: int) -> Iterator[None]:
        try:
            yield
        except MxtuiError:
            raise
        except OSError as error:
            raise self._trouble(error) from error
        finally:
            os.close(folder)

    def _trouble(self, error: OSError) -> MxtuiError:
        words = f"holds of domains cannot be kept in {self.folder}: {error.strerror}"
        if isinstance(error, PermissionError):
            return NotPermitted(words, "Run as root, or as the spool's user.")
        return Unreachable(words, "Look what is there, and how full the disk is.")

    def _damaged(self, name: str, why: object) -> Unreachable:
        return Unreachable(f"{self.folder / name} cannot be understood: {why}", "Mend it, or move it away.")


def _lock(descriptor: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Guarded(
                    "another mxtui is changing a hold of this queue", "Wait until it is done: mxtui audit"
                ) from None
            time.sleep(0.05)
        else:
            return


def _identity(line: str) -> Identity:
    queue_id, inode, arrival = line.split()
    return Identity(queue_id, int(inode), float(arrival))
