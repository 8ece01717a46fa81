"""Everything the spool does to the disk that has to be durable, in one place: tests put a disk that fails in its stead.

Each method is one step, raises OSError, and leaves nothing half done that its caller does not know of.
"""

import fcntl
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Final

NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

PIECES: Final = 512
"""Chunks given to one writev(2); IOV_MAX is 1024."""

GATHER: Final = 1024 * 1024
"""Bytes from which on chunks are written: a message may be made up as it is written, and need not be in memory."""


class Disk:
    """The real one. `owner`: user and group that new files are given to, where we are root and they are not."""

    hands = 8
    """Threads that wait for the disk; one where steps have to come in order."""

    def __init__(self, owner: tuple[int, int] | None = None) -> None:
        self.owner = owner

    def create(self, path: str, chunks: Iterable[bytes], *, lock: bool = True) -> int:
        """Make a new file of mode 0600 with this content; its descriptor. On failure there is none, at most debris.

        `lock`: exclusively, so that it is a claim once it has its name, and no debris before (see `reconcile`).
        """
        descriptor = os.open(path, NEW, 0o600)
        try:
            if lock:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self.owner is not None:
                os.fchown(descriptor, *self.owner)
            self.write(descriptor, chunks)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def write(self, descriptor: int, chunks: Iterable[bytes]) -> None:
        """Write all of it."""
        some: list[bytes] = []
        size = 0
        for chunk in chunks:
            some.append(chunk)
            size += len(chunk)
            if size >= GATHER or len(some) == PIECES:
                _write_all(descriptor, some, size)
                some, size = [], 0
        if some:
            _write_all(descriptor, some, size)

    def sync_all(self, files: Iterable[int], folders: Iterable[str]) -> dict[int | str, OSError]:
        """Have all of it survive a power cut; what could not be made to, and why.

        Side by side: the file system's journal then commits them together. On ext4, with 20 messages of 4 kB, that
        takes less than half the time of one fsync after the other, and beside other writers a fifth.
        """
        failures: dict[int | str, OSError] = {}

        def sync(what: int | str) -> None:
            try:
                self.sync(what) if isinstance(what, int) else self.sync_folder(what)
            except OSError as error:
                failures[what] = error

        wanted: list[int | str] = [*files, *folders]
        if len(wanted) == 1 or self.hands == 1:
            for each in wanted:
                sync(each)
        else:
            for _ in self._pool.map(sync, wanted):
                pass
        return failures

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.hands, thread_name_prefix="sync")

    def sync(self, descriptor: int) -> None:
        """Have a file's content survive a power cut."""
        os.fsync(descriptor)

    def link(self, path: str, to: str) -> None:
        """Give a file a second name. Raises FileExistsError: what has that name stays."""
        os.link(path, to, follow_symlinks=False)

    def rename(self, path: str, to: str) -> None:
        """Move a file, over whatever has that name."""
        os.replace(path, to)  # noqa: PTH105

    def unlink(self, path: str) -> None:
        """Remove a file."""
        os.unlink(path)  # noqa: PTH108

    def make_folder(self, path: str) -> None:
        """Make a folder of mode 0700; that it is there already is no error."""
        try:
            os.mkdir(path, 0o700)  # noqa: PTH102
        except FileExistsError:
            return
        if self.owner is not None:
            os.chown(path, *self.owner, follow_symlinks=False)

    def sync_folder(self, path: str) -> None:
        """Have the names in a folder survive a power cut."""
        descriptor = os.open(path, FOLDER)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, chunks: Sequence[bytes], size: int) -> None:
    written = os.writev(descriptor, chunks)
    if written < size:
        rest = memoryview(b"".join(chunks))[written:]
        while rest:
            rest = rest[os.write(descriptor, rest) :]
