import asyncio
import queue as channel
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

from mxtui.errors import NotPermitted
from mxtui.index import Index
from mxtui.model.message import Changes, State
from mxtui.model.overview import Overview
from mxtui.model.source import Capabilities, Source, Space
from mxtui.monitor import REST, Monitor
from tests.index.messages import NOW, message, recipient


class FakeQueue:
    """A queue whose every step waits for the test."""

    source = Source("postfix", "mx2.example.net", "/queue", "3.7.11")

    def __init__(self) -> None:
        self.first: channel.Queue[Changes | Exception | None] = channel.Queue()
        self.later: channel.Queue[Changes] = channel.Queue()

    def capabilities(self) -> Capabilities:
        return Capabilities("files", running=True)

    def space(self) -> Space:
        return Space(100, 50, 0, 0)

    def depth(self) -> Mapping[State, int]:
        return {"deferred": 2}

    def read(self, *, subjects: bool = True) -> Iterator[Changes]:
        while (step := self.first.get(timeout=10)) is not None:
            if isinstance(step, Exception):
                raise step
            yield step

    def watch(self, stop: threading.Event) -> Iterator[Changes]:
        while not stop.is_set():
            try:
                yield self.later.get(timeout=0.05)
            except channel.Empty:
                yield Changes()


class Watched:
    """A monitor under way, and a way to wait for what it says."""

    def __init__(self, queue: FakeQueue) -> None:
        self.monitor = Monitor(queue, Index(NOW), lambda: None, always=["quiet.example"])  # type: ignore[arg-type]
        self._overviews: AsyncIterator[Overview] = self.monitor.overviews()

    async def until(self, wanted: Callable[[Overview], object]) -> Overview:
        async with asyncio.timeout(60):
            async for overview in self._overviews:
                if wanted(overview):
                    return overview
        raise AssertionError("the monitor ended")

    async def close(self) -> None:
        self.monitor.close()
        await self._overviews.aclose()  # type: ignore[attr-defined]


async def test_the_depth_is_known_before_anything_has_been_read() -> None:
    queue = FakeQueue()
    watched = Watched(queue)
    overview = await watched.until(lambda seen: seen.depth)
    assert overview.depth == {"deferred": 2}
    assert overview.queue.messages == 0
    assert overview.reading is not None
    queue.first.put(None)
    await watched.close()


async def test_the_first_read_shows_how_far_it_is_and_what_it_found_so_far() -> None:
    queue = FakeQueue()
    watched = Watched(queue)
    queue.first.put(Changes([message("4dKq7J1hVwz9x0")]))
    overview = await watched.until(lambda seen: seen.queue.messages == 1)
    assert (overview.reading is not None and overview.reading.read, overview.reading and overview.reading.expected) == (
        1,
        2,
    )
    queue.first.put(Changes([message("4dKq7J1hVwz9x1")]))
    queue.first.put(None)
    overview = await watched.until(lambda seen: seen.reading is None)
    assert overview.queue.messages == 2
    await watched.close()


async def test_the_first_read_rests_for_a_key_and_goes_on() -> None:
    queue = FakeQueue()
    watched = Watched(queue)
    await watched.until(lambda seen: seen.depth)
    pressed = time.monotonic()
    watched.monitor.give_way()
    queue.first.put(Changes([message("4dKq7J1hVwz9x0")]))
    queue.first.put(None)
    await watched.until(lambda seen: seen.queue.messages == 1)
    assert time.monotonic() - pressed >= REST
    await watched.close()


async def test_what_changes_later_is_shown_and_an_emptied_domain_stays_in_sight() -> None:
    queue = FakeQueue()
    watched = Watched(queue)
    queue.first.put(Changes([message("4dKq7J1hVwz9x0")]))
    queue.first.put(None)
    await watched.until(lambda seen: seen.reading is None)
    queue.later.put(Changes([message("4dKq7J1hVwz9x1", recipients=(recipient("a@new.example"),))], ["4dKq7J1hVwz9x0"]))
    overview = await watched.until(lambda seen: any(row.domain == "new.example" for row in seen.domains))
    assert {row.domain: row.totals.messages for row in overview.domains} == {
        "new.example": 1,
        "example.org": 0,
        "quiet.example": 0,
    }
    await watched.close()


async def test_a_queue_that_cannot_be_read_keeps_the_last_figures_and_says_why() -> None:
    queue = FakeQueue()
    watched = Watched(queue)
    queue.first.put(Changes([message("4dKq7J1hVwz9x0")]))
    queue.first.put(NotPermitted("the queue may not be read", "Run as root."))
    overview = await watched.until(lambda seen: seen.fault)
    assert (overview.fault, overview.hint) == ("the queue may not be read", "Run as root.")
    assert overview.queue.messages == 1
    queue.first.put(Changes([message("4dKq7J1hVwz9x0")]))
    queue.first.put(None)
    overview = await watched.until(lambda seen: seen.reading is None)
    assert overview.fault == ""
    await watched.close()


async def test_what_nobody_foresaw_is_shown_rather_than_a_screen_that_looks_fresh() -> None:
    queue = FakeQueue()
    watched = Watched(queue)
    queue.first.put(OverflowError("a number without end"))
    overview = await watched.until(lambda seen: seen.fault)
    assert "no longer followed" in overview.fault
    assert "a number without end" in overview.fault
    await watched.close()
