"""A drain at work: its rules (`model.drain`) over a way of delivering, told as progress."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

from mxtui.errors import MxtuiError
from mxtui.model.drain.feeding import DrainFeed
from mxtui.model.drain.machine import Drain, Left
from mxtui.model.drain.way import Way
from mxtui.model.plan import FlushProgress, Target

TELL: Final = 0.2
"""Seconds between two reports."""

AT_ONCE: Final = 20
"""Ladders climbed side by side; a thread each while it lasts."""

Probe = Callable[[str], str]
"""Climbs the ladder of a primary, by the name that the drain has for it (empty: of all that it has); why not to drain
now, in a sentence, or nothing. Blocks, and is called in a thread of its own."""


class Draining:
    """One drain. `pause`, `resume`, `stop`, `add` and `open` may be called from any thread, the rest from one."""

    def __init__(
        self,
        drain: Drain,
        way: Way,
        *,
        probe: Probe = lambda _: "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.drain = drain
        self.way = way
        self._prober = Prober(drain, probe, clock)
        self._clock = clock
        self._stop = threading.Event()
        self._begun = False
        self._at_work = True

    def run(self) -> Iterator[FlushProgress]:
        """Progress, some five times a second and at each change of phase; the last has phase `done` or `stopped`.

        Raises what the way raises, after the last progress: what was in hand is in a definite state by then.
        """
        yield self.drain.progress(self._clock())
        self._prober.begin()
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
                self._prober.look(now)
                if now - told >= TELL or phase != self.drain.phase:
                    told, phase = now, self.drain.phase
                    yield self.drain.progress(now)
        except MxtuiError as error:
            self._at_work = False
            self.drain.stop(error.message)
            yield self.drain.progress(self._clock())
            raise
        finally:
            self._prober.close()
        yield self.drain.progress(self._clock())

    def left_since(self) -> Iterator[Left]:
        """What is not tried any more because a guard stopped, to be held: each once, as soon as that is so."""
        if self._begun and self._at_work:
            yield from self.drain.left_since()

    def pause(self) -> None:
        """Take no more for now."""
        self.drain.pause()

    def resume(self) -> None:
        """Go on."""
        self.drain.resume(self._clock())

    def add(self, targets: Sequence[Target]) -> bool:
        """Mail that came meanwhile; see `Drain.add`."""
        return self.drain.add(targets, self._clock())

    def open(self, targets: Sequence[Target]) -> bool:
        """What waits for primaries that are back; see `Drain.open`."""
        return self.drain.open(targets, self._clock())

    def stop(self, why: str) -> None:
        """Take no more, and bring what is in hand to its end."""
        self.drain.stop(why)
        self._stop.set()


class Prober:
    """Climbs the ladders of a drain's primaries, each beside the drain: the others go on meanwhile."""

    def __init__(self, drain: Drain, probe: Probe, clock: Callable[[], float]) -> None:
        self._drain = drain
        self._probe = probe
        self._clock = clock
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="mxtui-probe")
        self._climbs: dict[str, Future[str]] = {}

    def begin(self) -> None:
        """Climb all of them, and wait until one is well, or none is: a slow one must not hold up the others."""
        self._climb(self._clock())
        while self._climbs and self._drain.phase == "probe":
            wait(self._climbs.values(), return_when=FIRST_COMPLETED)
            self._tell()

    def look(self, now: float) -> None:
        """Tell the drain of those that are down again, and go where it has its doubts."""
        self._tell()
        self._climb(now)

    def close(self) -> None:
        """Wait for nobody: a climb has a time limit of its own."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _climb(self, now: float) -> None:
        for primary in self._drain.doubted(now):
            if primary not in self._climbs:
                self._climbs[primary] = self._threads.submit(self._why_not, primary)

    def _why_not(self, primary: str) -> str:
        try:
            return self._probe(primary)
        except MxtuiError as error:
            return error.message

    def _tell(self) -> None:
        for primary, climb in [each for each in self._climbs.items() if each[1].done()]:
            del self._climbs[primary]
            why_not = climb.result()
            self._drain.probed(not why_not, why_not, self._clock(), primary)
