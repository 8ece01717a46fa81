"""A drain on the register: others see how it stands, and may pause, resume and stop it; a report at its end."""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from itertools import chain, islice
from typing import Final

from mxtui.config.settings import Drain as Wanted
from mxtui.draining import Draining
from mxtui.drains import Drains, Running, Wish
from mxtui.errors import MxtuiError
from mxtui.message.sanitize import one_line
from mxtui.model.drain.rate import Rate
from mxtui.model.drain.report import as_lines, as_mapping, make_report
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.standing import BY_OPERATOR, Standing
from mxtui.model.plan import FlushProgress, Plan
from mxtui.operations import Operations

PUBLISH: Final = 0.5
"""Seconds between two states on disk, where the phase stays the same."""

HELD_AT_ONCE: Final = 500
"""Messages put into hold in one turn: 0.1 s of a spool's disk, 0.05 s of postsuper."""

RESERVE: Final = 4
"""More for each connection of a spool's forwarder, at the cap: it begins the next before the last is answered, and
what it was given while it stops is tried all the same, and kept."""


def settings_from(
    wanted: Wanted, *, force: bool = False, rate: Rate | None = None, ahead: int = 1, reserve: int = RESERVE
) -> DrainSettings:
    """As configured, and as whoever begins it says; `ahead` and `reserve` are those of `DrainSettings`."""
    messages, octets = rate or wanted.rate
    return DrainSettings(
        most_connections=wanted.connections,
        connections=min(2, wanted.connections),
        ahead=ahead,
        reserve=reserve,
        most_in_batch=wanted.batch,
        messages_per_second=messages,
        bytes_per_second=octets,
        canary=wanted.canary,
        trial=wanted.trial,
        refused_share=max(0.001, wanted.refused / 100),
        force=force,
    )


class Registered:
    """One drain of one queue. `complain` is told what is no reason to end it, in words."""

    def __init__(
        self, operations: Operations, drains: Drains, draining: Draining, complain: Callable[[str], None]
    ) -> None:
        self.draining = draining
        self.stopped = False
        """By whoever wished so."""
        self.selection = ""
        """Where it is more by now than what the plan was made for."""
        self._operations = operations
        self._drains = drains
        self._complain = complain

    def run(
        self, plan: Plan, standing: Standing, reason: str, stop: threading.Event
    ) -> Generator[FlushProgress, None, None]:
        """To its end; `stop` ends it as an operator does.

        Raises as `Operations.flush`, and Guarded where the queue is being drained already.
        """
        with self._drains.running(standing) as running:
            fault = ""
            published = 0.0
            holding: Iterator[object] = iter(())
            try:
                try:
                    for progress in self._operations.flush(plan, self.draining, reason=reason):
                        self._heed(running.wished() if not stop.is_set() else "stop")
                        now = time.time()
                        before, running.standing = running.standing.progress, running.standing.advanced(progress, now)
                        if self.selection:
                            running.standing = replace(running.standing, selection=self.selection)
                        news = before is None or before.phase != progress.phase
                        if news or not PUBLISH > now - published >= 0:
                            published = now
                            running.publish()
                        yield progress
                        # A batch a turn: whoever drains to the others goes on in between.
                        if next(holding, None) is None:
                            holding = self._hold_left(running)
                finally:
                    deque(chain(holding, self._hold_left(running)), maxlen=0)
            except MxtuiError as error:
                fault = f"{error.message}. {error.hint}".strip()
                raise
            finally:
                report = self._report(running)
                running.standing = running.standing.over(time.time(), fault, report)
                running.publish()

    def _hold_left(self, running: Running) -> Iterator[int]:
        """What guards have left since the last time, batch by batch: Postfix, or serve, would try it by itself."""
        for left in self.draining.left_since():
            still = sum(target.state == "hold" for target in left.targets)
            results = self._operations.hold_untried(
                [target for target in left.targets if target.state != "hold"], left.why, HELD_AT_ONCE
            )
            self._add_held(running, still)
            while batch := [*islice(results, HELD_AT_ONCE)]:
                self._add_held(running, sum(result.result == "done" for result in batch))
                yield len(batch)

    def _add_held(self, running: Running, number: int) -> None:
        running.standing = replace(running.standing, held=running.standing.held + number)

    def _report(self, running: Running) -> str:
        """Where the report is; empty where there is no room for one, which is no reason to hide the rest."""
        standing = running.standing
        report = make_report(
            self.draining.drain,
            queue=self._drains.queue,
            selection=standing.selection,
            operator=standing.operator,
            way=standing.way,
            begun=standing.began,
            ended=time.time(),
            now=time.monotonic(),
            held=standing.held,
        )
        try:
            return running.report("\n".join(as_lines(report, one_line)) + "\n", as_mapping(report))
        except OSError as error:
            self._complain(f"no report can be written: {error.strerror}")
            return ""

    def _heed(self, wish: Wish | None) -> None:
        match wish:
            case "pause":
                self.draining.pause()
            case "resume":
                self.draining.resume()
            case "stop":
                self.stopped = True
                self.draining.stop(BY_OPERATOR)
            case None:
                pass
