"""Messages of a Postfix queue for a process that reads many (see `queues.queue.Contents`)."""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from mxtui.queues.postfix import records
from mxtui.queues.postfix.message_file import LOOK_UP_ORDER
from mxtui.queues.postfix.queue_file import content_records, open_file
from mxtui.queues.postfix.queue_id import Hashing, valid

BLOCK: Final = 65536

Reader = Callable[[str, int], Iterator[bytes]]


def reader(root: str, hash_names: Sequence[str], hash_depth: int) -> Reader:
    """For the calling thread alone."""
    hashing = Hashing(frozenset(hash_names), hash_depth)

    def read(queue_id: str, inode: int) -> Iterator[bytes]:
        fd, status = _opened(root, hashing, queue_id)
        try:
            if inode and status.st_ino != inode:
                raise FileNotFoundError(errno.ENOENT, "another message by now", queue_id)
            yield from _blocks(fd)
        finally:
            os.close(fd)

    return read


def _opened(root: str, hashing: Hashing, queue_id: str) -> tuple[int, os.stat_result]:
    for state in LOOK_UP_ORDER * 2 if valid(queue_id) else ():  # it may pass us once, against the order of looking
        try:
            return open_file(f"{root}/{hashing.folder(state, queue_id)}/{queue_id}")
        except FileNotFoundError:
            continue
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), queue_id)


def _blocks(fd: int) -> Iterator[bytes]:
    block = bytearray()
    for record in content_records(fd):
        block += record.data
        if record.type != records.CHUNK:
            block += b"\n"
        if len(block) >= BLOCK:
            yield bytes(block)
            block.clear()
    yield bytes(block)
