"""How a domain fared, over an hour to a week."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.errors import HistoryFailed
from mxtui.model.history import Point
from mxtui.tui.services import Settings
from tests.tui.conftest import Open
from tests.tui.fakes import NOW, World


async def test_a_domain_is_shown_with_its_peaks_and_its_outages(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("H")
        await at.sees("1 Domains › ✗ example.org", "most 688 at 14:00", "most 6h 06m at 14:00")
        await at.sees("primary down 6h 50m in 2 outages", "watched 22h 05m of 24 h")
        assert "✗✗✗" in at.line("primary ──")


async def test_what_nobody_watched_is_blank_in_charts_and_a_dash_in_figures(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("H")
        await at.sees("watched 22h 05m")
        lane = at.line("primary ──")
        assert "─" * 40 + " " * 10 + "─" in lane
        await at.press("left", "left")
        await at.sees("most 692 at 14:02")
        assert "watched" not in at.text


async def test_spans_go_by_one_key_or_by_two(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("H", "s")
        await at.sees("watched 6d 22h of 7 days")
        await at.press("right")
        await at.sees("watched 6d 22h of 7 days")
        await at.press("s")
        assert at.app.screen._span == "1h"  # type: ignore[attr-defined]
        await at.press("left")
        assert at.app.screen._span == "1h"  # type: ignore[attr-defined]


async def test_it_goes_from_domain_to_domain_and_to_the_whole_queue(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("H", "n")
        await at.sees("clinic.example   2 of 7")
        await at.press("N", "N")
        await at.sees("› the whole queue", "773 waiting now")
        assert "primary" not in at.text
        await at.press("escape")
        await at.sees("oldest   queued")


async def test_a_domain_that_nobody_watched_says_so(world: World, console: Open) -> None:
    async with console(world) as at:
        await at.press("G", "H")
        await at.sees("Nothing was watched in this time")


async def test_without_a_history_the_console_works_and_says_why(world: World, console: Open) -> None:
    world.history_fails = HistoryFailed("it is damaged: file is not a database", "Whoever writes it moves it aside.")
    world.say(history_fault="it is damaged: file is not a database")
    async with console(world) as at:
        assert "no history: it is damaged: file is not a database" in at.lines[0]
        await at.press("H")
        await at.sees("There is no history: it is damaged: file is not a database. Whoever writes it moves it aside.")
        await at.press("escape", "2")
        await at.sees("773")


async def test_on_a_narrow_screen_the_header_says_it_in_two_words(world: World, console: Open) -> None:
    world.say(history_fault="it is damaged: file is not a database")
    async with console(world, (80, 24)) as at:
        assert "no history" in at.lines[0]
        assert "mx2.example.net" in at.lines[0]


async def test_a_new_minute_is_read_when_it_comes(world: World, console: Open) -> None:
    asked: list[float] = []

    def past(domain: str, span: float, now: float) -> Sequence[Point]:
        asked.append(now)
        return world.past(domain, span, now)

    world.services = replace(world.services, history=past)
    async with console(world) as at:
        await at.press("H")
        await at.after(10)
        await at.after(60)
        await at.until(lambda: len(asked) == 2)
        assert asked[-1] == NOW + 70


@pytest.mark.parametrize("size", [(140, 40), (80, 24), (200, 60), (60, 12), (40, 10), (20, 5), (8, 3)])
async def test_every_size_is_drawn(world: World, console: Open, size: tuple[int, int]) -> None:
    async with console(world, size) as at:
        for key in ("H", "s", "s", "N"):
            await at.press(key)
            assert len(at.lines) == size[1]
            assert all(strip.cell_length == size[0] for strip in at.strips)


async def test_without_colour_the_bad_times_have_a_character_of_their_own(
    tmp_path: Path, console: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with console(World(tmp_path, settings=Settings())) as at:
        await at.press("H")
        await at.sees("[24 h]", "░░░")


async def test_in_ascii_nothing_else_is_drawn(tmp_path: Path, console: Open) -> None:
    async with console(World(tmp_path, settings=Settings(theme="ansi-dark", ascii=True)), (80, 24)) as at:
        await at.press("H")
        await at.sees("primary ----", "XXX", "####", ":::")
        assert at.text.isascii()
