"""From hashes to clusters, in a fixed amount of memory: what does not fit is forgotten, the older the likelier.

A dictionary of the 35 million hashes of a million messages would take 3 GB. What is forgotten is found again as soon as
another message of its campaign comes, since each one is entered.
"""

import mmap
from collections.abc import Iterable
from typing import Final

SLOTS: Final = 1 << 22
"""8 bytes each, of which the system gives what is used."""

MOST_FOUNDED: Final = 0xFF
_OWNER: Final = 0xFFFF_FFFF


class Lookup:
    """Which cluster a 64-bit hash was entered for last, and how many clusters were founded with it."""

    def __init__(self, slots: int = SLOTS) -> None:
        """`slots` is a power of two."""
        self._mask = slots - 1
        # Side by side, for each look into so large an array waits for memory: 24 bits of the hash, by which it is told
        # from others of its slot, 32 of the cluster, 8 of how many were founded.
        self._slots = memoryview(mmap.mmap(-1, 8 * slots)).cast("Q")

    def get(self, hashed: int) -> tuple[int, int]:
        """The cluster, 0 where there is none, and how many were founded with it (255 at most)."""
        found = self._slots[hashed & self._mask]
        return (found >> 8 & _OWNER, found & MOST_FOUNDED) if found >> 40 == hashed >> 40 else (0, 0)

    def get_each(self, some: Iterable[int]) -> dict[int, tuple[int, int]]:
        """The same of many."""
        mask, slots = self._mask, self._slots
        return {
            hashed: (found >> 8 & _OWNER, found & MOST_FOUNDED)
            if (found := slots[hashed & mask]) >> 40 == hashed >> 40
            else (0, 0)
            for hashed in some
        }

    def put(self, hashed: int, cluster: int, *, founding: bool = False) -> None:
        """Enter it for this cluster, in place of what was there."""
        founded = min(MOST_FOUNDED, self.get(hashed)[1] + founding)
        self._slots[hashed & self._mask] = hashed >> 40 << 40 | cluster << 8 | founded
