"""What two ends know of a queue, compared in 8 kB: messages in buckets by their IDs, and a sum of each bucket.

After a connection was lost only the buckets that differ are told again, and not 25 MB for 100,000 messages.
"""

import struct
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final
from zlib import crc32

from mxtui.model.message import QueuedMessage
from mxtui.queues.remote.frames import encoder

BUCKETS: Final = 1024

_SUMS: Final = struct.Struct(f"!{BUCKETS}Q")

SIZE: Final = _SUMS.size


def bucket(queue_id: str) -> int:
    """Which one a message is in."""
    return crc32(queue_id.encode()) % BUCKETS


def digest(message: QueuedMessage) -> int:
    """64 bits of all that is told of it; 3 µs. Whole times come over the line as fractions, and count alike."""
    arrival, retry, expires = message.arrival, message.next_retry, message.expires
    alike = message._replace(
        arrival=float(arrival),
        next_retry=None if retry is None else float(retry),
        expires=None if expires is None else float(expires),
    )
    return int.from_bytes(blake2b(encoder.encode(alike), digest_size=8).digest(), "big")


def sums(digests: Mapping[str, int]) -> bytes:
    """Of messages by ID: 0.1 s for 100,000."""
    found = [0] * BUCKETS
    for queue_id, each in digests.items():
        found[bucket(queue_id)] ^= each
    return _SUMS.pack(*found)


def different(theirs: bytes, messages: Iterable[QueuedMessage]) -> list[int]:
    """The buckets in which these messages are not as they were summed up. `theirs` are `SIZE` bytes."""
    found = list(_SUMS.unpack(theirs))
    for message in messages:
        found[bucket(message.queue_id)] ^= digest(message)
    return [number for number, rest in enumerate(found) if rest]
