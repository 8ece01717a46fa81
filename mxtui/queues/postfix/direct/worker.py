"""A process that takes queue files apart for a direct drain (see `queues.workers`). Imports little: its start is paid
for.
"""

import os
from typing import Any, NamedTuple

from mxtui.queues.frames import work
from mxtui.queues.postfix import queue_file
from mxtui.queues.postfix.direct import text
from mxtui.queues.postfix.direct.fitness import why_not
from mxtui.queues.postfix.queue_file import Envelope, EnvelopeRecipient, Sizes

ANOTHER = "this ID now names another message"


class Task(NamedTuple):
    """Files to be read."""

    files: list[tuple[str, int]]
    """Paths and inodes."""


class Read(NamedTuple):
    """What is in one."""

    envelope: Envelope | None
    """None: it could not be read at all."""
    whole: bytes | None = None
    """As it goes over the wire, where it is small (`text.PIECE`)."""
    why_not: str = ""
    """Why it is not to be sent by us; empty for nearly all. What cannot be sent to its end is not begun."""


def read(fd: int, status: os.stat_result) -> Read:
    """Of an open file."""
    found = queue_file.envelope(fd, status)
    if (why := why_not(found)) or found.sizes is None:
        return Read(found, None, why)
    pieces: list[bytes] = []
    size = 0
    try:
        for piece in text.on_the_wire(fd, found.sizes.offset):
            size += len(piece)
            if size <= text.PIECE:
                pieces.append(piece)
    except OSError as error:
        return Read(found, None, f"left to Postfix: {error.strerror}")
    return Read(found, b"".join(pieces) if size <= text.PIECE else None)


def serve() -> None:
    """A worker's life."""
    work(lambda _: (lambda task: carry_out(Task(*task)), lambda: None))
    os._exit(0)  # as in `postfix.worker`


def carry_out(task: Task) -> list[tuple[Any, ...]]:
    """Read a task's files; each as `marshal` carries it."""
    return [_by_name(path, inode) for path, inode in task.files]


def _by_name(path: str, inode: int) -> tuple[Any, ...]:
    try:
        fd, status = queue_file.open_file(path)
    except OSError as error:
        return None, None, error.strerror or str(error)
    try:
        if status.st_ino != inode:
            return None, None, ANOTHER
        return _plain(read(fd, status))
    finally:
        os.close(fd)


def _plain(found: Read) -> tuple[Any, ...]:
    """No kinds of tuples of our own, and no proxies."""
    envelope = found.envelope
    if envelope is None:
        return tuple(found)
    fields = envelope._asdict() | {
        "sizes": None if envelope.sizes is None else tuple(envelope.sizes),
        "recipients": [tuple(each) for each in envelope.recipients],
        "attributes": dict(envelope.attributes),
    }
    return tuple(fields.values()), found.whole, found.why_not


def from_plain(fields: tuple[Any, ...] | None, whole: bytes | None, why: str) -> Read:
    """What `carry_out` told of one."""
    if fields is None:
        return Read(None, whole, why)
    envelope = Envelope(*fields)
    return Read(
        envelope._replace(
            sizes=None if envelope.sizes is None else Sizes(*envelope.sizes),
            recipients=tuple(EnvelopeRecipient(*each) for each in envelope.recipients),
        ),
        whole,
        why,
    )
