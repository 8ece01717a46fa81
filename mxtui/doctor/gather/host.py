"""The machine: mounts (proc(5)), space (statvfs(3)), the kernel's opinion of its clock (adjtimex(2))."""

import ctypes
import os
from pathlib import Path
from typing import Final

from mxtui.doctor.facts import Disk, Fact
from mxtui.model.source import Space

TIME_ERROR: Final = 5
"""The clock is not synchronised."""

TIMEX_SIZE: Final = 512
"""More than struct timex has anywhere."""


def disk(path: Path, writable: Fact[bool]) -> Disk:
    """The file system that holds a path. Raises OSError."""
    found = os.statvfs(path)
    space = Space(found.f_frsize * found.f_blocks, found.f_frsize * found.f_bavail, found.f_files, found.f_favail)
    return Disk(str(path), space, mounted_as(path), bool(found.f_flag & os.ST_RDONLY), writable)


def mounted_as(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The kind of file system; `unknown` where that cannot be told."""
    device = path.stat().st_dev
    wanted, nearest, kind = f"{os.major(device)}:{os.minor(device)}", "", "unknown"
    resolved = f"{path.resolve()}/"
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return kind
    for line in lines:
        # `36 35 98:0 / /mnt2 rw,noatime master:1 - ext3 /dev/root rw`
        before, _, after = line.partition(" - ")
        fields, behind = before.split(), after.split()
        if len(fields) < 5 or not behind:
            continue
        point = fields[4].replace("\\040", " ").rstrip("/") + "/"
        if fields[2] == wanted and not nearest:
            kind = behind[0]
        if resolved.startswith(point) and len(point) >= len(nearest):
            nearest, kind = point, behind[0]
    return kind


def synchronised() -> bool | None:
    """Whether the kernel's clock is kept by NTP; None where it does not tell. Needs no rights, changes nothing."""
    try:
        state = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX_SIZE))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != TIME_ERROR
