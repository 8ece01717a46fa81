"""How much longer something takes that is counted as it goes on."""

from typing import Final

TOO_EARLY: Final = 1.0
"""Seconds in which a pace cannot be told: starting costs more than going on."""


def remaining(done: int, expected: int, seconds: float) -> float | None:
    """Seconds until `expected` is reached at the pace so far; None while that cannot be told.

    >>> remaining(250, 1000, 5.0), remaining(1000, 1000, 20.0)
    (15.0, 0.0)
    >>> remaining(0, 1000, 5.0), remaining(250, 1000, 0.5)
    (None, None)
    """
    if done <= 0 or seconds < TOO_EARLY:
        return None
    return max(0, expected - done) * seconds / done
