"""When a primary has become slow: against what it was, for a distant one is slow from the start."""

from typing import Final

FIRST: Final = 10
"""Replies that make the base."""

RECENT: Final = 0.2
SETTLED: Final = 0.01
"""Weight of one more reply, in the recent mean and in the base; a host that stays slow is the new normal in the end."""

RISE: Final = 4.0
FLOOR: Final = 2.0
"""Seconds. More connections make each reply slower, and that is no trouble while a message takes less than this."""


class Latency:
    """Seconds a message, as two moving averages."""

    def __init__(self) -> None:
        self._seen = 0
        self._recent = 0.0
        self._base = 0.0

    def observe(self, seconds: float) -> None:
        """One message that was taken."""
        self._seen += 1
        young = 1 / self._seen
        self._recent += (seconds - self._recent) * max(RECENT, young)
        self._base += (seconds - self._base) * (young if self._seen <= FIRST else SETTLED)

    @property
    def trouble(self) -> str:
        """What rose, in words; empty while it has not."""
        if self._seen <= FIRST or self._recent <= max(FLOOR, RISE * self._base):
            return ""
        return f"a message takes it {self._recent:.1f} s, {self._base:.1f} s at first"
