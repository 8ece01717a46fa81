"""A body as 32 numbers of which two similar bodies share many (minhash by one permutation: Li, Owen and Zhang, 2012).

Each word, and each pair of neighbours, is hashed once. A number is the least hash in its thirty-second of the range; 0
is a part that nothing fell into.
"""

import struct
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from typing import Final

PARTS: Final = 32

_PACKED = struct.Struct(f"<{PARTS}I")

EMPTY: Final = bytes(_PACKED.size)
"""Of a body without words."""

_REMEMBERED: Final = 1 << 16
"""Words and pairs whose place is kept: a campaign's come again and again."""

_KEYS: Final = 1 << 13
"""And of all other texts, which are subjects, senders and networks."""

_BODIES: Final = 256


@lru_cache(_KEYS)
def number(text: str) -> int:
    """64 bits of a text, the same in each process. Not to be chosen easily, as a checksum would be."""
    return _hash(text)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little")


@lru_cache(_BODIES)
def sketch(words: tuple[str, ...]) -> bytes:
    """Of a body's words in their order (`shapes.words`): 128 bytes. The latest are remembered: much mail is sent to
    many.
    """
    said = {*words, *map(" ".join, pairwise(words))}
    # The least of each part comes last, and stays.
    least = {each >> 32: each & 0xFFFFFFFF for each in sorted(map(_placed, said), reverse=True)}
    return _PACKED.pack(*(least.get(part, 0) for part in range(PARTS)))


@lru_cache(_REMEMBERED)
def _placed(text: str) -> int:
    """The part that a word or a pair falls into, then its value in that part: 32 bits each."""
    hashed = _hash(text)
    return (hashed & (PARTS - 1)) << 32 | ((hashed >> 8 & 0xFFFFFFFF) or 1)


def numbers(packed: bytes) -> tuple[int, ...]:
    """The 32 numbers of a sketch; what is none counts as empty."""
    return _PACKED.unpack(packed if len(packed) == _PACKED.size else EMPTY)


def likeness(one: bytes, other: bytes) -> float:
    """How much of what two bodies say is the same, 0 to 1, give or take 0.09; 0 where one says nothing."""
    pairs = [(a, b) for a, b in zip(numbers(one), numbers(other), strict=True) if a or b]
    if not any(a for a, _ in pairs) or not any(b for _, b in pairs):
        return 0.0
    return sum(a == b for a, b in pairs) / len(pairs)
