"""Who ends a suspension where the mail system has nobody: a process that waits for that, without a terminal."""

import subprocess
import sys
import time
from typing import Final

from mxtui.holding import Holding
from mxtui.model.holds import DomainHold

LONGEST_REST: Final = 5.0
"""Seconds between two looks at whether a suspension still ends when it was to: somebody may have made it longer."""


def leave(source: str, config: str | None, hold: DomainHold) -> None:
    """Start one for a suspension of this queue; it outlives us, and everything that it needs is on disk."""
    argv = [sys.executable, "-m", "mxtui", "resume", hold.domain, "--when-due", "-q", source]
    subprocess.Popen(
        [*argv, "--config", config] if config is not None else argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )


def waited(holding: Holding, hold: DomainHold) -> DomainHold | None:
    """The suspension when its time is up; None when it ended otherwise, or became a migration."""
    now: DomainHold | None = hold
    while now is not None and now.kind == "suspend" and not now.ending:
        rest = now.until - time.time()
        if rest <= 0:
            return now
        time.sleep(min(rest, LONGEST_REST))
        now = holding.holds.get(hold.domain)
    return None
