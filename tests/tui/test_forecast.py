"""What is to come, and what can be done about it."""

from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.model.drill import Drill
from mxtui.model.forecast import DAY, NOTHING_KNOWN, Examined, Outlook
from mxtui.model.holds import DomainHold
from mxtui.model.source import Verb
from tests.tui.conftest import Open
from tests.tui.fakes import FILLING, HOUR, MINUTE, NOW, QUIET, World, message


def expiring(world: World) -> None:
    """Fifty messages of example.org that expire in ten hours, forty in thirty."""
    for number in range(50):
        world.queue.put(message(20_000 + number, "example.org", 5 * DAY - 10 * HOUR))
    for number in range(40):
        world.queue.put(message(30_000 + number, "example.org", 5 * DAY - 30 * HOUR))


async def test_what_expires_is_told_by_domain_the_next_first(world: World, console: Open) -> None:
    expiring(world)
    world.say()
    async with console(world) as at:
        await at.press("F")
        await at.sees("51 messages expire within 24 h, 50 within 12 h")
        assert at.line("✗ example.org").split()[3:7] == ["10h", "00m", "50", "50"]
        assert at.text.index("✗ example.org  ") < at.text.index("museum.example  ")


async def test_the_pane_tells_it_of_the_domain_under_the_cursor(world: World, console: Open) -> None:
    expiring(world)
    world.say()
    async with console(world) as at:
        await at.sees("50  expire within 24 h, 50 of them within 12 h")
        await at.sees("a drain takes: at 21/s, as the last drain")


async def test_one_key_holds_just_what_expires(world: World, console: Open) -> None:
    expiring(world)
    world.say()
    async with console(world) as at:
        await at.press("F", "h")
        await at.sees("Hold", "domain:example.org expires<24h")
        await at.press("enter")
        await at.until(lambda: at.done(Verb.HOLD))
        (held,) = at.done(Verb.HOLD)
        assert len(held) == 50


async def test_what_expires_before_an_announced_return_counts_too(world: World, console: Open) -> None:
    expiring(world)
    world.holds.put(DomainHold("example.org", "suspend", "new disks", "anna", NOW - HOUR, NOW + 40 * HOUR))
    world.say()
    async with console(world) as at:
        await at.press("F")
        row = at.line("✗ example.org").split()
        assert row[5:10] == ["50", "50", "Wed", "06:02", "90"]
        await at.press("h")
        await at.sees("domain:example.org expires<40h")


async def test_one_key_renews_just_what_expires(world: World, console: Open) -> None:
    expiring(world)
    world.say()
    async with console(world) as at:
        await at.press("F", "r")
        await at.sees("Renew 50 messages", "New lifetime")
        await at.press("enter")
        await at.sees("50  done")
    ((verb, ids),) = world.queue.acted
    assert verb is Verb.RENEW
    assert set(ids) == {message(20_000 + number, "example.org", 0.0).queue_id for number in range(50)}


async def test_a_domain_that_is_held_on_postfix_is_not_let_go_by_renewing_it(world: World, console: Open) -> None:
    expiring(world)
    world.holds.put(DomainHold("example.org", "migrate", "new host", "anna", NOW - HOUR, NOW + HOUR))
    world.say()
    async with console(world) as at:
        await at.press("F", "r")
        await at.sees("migrating, 1h 00m left, and Postfix lets go of what it renews")


async def test_a_return_is_announced_without_holding_anything_and_taken_back(world: World, console: Open) -> None:
    expiring(world)
    world.say()
    async with console(world) as at:
        await at.press("F", "b")
        await at.sees("When is the primary of example.org to be back?")
        await at.type("new disks")
        await at.press("enter")
        await at.sees("example.org is to be back at")
        known = world.announcing.known["example.org"]
        assert (known.reason, known.back) == ("new disks", NOW + 6 * HOUR)
        world.announcing.known["example.org"] = known._replace(back=NOW + 40 * HOUR)
        await at.say()
        await at.sees("example.org is to be back at Wed 06:02: new disks (anna)")
        assert at.line("✗ example.org").split()[5:9] == ["50", "50", "Wed", "06:02"]
        assert world.queue.acted == []
        await at.press("b")
        await at.sees("example.org is no longer expected back")
        assert world.announcing.known == {}


async def test_a_return_can_be_told_by_the_clock_and_needs_a_reason(world: World, console: Open) -> None:
    async with console(world, (80, 24)) as at:
        await at.press("b", "enter")
        await at.sees("say why")
        await at.type("new disks")
        await at.press("tab", "ctrl+a", "ctrl+k")
        await at.type("nonsense")
        await at.press("enter")
        await at.sees("when is it back?")
        await at.press("ctrl+a", "ctrl+k")
        await at.press("1", "8", "colon", "0", "2", "enter")
        await at.sees("example.org is to be back at 18:02")
        assert world.announcing.known["example.org"].back == pytest.approx(NOW + 4 * HOUR, abs=60)


async def test_what_cannot_be_done_says_why(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("F")
        assert "(h Hold)" in at.lines[-1]
        await at.press("h")
        await at.sees("Nothing of it expires within 24 h")
        await at.press("r")
        await at.sees("Nothing of it expires within 24 h")


async def test_enter_shows_the_messages_that_expire(world: World, console: Open) -> None:
    expiring(world)
    world.say()
    async with console(world) as at:
        await at.press("F", "enter")
        await at.sees("domain:example.org expires<24h", "50 of 863 match")


async def test_a_disk_that_fills_up_says_when(world: World, console: Open) -> None:
    world.outlook = Outlook(rooms=FILLING)
    world.say()
    async with console(world) as at:
        await at.press("F")
        await at.sees("The disk is full in 5h 25m, 19:27, at the present rate")
        await at.sees("How long a drain takes is not known")


async def test_of_a_queue_that_cannot_be_read_any_more_nothing_is_called_well(tmp_path: Path, console: Open) -> None:
    world = World(tmp_path, [])
    async with console(world) as at:
        await at.press("F")
        await at.say(fault="the spool is not there", hint="Has it been moved?")
        await at.sees("What expires is not known: the queue cannot be read", "the spool is not there")
        assert "Nothing" not in at.text
        await at.press("7")
        await at.sees("the spool is not there", "Has it been moved?")
        assert "Nothing is queued" not in at.text


async def test_before_everything_has_been_read_nothing_is_foretold(world: World, console: Open) -> None:
    world.say(forecast=None)
    async with console(world) as at:
        await at.say(forecast=None)
        await at.press("F")
        await at.sees("what is to come", "Nothing is known yet.")


# -- the quiet day ----------------------------------------------------------------------------------------------------


def quiet(folder: Path, outlook: Outlook) -> World:
    world = World(folder, [], health={})
    world.outlook = outlook
    world.say()
    return world


def drilled(*each: tuple[float, str]) -> dict[str, Drill]:
    """So many seconds ago; less than none: it failed."""
    return {
        domain: Drill(NOW - abs(ago), domain, "queue", "passed" if ago > 0 else "failed", 41.0, "")
        for ago, domain in each
    }


async def test_on_a_quiet_day_everything_that_was_looked_at_is_told(tmp_path: Path, console: Open) -> None:
    async with console(quiet(tmp_path, QUIET)) as at:
        await at.sees("room for 9 days at the usual rate", "41 checks in order, 2 days ago", "passed 11 days ago")
        await at.sees("example.org  Wed 06:02, down 6h 41m", "33,412 delivered   214 refused   0 left")
        await at.sees("4,106 in, 4,106 out, longest wait 41s")
        assert "Ready for an outage?" not in at.text


async def test_what_was_never_looked_at_is_never_called_well(tmp_path: Path, console: Open) -> None:
    async with console(quiet(tmp_path, NOTHING_KNOWN)) as at:
        await at.sees("Ready for an outage?", "? set-up       never examined: mxtui doctor")
        await at.sees("? drill        never held: mxtui drill")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"drills": drilled((40 * DAY, "example.org"))}, "▲ drill        passed 40 days ago, example.org"),
        ({"drills": None}, "? drill        not known: the record cannot be read"),
        ({"doctor": Examined(NOW - 5 * MINUTE, 30, 2, 1)}, "▲ set-up       1 fault, 2 warnings, 30 in order, 5m ago"),
        ({"doctor": Examined(NOW - 50 * DAY, 30, 0, 0)}, "? set-up       in order, but last examined 50 days ago"),
    ],
)
async def test_what_is_not_in_order_or_long_ago_says_so(
    tmp_path: Path, console: Open, changed: dict[str, object], said: str
) -> None:
    async with console(quiet(tmp_path, replace(QUIET, **changed))) as at:  # type: ignore[arg-type]
        await at.sees("Ready for an outage?", said)


@pytest.mark.parametrize(
    ("drills", "addresses", "said"),
    [
        ([(HOUR, "a.example"), (11 * DAY, "b.example")], "ab", "✓ drill        all 2 passed, the first 11 days ago"),
        ([(HOUR, "a.example"), (40 * DAY, "b.example")], "ab", "▲ drill        passed 40 days ago, b.example"),
        ([(HOUR, "a.example"), (40 * DAY, "c.example"), (50 * DAY, "b.example")], "abc",
         "▲ drill        passed 50 days ago, b.example and 1 more"),
        ([(HOUR, "a.example"), (-2 * DAY, "b.example")], "ab", "▲ drill        failed 2 days ago, b.example"),
        ([(HOUR, "a.example")], "ab", "? drill        b.example never drilled: mxtui drill"),
        ([(HOUR, "a.example"), (-2 * DAY, "gone.example")], "a", "✓ drill        passed 1h 00m ago, a.example"),
        ([(-DAY, "lists.example"), (-2 * DAY, "gone.example")], "", "▲ drill        failed 1d 00h ago, lists.example"),
        ([(-2 * DAY, "gone.example")], "", "? drill        never held: mxtui drill"),
    ],
)  # fmt: skip
async def test_the_domain_whose_drill_is_worst_counts(
    tmp_path: Path, console: Open, drills: list[tuple[float, str]], addresses: str, said: str
) -> None:
    outlook = replace(QUIET, drills=drilled(*drills))
    outlook = replace(outlook, drilled=tuple(f"{letter}.example" for letter in addresses))
    async with console(quiet(tmp_path, outlook)) as at:
        await at.sees(said)


async def test_at_80_by_24_what_is_not_in_order_comes_first(tmp_path: Path, console: Open) -> None:
    outlook = replace(QUIET, drills=drilled((-HOUR, "example.org")))
    async with console(quiet(tmp_path, outlook), (80, 24)) as at:
        pane = at.text[at.text.index("Ready for an outage?") :].splitlines()
        assert "drill        failed" in pane[1]


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (200, 60), (60, 12), (40, 10), (20, 5), (8, 3)])
async def test_every_size_is_drawn(world: World, console: Open, size: tuple[int, int]) -> None:
    expiring(world)
    world.say()
    async with console(world, size) as at:
        await at.press("F")
        assert len(at.lines) == size[1]
        assert all(strip.cell_length == size[0] for strip in at.strips)
