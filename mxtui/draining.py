"""A drain at work: its rules (`model.drain`) over a way of delivering, told as progress."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from mxtui.errors import MxtuiError
from mxtui.model.drain.feeding import DrainFeed
from mxtui.model.drain.machine import Drain
from mxtui.model.drain.way import Way
from mxtui.model.plan import FlushProgress, Target

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
        self.way = way
        self._probe = probe
        self._clock = clock
        self._stop = threading.Event()
        self._begun = False
        self._by_guard = True

    def run(self) -> Iterator[FlushProgress]:
        """Progress, some five times a second and at each change of phase; the last has phase `done` or `stopped`.

        Raises what the way raises, after the last progress: what was in hand is in a definite state by then.
        """
        yield self.drain.progress(self._clock())
        why_not = self._probe()
        self.drain.probed(not why_not, why_not, self._clock())
        told, phase = self._clock(), self.drain.phase
        self._begun = not self.drain.over
        if self._begun:
            yield self.drain.progress(told)
        try:
            # One that was refused gets no thread, lock or connection.
            for settled in self.way.deliver(DrainFeed(self.drain, self._clock), self._stop) if self._begun else ():
                now = self._clock()
                for each in settled:
                    self.drain.settled(each, now)
                if now - told >= TELL or phase != self.drain.phase:
                    told, phase = now, self.drain.phase
                    yield self.drain.progress(now)
        except MxtuiError as error:
            self._by_guard = False
            self.drain.stop(error.message)
            yield self.drain.progress(self._clock())
            raise
        yield self.drain.progress(self._clock())

    @property
    def left_by_guard(self) -> Sequence[Target]:
        """What was not tried any more because the guard stopped the drain, to be held; nothing where it did not."""
        stopped = self._begun and self._by_guard and self.drain.phase == "stopped"
        return self.drain.untried if stopped else ()

    def pause(self) -> None:
        """Take no more for now."""
        self.drain.pause()

    def resume(self) -> None:
        """Go on."""
        self.drain.resume(self._clock())

    def stop(self, why: str) -> None:
        """Take no more, and bring what is in hand to its end."""
        self._by_guard = False
        self.drain.stop(why)
        self._stop.set()
