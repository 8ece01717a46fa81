"""Primaries: whom we wait for, and what is wrong with them."""

from collections.abc import Iterable
from typing import ClassVar, cast

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from mxtui.model.filter import quote
from mxtui.model.health import WORST_FIRST
from mxtui.model.overview import DomainStatus, Overview
from mxtui.model.source import ALLOWED, Permission
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.primaries import COLUMNS, primary_pane
from mxtui.tui.line import Line
from mxtui.tui.screens.console import ConsoleScreen
from mxtui.tui.widgets.painted import Painted
from mxtui.tui.widgets.table import Listed, Table

_ON_PRIMARIES: tuple[Command, ...] = (
    Command("primaries.check", "c", "Check now", "Climb this primary's health ladder now.",
            lambda screen: screen.check_now(), lambda screen: screen.some_primary()),
    Command("primaries.open", "enter", "Messages", "Show the messages that wait for this primary.",
            lambda screen: screen.open_domain(), lambda screen: screen.some_primary()),
)  # fmt: skip


def _place(row: DomainStatus) -> int:
    """Those that nobody asked come last."""
    return WORST_FIRST.index(row.health.state) if row.health is not None else len(WORST_FIRST)


class PrimariesScreen(ConsoleScreen):
    """One row a domain, those in trouble first."""

    TAB = "primaries"
    COMMANDS_HERE = _ON_PRIMARIES
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_ON_PRIMARIES)]
    EXPLAINED = (
        "Where each domain's mail goes when all is well, who says so, and how that server does: a ladder of name, "
        "connection, greeting, EHLO and TLS, climbed every 30 s. Three climbs in a row make a new state. A server that "
        "answers 421 is busy, not down."
    )

    def content(self) -> Iterable[Widget]:
        """Table and ladder."""
        yield Table[DomainStatus](COLUMNS, key=lambda row: row.domain, id_="primaries")
        yield Painted("pane")

    @property
    def table(self) -> Table[DomainStatus]:
        """The primaries."""
        return cast("Table[DomainStatus]", self.query_one("#primaries", Table))

    def show_overview(self, overview: Overview, /) -> None:
        """Those in trouble first; the cursor stays with its domain."""
        chosen = self.table.row
        rows = sorted(overview.domains, key=lambda row: (_place(row), row.domain))
        position = next((n for n, row in enumerate(rows) if chosen and row.domain == chosen.domain), None)
        look = self.host.look
        self.table.notice = [Line(("    no domain is known yet", look.strong))]
        self.table.show(Listed(rows), position)

    def tick(self) -> None:
        """Times pass."""
        super().tick()
        height = 11 if self.size.height >= 34 else 8 if self.size.height >= 22 else 0
        pane = self.query_one("#pane", Painted)
        pane.display, pane.styles.height = bool(height), height
        self.table.repaint()
        row = self.table.row
        pane.paint(primary_pane(self.scene, row, height) if row is not None else [], self.host.look.ground)

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        if event.by_hand:
            self.tick()

    def some_primary(self) -> Permission:
        """Whether the cursor is on one."""
        return ALLOWED if self.table.row is not None else Permission(False, "there is no primary here")

    @on(Table.Chosen)
    async def open_domain(self) -> None:
        """Its messages."""
        if self.table.row is not None:
            await self.host.open_messages(f"domain:{quote(self.table.row.domain)}")

    def check_now(self) -> None:
        """A probe out of turn."""
        if self.table.row is not None:
            self.host.services.monitor.probe_now(self.table.row.domain)
            self.notify(f"Checking the primary of {self.table.row.domain}", markup=False)
