"""The virtual table: it asks for what is in sight, and sends what differs."""

from collections.abc import Sequence
from pathlib import Path

from textual.app import ComposeResult
from textual.geometry import Region

from mxtui.model.plan import Plan
from mxtui.tui.columns import Cell, Column
from mxtui.tui.desk import Desk
from mxtui.tui.host import Host
from mxtui.tui.line import Spans
from mxtui.tui.services import Services
from mxtui.tui.widgets.table import Table
from tests.tui.conftest import Open
from tests.tui.fakes import World, message


def _number(row: int, cell: Cell) -> Spans:
    return [(f"{row:,}", cell.look.text)]


COLUMNS: tuple[Column[int], ...] = (
    Column("number", "number", ((0, 10),), _number, right=True),
    Column("", "words", ((0, 10),), lambda row, cell: [(f"word {row % 7}", cell.look.label)]),
)


class Million:
    """A million rows, made when they are asked for."""

    count = 1_000_000

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def rows(self, start: int, stop: int) -> Sequence[int]:
        """Themselves."""
        self.asked.append((start, stop))
        return range(start, min(stop, self.count))


class Bench(Host):
    """A table and nothing else."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.desks = [Desk("", services)]
        self.desk = self.desks[0]
        self.settings, self.clock = services.settings, services.clock
        self.source = Million()
        self.painted: list[Region] = []

    def compose(self) -> ComposeResult:
        yield Watched(COLUMNS, key=str, id_="table")

    def on_mount(self) -> None:
        self.theme = "tokyo-night"

    async def open_messages(self, text: str | None, *, filtering: bool = False) -> None:
        """Not here."""

    async def open_desk(self, desk: Desk) -> None:
        """Not here."""

    def try_now(self, desk: Desk) -> None:
        """Not here."""

    def open_alerts(self) -> None:
        """Not here."""

    def open_help(self) -> None:
        """Not here."""

    def open_doctor(self) -> None:
        """Not here."""

    def toggle_pause(self) -> None:
        """Not here."""

    def draw_anew(self) -> None: ...

    def leave(self) -> None:
        """Not here."""

    def start_drain(self, plan: Plan, reason: str, ends: str = "") -> None:
        """Not here."""


class Watched(Table[int]):
    """Keeps note of what it has repainted."""

    def __init__(self, *given: object, **named: object) -> None:
        super().__init__(*given, **named)  # type: ignore[arg-type]
        self.repainted: list[Region] = []

    def refresh(self, *regions: Region, **how: object) -> "Watched":
        getattr(self, "repainted", []).extend(regions)
        return super().refresh(*regions, **how)  # type: ignore[arg-type]


async def test_a_million_rows_cost_what_is_in_sight(world: World) -> None:
    app = Bench(world.services)
    async with app.run_test(size=(40, 20)) as pilot:
        table = app.query_one(Watched)
        table.show(app.source)
        table.repaint()
        for key in ("pagedown", "G", "g", "j", "j", "k"):
            await pilot.press(key)
        assert max(stop - start for start, stop in app.source.asked) <= 4 * 20
        assert len(app.source.asked) <= 4, "steps within the window ask for nothing"


async def test_a_step_repaints_two_rows(world: World) -> None:
    app = Bench(world.services)
    async with app.run_test(size=(40, 20)) as pilot:
        table = app.query_one(Watched)
        table.show(app.source)
        table.repaint()
        await pilot.pause()
        table.repainted.clear()
        table.move_to(5)
        assert {region.y for region in table.repainted} == {1, 6}


async def test_a_page_sends_only_cells_that_differ(world: World) -> None:
    app = Bench(world.services)
    async with app.run_test(size=(40, 8)) as pilot:
        table = app.query_one(Watched)
        table.show(app.source)
        table.repaint()
        await pilot.pause()
        table.repainted.clear()
        await pilot.press("pagedown")  # seven rows: the same words again
        assert table.repainted
        assert all(region.right <= 12 for region in table.repainted)


async def test_the_last_row_can_be_reached_and_is_shown(world: World) -> None:
    app = Bench(world.services)
    async with app.run_test(size=(40, 8)) as pilot:
        table = app.query_one(Watched)
        table.show(app.source)
        table.repaint()
        await pilot.press("G")
        assert table.row == 999_999
        assert "999,999" in table.render_line(7).text


async def test_fewer_rows_bring_the_cursor_back(world: World) -> None:
    app = Bench(world.services)
    async with app.run_test(size=(40, 8)) as pilot:
        table = app.query_one(Watched)
        table.show(app.source)
        table.repaint()
        await pilot.press("G")
        app.source.count = 3
        table.show(app.source)
        table.repaint()
        await pilot.pause()
        assert table.row == 2
        assert "0" in table.render_line(1).text


async def test_an_idle_second_changes_the_clock_and_nothing_else(tmp_path: Path, console: Open) -> None:
    world = World(tmp_path, [message(number, "example.org", 90.0 + 600 * number) for number in range(40)], health={})
    async with console(world) as at:
        for key in ("1", "2", "3", "5"):
            await at.say()
            await at.press(key)
            before = at.lines
            await at.after(1)
            changed = [number for number, (old, new) in enumerate(zip(before, at.lines, strict=True)) if old != new]
            assert changed == [0]
            assert at.lines[0][:-8] == before[0][:-8]
