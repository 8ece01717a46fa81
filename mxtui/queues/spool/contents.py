"""Messages of a spool for a process that reads many (see `queues.queue.Contents`)."""

import errno
import os
from collections.abc import Callable, Iterator
from typing import Final

from mxtui.queues.spool.ids import is_id
from mxtui.queues.spool.layout import READ, Places

BLOCK: Final = 65536

Reader = Callable[[str, int], Iterator[bytes]]


def reader(root: str) -> Reader:
    """An ID is never used again here: nothing else tells messages apart."""
    places = Places(root)

    def read(queue_id: str, _: int) -> Iterator[bytes]:
        if not is_id(queue_id):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), queue_id)
        fd = os.open(places.message(queue_id), READ)
        try:
            while block := os.read(fd, BLOCK):
                yield block
        finally:
            os.close(fd)

    return read
