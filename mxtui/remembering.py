"""A monitor's memory: the last hour when it begins, and each minute kept from then on, off whoever looks."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Protocol

from mxtui.index import Index
from mxtui.model.history import WHOLE, Sampler, Seen, Tick
from mxtui.model.overview import Overview
from mxtui.model.trend import STEP, Trend


class Remembered(Protocol):
    """What is known of the queue from before, and where it is kept on. Blocks; all it does may fail, and be told."""

    @property
    def fault(self) -> str:
        """Why there is no history, or no new one; empty where all is well."""
        ...

    def last_hour(self, now: float) -> Mapping[str, Sequence[int | None]]:
        """Messages by domain at the end of each five minutes of the last hour but the present ones."""
        ...

    def record(self, tick: Tick, now: float) -> object:
        """Keep a minute."""
        ...

    def close(self) -> None:
        """Let others keep it."""


class Memory:
    """Of one monitor; without a history it remembers nothing."""

    def __init__(self, history: Remembered | None, index: Index, threads: Executor) -> None:
        self._history = history
        self._index = index
        self._threads = threads
        self._sampler = Sampler()
        self._recording: Future[None] | None = None
        self._recalled: Mapping[str, Sequence[int | None]] = {}
        self._recalled_at = -1
        """Which five minutes the present ones were then."""

    def recall(self, trends: Mapping[str, Trend], now: float) -> None:
        """Tell of the last hour: a console that was just opened shows it, too. Blocks."""
        if self._history is not None:
            self._recalled, self._recalled_at = self._history.last_hour(now), int(now // STEP)
            for domain, trend in trends.items():
                trend.recall(self._recalled.get(domain, ()))

    def trend(self, domain: str, messages: int, now: float) -> Trend:
        """Of a domain that came up; what was recalled is its last hour only as long as the same minutes are on."""
        trend = Trend(now, messages)
        if int(now // STEP) == self._recalled_at:
            trend.recall(self._recalled.get(domain, ()))
        return trend

    def keep(self, overview: Overview) -> None:
        """A minute is kept when everything has been read and nothing is stale: a half-known queue is a gap."""
        history, now = self._history, overview.taken_at
        known = overview.reading is None and not overview.fault and not overview.stale
        if history is None or not known or not self._sampler.due(now):
            return
        if self._recording is None or self._recording.done():
            self._recording = self._threads.submit(self._record, history, overview)

    def _record(self, history: Remembered, overview: Overview) -> None:
        now, counted = overview.taken_at, self._index.counted()
        history.record(self._sampler.take(now, time.monotonic(), seen_of(overview), counted, overview.space), now)

    @property
    def fault(self) -> str:
        """Why nothing is kept, also where nobody foresaw it; empty where all is well."""
        recording = self._recording
        over = recording is not None and recording.done() and not recording.cancelled()
        if over and recording is not None and (error := recording.exception()) is not None:
            return f"it is no longer kept: {error!r}"
        return self._history.fault if self._history is not None else ""

    def close(self) -> None:
        """Let others keep it."""
        if self._history is not None:
            self._history.close()


def seen_of(overview: Overview) -> Iterator[Seen]:
    """What is kept of an overview: the whole queue, then its domains, deepest first."""
    yield Seen(WHOLE, overview.queue.messages, overview.queue.oldest_arrival)
    for row in overview.domains:
        yield Seen(row.domain, row.totals.messages, row.totals.oldest_arrival, row.health)
