"""The thread that writes: whoever waits for the disk waits together, and all are answered by one group commit."""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

from mxtui.model.envelope import Envelope, SpoolState
from mxtui.queues.spool.claim import Claim
from mxtui.queues.spool.store import Spool
from mxtui.queues.spool.together import Job
from mxtui.queues.spool.writer import AT_ONCE

CLOSED: Final = "the spool is being closed"


class _Waiting(NamedTuple):
    start: Callable[[], Job]
    future: asyncio.Future[None]
    loop: asyncio.AbstractEventLoop


class Committer:
    """Writes to one spool on behalf of one event loop.

    While a group is on its way to the disk the next one gathers, so that many who wait share each fsync and a single
    one never waits for company. Whatever was begun is finished, also when its caller was cancelled meanwhile; what was
    cancelled before it was begun is not done at all.
    """

    def __init__(self, spool: Spool) -> None:
        self._writer = spool.writer
        self._waiting: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="committer")
        self._thread.start()

    async def commit(self, envelope: Envelope, chunks: Sequence[bytes], state: SpoolState = "deferred") -> None:
        """Take responsibility for a message: it survives a power cut when this returns. Raises OSError: not in."""
        await self._done(partial(self._writer.committing, envelope, chunks, state))

    async def record(self, claim: Claim, envelope: Envelope) -> None:
        """As `Claim.record`. Raises OSError."""
        await self._done(partial(self._writer.recording, claim, envelope))

    async def move(self, claim: Claim, state: SpoolState, envelope: Envelope | None = None) -> None:
        """As `Claim.move`. Raises OSError."""
        await self._done(partial(self._writer.moving, claim, state, envelope))

    async def finish(self, claim: Claim) -> None:
        """As `Claim.finish`: the envelope is unlinked at once. Raises OSError."""
        await self._done(partial(self._writer.finishing, claim))

    async def close(self) -> None:
        """Do what waits, then end the thread. What comes later is refused with OSError."""
        if not self._closing:
            self._closing = True
            self._waiting.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    async def _done(self, start: Callable[[], Job]) -> None:
        if self._closing:
            raise OSError(CLOSED)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.put(_Waiting(start, future, loop))
        await future

    def _work(self) -> None:
        last = False
        while not last:
            group: list[_Waiting] = []
            waiting = self._waiting.get()
            while waiting is not None:
                group.append(waiting)
                if len(group) == AT_ONCE:
                    break
                try:
                    waiting = self._waiting.get_nowait()
                except queue.Empty:
                    break
            last = waiting is None
            self._carry_out([each for each in group if not each.future.cancelled()])

    def _carry_out(self, group: Sequence[_Waiting]) -> None:
        if group:
            outcomes = self._writer.run(each.start() for each in group)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                group[0].loop.call_soon_threadsafe(_answer, group, outcomes)


def _answer(group: Sequence[_Waiting], outcomes: Sequence[OSError | None]) -> None:
    for waiting, outcome in zip(group, outcomes, strict=True):
        if waiting.future.done():  # cancelled
            continue
        if outcome is None:
            waiting.future.set_result(None)
        else:
            waiting.future.set_exception(outcome)
