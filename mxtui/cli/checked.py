"""Primaries that the host of a queue checks, as a monitor here follows them."""

import asyncio
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

from mxtui.errors import MxtuiError
from mxtui.model.health import UNKNOWN, Health, Primary
from mxtui.queues.remote import calls
from mxtui.queues.remote.calls import PART
from mxtui.queues.remote.queue import RemoteQueue

PAUSE: Final = 2.0
"""Seconds until the agent is asked again where it does not answer."""


class CheckedElsewhere:
    """See `monitor.Primaries`. What was told last stands while nothing is heard; the overview says that it is stale."""

    def __init__(self, there: RemoteQueue) -> None:
        self._there = there
        self._wanted: frozenset[str] = frozenset()
        self._known: dict[str, tuple[Primary | None, Health]] = {}
        self._changed = threading.Event()
        """The questions that are asked are not the ones that ought to be."""
        self._ended = threading.Event()

    def follow(self, domains: Iterable[str]) -> None:
        """Take these domains, and no others, into the rounds of checks. Costs nothing when they are the same."""
        wanted = frozenset(domains)
        if wanted != self._wanted:
            self._wanted = wanted
            self._changed.set()

    def snapshot(self) -> Mapping[str, tuple[Primary | None, Health]]:
        """What is known now, by domain."""
        return {domain: self._known.get(domain, (None, UNKNOWN)) for domain in self._wanted}

    def probe_now(self, domain: str) -> None:
        """Check a domain's primary without waiting for its turn."""

        def ask() -> None:
            with suppress(MxtuiError):  # of the connection: the screen says so already
                self._there.one(calls.PROBE_NOW, domain)

        threading.Thread(target=ask, name="mxtui-probe-now", daemon=True).start()

    async def run(self) -> None:
        """Keep listening until cancelled."""
        try:
            while True:
                await asyncio.to_thread(self._listen)
                if not self._changed.is_set():
                    await asyncio.sleep(PAUSE)
        finally:
            self._ended.set()
            self._changed.set()

    def _listen(self) -> None:
        """One question and its answers, until others are asked for or there are no more."""
        if self._ended.is_set():
            return
        self._changed.clear()
        domains = sorted(self._wanted)
        if not domains:
            self._changed.wait(PAUSE)
            return
        parts = [domains[start : start + PART] for start in range(0, len(domains), PART)]
        with suppress(MxtuiError):
            for told in self._there.ask(calls.FOLLOW, calls.Nothing(), parts, stop=self._changed):
                for primary, health, names in told.known:
                    self._known.update((name, (primary, health)) for name in names if name in self._wanted)
