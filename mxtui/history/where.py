"""Where the history of a queue is: in a spool of our own, else on this host by the queue's path."""

from pathlib import Path
from typing import Final

from mxtui.folders import queue_digest, writable_folder

SYSTEM_FOLDER: Final = Path("/var/lib/mxtui/history")

FILE: Final = "history.sqlite"
"""In a spool: `serve` writes it, whoever runs that, and the console finds it."""


def of_queue(queue: Path, folder: Path | None = None) -> Path:
    """Of a queue that is not ours; everybody who may not write the host's folder has one of their own."""
    base = folder or writable_folder(SYSTEM_FOLDER, "history")
    return base / f"{queue_digest(queue)}.sqlite"


def of_spool(spool: Path) -> Path:
    """Of a spool."""
    return spool / FILE
