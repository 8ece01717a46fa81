"""A thread that does at once all that waits for it: many share one fsync, or one process of postsuper(1)."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class _Waiting(NamedTuple, Generic[T, R]):
    item: T
    loop: asyncio.AbstractEventLoop
    future: "asyncio.Future[R]"


class Together(Generic[T, R]):
    """`work` is given all items that have come since it was called last, in their order, and tells what became of each.

    An exception in place of a result is raised where that item is awaited; one that `work` raises, everywhere.
    `gather` is seconds to wait for company. What was handed in is done, though its caller was cancelled.
    """

    def __init__(
        self, name: str, work: Callable[[Sequence[T]], Sequence[R | Exception]], *, gather: float = 0.0
    ) -> None:
        self._work = work
        self._gather = gather
        self._items: queue.SimpleQueue[_Waiting[T, R] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._live, name=name)
        self._thread.start()

    async def do(self, item: T) -> R:
        """Have it done. Raises what `work` raises, or gives."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        self._items.put(_Waiting(item, loop, future))
        return await future

    def close(self) -> None:
        """End the thread, once all that waits is done. Blocks."""
        self._items.put(None)
        self._thread.join()

    def _live(self) -> None:
        over = False
        while not over:
            group: list[_Waiting[T, R]] = []
            waiting = self._items.get()
            if waiting is not None and self._gather:
                time.sleep(self._gather)
            while waiting is not None:
                group.append(waiting)
                try:
                    waiting = self._items.get_nowait()
                except queue.Empty:
                    break
            else:
                over = True
            if group:
                self._do(group)

    def _do(self, group: Sequence[_Waiting[T, R]]) -> None:
        results: Sequence[R | Exception]
        try:
            results = self._work([each.item for each in group])
        except Exception as error:  # noqa: BLE001 (raised where it is awaited)
            results = [error] * len(group)
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more
            group[0].loop.call_soon_threadsafe(_tell, group, results)


def _tell(group: Sequence[_Waiting[T, R]], results: Sequence[R | Exception]) -> None:
    for each, result in zip(group, results, strict=True):
        if each.future.done():  # cancelled
            continue
        if isinstance(result, Exception):
            each.future.set_exception(result)
        else:
            each.future.set_result(result)
