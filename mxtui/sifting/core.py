"""What the members of a cluster have in common, learned one by one, so that no chain of resemblances grows from it."""

from collections.abc import Collection, Iterable
from itertools import repeat
from typing import Final

SHARE: Final = 0.12
"""Of the members that have to say something for it to be the cluster's: one wording among eight."""

MOST: Final = 600
"""Hashes kept of one cluster, the most frequent: 32 parts of a sketch in a dozen wordings each."""


class Core:
    """Of one cluster of two or more."""

    __slots__ = ("counts", "members")

    def __init__(self, shared: Iterable[int]) -> None:
        """`shared` is what the first two say alike."""
        self.members = 1
        self.counts = dict.fromkeys(shared, 1)

    def share(self, said: Collection[int]) -> int:
        """How much of this is the cluster's. What only one of three or more said is not."""
        return sum(map(self._least().__le__, map(self.counts.get, said, repeat(0))))

    def own(self) -> list[int]:
        """All that is the cluster's."""
        least = self._least()
        return [hashed for hashed, count in self.counts.items() if count >= least]

    def _least(self) -> float:
        """How many members have to say something."""
        return float(max(SHARE * self.members, 2 if self.members > 2 else 1))

    def add(self, said: Iterable[int]) -> None:
        """Another member."""
        self.members += 1
        counts = self.counts
        for hashed in said:
            counts[hashed] = counts.get(hashed, 0) + 1
        if len(counts) > 2 * MOST:
            kept = sorted(counts.items(), key=lambda each: -each[1])[:MOST]
            self.counts = dict(kept)

    def absorb(self, other: "Core") -> None:
        """Another cluster's members."""
        self.members += other.members
        for hashed, count in other.counts.items():
            self.counts[hashed] = self.counts.get(hashed, 0) + count
