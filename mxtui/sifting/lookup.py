"""From hashes to clusters, in a fixed amount of memory: what does not fit is forgotten, the older the likelier.

A dictionary of the 35 million hashes of a million messages would take 3 GB. What is forgotten is found again as soon as
another message of its campaign comes, since each one is entered.
"""

import mmap
from collections.abc import Iterable
from typing import Final

SLOTS: Final = 1 << 22
"""9 bytes each, of which the system gives what is used."""


class Lookup:
    """Which cluster a 64-bit hash was entered for last, and how many clusters were founded with it."""

    def __init__(self, slots: int = SLOTS) -> None:
        """`slots` is a power of two."""
        self._mask = slots - 1
        self._tags = memoryview(mmap.mmap(-1, 4 * slots)).cast("I")
        self._owners = memoryview(mmap.mmap(-1, 4 * slots)).cast("I")
        self._founded = memoryview(mmap.mmap(-1, slots))

    def get(self, hashed: int) -> tuple[int, int]:
        """The cluster, 0 where there is none, and how many were founded with it (255 at most)."""
        slot = hashed & self._mask
        if self._tags[slot] != hashed >> 32:
            return 0, 0
        return self._owners[slot], self._founded[slot]

    def get_each(self, some: Iterable[int]) -> dict[int, tuple[int, int]]:
        """The same of many."""
        mask, tags, owners, founded = self._mask, self._tags, self._owners, self._founded
        return {
            hashed: (owners[slot], founded[slot]) if tags[slot := hashed & mask] == hashed >> 32 else (0, 0)
            for hashed in some
        }

    def put(self, hashed: int, cluster: int, *, founding: bool = False) -> None:
        """Enter it for this cluster, in place of what was there."""
        slot, tag = hashed & self._mask, hashed >> 32
        if self._tags[slot] != tag:
            self._tags[slot] = tag
            self._founded[slot] = 0
        self._owners[slot] = cluster
        if founding and self._founded[slot] < 255:
            self._founded[slot] += 1
