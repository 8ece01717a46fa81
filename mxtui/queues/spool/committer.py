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

CLOSED: Final = "the spool is being closed"


class _Waiting(NamedTuple):
    start: Callable[[], Job]
    future: asyncio.Future[None]


class Committer:
    """Writes to one spool on behalf of one event loop.

    While a group is on its way to the disk the next one gathers, so that many share each fsync. Whatever was begun is
    finished, also when its caller was cancelled meanwhile; what was cancelled before it was begun is not done at all.

    All but the thread's own work is done in the event loop.
    """

    def __init__(self, spool: Spool) -> None:
        self._writer = spool.writer
        self._waiting: list[_Waiting] = []
        self._gathering = False
        self._writing = False
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._groups: queue.SimpleQueue[tuple[asyncio.AbstractEventLoop, list[_Waiting]] | None] = queue.SimpleQueue()
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
        self._closing = True
        await self._idle.wait()
        self._groups.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    async def _done(self, start: Callable[[], Job]) -> None:
        if self._closing:
            raise OSError(CLOSED)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(start, future))
        self._idle.clear()
        self._gather()
        await future

    def _gather(self) -> None:
        if self._gathering or self._writing:
            return
        self._gathering = True
        # After all who are ready to run in this turn of the loop. To wait any longer makes groups no larger.
        asyncio.get_running_loop().call_soon(self._hand_over)

    def _hand_over(self) -> None:
        self._gathering = False
        group = [each for each in self._waiting if not each.future.cancelled()]
        self._waiting.clear()
        if group:
            self._writing = True
            self._groups.put((asyncio.get_running_loop(), group))
        else:
            self._idle.set()

    def _written(self, group: Sequence[_Waiting], outcomes: Sequence[OSError | None]) -> None:
        self._writing = False
        for waiting, outcome in zip(group, outcomes, strict=True):
            if waiting.future.done():  # cancelled
                continue
            if outcome is None:
                waiting.future.set_result(None)
            else:
                waiting.future.set_exception(outcome)
        if self._waiting:
            self._gather()
        else:
            self._idle.set()

    def _broken(self, group: Sequence[_Waiting], error: BaseException) -> None:
        """The thread is no more: whoever waits is told, and nothing is taken from now on."""
        self._closing = True
        waiting, self._waiting = [*group, *self._waiting], []
        for each in waiting:
            if not each.future.done():
                each.future.set_exception(OSError(f"the spool's writer broke: {error!r}"))
        self._idle.set()

    def _work(self) -> None:
        """The thread's life."""
        while (handed := self._groups.get()) is not None:
            loop, group = handed
            try:
                outcomes = self._writer.run(each.start() for each in group)
            except BaseException as error:  # a fault of ours; nobody must wait for ever
                loop.call_soon_threadsafe(self._broken, group, error)
                raise
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                loop.call_soon_threadsafe(self._written, group, outcomes)
