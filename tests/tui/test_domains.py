"""The first screen."""

from dataclasses import replace

import pytest

from mxtui.model.health import UNKNOWN
from mxtui.model.hysteresis import unknown
from mxtui.model.source import Permission, Verb
from tests.tui.conftest import Open
from tests.tui.fakes import HEALTH, MINUTE, NOW, SOURCE, World, healthy, message


async def test_it_shows_whose_mail_waits_since_when_and_how_its_primary_is(world: World, console: Open) -> None:
    async with console(world) as at:
        row = at.line("✗ example.org")
        assert "6h 08m" in row
        assert "700" in row
        assert "down 6h 09m  tcp connection refused" in row
        assert "busy 1h 48m  421 too many connections" in at.line("▲ clinic.example")
        assert "held" in at.line("‖ bank.example")
        assert "not checked yet" in at.line("? lists.example")


async def test_the_pane_tells_why_mail_waits_and_how_far_the_ladder_was_climbed(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.sees("tcp ✗ refused", "700  connection refused", "738 in a row failed")


async def test_once_its_primary_is_back_a_drain_is_offered_for_what_waited(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("g")
        assert "now back" not in at.text
        world.health["example.org"] = replace(healthy(9.0), since=NOW - MINUTE)
        await at.say()
        assert "700  waited for its primary, now back: f drains" in at.text
        world.health["example.org"] = replace(healthy(9.0), since=NOW - MINUTE, found_so=True)
        await at.say()
        assert "now back" not in at.text, "it was up all the time, for all that is known"


async def test_one_that_settles_says_when_it_is_drained_to_whatever_else_is_down(world: World, console: Open) -> None:
    async with console(world) as at:
        world.health["clinic.example"] = world.health["example.org"]
        world.health["example.org"] = healthy(9.0)
        world.settled["example.org"] = NOW + 80
        await at.say()
        assert "settling, drains in 1m20s" in at.text
        assert any("down" in line and "clinic.example" in line for line in at.lines)


async def test_the_cursor_stays_with_its_domain_when_rows_change_places(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("j")
        assert "▌ ▲ clinic.example" in at.text
        for number in range(900):
            world.queue.put(message(9_000 + number, "clinic.example", 20.0))
        await at.say()
        assert "▌ ▲ clinic.example" in at.lines[11]


async def test_the_cursor_is_on_the_first_row_until_somebody_presses_a_key(world: World, console: Open) -> None:
    async def mail(domain: str, number: int, first: int) -> None:
        for each in range(number):
            world.queue.put(message(first + each, domain, 20.0))
        await at.say()

    async with console(world) as at:
        assert at.line("▌").startswith("▌ ✗ example.org")
        await mail("clinic.example", 900, 9_000)
        assert at.line("▌").startswith("▌ ▲ clinic.example"), "it is first now"
        await at.press("k")
        await mail("example.org", 900, 20_000)
        assert at.line("▌").startswith("▌ ▲ clinic.example"), "as whoever is there has seen"


async def test_ages_grow_without_news(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.after(2 * MINUTE)
        assert "6h 10m" in at.line("example.org   ")
        assert "14:04:11" in at.lines[0]


async def test_a_silent_queue_is_called_stale(world: World, console: Open) -> None:
    async with console(world) as at:
        assert "● live" in at.lines[0]
        await at.after(42)
        assert "◌ stale 42 s" in at.lines[0]
        await at.after(100)
        assert at.lines[1].startswith(" STALE ")


async def test_while_reading_the_depth_is_there_and_the_bar_grows(world: World, console: Open) -> None:
    async with console(world) as at:
        world.loading(41_200, 100_003)
        await at.sees("reading… 41,200 so far", "41 %")
        assert not any(" left" in line for line in at.lines)  # nobody can tell yet


async def test_while_reading_the_time_left_is_told_once_it_can_be(world: World, console: Open) -> None:
    async with console(world) as at:
        world.loading(41_200, 100_003, 83.0)
        await at.sees("reading… 41,200 so far", "41 %  1m23s left")


async def test_an_unreadable_queue_says_what_to_do_in_place_of_rows(tmp_path, console: Open) -> None:  # type: ignore[no-untyped-def]
    world = World(tmp_path, [])
    async with console(world) as at:
        await at.say(fault="the queue cannot be read", hint="Run as root.")
        assert any(line.strip() == "the queue cannot be read" for line in at.lines)
        assert any(line.strip() == "Run as root." for line in at.lines)


async def test_enter_opens_the_messages_of_the_domain(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("j", "enter")
        await at.sees("domain:clinic.example", "46 of 773 match")


async def test_what_is_not_permitted_is_dimmed_and_says_why(world: World, console: Open) -> None:
    world.queue.verbs[Verb.HOLD] = Permission(False, "postsuper is reserved to root", "Run as root.")
    async with console(world) as at:
        await at.say()
        assert "(h Hold)" in at.lines[-1]
        await at.press("h")
        await at.sees("Hold is not possible now", "Postsuper is reserved", "Run as root.")
        assert not world.queue.acted


async def test_an_empty_domain_offers_nothing_to_do(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("G")
        assert "(f Flush)" in at.lines[-1]
        await at.press("f")
        await at.sees("Nothing is queued for this")


async def test_what_is_not_permitted_is_said_before_what_is_not_read_yet(world: World, console: Open) -> None:
    world.queue.verbs[Verb.HOLD] = Permission(False, "only root may", "Run as root.")
    world.loading(0, 773)
    async with console(world) as at:
        await at.press("G", "h")
        await at.sees("Only root may. Run as root.")
        await at.press("r")
        await at.sees("The queue is still being read.")


async def test_a_domain_whose_route_was_not_asked_for_yet_is_not_checked_yet(world: World, console: Open) -> None:
    (first, *_) = world.overview().domains
    for health, said in ((UNKNOWN, "not checked yet"), (unknown("no route is known"), "no primary known")):
        world.say(domains=[replace(first, primary=None, health=health)])
        async with console(world) as at:
            await at.sees(f"? {first.domain}")
            assert at.line("? ").endswith(said)
            assert said in at.line(f"─ {first.domain}")


async def test_a_primary_that_was_found_down_is_not_said_to_be_so_for_a_second(world: World, console: Open) -> None:
    world.health["example.org"] = replace(HEALTH["example.org"], since=NOW, found_so=True)
    world.say()
    async with console(world) as at:
        await at.sees("down since before 14:02  tcp connecti…")
    world.say()
    async with console(world, (80, 24)) as at:
        await at.sees("down  refused")


async def test_check_now_asks_for_a_probe(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("c")
        assert world.monitor.probed == ["example.org"]


async def test_a_pause_keeps_the_view(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("p")
        assert "‖ paused" in at.lines[0]
        world.queue.put(message(9_999, "new.example", 5.0))
        await at.say()
        assert "new.example" not in at.text
        await at.press("p")
        await at.say()
        await at.sees("new.example")


async def test_on_a_quiet_day_it_tells_whether_one_is_ready(tmp_path, console: Open) -> None:  # type: ignore[no-untyped-def]
    async with console(World(tmp_path, [], health={})) as at:
        await at.sees("Ready for an outage", "The primary is up.", "Nothing is waiting.")


@pytest.mark.parametrize("size", [(80, 24), (140, 40), (200, 60), (100, 20), (60, 12), (40, 10), (20, 5), (8, 3)])
async def test_every_size_is_drawn_without_a_line_too_long(world: World, console: Open, size: tuple[int, int]) -> None:
    async with console(world, size) as at:
        for key in ("2", "3", "4", "5", "6", "1", "question_mark", "escape", "exclamation_mark", "escape"):
            await at.press(key)
            assert len(at.lines) == size[1]
            assert all(strip.cell_length == size[0] for strip in at.strips)


async def test_shrunk_to_20_by_5_and_back_it_shows_what_it_showed(world: World, console: Open) -> None:
    async with console(world) as at:
        before = at.text
        for size in ((20, 5), (1, 1), (140, 40)):
            await at.pilot.resize_terminal(*size)
            await at.settle()
        assert at.text == before


async def test_each_domain_and_source_is_named_on_narrow_screens_too(world: World, console: Open) -> None:
    async with console(world, (80, 24)) as at:
        assert SOURCE.name in at.lines[0]
        assert "refused for 6h 09m; 700 safe until Sat 07:53" in at.lines[1]
        assert "+2 !" in at.lines[1]
        assert "down 6h 09m  refused" in at.line("✗ example.org")
