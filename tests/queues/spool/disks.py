"""Disks that fail: at the n-th step, or by forgetting at a power cut all that was not synced."""

import errno
import os
import signal
from collections.abc import Iterable
from pathlib import Path

from mxtui.queues.spool.disk import Disk


class StepDisk(Disk):
    """Calls `at_step` before each thing done to the disk; opening and writing a file are two."""

    hands = 1

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0

    def at_step(self, *, writing: bool = False) -> None:
        raise NotImplementedError

    def _step(self, *, writing: bool = False) -> None:
        self.steps += 1
        self.at_step(writing=writing)

    def create(self, path: str, chunks: Iterable[bytes], *, lock: bool = True) -> int:
        self._step()
        return super().create(path, chunks, lock=lock)

    def write(self, descriptor: int, chunks: Iterable[bytes]) -> None:
        pieces = list(chunks)
        super().write(descriptor, [b"".join(pieces)[: sum(map(len, pieces)) // 2]])
        self._step(writing=True)
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        super().write(descriptor, pieces)

    def sync(self, descriptor: int) -> None:
        self._step()
        super().sync(descriptor)

    def link(self, path: str, to: str) -> None:
        self._step()
        super().link(path, to)

    def rename(self, path: str, to: str) -> None:
        self._step()
        super().rename(path, to)

    def unlink(self, path: str) -> None:
        self._step()
        super().unlink(path)

    def make_folder(self, path: str) -> None:
        self._step()
        super().make_folder(path)

    def sync_folder(self, path: str) -> None:
        self._step()
        super().sync_folder(path)


class FailingDisk(StepDisk):
    """Fails at the n-th step, once."""

    def __init__(self, at: int, code: int = errno.EIO) -> None:
        super().__init__()
        self.at = at
        self.code = code

    @property
    def failed(self) -> bool:
        return self.steps >= self.at

    def at_step(self, *, writing: bool = False) -> None:
        if self.steps == self.at:
            raise OSError(self.code, os.strerror(self.code))


class DeadlyDisk(StepDisk):
    """Kills this process before the n-th step."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def at_step(self, *, writing: bool = False) -> None:
        if self.steps == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class ForgetfulDisk(Disk):
    """Keeps what would be left by a power cut after each step, on the worst disk that fsync(2) allows.

    A file has the content that it had when it was last synced, none before. A folder has the names that it had when
    it was last synced.
    """

    hands = 1

    def __init__(self, root: Path) -> None:
        super().__init__()
        self._names: dict[str, dict[str, int]] = {}
        self._content: dict[int, bytes] = {}
        self.cuts: list[dict[str, bytes]] = []
        """After each step: paths, relative to the root, and their content."""
        self._root = root
        for folder, _, names in os.walk(root):
            paths = [Path(folder, name) for name in names]
            self._names[folder] = {path.name: path.stat().st_ino for path in paths}
            self._content.update((path.stat().st_ino, path.read_bytes()) for path in paths)

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        status = os.fstat(descriptor)
        self._content[status.st_ino] = os.pread(descriptor, status.st_size, 0)
        self._cut()

    def link(self, path: str, to: str) -> None:
        super().link(path, to)
        self._cut()

    def rename(self, path: str, to: str) -> None:
        super().rename(path, to)
        self._cut()

    def unlink(self, path: str) -> None:
        super().unlink(path)
        self._cut()

    def sync_folder(self, path: str) -> None:
        super().sync_folder(path)
        self._names[path] = {entry.name: entry.stat().st_ino for entry in os.scandir(path) if entry.is_file()}
        self._cut()

    def _cut(self) -> None:
        self.cuts.append(
            {
                os.path.relpath(f"{folder}/{name}", self._root): self._content.get(inode, b"")
                for folder, names in self._names.items()
                for name, inode in names.items()
            }
        )
