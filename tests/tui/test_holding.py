"""Holding a domain and letting it go, from the key to its outcome."""

import pytest

from mxtui.model.holds import Catching
from mxtui.model.source import Verb
from tests.tui.conftest import Open
from tests.tui.driving import Driver
from tests.tui.fakes import HOUR, NOW, World, healthy


async def migrate(at: Driver) -> None:
    await at.press("m")
    await at.sees("Migrate example.org", "Reason", "For")
    await begin(at, "new host")


async def suspend(at: Driver) -> None:
    await at.press("z")
    await at.sees("Suspend example.org")
    await begin(at, "disk full")


async def begin(at: Driver, reason: str) -> None:
    await at.type(reason)
    await at.press("enter")
    await at.sees("done", "Close")
    await at.press("enter")
    await at.say()


async def test_a_migration_holds_what_is_queued_and_shows_wherever_the_domain_is(world: World, console: Open) -> None:
    async with console(world) as at:
        await migrate(at)
        assert [len(ids) for ids in at.done(Verb.HOLD)] == [700]
        hold = world.holds.get("example.org")
        assert hold is not None
        assert (hold.kind, hold.reason, hold.owner, hold.until) == ("migrate", "new host", "anna", NOW + 2 * HOUR)
        assert world.catch.following == ["example.org"]
        await at.sees("migrating, 2h 00m left")
        assert "migrating" in at.lines[0]


async def test_the_same_key_ends_it_and_drains_what_it_held(world: World, console: Open) -> None:
    async with console(world) as at:
        await migrate(at)
        await at.press("m")
        await at.sees(
            "End the migration of example.org: flush 700 messages",
            "End it",
            "Not yet",
            "the primary of example.org is down",
            "Batch by batch",
        )
        await at.press("enter")
        assert not world.draining.begun, "once more: it had better wait"
        await at.press("enter")
        await at.until(lambda: world.draining.begun)
        ((plan, _),) = world.draining.begun
        assert (plan.verb, len(plan.targets), world.draining.ends) == (Verb.FLUSH, 700, "example.org")
        assert {target.state for target in plan.targets} == {"hold"}, "the drain lets go of them, one batch at a time"
        assert not at.done(Verb.RELEASE)
        assert world.catch.following == []


async def test_without_a_reason_or_a_time_nothing_begins(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("m", "enter")
        await at.sees("say why")
        await at.type("x")
        await at.press("tab", "end", "backspace", "enter")
        await at.sees("for how long?")
        await at.press("escape")
        assert world.holds.get("example.org") is None
        assert not world.queue.acted


async def test_what_is_not_caught_is_said_before_it_happens(world: World, console: Open) -> None:
    world.catch.working = Catching(False, "smtpd does not ask /etc/postfix/mxtui_hold", ("postconf …",))
    async with console(world) as at:
        await at.press("m")
        await at.sees("New mail", "smtpd does not ask /etc/postfix/mxtui_hold")


async def test_a_suspension_is_an_alert_and_ends_by_its_key(world: World, console: Open) -> None:
    async with console(world) as at:
        await suspend(at)
        await at.sees("suspended, 1h 00m left")
        assert "disk full" in at.text
        assert [hold.domain for hold in world.kept] == ["example.org"]
        await at.press("z")
        await at.sees("End the suspension of example.org: release 700 messages", "End it")
        await at.press("enter")
        await at.until(lambda: world.holds.get("example.org") is None)


async def test_a_domain_that_migrates_cannot_be_suspended(world: World, console: Open) -> None:
    async with console(world) as at:
        await migrate(at)
        await at.press("z")
        await at.sees("nothing is tried there anyway")


async def test_why_and_by_whom_is_told_at_80_columns_and_primaries_tell_both(world: World, console: Open) -> None:
    async with console(world, (80, 24)) as at:
        await suspend(at)
        await at.sees("Held    suspended, 1h 00m left, until ", "by anna: disk full")
        await at.press("5")
        await at.sees("down 6h 09m  suspended")
        world.health["example.org"] = healthy(9.0)
        await at.say()
        (row,) = [line for line in at.lines if "mx1.example.org:25  " in line]
        assert "up  suspended" in row, "and for how long, where there is room"


async def test_of_a_domain_without_mail_the_suspension_is_told_and_no_work(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("G", "z")
        await at.sees("Suspend lists.example")
        await at.type("moving disks")
        await at.press("enter")
        await at.sees("Suspend lists.example", "done: no mail was queued for it")
        assert "Holding" not in at.text


@pytest.mark.parametrize("key", ["m", "z"])
async def test_esc_leaves_everything_as_it_is(world: World, console: Open, key: str) -> None:
    async with console(world) as at:
        await at.press(key)
        await at.sees("Reason")
        await at.press("escape")
        assert world.holds.get("example.org") is None
        assert not world.queue.acted
