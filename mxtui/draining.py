"""A drain at work: its rules (`model.drain`) over a way of delivering, told as progress."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from mxtui.errors import MxtuiError
from mxtui.model.drain.machine import Drain
from mxtui.model.drain.way import Way
from mxtui.model.plan import FlushProgress

TELL: Final = 0.2
"""Seconds between two reports."""

Probe = Callable[[], str]
"""Climbs the ladders of the primaries concerned; why not to drain now, in a sentence, or nothing. Blocks."""


class Draining:
    """One drain. `pause`, `resume` and `stop` may be called from any thread, the rest from one."""

    def __init__(
        self, drain: Drain, way: Way, *, probe: Probe = lambda: "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.drain = drain
        self._way = way
        self._probe = probe
        self._clock = clock
        self._stop = threading.Event()

    def run(self) -> Iterator[FlushProgress]:
        """Progress, some five times a second; the last has phase `done` or `stopped`.

        Raises what the way raises, after the last progress: what was in hand is in a definite state by then.
        """
        why_not = self._probe()
        self.drain.probed(not why_not, why_not, self._clock())
        yield self.drain.progress(self._clock())
        told = self._clock()
        try:
            for settled in self._way.deliver(self.drain, self._stop):
                now = self._clock()
                for each in settled:
                    self.drain.settled(each, now)
                self.drain.tick(now)
                if now - told >= TELL:
                    told = now
                    yield self.drain.progress(now)
        except MxtuiError as error:
            self.drain.stop(error.message, self._clock())
            yield self.drain.progress(self._clock())
            raise
        yield self.drain.progress(self._clock())

    def pause(self) -> None:
        """Take no more for now."""
        self.drain.pause(self._clock())

    def resume(self) -> None:
        """Go on."""
        self.drain.resume(self._clock())

    def stop(self, why: str) -> None:
        """Take no more, and bring what is in hand to its end."""
        self.drain.stop(why, self._clock())
        self._stop.set()
