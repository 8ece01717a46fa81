"""One message, for `mxtui show` and for the console's inspector: laid open, or saved as a file."""

from pathlib import Path

from mxtui.errors import UsageError
from mxtui.message.eml import save_eml
from mxtui.message.inspect import Inspection, inspect
from mxtui.queues.queue import Queue

INSPECTED = 4 * 1024 * 1024
"""Bytes of a message that are laid open; `--raw` and a file have no such limit but the queue's own."""

WHOLE = 1 << 40


def inspect_message(queue: Queue, queue_id: str) -> Inspection:
    """Headers, parts and text. Raises NoQueue (gone) and NotPermitted."""
    content = queue.content(queue_id, INSPECTED)
    return inspect(content, truncated=len(content) == INSPECTED)


def save_message(queue: Queue, queue_id: str, path: Path) -> int:
    """Write it as stored to a new file of mode 0600; bytes written. `~` stands for a home, as in a shell.

    Raises NoQueue (gone), NotPermitted, UsageError (something has this name already) and MxtuiError (`save_eml`).
    """
    try:
        path = path.expanduser()
    except RuntimeError as error:  # nobody has this name
        raise UsageError(f"{path}: {error}", "Name the folder itself.") from None
    return save_eml([queue.content(queue_id, WHOLE)], path)
