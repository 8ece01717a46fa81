"""The pace of an engine that is not ours: Postfix decides how many connections, and bounces at once what is refused.

So the size of a batch is what can be lost: 1, 5, 25, 125 … messages, the next only when this one went well. At the cap
there are no batches any more: each that is settled makes room for another, so that the engine never runs dry.
"""

import random
from typing import Final

from mxtui.model.drain.pace import Backoff, Vary, ails
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.way import Settled

STRAGGLERS: Final = 10
"""One in so many need not be waited for: a dead domain among a hundred would hold up all others for 30 s."""

SPOILT: Final = 5
"""One in so many that fail for the host's sake is too much."""

RUN: Final = 10
"""So many of them in a row are, too: of a large batch a fifth is too many to lose time with."""


class Batches:
    """Batches that grow; see pace.Pace."""

    def __init__(self, settings: DrainSettings, vary: Vary = random.random) -> None:
        self._growth, self._most = settings.batch_growth, settings.most_in_batch
        self._trusted = settings.most_connections
        self._backoff = Backoff(settings, vary)
        self._size = 1
        self._in_hand = 0
        self._begun = 0
        self._done = 0
        self._failed = 0
        self._run = 0

    @property
    def window(self) -> int:
        """The batch's size."""
        return self._size

    @property
    def connections(self) -> int:
        """No more than messages; how many there are is the engine's own business."""
        return min(self._size, self._trusted)

    @property
    def steady(self) -> bool:
        """At the cap."""
        return self._size >= self._most

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
        return self._backoff.why

    def room(self, now: float) -> int:
        """What is left of the batch. Stragglers of the one before take its places."""
        if now < self.resumes:
            return 0
        free = self._size - self._in_hand
        return max(0, free if self.steady else min(free, self._size - self._begun))

    def took(self, number: int) -> None:
        """See pace.Pace."""
        self._in_hand += number
        self._begun += number

    def settled(self, settled: Settled, taken_at: float, now: float) -> bool:
        """See pace.Pace."""
        self._in_hand -= 1
        if not self._backoff.is_news(taken_at):
            return False
        self._done += 1
        if why := ails(settled):
            self._failed += 1
            self._run += 1
            if self._failed * SPOILT > self._size or self._run >= RUN:
                self._backoff.fail(why, now)
                self._begin(1)
                return True
        else:
            self._run = 0
        if self._over():
            self._backoff.recover()
            self._begin(min(self._most, self._size * self._growth))
        return True

    def unwell(self, why: str, now: float) -> None:
        """See pace.Pace."""
        self._backoff.fail(why, now)
        self._begin(1)

    def _over(self) -> bool:
        if self.steady:
            return self._done >= self._size
        return self._begun >= self._size and self._in_hand <= self._size // STRAGGLERS

    def _begin(self, size: int) -> None:
        self._size, self._begun, self._done, self._failed, self._run = size, 0, 0, 0, 0
