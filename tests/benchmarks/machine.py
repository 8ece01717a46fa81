"""The machine that was measured, in a line."""

import os
import platform
import re
import subprocess
from pathlib import Path

from mxtui.demo.postfix import SBIN


def machine(directory: Path) -> str:
    """Processor, cores, memory, kernel, Python, Postfix, and the file system that holds `directory`."""
    return ", ".join(
        (
            f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
            f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GB",
            f"Linux {platform.release().split('-')[0]}",
            f"Python {platform.python_version()}",
            f"Postfix {_postfix()}",
            f"queue on {_file_system(directory)}",
        )
    )


def _processor() -> str:
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def _postfix() -> str:
    return subprocess.run(
        ["postconf", "-d", "-h", "mail_version"], env={"PATH": SBIN}, capture_output=True, text=True, check=True
    ).stdout.strip()


def _file_system(directory: Path) -> str:
    """Of the mount that is nearest above the directory."""
    mounts = (line.split()[1:3] for line in Path("/proc/self/mounts").read_text().splitlines())
    here = str(directory.resolve()) + "/"
    above = [(len(point), kind) for point, kind in mounts if here.startswith(point.rstrip("/") + "/")]
    return max(above)[1]
