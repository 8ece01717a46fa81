"""Recipients that do not exist, and who says so."""

from collections.abc import Callable, Iterable
from typing import Protocol

Since = Callable[[int], tuple[int, Iterable[str]]]
"""Some recipients that came to a queue after a mark, and the next mark; the first is 0, and after the last it stays."""


class NoSuchRecipient(Protocol):
    """One address."""

    def words(self, now: float) -> str:
        """Who says that it does not exist, at `now`, seconds since the epoch."""
        ...
