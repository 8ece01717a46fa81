"""What `serve` remembers of each minute, so that there is a history though no console was open.

What waits is in the forwarder's memory. What is held, in quarantine or failed is not: names are listed each minute,
and only envelopes that were not there a minute ago are read.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Final

from mxtui.errors import MxtuiError
from mxtui.folders import space_of
from mxtui.history import Recorder
from mxtui.model.envelope import Envelope, EnvelopeRecipient, SpoolState
from mxtui.model.health import Health, Primary
from mxtui.model.history import WHOLE, Counted, Sampler, Seen, Tick
from mxtui.queues.spool.ids import arrival_of
from mxtui.queues.spool.store import Spool
from mxtui.service.log import Log

LOOK: Final = 1.0
"""Seconds between two looks at the clock."""

ASIDE: Final[tuple[SpoolState, ...]] = ("hold", "quarantine", "failed")

AT_ONCE: Final = 2_000
"""Envelopes read in one minute at most: of many that were held together the rest follows in the next."""


Waiting = tuple[int, float | None]
"""Messages for a domain, and when the oldest of them came."""


class Minutes:
    """Belongs to the event loop; disks are waited for in a thread."""

    def __init__(
        self,
        spool: Spool,
        recorder: Recorder,
        waiting: Callable[[], Mapping[str, Waiting] | None],
        in_line: Callable[[str, str], bool],
        health: Callable[[], Mapping[str, tuple[Primary | None, Health]]],
        domains: Callable[[], Iterable[str]],
        log: Log,
        clock: Callable[[], float],
    ) -> None:
        """`waiting`: by domain, None while not all is known yet; `in_line`: whether a message of a domain is among
        those; `domains`: those that mail is taken for.
        """
        self._spool = spool
        self._recorder = recorder
        self._waiting = waiting
        self._in_line = in_line
        self._health = health
        self._domains = domains
        self._log = log
        self._clock = clock
        self._sampler = Sampler()
        self._came: Counter[str] = Counter()
        self._came_bytes = 0
        self._went: Counter[str] = Counter()
        self._before: Mapping[str, tuple[int, int]] | None = None
        """By domain, what was there a minute ago and what had come by then."""
        self._aside: dict[str, tuple[str, ...]] = {}
        """IDs of what is held, in quarantine or failed, with their domains."""
        self._fault = ""

    def came(self, envelope: Envelope) -> None:
        """A message was taken."""
        self._came.update({recipient.destination for recipient in envelope.recipients})
        self._came[WHOLE] += 1
        self._came_bytes += envelope.size

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                now = self._clock()
                if self._sampler.due(now) and (waiting := self._waiting()) is not None:
                    await asyncio.to_thread(self._record, now, waiting, self._health(), tuple(self._domains()))
                    self._tell()
                await asyncio.sleep(LOOK)
        finally:
            self._recorder.close()

    def _record(
        self,
        now: float,
        waiting: Mapping[str, Waiting],
        health: Mapping[str, tuple[Primary | None, Health]],
        domains: Iterable[str],
    ) -> None:
        seen = self._seen({**dict.fromkeys(domains, (0, None)), **waiting}, health)
        self._count(seen)
        counted = Counted(dict(self._came), dict(self._went), self._came_bytes)
        space = None
        with suppress(OSError):
            space = space_of(self._spool.path)
        tick: Tick = self._sampler.take(now, time.monotonic(), seen, counted, space)
        self._recorder.record(tick, now)

    def _seen(self, waiting: Mapping[str, Waiting], health: Mapping[str, tuple[Primary | None, Health]]) -> list[Seen]:
        depth = Counter({domain: messages for domain, (messages, _) in waiting.items()})
        oldest = {domain: at for domain, (_, at) in waiting.items() if at is not None}
        self._look_aside()
        for queue_id, domains in self._aside.items():
            arrival = arrival_of(queue_id)
            for domain in domains:
                depth[domain] += not self._in_line(queue_id, domain)
                oldest[domain] = min(arrival, oldest.get(domain, arrival))
        rows = [Seen(domain, depth[domain], oldest.get(domain), _of(health, domain)) for domain in depth]
        rows.sort(key=lambda row: -row.depth)
        # Of several domains' messages each counts more than once, which the forwarder cannot tell.
        whole = Seen(WHOLE, sum(row.depth for row in rows), min(oldest.values(), default=None))
        return [whole, *rows]

    def _look_aside(self) -> None:
        there: set[str] = set()
        for state in ASIDE:
            with suppress(MxtuiError, OSError):
                there.update(self._spool.ids(state))
        for gone in self._aside.keys() - there:
            del self._aside[gone]
        for fresh in sorted(there - self._aside.keys())[:AT_ONCE]:
            with suppress(MxtuiError, OSError):
                if (found := self._spool.find(fresh)) is not None:
                    self._aside[fresh] = tuple({each.destination for each in _todo(found[1])})

    def _count(self, seen: Iterable[Seen]) -> None:
        """What left: what was there, and what came, but is not there now."""
        now = {row.domain: (row.depth, self._came[row.domain]) for row in seen}
        for domain, (depth, came) in (self._before or {}).items():
            there, came_by_now = now.get(domain, (0, came))
            self._went[domain] += max(0, depth + came_by_now - came - there)
        self._before = now

    def _tell(self) -> None:
        if self._recorder.fault != self._fault:
            self._fault = self._recorder.fault
            self._log("history", "warning" if self._fault else "info", fault=self._fault or "none any more")
        if self._recorder.notice:
            self._log("history", "warning", notice=self._recorder.notice)
            self._recorder.notice = ""


def _todo(envelope: Envelope) -> Iterator[EnvelopeRecipient]:
    return (each for each in envelope.recipients if each.fate != "delivered")


def _of(health: Mapping[str, tuple[Primary | None, Health]], domain: str) -> Health | None:
    return health[domain][1] if domain in health else None
