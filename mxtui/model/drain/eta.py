"""How fast it goes and when it will be over: a range, for a single figure is wrong whatever happens."""

from collections import deque
from statistics import pstdev
from typing import Final, NamedTuple

from mxtui.model.flushing import Rate

STEP: Final = 5.0
"""Seconds in which messages are counted for the spread."""

STEPS: Final = 12
"""Of them that are looked back on: a minute."""

LEAST_SPREAD: Final = 0.1
"""Share by which the rate may be off however even it was."""

ARRIVALS: Final = 60.0
"""Seconds: time constant of the arrivals' moving average. New mail comes in bursts."""


NONE: Final = 0.001
"""Messages a second that are as good as none."""


class Eta(NamedTuple):
    """Seconds until all are settled; None where nothing is known, and for `high` where no end is in sight."""

    low: float | None = None
    likely: float | None = None
    high: float | None = None
    growing: bool = False
    """More arrives than is settled."""


UNKNOWN: Final = Eta()


class Speed:
    """Rates of one drain."""

    def __init__(self, now: float) -> None:
        self.messages = Rate(now)
        """Settled."""
        self.bytes = Rate(now)
        """Delivered."""
        self._arrived = Rate(now, ARRIVALS)
        self._steps: deque[int] = deque(maxlen=STEPS)
        self._step_began = now
        self._step_count = 0

    def settled(self, size: int, now: float, *, delivered: bool) -> None:
        """One message."""
        self._advance(now)
        self._step_count += 1
        self.messages.add(now)
        if delivered:
            self.bytes.add(now, size)

    def arrived(self, number: int, now: float) -> None:
        """So much new mail came that has to go the same way."""
        self._arrived.add(now, number)

    def restart(self, now: float) -> None:
        """After a pause: the time in which nothing was to happen says nothing of the rate."""
        self._advance(now)
        self._steps.clear()
        self._step_count = 0
        self.messages.skip(now)
        self.bytes.skip(now)

    def eta(self, left: int, now: float) -> Eta:
        """Of so many that are left."""
        self._advance(now)
        if not left:
            return Eta(0.0, 0.0, 0.0)
        rate, arriving = self.messages.at(now), self._arrived.at(now)
        if rate < NONE:
            return UNKNOWN
        net = rate - arriving
        if net < NONE:
            return Eta(growing=True)
        spread = max(LEAST_SPREAD * rate, self._deviation())
        slow = net - spread
        return Eta(left / (net + spread), left / net, left / slow if slow > NONE else None)

    def _deviation(self) -> float:
        """Of the last minute's steps; none is known before three."""
        return pstdev(self._steps) / STEP if len(self._steps) >= 3 else 0.0

    def _advance(self, now: float) -> None:
        elapsed = int((now - self._step_began) // STEP)
        for _ in range(min(elapsed, STEPS + 1)):
            self._steps.append(self._step_count)
            self._step_count = 0
        self._step_began += max(0, elapsed) * STEP
