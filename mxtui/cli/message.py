"""One message, for `mxtui show` and for the console's inspector: laid open, or saved as a file."""

import hashlib
from pathlib import Path

from mxtui.errors import MxtuiError, UsageError
from mxtui.message import transfer
from mxtui.message.eml import save_new
from mxtui.message.inspect import Inspection
from mxtui.message.limits import WHOLE
from mxtui.message.parts import Part
from mxtui.message.sandbox import Sandbox
from mxtui.queues.queue import Queue

UNLIMITED = 1 << 40


def inspect_message(queue: Queue, queue_id: str, sandbox: Sandbox, most: int = WHOLE) -> Inspection:
    """Headers, parts and text of at most so many bytes.

    Raises NoQueue (gone), NotPermitted and Unreadable.
    """
    content = queue.content(queue_id, most)
    return sandbox.inspect(content, truncated=len(content) == most)


def save_message(queue: Queue, queue_id: str, path: Path) -> int:
    """Write it as stored to a new file of mode 0600; bytes written. `~` stands for a home, as in a shell.

    Raises NoQueue (gone), NotPermitted, UsageError (something has this name already) and MxtuiError (`save_new`).
    """
    return save_new([queue.content(queue_id, UNLIMITED)], _at_home(path))


def save_part(queue: Queue, queue_id: str, part: Part, path: Path) -> int:
    """Write one part, decoded, to a new file of mode 0600, as `save_message`; bytes written.

    Raises what `save_message` raises, and MxtuiError where the message is no longer the one that was inspected.
    """
    raw = queue.content(queue_id, WHOLE)
    if part.sha256:
        digest = hashlib.sha256()
        for piece in transfer.pieces(raw, part.start, part.end, part.encoding):
            digest.update(piece)
        if digest.hexdigest() != part.sha256:
            raise MxtuiError(f"{queue_id} is another message by now", "Open it again.")
    return save_new(transfer.pieces(raw, part.start, part.end, part.encoding), _at_home(path))


def _at_home(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:  # nobody has this name
        raise UsageError(f"{path}: {error}", "Name the folder itself.") from None
