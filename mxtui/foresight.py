"""A monitor's forecast: counted anew when the queue changed, by what a thread of its own finds out once a minute."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from types import MappingProxyType
from typing import Final

from mxtui.index import Index
from mxtui.model.forecast import NOTHING_KNOWN, Forecast, Outlook, filling, returning
from mxtui.model.holds import DomainHold
from mxtui.model.returns import Announced
from mxtui.model.source import Space

OUTLOOK: Final = 60.0
"""Seconds between looks at what a forecast goes by: history, drains, drills."""

EXPIRIES: Final = 5.0
"""Seconds between two counts of what expires: 10 ms where all of 100,000 messages do within a day."""


_NOTHING: Final[Mapping[str, Announced]] = MappingProxyType({})


class Foresight:
    """Belongs to whoever looks; what it goes by is found out elsewhere, for a file may be locked for seconds."""

    def __init__(self, outlook: Callable[[float], Outlook], index: Index, threads: Executor) -> None:
        self._look_out = outlook
        self._index = index
        self._threads = threads
        self._outlook = NOTHING_KNOWN
        self._looking_out: Future[Outlook] | None = None
        self._looked_out_at: float | None = None
        self._latest: Forecast | None = None
        self._revision = -1

    def look(
        self,
        now: float,
        holds: Iterable[DomainHold],
        space: Space | None,
        announced: Mapping[str, Announced] = _NOTHING,
    ) -> Forecast:
        """What is to come, not older than a minute, nor than some seconds where mail came or went."""
        if self._looking_out is not None and self._looking_out.done():
            self._outlook, self._looking_out, self._latest = self._looking_out.result(), None, None
        if self._looking_out is None and (self._looked_out_at is None or abs(now - self._looked_out_at) >= OUTLOOK):
            self._looked_out_at = now
            self._looking_out = self._threads.submit(self._look_out, now)
        latest, returns = self._latest, returning(holds, announced, now)
        if latest is not None and latest.returns == returns and latest.announced == announced:
            age = abs(now - latest.at)
            if age < EXPIRIES or (age < OUTLOOK and self._index.revision == self._revision):
                return latest
        self._revision = self._index.revision
        full = filling(self._outlook.rooms, space, now)
        expiring = self._index.expiring(now, returns)
        self._latest = Forecast(now, expiring, returns, announced, full, self._outlook)
        return self._latest
