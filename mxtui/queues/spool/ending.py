"""Messages whose end is on its way to a host: after a kill they are what the host may have, and nobody was told.

`unanswered` in the spool has a line of fixed length for each connection: an ID from the moment before its final dot is
sent until its result is on record, else blanks. It is written in place and never synced: whoever is killed leaves it as
it was, at the cost of 2 µs twice a message. After a power cut it says nothing, and the same messages are sent again.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Final

from mxtui.errors import MxtuiError
from mxtui.queues.spool.ids import is_id
from mxtui.queues.spool.layout import READ
from mxtui.queues.spool.store import Spool

NAME: Final = "unanswered"

LINE: Final = 19
"""Bytes: an ID, or blanks, and the end of the line."""

BLANK: Final = b" " * (LINE - 1) + b"\n"

MOST: Final = 10_000
"""Lines that are believed: more connections there never were."""

WORDS: Final = "sent whole, and whoever sent it was killed before the answer: the host may have it"

_WRITE: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


class Endings:
    """For the one who holds the forwarder's lock. Where nothing can be written nobody is kept from delivering."""

    def __init__(self, spool: Spool) -> None:
        self._descriptor: int | None = None
        self._lines: dict[str, int] = {}
        self._free: list[int] = []
        with suppress(OSError):
            self._descriptor = os.open(f"{spool.places.root}/{NAME}", _WRITE, 0o600)
            if spool.disk.owner is not None:
                os.fchown(self._descriptor, *spool.disk.owner)
            os.ftruncate(self._descriptor, 0)

    def begin(self, queue_id: str) -> None:
        """Its final dot is about to be sent."""
        if queue_id not in self._lines:
            self._lines[queue_id] = self._free.pop() if self._free else len(self._lines)
        self._write(self._lines[queue_id], f"{queue_id}\n".encode())

    def end(self, queue_id: str) -> None:
        """What became of it is on record; nothing happens where its dot was never sent."""
        if (line := self._lines.pop(queue_id, None)) is not None:
            self._free.append(line)
            self._write(line, BLANK)

    def close(self) -> None:
        """What was begun and has no end stays written down."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _write(self, line: int, content: bytes) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.pwrite(self._descriptor, content, line * LINE)


def note_unanswered(spool: Spool) -> list[str]:
    """Put on record of each message that it may be there already; their IDs, of those that still wait.

    For the one who holds the forwarder's lock, before `Endings`. What is in other hands just now, or cannot be written
    (a full disk keeps nobody from delivering), is told, and its envelope left as it is.
    """
    return [queue_id for queue_id in _read(spool) if _note(spool, queue_id)]


def _note(spool: Spool, queue_id: str) -> bool:
    """Whether it still waits, as far as one can know."""
    try:
        claim = spool.claim(queue_id)
        if claim is None:
            return False
        with claim:
            if not claim.envelope.waiting:
                return False
            recipients = tuple(
                replace(each, possible_duplicate=True, text=WORDS) if each.fate == "waiting" else each
                for each in claim.envelope.recipients
            )
            claim.record(replace(claim.envelope, recipients=recipients))
    except (MxtuiError, OSError):
        return True
    return True


def _read(spool: Spool) -> Iterator[str]:
    try:
        descriptor = os.open(f"{spool.places.root}/{NAME}", READ)
    except OSError:
        return
    with os.fdopen(descriptor, "rb") as file:
        lines = file.read(MOST * LINE).split(b"\n")
    yield from dict.fromkeys(name for line in lines if is_id(name := line.decode("ascii", "replace")))
