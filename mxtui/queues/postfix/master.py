"""Whether Postfix runs: its master holds a lock on pid/master.pid for as long as it lives.

Found in /proc/locks rather than by trying the lock: ours, however short, would keep a Postfix from starting. Works for
every user, since names and inodes under pid/ are public.

Source: Postfix, src/master/master.c; proc_locks(5).
"""

from pathlib import Path


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
