"""Domains: whose mail waits, since when, and whether their primary is up."""

import asyncio
from collections.abc import Iterable
from typing import ClassVar, cast

from textual import on, work
from textual.binding import BindingType
from textual.widget import Widget

from mxtui.model.filter import quote
from mxtui.model.history import WHOLE
from mxtui.model.overview import DomainStatus, Overview
from mxtui.model.redirect import Redirect
from mxtui.model.source import ALLOWED, Permission, Verb
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.domain_pane import LOW, TALL, domain_pane
from mxtui.tui.draw.domains import COLUMNS, LAST_HOUR, order
from mxtui.tui.draw.ready import ready_pane
from mxtui.tui.line import Line
from mxtui.tui.screens.acting import redirect_command, verb_command
from mxtui.tui.screens.announcing import AnnouncingScreen, announce_command
from mxtui.tui.screens.holding import hold_command
from mxtui.tui.widgets.painted import Painted
from mxtui.tui.widgets.table import Listed, Table

_ON_DOMAIN: tuple[Command, ...] = (
    Command("domains.open", "enter", "Messages", "Show this domain's messages.",
            lambda screen: screen.open_domain(), lambda screen: screen.some_domain()),
    verb_command("domains", Verb.FLUSH, "f", "Try this domain's mail now, and follow each message to its verdict."),
    verb_command("domains", Verb.HOLD, "h", "Keep this domain's mail from being tried."),
    verb_command("domains", Verb.RELEASE, "r", "Let this domain's held mail be tried again."),
    Command("domains.filter", "slash", "Filter", "Look for messages.", lambda screen: screen.open_filter()),
    hold_command("migrate", "m", "Hold this domain while its primary moves; again: let it go to the new one."),
    hold_command("suspend", "z", "Leave this domain's mail alone for a while; again: resume it."),
    announce_command("domains"),
    Command("domains.check", "c", "Check now", "Climb this primary's health ladder now.",
            lambda screen: screen.check_now(), lambda screen: screen.some_domain()),
    Command("domains.history", "H", "History", "How this domain, its mail and its primary fared: hours and days.",
            lambda screen: screen.open_history()),
    Command("domains.forecast", "F", "Forecast", "What expires, how long a drain takes, when the disk is full.",
            lambda screen: screen.open_forecast()),
    redirect_command("domains", "Send this domain's mail to another host, or all of it to one address."),
    verb_command("domains", Verb.REJECT, "x", "Return this domain's mail to its senders.", footer=False),
    verb_command("domains", Verb.DELETE, "d", "Remove this domain's mail; a copy is kept.", footer=False),
    Command("domains.undo", "u", "Undo", "Undo what was done last.", lambda screen: screen.undo(), footer=False),
    Command("domains.sort", "s", "Sort", "Sort by the next column.", lambda screen: screen.next_sort(), footer=False),
)  # fmt: skip

REASONS_EVERY = 2.0
"""Seconds between two counts of one domain's reasons: 35 ms each at 100,000 messages."""


class DomainsScreen(AnnouncingScreen):
    """The first screen."""

    TAB = "domains"
    TOTALS = True
    COMMANDS_HERE = _ON_DOMAIN
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_ON_DOMAIN)]
    EXPLAINED = (
        "Whose mail waits. Age stands left of the count: a full band in the age map is an outage, an empty left edge a "
        "queue that drains, a lone cell at the right mail that nobody takes. Colour tells age, strength the number "
        "of recipients. The pane below tells about the domain under the cursor."
    )

    def __init__(self) -> None:
        super().__init__()
        self._overview: Overview | None = None
        self._sort = ("queued", True)
        self._reasons: tuple[str, list[tuple[str, int]]] = ("", [])
        self._looked_up: tuple[str, int, float] = ("", 0, 0.0)
        """The domain whose reasons were asked for last, at which revision of the queue, and when."""
        self._attended = False
        """Somebody pressed a key here: until then the cursor is on the first row, whichever that comes to be."""

    def content(self) -> Iterable[Widget]:
        """The table, and the pane."""
        columns = [column for column in COLUMNS if column.title != LAST_HOUR or self.host.look.glyphs.bars]
        yield Table[DomainStatus](columns, key=lambda row: row.domain, id_="domains")
        yield Painted("pane")

    @property
    def table(self) -> Table[DomainStatus]:
        """The domains."""
        return cast("Table[DomainStatus]", self.query_one("#domains", Table))

    # -- showing ------------------------------------------------------------------------------------------------

    def show_overview(self, overview: Overview, /) -> None:
        """The rows anew; the cursor stays with its domain, once anybody is there to have seen it."""
        chosen = self.table.row if self._attended or self.table.chosen is not None else None
        self._overview = overview
        unreadable = overview.fault and not overview.queue.messages
        rows = [] if unreadable else order(overview.domains, *self._sort)
        position = next((n for n, row in enumerate(rows) if row.domain == chosen.domain), None) if chosen else 0
        self.table.sort = self._sort
        self.table.notice = self.notice("Nothing is queued.", "Mail shows here as it comes.")
        self.table.show(Listed(rows), position)

    def on_key(self) -> None:
        """Whatever it is for: rows are looked at."""
        self._attended = True

    def tick(self) -> None:
        """Ages grow."""
        super().tick()
        height = TALL if self.size.height >= 34 else LOW if self.size.height >= 20 else 0
        pane = self.query_one("#pane", Painted)
        pane.styles.height = height
        pane.display = bool(height)
        self.table.repaint()
        self._paint_pane(height)

    def _paint_pane(self, height: int) -> None:
        row, lines = self.table.row, list[Line]()
        if self._overview is not None and height:
            if self._overview.fault and row is None:
                lines = []
            elif not self._overview.queue.messages and not self._overview.reading:
                lines = ready_pane(self.scene, self._overview, height, TALL)
            elif row is not None:
                known = self._reasons[1] if self._reasons[0] == row.domain else []
                lines = domain_pane(self.scene, row, known, height, self._overview.forecast)
        self.query_one("#pane", Painted).paint(lines, self.host.look.ground)

    @on(Table.Moved)
    def _look_up_reasons(self, event: Table.Moved) -> None:
        row, overview, now = self.table.row, self._overview, self.host.now()
        if row is not None and overview is not None:
            domain, revision, at = self._looked_up
            if row.domain != domain or (overview.revision != revision and abs(now - at) >= REASONS_EVERY):
                self._looked_up = row.domain, overview.revision, now
                self._find_reasons(row.domain)
        if event.by_hand:
            self.tick()

    @work(exclusive=True, group="reasons")
    async def _find_reasons(self, domain: str) -> None:
        index = self.host.services.monitor.index
        self._reasons = domain, await asyncio.to_thread(index.reasons, domain, 4)
        self.tick()

    # -- commands -----------------------------------------------------------------------------------------------

    def some_domain(self) -> Permission:
        """Whether the cursor is on a domain."""
        return ALLOWED if self.table.row is not None else Permission(False, "there is no domain here")

    def permit(self, verb: Verb) -> Permission:
        """Whether this verb can be used on the domain under the cursor."""
        row, overview, permission = self.table.row, self.host.overview, super().permit(verb)
        if not permission.allowed or (row is not None and row.totals.messages):
            return permission
        if overview is not None and overview.reading is not None:
            return Permission(False, "the queue is still being read")
        return Permission(False, "nothing is queued for this domain")

    def row_for_hold(self) -> DomainStatus | None:
        """The domain under the cursor."""
        return self.table.row

    @on(Table.Chosen)
    async def open_domain(self) -> None:
        """Its messages."""
        if self.table.row is not None:
            await self.host.open_messages(f"domain:{quote(self.table.row.domain)}")

    def open_history(self) -> None:
        """Of the domain under the cursor; without one, of the whole queue."""
        from mxtui.tui.screens.history import HistoryScreen  # not before the first screen is there

        rows = order(self._overview.domains, *self._sort) if self._overview is not None else []
        chosen = self.table.row
        self.app.push_screen(HistoryScreen([row.domain for row in rows], chosen.domain if chosen else WHOLE))

    def open_forecast(self) -> None:
        """Of all domains, the cursor on the same one."""
        from mxtui.tui.screens.forecast import ForecastScreen  # not before the first screen is there

        self.app.push_screen(ForecastScreen(self.table.row.domain if self.table.row is not None else None))

    async def open_filter(self) -> None:
        """The filter bar, on Messages."""
        await self.host.open_messages(None, filtering=True)

    def check_now(self) -> None:
        """A probe out of turn."""
        if self.table.row is not None:
            self.host.services.monitor.probe_now(self.table.row.domain)
            self.notify(f"Checking the primary of {self.table.row.domain}", markup=False)

    def act(self, verb: Verb, where: Redirect | None = None) -> None:
        """On all mail for the domain under the cursor."""
        if self.table.row is not None:
            self.act_on_filter(verb, f"domain:{quote(self.table.row.domain)}", where)

    @on(Table.Titled)
    def _title_clicked(self, event: Table.Titled) -> None:
        self.sort_by(event.column)

    def sort_by(self, key: str) -> None:
        """Most first; the same again turns round."""
        column, descending = self._sort
        self._sort = (key, not descending if column == key else key != "domain")
        if self._overview is not None:
            self.show_overview(self._overview)
            self.tick()

    def next_sort(self) -> None:
        """Through the columns that can be sorted by."""
        keys = [column.key for column in COLUMNS if column.key]
        self.sort_by(keys[(keys.index(self._sort[0]) + 1) % len(keys)])
