"""Mail that no scanner has seen when it was taken: scanned when its turn has come, before it goes on.

What is bad goes to quarantine; nobody is told, and nothing is returned. While no scanner answers such mail waits, but
not for ever: after an operator's patience, or when too little of its lifetime is left, it goes as it is.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from mxtui.delivery.following import Follower
from mxtui.delivery.letters import Job
from mxtui.delivery.outcome import pause
from mxtui.delivery.settling import Log, Settler
from mxtui.delivery.stock import Stock, domains_of
from mxtui.model.envelope import Envelope
from mxtui.model.evidence import Submitted
from mxtui.model.screening import OUTCOMES, Verdict
from mxtui.queues.spool.layout import READ
from mxtui.scanning.gate import Gate
from mxtui.scanning.submitting import submitted

FIRST: Final = 30.0
LONGEST: Final = 600.0
"""Seconds until a message that could not be scanned is tried again; doubles. A scanner that is back is noticed sooner:
then all of them are tried."""

MOST: Final = 100_000
"""Messages of which it is remembered how long they wait; more are forgotten together, and wait anew."""


@dataclass(slots=True)
class _Waiting:
    since: float
    """Monotonic seconds."""
    domains: tuple[str, ...]
    tries: int = 0


class Screening:
    """Belongs to the event loop."""

    def __init__(
        self,
        stock: Stock,
        settler: Settler,
        path: Callable[[str], str],
        log: Log,
        clock: Callable[[], float],
        followers: Iterable[Follower],
    ) -> None:
        """`path` is where a message is, by its ID."""
        self._stock = stock
        self._settler = settler
        self._path = path
        self._log = log
        self._clock = clock
        self._followers = followers
        self._gate: Gate | None = None
        self._waiting: dict[str, _Waiting] = {}
        self._running: set[asyncio.Task[Verdict]] = set()
        self._stopped = False

    def follow(self, gate: Gate | None) -> None:
        """Have messages scanned by this one from now on; None: by nobody."""
        self._gate = gate
        if gate is not None:
            gate.recovered = self._recovered
        self._recovered()

    def stop(self) -> None:
        """Break off what is being scanned: it waits as before."""
        self._stopped = True
        for task in self._running:
            task.cancel()

    def concerns(self, envelope: Envelope) -> bool:
        """Whether it is to be scanned before it goes on."""
        return self._gate is not None and envelope.screened is not None and envelope.screened.pending

    async def clear(self, job: Job) -> bool:
        """Have a message in hand scanned; whether it may go. Where not, it is in hand no longer."""
        gate, envelope = self._gate, job.envelope
        if gate is None:
            return True
        verdict = None if self._stopped else await self._judged(gate, envelope)
        if verdict is None:
            await self._stock.put_back([job])
            return False
        screened = verdict.screened(self._clock())
        if screened.pending:
            if not self._overdue(gate, envelope):
                await self._put_off(job, verdict.unscanned)
                return False
            screened = replace(screened, pending=False)
            self._log("goes_unscanned", "warning", id=job.id, why=verdict.unscanned)
            gate.counts["went_unscanned"] += 1
        else:
            gate.counts[OUTCOMES.get(screened.action, "unscanned" if screened.unscanned else "clean")] += 1
        self._waiting.pop(job.id, None)
        after = replace(envelope, screened=screened)
        if screened.action == "quarantine":
            await self._settler.quarantine(job, replace(after, why=screened.said))
            return False
        # On disk with the result of the next try: were it lost before, it would be scanned again.
        job.claim.envelope = after
        return True

    async def _judged(self, gate: Gate, envelope: Envelope) -> Verdict | None:
        """None: it was broken off."""

        async def submit() -> Submitted | str:
            try:
                raw = await self._stock.run(_read, self._path(envelope.id), envelope.size)
            except OSError as error:
                return f"it cannot be read: {error.strerror}"
            return submitted(envelope, raw)

        task = asyncio.create_task(gate.judge(envelope.size, submit))
        self._running.add(task)
        try:
            await asyncio.wait([task])
        finally:
            self._running.discard(task)
        return None if task.cancelled() else task.result()

    def _overdue(self, gate: Gate, envelope: Envelope) -> bool:
        """Whether it waits no longer: for a scanner that is down, for one that never can judge it, or for its end."""
        patience = gate.bounds.patience
        waiting = self._waiting.get(envelope.id)
        waited = asyncio.get_running_loop().time() - waiting.since if waiting is not None else 0.0
        return max(waited, gate.down_for()) >= patience or self._clock() >= envelope.expires - patience

    async def _put_off(self, job: Job, why: str) -> None:
        now = asyncio.get_running_loop().time()
        if len(self._waiting) >= MOST:
            self._waiting.clear()
        waiting = self._waiting.setdefault(job.id, _Waiting(now, domains_of(job.envelope)))
        waiting.tries += 1
        self._log("waits_for_scan", id=job.id, why=why)
        await self._stock.put_off(job, now + pause(waiting.tries, FIRST, LONGEST))
        for follower in self._followers:
            follower.put_off(job.id, f"not scanned yet: {why}", self._clock(), untried=True)

    def _recovered(self) -> None:
        for id, waiting in self._waiting.items():  # noqa: A001 (the field's own word)
            waiting.tries = 0
            self._stock.hurry(id, waiting.domains)


def _read(path: str, size: int) -> bytes:
    with os.fdopen(os.open(path, READ), "rb") as file:
        return file.read(size)
