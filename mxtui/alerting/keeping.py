"""While a console or a service watches: what is remembered goes on file, and somebody is told, beside the watching."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Final

from mxtui.alerting.store import AlertState
from mxtui.alerting.telling import Telling
from mxtui.errors import MxtuiError
from mxtui.model.alerts import Watch
from mxtui.model.overview import Overview

EVERY: Final = 60.0
"""Seconds between two times that the memory is kept, or that somebody is told while nothing changes."""


class Keeper:
    """For one monitor. `judged` takes no time: telling has a thread of its own, and one at a time."""

    def __init__(self, state: AlertState, telling: Telling) -> None:
        self._state = state
        self._telling = telling
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mxtui-alerts")
        self._running: Future[None] | None = None
        self._at = -EVERY
        self._seen: frozenset[tuple[str, str | None, str]] = frozenset()
        self._fault = ""

    @property
    def fault(self) -> str:
        """Why nobody could be told the last time, also where nobody foresaw it; empty where all is well."""
        running = self._running
        if running is not None and running.done() and not running.cancelled() and (error := running.exception()):
            return f"nobody is told of alerts: {error!r}"
        return self._fault

    def judged(self, watch: Watch, overview: Overview) -> None:
        """An overview with its alerts; in the watching thread. Raises nothing."""
        seen = frozenset((each.name, each.domain, each.severity) for each in overview.alerts)
        now = time.monotonic()
        if seen == self._seen and now - self._at < EVERY:
            return
        if self._running is not None and not self._running.done():
            return
        self._at, self._seen = now, seen
        with suppress(MxtuiError):  # a folder that cannot be written: `fault` says it when telling fails as well
            self._state.keep(watch.memory)
        if self._telling.possible:
            with suppress(RuntimeError):  # we are being closed
                self._running = self._thread.submit(self._tell, overview)

    def close(self) -> None:
        """Tell no more; what is being told ends within its own time."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _tell(self, overview: Overview) -> None:
        try:
            faults = self._telling.tell(overview)
        except MxtuiError as error:
            faults = [error.message]
        self._fault = "; ".join(faults)
