"""Alerts: all of them, and that one knows of them."""

from dataclasses import replace

from mxtui.errors import NotPermitted
from mxtui.model.overview import Alert, Resolved
from tests.tui.conftest import Open
from tests.tui.fakes import HOUR, NOW, World

DOWN = ("primary_down", "example.org")


async def test_an_alert_is_acknowledged_with_a_reason_and_a_time(world: World, console: Open) -> None:
    async with console(world) as driver:
        await driver.press("exclamation_mark")
        await driver.sees("▌ ✗ DOWN  example.org", "a Acknowledge")
        await driver.press("a")
        await driver.press("enter")
        await driver.sees("say why")
        await driver.type("they upgrade until six")
        await driver.press("enter")
        known = world.acknowledging.known[DOWN]
        assert (known.reason, known.until) == ("they upgrade until six", NOW + 4 * HOUR)
        await driver.say()
        await driver.sees("anna knows, until 18:02: they upgrade until six")
        await driver.press("escape")
        assert "DOWN" not in driver.lines[1], "it shouts no more"


async def test_the_cursor_stays_with_its_alert_wherever_that_is_by_then(world: World, console: Open) -> None:
    async with console(world) as driver:
        await driver.press("exclamation_mark", "j")
        await driver.sees("▌ ▲ BUSY  clinic.example")
        disk = Alert("disk", "critical", None, "the queue's file system is 97% full", NOW, "DISK")
        await driver.say(alerts=[disk, *world.overview().alerts])
        await driver.press("k", "j")
        await driver.sees("▌ ▲ BUSY  clinic.example")


async def test_an_acknowledgement_is_taken_back(world: World, console: Open) -> None:
    world.acknowledging.acknowledge([each for each in world.overview().alerts if each.name == DOWN[0]], "known", HOUR)
    world.say()
    async with console(world) as driver:
        await driver.press("exclamation_mark", *["j"] * 9)
        await driver.sees("▌ ✓ DOWN  example.org", "a Take it back")
        await driver.press("a")
        assert DOWN not in world.acknowledging.known


async def test_what_cannot_be_kept_is_said(world: World, console: Open) -> None:
    world.acknowledging.trouble = NotPermitted("the alerts' state cannot be kept", "Run as root.")
    async with console(world) as driver:
        await driver.press("exclamation_mark", "a")
        await driver.type("why not")
        await driver.press("enter")
        await driver.sees("cannot be kept. Run as root.")


async def test_a_storm_is_one_alert_and_acknowledged_as_one(world: World, console: Open) -> None:
    storm = [
        Alert("primary_down", "critical", f"d{number}.example", "mx1 refuses connections", NOW, "DOWN", number)
        for number in range(1000)
    ]
    async with console(world) as driver:
        await driver.say(alerts=storm)
        await driver.sees("1,000 domains: d0.example, d1.example, d2.example and 997 more")
        assert "more alert" not in driver.text
        await driver.press("exclamation_mark", "a")
        await driver.type("the uplink")
        await driver.press("enter")
        assert len(world.acknowledging.known) == 1000


async def test_what_is_over_says_so(world: World, console: Open) -> None:
    stalled = Alert("stalled", "critical", "example.org", "nothing has left for 11m", NOW - HOUR, "STALLED")
    async with console(world) as driver:
        await driver.say(alerts=[], resolved=[Resolved(stalled, NOW - 60)])
        await driver.press("exclamation_mark")
        await driver.sees("nothing needs you", "✓ resolved  example.org  nothing has left for 11m", "at 14:01")


async def test_a_row_with_an_alert_shows_it(world: World, console: Open) -> None:
    stalled = Alert("stalled", "critical", "school.example", "its primary is up, and nothing has left", NOW, "STALLED")
    overview = world.overview()
    rows = [replace(row, alerts=(stalled,)) if row.domain == "school.example" else row for row in overview.domains]
    async with console(world) as driver:
        await driver.say(domains=rows)
        line = driver.line("school.example")
        assert line.lstrip().startswith("▲")
        assert "its primary is up, and noth" in line
