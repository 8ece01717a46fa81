"""Where mxtui keeps what has to survive: the host's folders for root, the user's own for everybody else."""

import os
from pathlib import Path

from mxtui.model.source import Space


def writable_folder(system: Path, name: str = "") -> Path:
    """`system` when we may write there, or may make it; else `name` in the user's own state folder (XDG)."""
    existing = next(folder for folder in (system, *system.parents) if folder.exists())
    if os.access(existing, os.W_OK | os.X_OK):
        return system
    state = os.environ.get("XDG_STATE_HOME", "")
    home = Path(state) if state.startswith("/") else Path.home() / ".local" / "state"
    return home / "mxtui" / name


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
