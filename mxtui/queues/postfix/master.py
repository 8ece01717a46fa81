"""Whether Postfix runs, and whether it delivers. Its master holds a lock on pid/master.pid for as long as it lives.

Found in /proc/locks rather than by trying the lock: ours, however short, would keep a Postfix from starting. Works for
every user, since names and inodes under pid/ are public.

The kernel hands that file out by the page. A lock that is given up between two pages shifts the rest, and the first of
the next page is then left out: nine readings of ten, where locks come and go fast (measured; any local user can do it).
So that it says nothing that a lock was not found once: it is looked for with pages cut elsewhere each time.

Source: Postfix, src/master/master.c; proc_locks(5).
"""

import os
from collections.abc import Callable
from pathlib import Path

CUTS = (65_536, 3_001, 2_203, 1_409)
"""Bytes asked for at once, so that no two readings are cut at the same lock; the first is the kernel's own page."""

QUEUE_MANAGERS = ("qmgr", "oqmgr", "nqmgr")


def _locks(at_once: int) -> str:
    file = os.open("/proc/locks", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return b"".join(iter(lambda: os.read(file, at_once), b"")).decode("ascii", "replace")
    finally:
        os.close(file)


def master_runs(queue_directory: Path, locks: Callable[[int], str] = _locks) -> bool:
    """Whether the instance with this queue directory is up. `locks` reads proc_locks(5) by so many bytes at once."""
    try:
        inode = str((queue_directory / "pid" / "master.pid").stat().st_ino)
        return any(_locked(inode, locks(at_once)) for at_once in CUTS)
    except OSError:
        return False


def _locked(inode: str, locks: str) -> bool:
    # `1: FLOCK  ADVISORY  WRITE 8942 fe:01:2146963 0 EOF`. The device is not compared: btrfs shows another one.
    fields = (line.split() for line in locks.splitlines())
    return any(len(f) >= 6 and f[3] == "WRITE" and f[5].rpartition(":")[2] == inode for f in fields)


def queue_manager_runs(queue_directory: Path, processes: Path = Path("/proc")) -> bool | None:
    """Whether master has a queue manager, without which nothing is delivered; None where we may not know.

    It never leaves for want of work (qmgr(8)); one that dies again and again is started at most once a minute.
    """
    try:
        master = int((queue_directory / "pid" / "master.pid").read_text())
        children = (processes / str(master) / "task" / str(master) / "children").read_text().split()
    except (OSError, ValueError):
        return None
    return any(_name(processes / child) in QUEUE_MANAGERS for child in children)


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return ""
