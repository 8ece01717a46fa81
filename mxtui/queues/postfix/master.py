"""Whether Postfix runs, and whether it delivers. Its master holds a lock on pid/master.pid for as long as it lives.

Found in /proc/locks rather than by trying the lock: ours, however short, would keep a Postfix from starting. Works for
every user, since names and inodes under pid/ are public.

Source: Postfix, src/master/master.c; proc_locks(5).
"""

from pathlib import Path

QUEUE_MANAGERS = ("qmgr", "oqmgr", "nqmgr")


def master_runs(queue_directory: Path, locks: Path = Path("/proc/locks")) -> bool:
    """Whether the instance with this queue directory is up."""
    try:
        inode = (queue_directory / "pid" / "master.pid").stat().st_ino
        held = locks.read_text()
    except OSError:
        return False
    # `1: FLOCK  ADVISORY  WRITE 8942 fe:01:2146963 0 EOF`. The device is not compared: btrfs shows another one.
    fields = (line.split() for line in held.splitlines())
    return any(len(f) >= 6 and f[3] == "WRITE" and f[5].rpartition(":")[2] == str(inode) for f in fields)


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
