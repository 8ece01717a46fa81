"""The stream of overviews: one queue, its index, its primaries, put together once per tick.

Reading and watching a queue block, so each has a thread; they write to the index and nowhere else. The loop that makes
overviews only asks the index for totals. When reading fails, the last known figures stay, with the reason and the age.
"""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

from mxtui.errors import MxtuiError
from mxtui.foresight import Foresight
from mxtui.index import Index
from mxtui.listening import AGAIN, Log
from mxtui.model.alerts import NO_FACTS, Facts, Watch
from mxtui.model.campaign import Suspects
from mxtui.model.forecast import NOTHING_KNOWN, Forecast, Outlook
from mxtui.model.health import Health, Primary
from mxtui.model.holds import DomainHold
from mxtui.model.message import Changes, State
from mxtui.model.overview import Acknowledgement, DomainStatus, DomainTotals, Overview, Reading, nothing_for
from mxtui.model.recovery import settled_at
from mxtui.model.remaining import remaining
from mxtui.model.returns import Announced
from mxtui.model.source import Capabilities, Space
from mxtui.model.trend import Rate, Trend
from mxtui.queues.queue import Queue
from mxtui.remembering import Memory, Remembered

BUSY_TICK = 0.25
"""Seconds between overviews while the queue changes."""

IDLE_TICK = 1.0

SLOW_FACTS = 5.0
"""Seconds between looks at what changes rarely and costs a system call or a process: room, permission."""

AGES = 5.0
"""Seconds between two counts of ages: a hundred thousand messages grow older all the time, and no eye sees it."""

PIECE = 100
"""Messages of the first read that the index takes in at once: 3 ms, in which nobody else gets an answer from it."""

REST = 0.1
"""Seconds that the first read rests for a key, so that the screen has the interpreter to itself; and then goes on for
as long at least."""

RETRY = 3.0
"""Seconds between attempts to read a queue that cannot be read."""


class Primaries(Protocol):
    """Where each domain's mail goes, and how it fares there."""

    def follow(self, domains: Iterable[str]) -> None:
        """Take these domains, and no others, into the rounds of checks."""

    def snapshot(self) -> Mapping[str, tuple[Primary | None, Health]]:
        """What is known now, by domain."""
        ...

    def probe_now(self, domain: str) -> None:
        """Check a domain's primary without waiting for its turn."""

    async def run(self) -> None:
        """Keep checking until cancelled."""


class Monitor:
    """Follows one queue for as long as `overviews` is iterated."""

    def __init__(
        self,
        queue: Queue,
        index: Index,
        primaries: Callable[[], Primaries | None],
        *,
        always: Sequence[str] = (),
        watch: Watch | None = None,
        counted: Future[Mapping[State, int]] | None = None,
        holds: Callable[[], Mapping[str, DomainHold]] = dict,
        returns: Callable[[float], Mapping[str, Announced]] = lambda _: {},
        facts: Callable[[], Facts] = lambda: NO_FACTS,
        acknowledged: Callable[[], Sequence[Acknowledgement]] = tuple,
        judged: Callable[[Watch, Overview], None] | None = None,
        history: Remembered | None = None,
        outlook: Callable[[float], Outlook] = lambda _: NOTHING_KNOWN,
        suspects: Callable[[], Suspects | None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`primaries` is called when the first overview has been shown; `counted`: the depth, already on its way.

        `holds` tells which domains are held, `returns` which primaries are to be back when, `facts` what alerts go by
        that no queue tells, `acknowledged` what operators know of; `judged` is told of each overview of a whole queue.
        All of them block; all but `holds` raise nothing.
        `outlook` tells what a forecast goes by, once a minute; `suspects` what is known of them, for each overview.
        """
        self.queue = queue
        self.index = index
        self._make_primaries = primaries
        self._look_at_holds = holds
        self._holds: Mapping[str, DomainHold] = {}
        self._primaries: Primaries | None = None
        self._always = tuple(always)
        self._watch = watch or Watch()
        self._look_at_returns = returns
        self._returns: Mapping[str, Announced] = {}
        self._look_at_facts, self._look_at_acknowledged = facts, acknowledged
        self._facts = NO_FACTS
        self._acknowledged: Sequence[Acknowledgement] = ()
        self._judged = judged
        self._suspects = suspects
        self._clock = clock
        self._stop = threading.Event()
        self._log = Log(queue)
        self._threads = ThreadPoolExecutor(5, thread_name_prefix="mxtui-queue")
        self._memory = Memory(history, index, self._threads)
        self._foresight = Foresight(outlook, index, self._threads)
        self._faults: dict[str, MxtuiError] = {}
        """By what failed: one that works again must not hide another that does not."""
        self._heard_at = clock()
        self._counted = counted
        self._depth: Mapping[State, int] = {}
        self._reading: Reading | None = Reading(0, 0)
        self._capabilities: Capabilities | None = None
        self._space: Space | None = None
        self._slow_at = 0.0
        self._aged_at = 0.0
        self._wanted_at = self._rested_at = -REST
        """When a key was pressed last, and when the first read last rested for one (monotonic time)."""
        self._trends: dict[str, Trend] = {}
        self._totals: dict[str, DomainTotals] = {}
        self._arrivals = Rate(self._heard_at)
        self._departures = Rate(self._heard_at)
        self._tick = asyncio.Event()

    def probe_now(self, domain: str) -> None:
        """Check a domain's primary without waiting for its turn."""
        if self._primaries is not None:
            self._primaries.probe_now(domain)

    def nudge(self) -> None:
        """Make the next overview now: something was done to the queue. For the event loop's own thread."""
        self._slow_at = 0.0
        self._tick.set()

    def give_way(self) -> None:
        """Somebody is at the keys: let the first read rest for a moment."""
        self._wanted_at = time.monotonic()

    def close(self) -> None:
        """Stop the threads; they end within a second."""
        self._stop.set()
        self._memory.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def overviews(self) -> AsyncIterator[Overview]:
        """Overviews, until closed; at most four a second, at least one. The first holds the depth alone."""
        running: list[asyncio.Future[None]] = []
        try:
            # The names first, and on the screen, before the rest competes with it for the interpreter.
            await asyncio.to_thread(self._count_names)
            yield (await asyncio.to_thread(self._timed_look))[0]
            self._primaries = await asyncio.to_thread(self._make_primaries)
            running += self._start()
            await asyncio.to_thread(self._memory.recall, self._trends, self._clock())
            while not self._stop.is_set():
                before = self.index.revision
                overview, cost = await asyncio.to_thread(self._timed_look)
                if self._primaries is not None:
                    self._primaries.follow([status.domain for status in overview.domains])
                self._memory.keep(overview)
                yield overview
                changing = self.index.revision != before or self._reading is not None
                # Never more than a tenth of a core on looking, however many domains there are.
                await self._pause(
                    max(BUSY_TICK if changing else IDLE_TICK, 10 * min(cost, 1.0) if cost > 0.05 else 0.0)
                )
        finally:
            self._stop.set()
            for future in running:
                future.cancel()

    def _start(self) -> list[asyncio.Future[None]]:
        loop = asyncio.get_running_loop()
        running: list[asyncio.Future[None]] = [
            loop.run_in_executor(self._threads, work)
            for work in (self._keep_watching, self._keep_reading, self._keep_listening)
        ]
        if self._primaries is not None:
            running.append(asyncio.create_task(self._primaries.run()))
        for future in running:
            future.add_done_callback(self._ended)
        return running

    def _ended(self, future: asyncio.Future[None]) -> None:
        """Whatever nobody foresaw must not leave a screen that looks fresh: it is shown, and the figures grow stale."""
        if not future.cancelled() and (error := future.exception()) is not None:
            self._faults["followed"] = MxtuiError(
                f"the queue is no longer followed: {error!r}", "Start mxtui again, and report this."
            )

    async def _pause(self, seconds: float) -> None:
        """Wait for the next tick; a change cuts an idle second short."""
        deadline = time.monotonic() + seconds
        revision = self.index.revision
        while (left := deadline - time.monotonic()) > 0 and not self._stop.is_set():
            self._tick.clear()
            try:
                await asyncio.wait_for(self._tick.wait(), min(left, BUSY_TICK))
            except TimeoutError:
                if self.index.revision != revision and seconds <= IDLE_TICK:
                    return
            else:
                return

    # -- in threads ---------------------------------------------------------------------------------------------

    def _keep_reading(self) -> None:
        """Read everything once; again after a failure."""
        done = False
        while not done and not self._stop.is_set():
            with self._noting("read"):
                self._read()
                done = True
            if not done:
                self._stop.wait(RETRY)
                self._count_names()

    def _count_names(self) -> None:
        counted, self._counted = self._counted, None
        with self._noting("read"):
            self._depth = self.queue.depth() if counted is None else counted.result()

    def _read(self) -> None:
        expected = sum(self._depth.values())
        read, began = 0, time.monotonic()
        self._reading = Reading(read, expected)
        for changes in self.queue.read(subjects=True):
            if self._stop.is_set():
                return
            self.index.apply(Changes((), changes.gone))
            for start in range(0, len(changes.present), PIECE):
                self._rest()
                self.index.apply(Changes(changes.present[start : start + PIECE]))
            read += len(changes.present)
            left = remaining(read, expected, time.monotonic() - began)
            self._reading = Reading(read, max(expected, read), left)
            self._heard("read")
        self._heard("read")
        self.index.complete()
        self._reading = None

    def _rest(self) -> None:
        now = time.monotonic()
        if self._wanted_at + REST > now > self._rested_at + REST:
            self._stop.wait(self._wanted_at + REST - now)
            self._rested_at = time.monotonic()

    def _keep_watching(self) -> None:
        while not self._stop.is_set():
            with self._noting("watched"):
                for changes in self.queue.watch(self._stop):
                    if changes.present or changes.gone:
                        self.index.apply(changes)
                    self._heard("watched")
            self._stop.wait(RETRY)

    def _keep_listening(self) -> None:
        """What the log tells stands beside the queue, and never in its way."""
        while not self._stop.is_set():
            try:
                self._log.follow(self._stop, self._rest)
            except (MxtuiError, OSError):  # without it the figures go by what leaves the queue, as where there is none
                self._stop.wait(AGAIN)
            else:
                return

    def _heard(self, how: str) -> None:
        self._faults.pop(how, None)
        if not self._faults:
            self._heard_at = self._clock()

    @contextmanager
    def _noting(self, how: str) -> Iterator[None]:
        """Keep a failure as something to show."""
        try:
            yield
        except MxtuiError as error:
            self._faults[how] = error
        except OSError as error:
            self._faults[how] = MxtuiError(f"the queue cannot be {how}: {error}", "Check that its path is still there.")

    def _timed_look(self) -> tuple[Overview, float]:
        """And the processor time it took: waiting for the index, or for a core, is no reason to look less often."""
        started = time.thread_time()
        return self._look(), time.thread_time() - started

    def _look(self) -> Overview:
        now = self._clock()
        self._look_at_slow_facts()
        if abs(now - self._aged_at) >= AGES:
            self._aged_at = now
            self.index.advance(now)
        queue, totals = self.index.queue(), self.index.domains()
        if self._reading is None:
            self._depth = queue.states
        self._arrivals.observe(now, self.index.arrived)
        self._departures.observe(now, self.index.departed)
        domains = self._domains(totals, now)
        capabilities = self._capabilities or Capabilities("files", running=True)
        fault = next(iter(self._faults.copy().values()), None)
        overview = Overview(
            source=self.queue.source,
            capabilities=capabilities,
            taken_at=now,
            heard_at=self._heard_at,
            queue=queue,
            domains=domains,
            depth=self._depth,
            reading=self._reading,
            in_per_minute=self._arrivals.per_minute(now),
            out_per_minute=self._departures.per_minute(now),
            space=self._space,
            fault=fault.message if fault else "",
            hint=fault.hint if fault else "",
            forecast=self._foretold(now) if self._reading is None else None,
            history_fault=self._memory.fault,
            suspects=self._suspects(),
            revision=self.index.revision,
        )
        overview = self._watch.judge(overview, self._facts.with_suspects(overview.suspects), self._acknowledged)
        if self._reading is None and self._judged is not None:
            self._judged(self._watch, overview)
        return overview

    def _foretold(self, now: float) -> Forecast:
        return self._foresight.look(now, self._holds.values(), self._space, self._returns)

    def _look_at_slow_facts(self) -> None:
        if time.monotonic() - self._slow_at < SLOW_FACTS:
            return
        self._slow_at = time.monotonic()
        with self._noting("reached"):
            self._capabilities = self.queue.capabilities()
            self._space = self.queue.space()
            self._holds = self._look_at_holds()
            self._returns = self._look_at_returns(self._clock())
            self._facts = self._look_at_facts()
            self._acknowledged = self._look_at_acknowledged()
            self._faults.pop("reached", None)

    def _domains(self, totals: Sequence[DomainTotals], now: float) -> Sequence[DomainStatus]:
        known = self._primaries.snapshot() if self._primaries else {}
        shown = {total.domain: total for total in totals}
        for domain in (*self._always, *self._holds, *self._totals, *self._log.refusing):
            # A domain whose mail is gone stays in sight: "zero" is an answer, a missing row is a question.
            shown.setdefault(domain, nothing_for(domain))
        self._totals = shown
        settled = settled_at(self._capabilities.recovering) if self._capabilities is not None else {}
        rows = []
        for domain, total in shown.items():
            trend = self._trends.get(domain)
            if trend is None:
                trend = self._trends[domain] = self._memory.trend(domain, total.messages, now)
            trend.observe(now, total.messages)
            primary, health = known.get(domain, (None, None))
            hold = self._holds.get(domain)
            change, history = trend.change_per_minute(now), trend.history()
            flow = self._log.flow(domain, self.index.flow(domain))
            rows.append(
                DomainStatus(total, primary, health, change, history, hold, flow, settled_at=settled.get(domain))
            )
        return tuple(rows)
