"""How the main states look, at the two sizes that matter.

After a change that is meant: `pytest tests/tui/test_snapshots.py --snapshot-update`, and look at each picture.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from mxtui.model.forecast import NOTHING_KNOWN, Outlook
from mxtui.model.holds import DomainHold
from mxtui.tui.app import ConsoleApp
from mxtui.tui.services import Settings
from tests.tui.driving import Driver
from tests.tui.fakes import HOUR, NOW, QUIET, World

Compare = Callable[..., bool]

WIDE, NARROW = (140, 40), (80, 24)


def pressing(driver: Driver, *keys: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Keys to press before the picture is taken; a text of more than a key's name is typed."""

    async def before(pilot: Pilot[None]) -> None:
        driver.pilot = pilot
        await driver.until(lambda: driver.app.overview is not None)
        await driver.settle()
        for key in keys:
            await (driver.type(key[1:]) if key.startswith("'") else driver.press(key))
        for field in driver.app.screen.query(Input):
            field.cursor_blink = False
        await pilot.pause()

    return before


STATES = {
    "domains": (),
    "messages": ("2",),
    "filter": ("2", "slash", "'domain:example.org age>2h -from:<>"),
    "mistake": ("2", "slash", "'domain:example.org age>soon"),
    "marks": ("2", "slash", "'from:*@rechnung.example", "enter", "asterisk", "slash", "'age>2h", "enter"),
    "reject": ("2", "slash", "'from:*@rechnung.example", "enter", "asterisk", "x"),
    "inspector": ("2", "j", "enter"),
    "save": ("2", "j", "enter", "e"),
    "redirect": ("2", "t"),
    "reasons": ("3",),
    "primaries": ("5",),
    "history": ("H",),
    "forecast": ("F",),
    "migrate": ("m", "'new host"),
    "help": ("question_mark",),
    "alerts": ("2", "exclamation_mark"),
    "acknowledge": ("exclamation_mark", "j", "a", "'they upgrade until six"),
}


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])
@pytest.mark.parametrize("state", STATES)
def test_state(snap_compare: Compare, world: World, state: str, size: tuple[int, int]) -> None:
    driver = Driver(world)
    assert snap_compare(driver.app, terminal_size=size, run_before=pressing(driver, *STATES[state]))


@pytest.mark.parametrize("theme", ["catppuccin-latte", "ansi-dark"])
def test_theme(snap_compare: Compare, tmp_path: Path, theme: str) -> None:
    driver = Driver(World(tmp_path, settings=Settings(theme=theme)))
    assert snap_compare(driver.app, terminal_size=WIDE, run_before=pressing(driver))


def test_ascii(snap_compare: Compare, tmp_path: Path) -> None:
    driver = Driver(World(tmp_path, settings=Settings(theme="ansi-dark", ascii=True)))
    assert snap_compare(driver.app, terminal_size=NARROW, run_before=pressing(driver))


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])
def test_held_domain(snap_compare: Compare, world: World, size: tuple[int, int]) -> None:
    world.holds.put(
        DomainHold("example.org", "migrate", "new host", "anna", NOW - HOUR, NOW + HOUR / 2, "", NOW - HOUR)
    )
    world.say()
    driver = Driver(world)
    assert snap_compare(driver.app, terminal_size=size, run_before=pressing(driver))


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["140x40", "80x24"])
@pytest.mark.parametrize("known", [QUIET, NOTHING_KNOWN], ids=["ready", "nothing known"])
def test_quiet_day(snap_compare: Compare, tmp_path: Path, known: Outlook, size: tuple[int, int]) -> None:
    world = World(tmp_path, [], health={})
    world.extra, world.outlook = ("example.net", "example.org", "school.example"), known
    world.say()
    driver = Driver(world)
    assert snap_compare(driver.app, terminal_size=size, run_before=pressing(driver))


def test_flush(snap_compare: Compare, world: World) -> None:
    driver = Driver(world)

    async def before(pilot: Pilot[None]) -> None:
        await pressing(driver, "f", "enter", "enter")(pilot)
        await driver.sees("min left")

    assert snap_compare(driver.app, terminal_size=WIDE, run_before=before)


def test_no_colour(snap_compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    driver = Driver(World(tmp_path, settings=Settings()))
    assert isinstance(driver.app, ConsoleApp)
    assert snap_compare(driver.app, terminal_size=WIDE, run_before=pressing(driver))
