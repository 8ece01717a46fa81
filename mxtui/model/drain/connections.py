"""The pace of our own sender: connections, and a few messages in hand for each.

One more with every message that is taken, so that their number doubles with each round trip; halved at the first
failure of a run, and by replies that become slow. A primary that says it has no room for more is believed for a while.
A reserve in hand grows last, one by one, when all connections are there; the first trouble takes all of it back.
"""

import random
from typing import Final

from mxtui.model.drain.latency import Latency
from mxtui.model.drain.pace import Backoff, Vary, ails
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.way import Settled

CROWDED: Final = 60.0
"""Seconds without another connection, after there was no room for one more; doubles each time."""


class Connections:
    """An additive window; see pace.Pace."""

    def __init__(self, settings: DrainSettings, vary: Vary = random.random) -> None:
        self._most = settings.most_connections
        self._connections = settings.connections
        self._ahead = settings.ahead
        self._backoff = Backoff(settings, vary)
        self._latency = Latency()
        self._ceiling = self._most
        self._crowded = CROWDED
        self._crowded_until = float("-inf")
        self._slowed_at = float("-inf")
        self._in_hand = 0
        self._most_in_reserve = settings.reserve
        self._reserve = 0
        self._under_way = 1.0
        """Share of what is in hand; the rest waits behind it for the same connections, not for the primary."""

    @property
    def window(self) -> int:
        """One while a failure was not answered by something that went well."""
        return 1 if self._backoff.failures else self._connections * self._ahead + self._reserve

    @property
    def connections(self) -> int:
        """One, too, after a failure."""
        return 1 if self._backoff.failures else self._connections

    @property
    def steady(self) -> bool:
        """At the cap, or at what the primary said it has room for."""
        return self.connections >= min(self._ceiling, self._most)

    @property
    def resumes(self) -> float:
        """See pace.Pace."""
        return self._backoff.resumes

    @property
    def failures(self) -> int:
        """See pace.Pace."""
        return self._backoff.failures

    @property
    def trouble(self) -> str:
        """See pace.Pace."""
        return self._backoff.why or self._latency.trouble

    def room(self, now: float) -> int:
        """See pace.Pace."""
        return max(0, self.window - self._in_hand) if now >= self.resumes else 0

    def took(self, number: int) -> None:
        """See pace.Pace."""
        self._in_hand += number
        if self._most_in_reserve:
            self._under_way = min(1.0, self._connections / max(1, self._in_hand))

    def settled(self, settled: Settled, taken_at: float, now: float) -> bool:
        """See pace.Pace."""
        self._in_hand -= 1
        if not self._backoff.is_news(taken_at):
            return False
        if why := ails(settled):
            self._fail(why, now, crowded=settled.busy)
            return True
        self._backoff.recover()
        if settled.fate == "delivered":
            self._grow(settled.seconds, taken_at, now)
        return True

    def unwell(self, why: str, now: float) -> None:
        """See pace.Pace."""
        self._fail(why, now, crowded=False)

    def _fail(self, why: str, now: float, *, crowded: bool) -> None:
        if not self._backoff.failures:
            if crowded:
                self._ceiling = max(1, self._connections - 1)
                self._crowded_until = now + self._crowded
                self._crowded *= 2
            self._halve()
        self._backoff.fail(why, now)

    def _grow(self, seconds: float | None, taken_at: float, now: float) -> None:
        if seconds is not None:
            self._latency.observe(seconds * self._under_way)
        if now >= self._crowded_until:
            self._ceiling = self._most
        if not self._latency.trouble:
            if self._connections < self._ceiling:
                self._connections += 1
            else:
                self._connections = self._ceiling
                self._reserve = min(self._reserve + 1, self._most_in_reserve * self._connections)
        elif taken_at >= self._slowed_at:
            self._slowed_at = now
            self._halve()

    def _halve(self) -> None:
        self._connections = max(1, self._connections // 2)
        self._reserve = 0
