"""Kept copies of deleted messages: where they are, how long, and how much room they may take.

One folder per deletion, named by its audit record; in it one file per message (`mxtui.model.kept`). A copy that was
put back gets a marker beside it, `NAME.restored`.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mxtui.errors import Guarded
from mxtui.folders import make_folder, sync_folder, writable_folder
from mxtui.model.kept import HEADER_LIMIT, decode_header, kept_name
from mxtui.model.message import Identity
from mxtui.model.plan import Target
from mxtui.model.source import Source

SYSTEM_FOLDER: Final = Path("/var/lib/mxtui/kept")
KEEP_SECONDS: Final = 7 * 86400.0
KEEP_BYTES: Final = 1024**3
RESTORED: Final = ".restored"


def default_folder() -> Path:
    """`/var/lib/mxtui/kept` for whoever may write there, else `$XDG_STATE_HOME/mxtui/kept`."""
    return writable_folder(SYSTEM_FOLDER, "kept")


@dataclass(frozen=True, slots=True)
class KeptCopy:
    """A message that can be put back."""

    path: Path
    target: Target
    kept_at: float
    audit_id: str
    """Of the deletion."""
    kind: str
    """Of the queue that it is from."""
    queue: str
    """That queue's path; empty where it was not noted."""
    restored: str | None
    """How it was put back (empty where the attempt was cut short); None when it was not yet."""

    @property
    def expires(self) -> float:
        """When a vault of the default age drops it."""
        return self.kept_at + KEEP_SECONDS


class Vault:
    """The folder of kept copies. Mode 0700: copies are other people's mail."""

    def __init__(
        self, folder: Path | None = None, *, keep_seconds: float = KEEP_SECONDS, keep_bytes: int = KEEP_BYTES
    ) -> None:
        self.folder = folder or default_folder()
        self._keep_seconds = keep_seconds
        self._keep_bytes = keep_bytes

    def open(self, audit_id: str, size: int, now: float) -> Path:
        """The folder for the copies of one deletion, `size` bytes in all; expired copies are dropped first.

        When room is short, copies of earlier deletions go, oldest first. Raises MxtuiError when the copies would
        not fit even then, or the folder cannot be made.
        """
        if size > self._keep_bytes:
            raise Guarded(
                f"the copies ({size} bytes) would take more than the {self._keep_bytes} bytes set aside for them",
                "Delete fewer at a time, raise the limit, or delete without a copy (--no-copy)",
            )
        folder = self.folder / audit_id
        try:
            make_folder(self.folder)
            self.expire(now, room=size)
            make_folder(folder)
            sync_folder(self.folder)
        except OSError as error:
            raise Guarded(
                f"no copy can be kept in {self.folder}: {error.strerror}", "Free some space, or set another folder."
            ) from error
        return folder

    def expire(self, now: float, *, room: int = 0) -> None:
        """Drop deletions older than the limit, then the oldest until `room` bytes are free within the bound."""
        deletions = sorted((kept_at, size, path) for path, kept_at, size in self._deletions())
        total = sum(size for _, size, _ in deletions)
        for kept_at, size, path in deletions:
            if kept_at + self._keep_seconds <= now or total + room > self._keep_bytes:
                shutil.rmtree(path)
                total -= size

    def _deletions(self) -> Iterator[tuple[Path, float, int]]:
        """Folder, when it was last written, bytes in it."""
        for folder in self._folders():
            with os.scandir(folder) as entries:
                sizes = [entry.stat(follow_symlinks=False).st_size for entry in entries]
            yield folder, folder.stat().st_mtime, sum(sizes)

    def _folders(self) -> list[Path]:
        try:
            return [entry for entry in self.folder.iterdir() if stat.S_ISDIR(entry.lstat().st_mode)]
        except FileNotFoundError:
            return []

    def copies(
        self, *, audit_id: str | None = None, queue_id: str | None = None, of: Source | None = None
    ) -> Iterator[KeptCopy]:
        """What is kept, newest deletion first; of one deletion, of one queue ID, of one queue only where asked."""
        # Both may be what somebody typed: compared with names that are there, never made part of a path.
        prefix = "" if queue_id is None else f"{queue_id}-"
        for folder in sorted(self._folders(), reverse=True):
            if audit_id not in (None, folder.name):
                continue
            for path in sorted(folder.iterdir()):
                finished = not path.name.startswith(".") and path.suffix != RESTORED
                if not finished or not path.name.startswith(prefix) or (copy := read_copy(path)) is None:
                    continue
                if of is None or (copy.kind == of.kind and copy.queue in ("", of.path)):
                    yield copy

    def find(self, identity: Identity) -> KeptCopy | None:
        """The newest copy of this very message."""
        name = kept_name(identity)
        for folder in sorted(self._folders(), reverse=True):
            if (copy := read_copy(folder / name)) is not None:
                return copy
        return None

    def mark_restored(self, copy: KeptCopy, how: str) -> None:
        """Note that the copy was put back, so that nobody does it again by accident."""
        with _marker(copy.path).open("w") as marker:
            marker.write(how)
            marker.flush()
            os.fsync(marker.fileno())
        sync_folder(copy.path.parent)

    def unmark_restored(self, copy: KeptCopy) -> None:
        """It was not put back after all."""
        _marker(copy.path).unlink(missing_ok=True)


def _marker(path: Path) -> Path:
    return path.with_name(path.name + RESTORED)


def read_copy(path: Path) -> KeptCopy | None:
    """What the copy at `path` says of itself; None when there is none, or half of one."""
    try:
        with path.open("rb") as file:
            header = decode_header(file.readline(HEADER_LIMIT))
        marker = _marker(path)
        restored = marker.read_text() if marker.exists() else None
    except (FileNotFoundError, ValueError):
        return None
    return KeptCopy(path, header.target, header.kept_at, path.parent.name, header.kind, header.queue, restored)
