"""While `serve` runs, somebody is told of alerts as [notify] has it, whether a console is open or not.

Once a minute the spool is counted, by what the last count remembers, in a thread; the primaries are those that the
prober knows anyway. Telling has a thread of its own: a command that hangs must not keep anybody from looking.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from mxtui.alerting.facts import facts, silent_scanners, thresholds
from mxtui.alerting.store import AlertState
from mxtui.alerting.telling import Telling
from mxtui.config import Settings
from mxtui.errors import MxtuiError
from mxtui.folders import states
from mxtui.holds import Holds
from mxtui.model.alerts import Watch, judged
from mxtui.model.health import Health, Primary
from mxtui.model.overview import DomainStatus, Flow, Overview, nothing_for
from mxtui.model.totals import Edge, Totals
from mxtui.queues.spool.catch import holds_folder
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from mxtui.service.log import Log

EVERY: Final = 60.0

GAP: Final = 300.0
"""Seconds between two looks after which nobody watched: a count of a large spool may take its time."""

SHARE: Final = 50
"""So many times what a look cost is waited: a fiftieth of a core."""


def pause(cost: float) -> float:
    """Seconds until the next look. `cost`: CPU seconds of the last one; never so long that nobody watched."""
    return max(EVERY, min(GAP / 2, SHARE * cost))


class AlertWatch:
    """Belongs to one `serve`."""

    def __init__(
        self,
        spool: Spool,
        settings: Settings,
        known: Callable[[], Mapping[str, tuple[Primary | None, Health]]],
        relayed: Callable[[], Mapping[str, object]],
        log: Log,
        *,
        clock: Callable[[], float] = time.time,
        rest: Callable[[float], float] = pause,
    ) -> None:
        self._queue = SpoolQueue(spool)
        self._holds = Holds(holds_folder(spool.path))
        self._settings = settings
        self._known = known
        self._relayed = relayed
        self._log = log
        self._clock = clock
        self._rest = rest
        self._state = AlertState(str(spool.path), *states(settings.state))
        self._telling = Telling(settings.notify, self._state, watching=True)
        limits = replace(thresholds(settings), least_free=settings.serve.limits.free)
        self._watch = Watch(limits, self._state.memory(), gap=GAP)
        self._arrived: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._faults: dict[str, str] = {}
        """What was logged last, by event."""
        self._telling_now: asyncio.Task[list[str]] | None = None

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be told."""
        return self._telling.possible

    async def run(self) -> None:
        """Look and tell until cancelled."""
        while True:
            cost = await self.look()
            await asyncio.sleep(self._rest(cost))

    async def look(self) -> float:
        """One look, and what it cost in CPU seconds. Whatever fails is logged: mail goes on without alerts."""
        looking = asyncio.create_task(asyncio.to_thread(self._look))
        await asyncio.wait([looking])  # its error is read, and not raised, whatever it is
        if (error := looking.exception()) is not None:
            self._say("alerts_not_watched", repr(error))
            return 0.0
        overview, fault, cost = looking.result()
        self._say("alerts_not_watched", fault)
        if overview is not None and (self._telling_now is None or self._telling_now.done()):
            self._telling_now = asyncio.create_task(asyncio.to_thread(self._telling.tell, overview))
            self._telling_now.add_done_callback(self._told)
        return cost

    async def told(self) -> None:
        """Return when nobody is being told any more."""
        if self._telling_now is not None:
            await asyncio.wait([self._telling_now])

    def _look(self) -> tuple[Overview | None, str, float]:
        """What was seen, why not, and CPU seconds; blocks."""
        began, overview, fault = time.thread_time(), None, ""
        try:
            overview = self._judged()
            self._state.keep(self._watch.memory)
        except (MxtuiError, OSError) as error:
            fault = str(error)
        return overview, fault, time.thread_time() - began

    def _told(self, telling: "asyncio.Task[list[str]]") -> None:
        if telling.cancelled():
            return
        error = telling.exception()
        known = str(error) if isinstance(error, MxtuiError) else repr(error)
        self._say("alerts_not_told", "; ".join(telling.result()) if error is None else known)

    def _say(self, event: str, fault: str) -> None:
        """Once for as long as it is the same."""
        if fault and fault != self._faults.get(event):
            self._log(event, "warning", why=fault)
        self._faults[event] = fault

    def _judged(self) -> Overview:
        now, queue = self._clock(), self._queue
        counted = queue.count_again(now, self._state.folder / "count.cache")
        self._arrived.update(counted.moved.arrived)
        self._left.update(counted.moved.left)
        totals = Totals(now, counted.tallies)
        of_domains = {each.domain: each for each in totals.domains(_unchanged)}
        for domain in self._relayed():
            of_domains.setdefault(domain, nothing_for(domain))
        rows = tuple(
            DomainStatus(each, flow=Flow(self._arrived[domain], self._left[domain]))
            for domain, each in of_domains.items()
        )
        whole = totals.queue(_unchanged)
        overview = Overview(
            queue.source, queue.capabilities(), now, now, whole, rows, depth=whole.states, space=queue.space()
        )
        known, held = self._known(), self._holds.all()
        acknowledged = self._state.acknowledged(now)
        told = facts(self._settings, self._queue.source.path, self._settings.serve.certificate)
        told = replace(told, silent=silent_scanners(self._settings))
        return judged(overview, known, self._watch, held, told, acknowledged)


def _unchanged(*_: object) -> Edge:
    raise AssertionError("nothing was removed, so nobody has to ask what is oldest now")
