"""Where mxtui keeps what has to survive: the host's folders for root, the user's own for everybody else."""

import errno
import fcntl
import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from mxtui.model.source import Space


def writable_folder(system: Path, name: str = "") -> Path:
    """`system` when we may write there, or may make it; else `name` in the user's own state folder (XDG)."""
    existing = next(folder for folder in (system, *system.parents) if is_there(folder))
    if os.access(existing, os.W_OK | os.X_OK):
        return system
    state = os.environ.get("XDG_STATE_HOME", "")
    home = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return home / "mxtui" / name


def is_there(path: Path) -> bool:
    """Whether something is there that we may see; what is behind a folder of somebody else's is not."""
    with suppress(OSError):
        path.stat()
        return True
    return False


STATE: Path = Path("/var/lib/mxtui")
"""For everybody to look into: holds, drills and what doctor found are not secret. What is has a folder that is."""


def state_folder(root: Path | None = None) -> Path:
    """Where alerts, drills and what `check` remembers are kept: the one that was set, or the host's, or the user's."""
    return root or writable_folder(STATE)


def states(root: Path | None = None) -> tuple[Path, ...]:
    """Where what has to survive may be on record, our own first: who may not write the host's reads it all the same."""
    return tuple(dict.fromkeys((state_folder(root), root or STATE)))


def queue_digest(queue: str | Path) -> str:
    """How a file or folder is named that is about one queue, by its path."""
    return hashlib.sha256(os.fsencode(queue)).hexdigest()[:16]


_SHARED: Final = stat.S_ISGID | stat.S_IWGRP


def make_folder(path: Path, mode: int = 0o700) -> None:
    """Make it and those above it, private by default. What root makes in another's folder is theirs. Raises OSError.

    A link in place of one is followed only if root or we ourselves put it there: whom a folder above belongs to may
    not be trusted.
    """
    if path.is_dir():
        if path.is_symlink() and path.lstat().st_uid not in (0, os.geteuid()):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
        return
    make_folder(path.parent, mode)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fchmod(descriptor, 0o755 if path == STATE else mode)  # whatever the umask
            give_away(descriptor, path.parent)
        finally:
            os.close(descriptor)


def give_away(descriptor: int, folder: Path | int) -> None:
    """What root makes in the folder of another is the other's: `serve` and a console of root's keep the same files.

    In one that a group shares it is the group's, too. `folder`: a path, or a descriptor.
    """
    if os.geteuid() == 0:
        owner = os.stat(folder)  # noqa: PTH116 (perhaps a descriptor)
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    share(descriptor, folder)


def share(descriptor: int, folder: Path | int) -> None:
    """What is made in a folder that a group shares is the group's to write, and what is made in that again.

    It is shared where it is setgid, which gives the group to what is in it, and writable by the group: a wish that
    nobody utters by accident. What was made by another is left as that one made it.
    """
    if os.stat(folder).st_mode & _SHARED != _SHARED:  # noqa: PTH116
        return
    mode = os.fstat(descriptor).st_mode
    with suppress(PermissionError):
        os.fchmod(descriptor, stat.S_IMODE(mode) | (0o2070 if stat.S_ISDIR(mode) else 0o060))


def replace_file(
    path: Path, content: bytes, mode: int = 0o600, *, durable: bool = True, folder: int | None = None
) -> None:
    """Put a file in place whole: whoever reads it meanwhile has the old one. By default only its owner may.

    It survives a power cut when this returns, unless it is not to be `durable`: a cache, or what is written anew in a
    second. In a folder of somebody else no link is followed, and nothing that was there is written to; who must not
    follow one to the folder, either, has it open (`folder`). Raises OSError.
    """
    if folder is None:
        descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            replace_file(path, content, mode, durable=durable, folder=descriptor)
        finally:
            os.close(descriptor)
        return
    beside = f".{path.name}.{os.getpid()}.{threading.get_ident()}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(FileNotFoundError):
        os.unlink(beside, dir_fd=folder)  # of one that was killed, and had our number
    try:
        with os.fdopen(os.open(beside, flags, 0o600, dir_fd=folder), "wb") as file:
            os.fchmod(file.fileno(), mode)  # whatever the umask
            give_away(file.fileno(), folder)
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.rename(beside, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        if durable:
            os.fsync(folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(beside, dir_fd=folder)
        raise


def read_bounded(path: Path, limit: int, *, end: bool = False) -> bytes:
    """The first `limit` bytes of a plain file, or the last. Raises OSError.

    A link is not followed, and a pipe is not waited for: whom the folder belongs to may not be trusted.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a plain file", str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            if end:
                file.seek(max(0, status.st_size - limit))
            return file.read(limit)
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether somebody has it locked for himself at this moment (flock(2)); what may not be opened counts as free."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Nobody else is within who goes by the same lock: for as long as a small file takes to be written.

    Blocks. Raises OSError. The lock is a file that stays, in a folder that is there; what root makes in another's
    folder is theirs.
    """
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        give_away(descriptor, lock.parent)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def space_of(folder: Path) -> Space:
    """Room on a folder's file system, as an unprivileged writer sees it. Raises OSError."""
    room = os.statvfs(folder)
    return Space(room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize, room.f_files, room.f_favail)
