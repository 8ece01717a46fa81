"""Delivering without a running `serve`: the lock is taken, what is fed is tried, and the lock is let go."""

import asyncio
import queue
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from typing import Literal

from mxtui.delivery.forwarder import Errand, Forwarder
from mxtui.delivery.policy import Policy
from mxtui.errors import MxtuiError
from mxtui.model.drain.way import Feed, Settled
from mxtui.model.route import Router
from mxtui.primary.lookup import Lookup
from mxtui.queues.spool.carrier import carry
from mxtui.queues.spool.committer import Committer
from mxtui.queues.spool.ending import WORDS, note_unanswered
from mxtui.queues.spool.store import Spool
from mxtui.scanning.gate import Gate
from mxtui.service.log import Log, Value

LOOK = 0.25
"""Seconds after which the forwarder is looked after though nothing was settled."""


def quiet(event: str, level: str = "info", **fields: Value) -> None:
    """A log that nobody reads: whoever flushes sees the progress."""


class Forwarding:
    """What a flush delivers by where no serve runs (see `Way`): tries what it is fed, and nothing else.

    Nothing is tried for the domains `left_alone`.
    """

    def __init__(
        self,
        spool: Spool,
        router: Router,
        policy: Policy,
        log: Log = quiet,
        *,
        left_alone: Collection[str] = (),
        gate: Gate | None = None,
    ) -> None:
        """`gate` has mail scanned that was taken unscanned."""
        self._made = (spool, router, policy, log, left_alone, gate)

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        """Raises Guarded when a serve, or another flush, delivers from the spool."""
        spool, _, _, log, *_ = self._made
        with spool.lock_forwarder():
            for queue_id in note_unanswered(spool):
                log("unanswered", "warning", id=queue_id, why=WORDS)
            # In a thread with a loop of its own: deliveries go on while whoever follows looks elsewhere.
            carrier = _Here(*self._made)
            try:
                yield from carry(carrier, feed, stop)
            finally:
                carrier.end()


class _Here:
    """A forwarder in a thread of this process as the carrier."""

    def __init__(
        self,
        spool: Spool,
        router: Router,
        policy: Policy,
        log: Log,
        left_alone: Collection[str],
        gate: Gate | None,
    ) -> None:
        self._made = (spool, router, policy, log, left_alone, gate)
        self._settled: queue.SimpleQueue[Sequence[Settled] | BaseException | None] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._asked: asyncio.Queue[tuple[Sequence[str], int] | Literal["over", "stop"]] = asyncio.Queue()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="mxtui-flush")
        self._thread.start()

    def add(self, ids: Sequence[str], connections: int) -> None:
        self._ask((ids, connections))

    def over(self) -> None:
        self._ask("over")

    def stop(self) -> None:
        self._ask("stop")

    def _ask(self, what: tuple[Sequence[str], int] | Literal["over", "stop"]) -> None:
        with suppress(RuntimeError):  # it has ended by itself, and why is in `settled`
            self._loop.call_soon_threadsafe(self._asked.put_nowait, what)

    def settled(self, within: float) -> Sequence[Settled] | None:
        try:
            settled = self._settled.get(timeout=within)
        except queue.Empty:
            return ()
        if isinstance(settled, BaseException):
            raise settled
        return settled

    def end(self) -> None:
        """Bring what is under way to its end, and be gone."""
        with suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    def _work(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._deliver())
        except (MxtuiError, OSError) as error:
            self._settled.put(error)
        finally:
            self._settled.put(None)

    async def _deliver(self) -> None:
        spool, router, policy, log, left_alone, gate = self._made
        committer = Committer(spool)
        forwarder = Forwarder(
            spool, committer, router, policy,
            log=log, clock=time.time, ourselves=router.ourselves(), lookup=Lookup(), gate=gate, everything=False,
        )  # fmt: skip
        forwarder.leave_alone(left_alone)
        running = asyncio.create_task(forwarder.run())
        try:
            async with forwarder.errand() as errand:
                over = asyncio.Event()
                listening = asyncio.create_task(self._listen(errand, over))
                try:
                    while not (over.is_set() and errand.done) and not self._ended.is_set() and not running.done():
                        self._settled.put(await errand.settled(LOOK))
                finally:
                    listening.cancel()
                if not running.done():
                    await forwarder.stop()
                self._settled.put(await errand.settled(0))
        finally:
            if not running.done():
                await forwarder.stop()
            await committer.close()
            await running

    async def _listen(self, errand: Errand, over: asyncio.Event) -> None:
        while (asked := await self._asked.get()) != "stop":
            if asked == "over":
                over.set()
            else:
                await errand.add(*asked)
        errand.stop()
        over.set()
