"""What is said of a flush: its phases, what became of a message, and how fast it goes. No I/O, no clock."""

import math
from collections.abc import Iterable
from typing import Final, Literal

from mxtui.model.plan import Fate

Phase = Literal["probe", "canary", "ramp", "steady", "backoff", "stopped", "done"]

FATES: Final[tuple[Fate, ...]] = ("deferred", "expired", "bounced", "refused", "vanished", "delivered")
"""The first of those that a message's recipients met decides what is said of it."""

RECENT: Final = 200
"""Verdicts kept for the screen."""

RATE_WINDOW: Final = 10.0
"""Seconds: time constant of the rate's moving average."""


def message_fate(fates: Iterable[Fate]) -> Fate:
    """The worst that happened to any recipient: one who still waits keeps the message in the queue.

    >>> message_fate(["delivered", "deferred", "bounced"])
    'deferred'
    >>> message_fate(["delivered", "delivered"])
    'delivered'
    """
    found = set(fates)
    return next((fate for fate in FATES if fate in found), "vanished")


class Rate:
    """Events or bytes a second, as an exponentially weighted moving average that also falls while nothing happens."""

    def __init__(self, now: float, window: float = RATE_WINDOW) -> None:
        self._window = window
        self._started = now
        self._at = now
        self._value = 0.0

    def add(self, now: float, amount: float = 1.0) -> None:
        """One event, or so many bytes at once."""
        self._value = self._decayed(now) + amount / self._window
        self._at = max(self._at, now)

    def at(self, now: float) -> float:
        """The rate now. Young averages are corrected for the time that was not seen yet."""
        seen = 1 - math.exp(-max(0.0, now - self._started) / self._window)
        return self._decayed(now) / seen if seen > 0.01 else 0.0

    def skip(self, now: float) -> None:
        """Nothing was to happen since the last event: the rate is what it was then."""
        self._started += max(0.0, now - self._at)
        self._at = max(self._at, now)

    def _decayed(self, now: float) -> float:
        return self._value * math.exp(-max(0.0, now - self._at) / self._window)
