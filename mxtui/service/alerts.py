"""While `serve` runs, somebody is told of alerts as [notify] has it, whether a console is open or not.

Once a minute the spool is counted, by what the last count remembers, in a thread; the primaries are those that the
prober knows anyway.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from mxtui.alerting.facts import facts, thresholds
from mxtui.alerting.store import AlertState
from mxtui.alerting.telling import Telling
from mxtui.config import Settings
from mxtui.errors import MxtuiError
from mxtui.folders import state_folder
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
"""So many times what a look took is waited at least: a fiftieth of a core."""


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
    ) -> None:
        self._queue = SpoolQueue(spool)
        self._holds = Holds(holds_folder(spool.path))
        self._settings = settings
        self._known = known
        self._relayed = relayed
        self._log = log
        self._clock = clock
        self._folder = state_folder(settings.state)
        self._state = AlertState(str(spool.path), self._folder)
        self._telling = Telling(settings.notify, self._state)
        self._watch = Watch(thresholds(settings), self._state.memory(), gap=GAP)
        self._arrived: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._fault = ""

    @property
    def wanted(self) -> bool:
        """Whether anybody is to be told."""
        return self._telling.possible

    async def run(self) -> None:
        """Look and tell until cancelled."""
        while True:
            began = time.monotonic()
            await asyncio.to_thread(self.look)
            await asyncio.sleep(max(EVERY, SHARE * (time.monotonic() - began)))

    def look(self) -> None:
        """One look; blocks. What fails is logged once, and the next look is taken all the same."""
        try:
            overview = self._judged()
            faults = self._telling.tell(overview)
            self._state.keep(self._watch.memory)
        except (MxtuiError, OSError) as error:
            faults = [str(error)]
        fault = "; ".join(faults)
        if fault and fault != self._fault:
            self._log("alerts_not_told", "warning", why=fault)
        self._fault = fault

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
        told = facts(self._settings, self._folder, self._settings.serve.certificate)
        return judged(overview, known, self._watch, held, told, acknowledged)


def _unchanged(*_: object) -> Edge:
    raise AssertionError("nothing was removed, so nobody has to ask what is oldest now")
