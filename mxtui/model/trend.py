"""How a depth moved: over the last minute, and over the last hour by five minutes."""

from bisect import bisect_right
from collections.abc import Sequence

MINUTE = 60.0
STEP = 300.0
"""Seconds between two points of the history."""

POINTS = 12


class Trend:
    """Follows one figure. Cost and memory follow its changes within a minute, bounded by one sample a second."""

    __slots__ = ("_heard", "_history", "_started", "_step", "_times", "_values")

    def __init__(self, now: float, value: int) -> None:
        self._times = [now]
        self._values = [value]
        self._started = now
        self._step = int(now // STEP)
        self._heard = now
        self._history: list[int | None] = []

    def recall(self, before: Sequence[int | None]) -> None:
        """Take over what somebody else watched before: a figure for each five minutes but the present, None is a gap.

        What was watched here, however long, comes last.
        """
        self._history = [*before, *self._history][-(POINTS - 1) :]

    def observe(self, now: float, value: int) -> None:
        """Take note of the figure at `now`; times never go back."""
        step = int(now // STEP)
        if step > self._step:
            elapsed = min(POINTS, step - self._step)
            # A host that slept watched nothing: what is between is unknown, not as it was.
            slept = now - self._heard > 2 * STEP
            between: list[int | None] = [None if slept else self._values[-1]] * (elapsed - 1)
            self._history = [*self._history, self._values[-1], *between][-(POINTS - 1) :]
            self._step = step
        self._heard = now
        if value != self._values[-1]:
            if now - self._times[-1] < 1.0 and len(self._times) > 1:
                self._values[-1] = value
            else:
                self._times.append(now)
                self._values.append(value)
        first = bisect_right(self._times, now - MINUTE) - 1
        if first > 0:
            del self._times[:first], self._values[:first]

    def change_per_minute(self, now: float) -> int | None:
        """Net change over the last minute; None until a minute has been watched."""
        if now - self._started < MINUTE:
            return None
        then = max(0, bisect_right(self._times, now - MINUTE) - 1)
        return self._values[-1] - self._values[then]

    @property
    def value(self) -> int:
        """The latest figure."""
        return self._values[-1]

    def history(self) -> tuple[int | None, ...]:
        """The figure at the end of each five minutes, oldest first, the present last; at most 12. None is a gap."""
        return (*self._history, self._values[-1])


class Rate:
    """How much a counter that only grows grew in the last minute."""

    def __init__(self, now: float) -> None:
        self._trend = Trend(now, 0)
        self._started = now

    def observe(self, now: float, counter: int) -> None:
        """Take note of the counter."""
        self._trend.observe(now, counter)

    def per_minute(self, now: float) -> float | None:
        """Events a minute; None in the first ten seconds, then estimated until a minute is full."""
        watched = now - self._started
        if watched < 10:
            return None
        whole = self._trend.change_per_minute(now)
        return float(whole) if whole is not None else self._trend.value * MINUTE / watched
