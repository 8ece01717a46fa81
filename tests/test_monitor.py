import asyncio
import queue as channel
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

from mxtui.errors import NotPermitted
from mxtui.history import Recorder, Store
from mxtui.index import Index
from mxtui.model.alerts import Facts
from mxtui.model.campaign import Sifted, Suspected, Suspects
from mxtui.model.history import WHOLE, Sample, Tick
from mxtui.model.message import Changes, State
from mxtui.model.overview import Overview
from mxtui.model.source import Capabilities, Source, Space
from mxtui.monitor import REST, Monitor
from mxtui.queues.queue import Outcome
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

    def __init__(
        self,
        queue: FakeQueue,
        history: Recorder | None = None,
        clock: Callable[[], float] = time.time,
        suspects: Callable[[], Suspects | None] = lambda: None,
    ) -> None:
        self.monitor = Monitor(
            queue,  # type: ignore[arg-type]
            Index(NOW),
            lambda: None,
            always=["quiet.example"],
            history=history,
            clock=clock,
            suspects=suspects,
            facts=lambda: Facts(suspects=500),
        )
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


class LoggedQueue(FakeQueue):
    """Its log tells what the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.log: channel.Queue[Mapping[str, Outcome]] = channel.Queue()

    def outcomes(self, stop: threading.Event) -> Iterator[Mapping[str, Outcome]]:
        while not stop.is_set():
            try:
                yield self.log.get(timeout=0.05)
            except channel.Empty:
                yield {}


async def test_what_is_refused_is_told_by_the_log_also_of_a_domain_that_has_nothing_queued() -> None:
    queue = LoggedQueue()
    watched = Watched(queue)
    queue.first.put(Changes([message("A", recipients=[recipient("a@example.org")])]))
    queue.first.put(None)
    await watched.until(lambda overview: overview.reading is None)
    queue.log.put({"example.org": Outcome(4, 0), "passing.example": Outcome(1, 2)})
    queue.log.put({"passing.example": Outcome(0, 1), "elsewhere.example": Outcome(9, 0)})

    def of(overview: Overview, domain: str) -> tuple[int, int] | None:
        flows = [(row.flow.sent, row.flow.refused) for row in overview.domains if row.domain == domain]
        return flows[0] if flows else None

    overview = await watched.until(lambda overview: of(overview, "passing.example") == (1, 3))
    assert of(overview, "example.org") == (4, 0)
    assert of(overview, "elsewhere.example") is None, "all was well there"
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


async def test_what_is_watched_is_remembered_once_everything_has_been_read(tmp_path: Path) -> None:
    queue, store = FakeQueue(), Store(tmp_path / "history.sqlite")
    now = [NOW + 1.0]
    watched = Watched(queue, Recorder(store), lambda: now[0])
    queue.first.put(Changes([message("4dKq7J1hVwz9x0")]))
    await watched.until(lambda seen: seen.queue.messages == 1)
    assert store.points(WHOLE, 3600, now[0]) == []
    queue.first.put(None)
    await watched.until(lambda _: store.points(WHOLE, 3600, now[0]))
    now[0] += 60
    queue.later.put(Changes([message("4dKq7J1hVwz9x1")], ["4dKq7J1hVwz9x0"]))
    await watched.until(lambda _: len(store.points(WHOLE, 3600, now[0])) == 2)
    await watched.close()
    # Sampled when the minute turned; a change is in the minute that it was seen in, or in the next.
    first, second = (point.sample for point in store.points("example.org", 3600, now[0]))
    assert (first.depth, first.arrived, first.oldest) == (1, None, 3601)
    assert (second.depth, second.oldest) == (1, 3661)
    assert [point.sample.depth for point in store.points("quiet.example", 3600, now[0])] == [0, 0]


async def test_the_header_tells_as_many_suspects_as_the_list_beneath_it() -> None:
    known = [Suspects(NOW, (), Suspected(90, 2, 1), Sifted(100, 0, 0), whole=False)]
    queue = FakeQueue()
    watched = Watched(queue, suspects=lambda: known[0])
    queue.first.put(None)
    overview = await watched.until(lambda seen: seen.alerts)
    assert alerted(overview) == 500  # what was written down last: not everything has been looked at
    for found in (Suspected(90, 2, 1), Suspected(70, 1, 0)):
        known[0] = Suspects(NOW, (), found, Sifted(100, 0, 0))
        overview = await watched.until(lambda seen: seen.suspects is known[0])
        assert alerted(overview) == found.messages
    await watched.close()


def alerted(overview: Overview) -> int:
    return next(each.messages for each in overview.alerts if each.name == "suspects")


async def test_a_console_that_was_just_opened_shows_the_last_hour(tmp_path: Path) -> None:
    queue, store = FakeQueue(), Store(tmp_path / "history.sqlite")
    for minute in range(3, 60, 5):
        sample = Sample(minute, 60, 0, 0, "up", 0, None)
        store.write(Tick(int(NOW) - 3600 + 60 * minute, {"example.org": sample}), NOW)
    watched = Watched(queue, Recorder(store), lambda: NOW + 1.0)
    queue.first.put(Changes([message("4dKq7J1hVwz9x0")]))
    queue.first.put(None)
    overview = await watched.until(lambda seen: seen.reading is None and seen.queue.messages)
    await watched.close()
    (row,) = (row for row in overview.domains if row.domain == "example.org")
    assert row.history == (*range(8, 60, 5), 1)


async def test_without_a_place_for_its_history_a_console_works_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    queue = FakeQueue()
    watched = Watched(queue, Recorder(Store(tmp_path / "file" / "history.sqlite")))
    queue.first.put(Changes([message("4dKq7J1hVwz9x0")]))
    queue.first.put(None)
    overview = await watched.until(lambda seen: seen.history_fault)
    assert overview.queue.messages == 1
    assert "Not a directory" in overview.history_fault
    await watched.close()
