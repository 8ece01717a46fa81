"""Delivering without a running `serve`: the lock is taken, what was named is tried, and the lock is let go."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterator

from mxtui.delivery.forwarder import Forwarder
from mxtui.delivery.policy import Policy
from mxtui.errors import MxtuiError
from mxtui.model.plan import FlushProgress
from mxtui.model.route import Router
from mxtui.primary.lookup import Lookup
from mxtui.queues.spool.committer import Committer
from mxtui.queues.spool.store import Spool
from mxtui.service.log import Log, Value

Forward = Callable[[Collection[str], threading.Event], Iterator[FlushProgress]]


def quiet(event: str, level: str = "info", **fields: Value) -> None:
    """A log that nobody reads: whoever flushes sees the progress."""


def forwarding(
    spool: Spool, router: Router, policy: Policy, log: Log = quiet, *, left_alone: Collection[str] = ()
) -> Forward:
    """What a flush calls where no serve runs: tries these messages, and no others, until each has its verdict.

    Nothing is tried for the domains `left_alone`.
    It raises Guarded when a serve, or another flush, delivers from the spool.
    """

    def forward(ids: Collection[str], stop: threading.Event) -> Iterator[FlushProgress]:
        with spool.lock_forwarder():
            # In a thread with a loop of its own: deliveries go on while whoever follows looks elsewhere.
            steps: queue.SimpleQueue[FlushProgress | BaseException | None] = queue.SimpleQueue()
            work = threading.Thread(
                target=_work,
                args=(spool, router, policy, log, list(ids), left_alone, stop, steps),
                name="mxtui-flush",
            )
            work.start()
            try:
                while (step := steps.get()) is not None:
                    if isinstance(step, BaseException):
                        raise step
                    yield step
            finally:
                stop.set()
                work.join()

    return forward


def _work(
    spool: Spool,
    router: Router,
    policy: Policy,
    log: Log,
    ids: list[str],
    left_alone: Collection[str],
    stop: threading.Event,
    steps: "queue.SimpleQueue[FlushProgress | BaseException | None]",
) -> None:
    try:
        asyncio.run(_deliver(spool, router, policy, log, ids, left_alone, stop, steps))
    except (MxtuiError, OSError) as error:
        steps.put(error)
    finally:
        steps.put(None)


async def _deliver(
    spool: Spool,
    router: Router,
    policy: Policy,
    log: Log,
    ids: list[str],
    left_alone: Collection[str],
    stop: threading.Event,
    steps: "queue.SimpleQueue[FlushProgress | BaseException | None]",
) -> None:
    committer = Committer(spool)
    forwarder = Forwarder(
        spool, committer, router, policy,
        log=log, clock=time.time, ourselves=router.ourselves(), lookup=Lookup(), everything=False,
    )  # fmt: skip
    forwarder.leave_alone(left_alone)
    running = asyncio.create_task(forwarder.run())
    try:
        async for step in forwarder.flush(ids):
            steps.put(step)
            if stop.is_set() or running.done():
                break
    finally:
        if not running.done():
            await forwarder.stop()
        await committer.close()
        await running
