"""Room on the spool's file system (RFC 5321 6.1: no loss from a predictable shortage)."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from mxtui.receiver.settings import MB

Room = Callable[[int], str]
"""Given the size that a message announces: why there is no room for it, or nothing. Must not block."""


class DiskRoom:
    """Free bytes and inodes of the file system that `folder` is on; looked up once a second at most."""

    def __init__(
        self,
        folder: Path,
        *,
        free_bytes: int = 256 * MB,
        free_inodes: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._free_bytes = free_bytes
        self._free_inodes = free_inodes
        self._clock = clock
        self._looked = -1.0
        self._bytes = 0
        self._inodes: int | None = None

    def __call__(self, size: int) -> str:
        """Why there is no room."""
        now = self._clock()
        if self._looked < 0 or now - self._looked >= 1:
            try:
                found = os.statvfs(self._folder)
            except OSError as error:
                return f"the file system cannot be looked at: {error.strerror}"
            self._looked = now
            self._bytes = found.f_bavail * found.f_frsize
            # Some file systems (btrfs) make inodes as they go, and report none in all.
            self._inodes = found.f_favail if found.f_files else None
        if self._bytes - size < self._free_bytes:
            return f"{self._bytes} bytes free, {self._free_bytes} to be kept free"
        if self._inodes is not None and self._inodes < self._free_inodes:
            return f"{self._inodes} inodes free, {self._free_inodes} to be kept free"
        return ""
