"""Several queues in one console: what is seen of each, of all together, and what is done on all of them."""

import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.errors import MxtuiError, Unreachable
from mxtui.model.plan import Plan, Result
from mxtui.model.source import Permission, Source, Verb
from mxtui.tui.services import Services, Settings
from tests.tui.driving import Driver
from tests.tui.fakes import HEALTH, World, healthy

AWAY = Unreachable("ssh cannot reach mx3: Connection refused", "Try it by hand: ssh mx3")


class Worlds:
    """Queues of several hosts; one that is named in `away` cannot be reached."""

    def __init__(self, folder: Path) -> None:
        self.worlds: dict[str, World] = {}
        self.away: dict[str, MxtuiError] = {}
        self.settings = Settings(theme="tokyo-night")
        self.tried: list[str] = []
        for name in ("mx1", "mx2", "mx3"):
            (folder / name).mkdir()
            health = {**HEALTH, "example.org": healthy(12.0)} if name == "mx2" else HEALTH
            world = self.worlds[name] = World(folder / name, health=health)
            source = Source("postfix", f"{name}.example.net", f"ssh://{name}.example.net/etc/postfix", "3.7.11")
            world.services = replace(world.services, lag=lambda: 0.012, version=lambda: "1.0")
            world.say(source=source)

    @property
    def names(self) -> Sequence[str]:
        return list(self.worlds)

    def connect(self, name: str) -> Services:
        self.tried.append(name)
        if name in self.away:
            raise self.away[name]
        return self.worlds[name].services


@pytest.fixture
def worlds(tmp_path: Path) -> Worlds:
    return Worlds(tmp_path)


Start = Callable[..., AbstractAsyncContextManager[Driver]]


@pytest.fixture
def fleet(worlds: Worlds) -> Start:
    @asynccontextmanager
    async def start(size: tuple[int, int] = (140, 40)) -> AsyncIterator[Driver]:
        driver = Driver(worlds.worlds["mx1"], worlds)
        async with driver.app.run_test(size=size, notifications=True) as pilot:
            driver.pilot = pilot
            reached = len(worlds.names) - len(worlds.away)
            await driver.until(lambda: sum(desk.overview is not None for desk in driver.app.desks) == reached)
            await driver.until(lambda: sum(desk.fault is not None for desk in driver.app.desks) == len(worlds.away))
            driver.app.show_now()
            await driver.sees("8 Hosts")
            await driver.settle()
            yield driver

    return start


@pytest.mark.parametrize("size", [(140, 40), (80, 24)])
async def test_all_hosts_are_seen_side_by_side(fleet: Start, size: tuple[int, int]) -> None:
    async with fleet(size) as at:
        await at.sees("3 hosts", "all live", "mx1", "mx2", "mx3")
        assert all(len(line) <= size[0] for line in at.lines)
        assert "773" in at.line("mx2 ")


async def test_a_primary_that_one_host_reaches_and_others_do_not_is_a_finding(fleet: Start) -> None:
    async with fleet() as at:
        await at.sees("SPLIT", "example.org", "up from mx2, down from mx1 and mx3: look at the way there")
        await at.press("v")
        await at.sees("✗ mx1", "● mx2", "✗ mx3")
        await at.sees("2,100 messages on 3 hosts")


async def test_a_host_that_is_down_at_the_start_says_why_and_is_tried_again(worlds: Worlds, fleet: Start) -> None:
    worlds.away["mx3"] = AWAY
    async with fleet() as at:
        await at.sees("AWAY", "mx3", "Connection refused", "2 of 3 live")
        await at.press("end")
        await at.sees("Try it by hand: ssh mx3")
        await at.press("enter")
        await at.sees("Mx3 was not reached yet")
        worlds.away.clear()
        await at.press("c")
        await at.sees("all live")
    assert worlds.tried.count("mx3") == 2


async def test_enter_opens_a_host_and_each_keeps_its_own_marks(worlds: Worlds, fleet: Start) -> None:
    async with fleet() as at:
        await at.press("j", "enter")
        await at.sees("mx2.example.net", "1 Domains")
        await at.press("2", "space")
        marked = set(at.app.marks)
        assert len(marked) == 1
        await at.press("8", "k", "enter")
        await at.sees("mx1.example.net")
        assert at.app.marks == set()
        await at.press("8", "j", "enter", "2")
        assert at.app.marks == marked
        await at.press("h", "enter")
        await at.sees("1  done")
    assert at.app.desk.name == "mx2"
    assert [verb for verb, _ in worlds.worlds["mx2"].queue.acted] == [Verb.HOLD]
    assert worlds.worlds["mx1"].queue.acted == []


async def test_what_was_chosen_before_a_host_was_reached_is_refused(worlds: Worlds, fleet: Start) -> None:
    worlds.away["mx1"] = AWAY
    async with fleet() as at:
        for key in (*"1234567", "exclamation_mark"):
            await at.press(key)
            await at.sees("Mx1 was not reached yet")
        assert at.line("AWAY")


async def test_a_domain_is_held_on_all_hosts_by_a_plan_of_its_own_on_each(worlds: Worlds, fleet: Start) -> None:
    async with fleet() as at:
        await at.press("h")
        await at.sees("A verb here is for a domain")
        await at.press("v", "h")
        await at.sees("Hold 2,100 messages for example.org on 3 hosts", "What will run")
        await at.type("they move")
        await at.press("enter")
        await at.sees("2,100 done", "mx1", "700 of 700")
        await at.press("enter")
    for world in worlds.worlds.values():
        ((verb, ids),) = world.queue.acted
        assert (verb, len(ids)) == (Verb.HOLD, 700)
        (record,) = list(world.operations.audit.records(limit=10))
        assert record.begin.reason == "they move"


async def test_a_host_that_does_not_let_us_is_left_as_it_is_and_said_to_be(worlds: Worlds, fleet: Start) -> None:
    no = Permission(False, "mx2 has another version")
    able = worlds.worlds["mx2"].queue.capabilities()
    worlds.worlds["mx2"].say(capabilities=replace(able, verbs=dict.fromkeys(Verb, no)))
    async with fleet() as at:
        await at.until(lambda: not at.app.desks[1].overview.capabilities.may(Verb.HOLD).allowed)  # type: ignore[union-attr]
        await at.press("v", "h")
        await at.sees("Hold 1,400 messages for example.org on 2 hosts", "left as it is: mx2 has another version")
        await at.press("enter")
        await at.sees("1,400 done", "left as it is: mx2 has another version")
    assert worlds.worlds["mx2"].queue.acted == []


async def test_a_host_that_goes_away_amid_an_act_is_told_apart_and_the_others_go_on(
    worlds: Worlds, fleet: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(plan: Plan, reason: str, stop: threading.Event) -> Iterator[Result]:
        first, *_ = plan.targets
        yield Result(first.queue_id, plan.verb, "done")
        raise Unreachable("the connection to mx2 was lost", "It is tried again by itself.")

    monkeypatch.setattr(worlds.worlds["mx2"].operations, "execute", lost)
    async with fleet() as at:
        await at.press("v", "h")
        await at.sees("on 3 hosts")
        await at.press("enter")
        await at.sees("1,401 done", "the connection to mx2 was lost", "1 of 700")


async def test_what_cannot_be_undone_is_confirmed_twice(worlds: Worlds, fleet: Start) -> None:
    async with fleet() as at:
        await at.press("v", "x")
        await at.sees("Reject 2,100 messages for example.org on 3 hosts", "twice")
        await at.type("spam")
        await at.press("enter")
        await at.sees("once more: this cannot be undone")
        assert all(world.queue.acted == [] for world in worlds.worlds.values())
        await at.press("escape")
    assert all(world.queue.acted == [] for world in worlds.worlds.values())


async def test_a_drain_is_begun_on_each_host_under_its_own_guard(worlds: Worlds, fleet: Start) -> None:
    async with fleet() as at:
        await at.press("v", "f")
        await at.sees("Flush 2,100 messages", "Several hosts deliver at once", "Primary down on mx1, mx3")
        await at.press("enter")
        await at.sees("once more: the primary is down")
        await at.press("escape")
        assert all(world.draining.begun == [] for world in worlds.worlds.values())
        await at.press("slash")
        await at.type("host:mx2 example.org")
        await at.press("enter", "f")
        await at.sees("Flush 700 messages for example.org on 1 host")
        await at.press("enter")
        await at.sees("Begun on mx2")
    assert [len(world.draining.begun) for world in worlds.worlds.values()] == [0, 1, 0]


async def test_what_is_left_out_of_a_drain_on_every_host_is_said_to_be_queued_and_why(
    worlds: Worlds, fleet: Start
) -> None:
    async with fleet() as at:
        await at.press("slash")
        await at.type("bank.example")
        await at.press("enter", "f")
        await at.sees("Nothing to flush", "Held: release it first.")
    assert all(world.draining.begun == [] for world in worlds.worlds.values())


async def test_domains_are_narrowed_by_host_and_by_name(fleet: Start) -> None:
    async with fleet() as at:
        await at.press("slash")
        await at.type("host:mx3 example.org")
        await at.sees("✗ mx3 700")
        assert "mx1 700" not in at.text
        await at.press("escape")
        await at.sees("mx1 700")
        assert "lists.example" in at.text


async def test_enter_on_a_domain_opens_its_messages_where_most_of_them_are(fleet: Start) -> None:
    async with fleet() as at:
        await at.press("v", "enter")
        await at.sees("mx1.example.net", "domain:example.org")


async def test_each_host_with_its_own_clock(worlds: Worlds, fleet: Start) -> None:
    """Ages are the remote's: one whose clock is an hour ahead has written times that are."""
    async with fleet() as at:
        worlds.worlds["mx3"].clock.now += 3600
        await at.press("G", "enter")
        await at.sees("mx3.example.net", "15:02:11")
