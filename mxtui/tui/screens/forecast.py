"""Forecast: what expires, and what can still be done about it."""

import math
from collections.abc import Iterable
from typing import ClassVar, cast

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from mxtui.model.filter import quote
from mxtui.model.forecast import DAY
from mxtui.model.holds import words
from mxtui.model.overview import DomainStatus, Overview
from mxtui.model.redirect import Redirect
from mxtui.model.source import ALLOWED, Permission, Verb
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.forecast import COLUMNS, Ahead, ahead, announcement, headline
from mxtui.tui.screens.announcing import AnnouncingScreen, announce_command
from mxtui.tui.widgets.chrome import Chrome
from mxtui.tui.widgets.painted import Painted
from mxtui.tui.widgets.table import Listed, Table

_ON_FORECAST: tuple[Command, ...] = (
    Command("forecast.back", "escape", "Back", "Back to the domains.", lambda screen: screen.dismiss(), palette=False),
    Command("forecast.open", "enter", "Messages", "Show those of this domain that expire.",
            lambda screen: screen.open_messages(), lambda screen: screen.some_domain()),
    Command("forecast.hold", "h", "Hold", "Hold what expires of this domain within 24 h, or before its primary is "
            "back: in hold nothing is given up.", lambda screen: screen.act(Verb.HOLD),
            lambda screen: screen.permit(Verb.HOLD)),
    Command("forecast.renew", "r", "Renew", "Give what expires of this domain within 24 h, or before its primary is "
            "back, a new lifetime.", lambda screen: screen.act(Verb.RENEW), lambda screen: screen.permit(Verb.RENEW)),
    announce_command("forecast"),
    Command("forecast.undo", "u", "Undo", "Undo what was done last.", lambda screen: screen.undo(), footer=False),
)  # fmt: skip


class ForecastScreen(AnnouncingScreen):
    """Domains with mail, the next expiry first."""

    TAB = "domains"
    COMMANDS_HERE = _ON_FORECAST
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_ON_FORECAST)]
    EXPLAINED = (
        "What is given up within 12 and 24 hours, and before a primary is back: as announced, or as a suspension or a "
        "migration ends. In hold nothing is given up; renewed, a message lives as long again. How long a drain "
        "takes follows from the last one, when the disk is full from how fast it filled up in the last hour."
    )

    def __init__(self, domain: str | None = None) -> None:
        super().__init__()
        self._wanted = domain

    def content(self) -> Iterable[Widget]:
        """The queue in three sentences, and the table."""
        yield Painted("headline")
        yield Table[Ahead](COLUMNS, key=lambda row: row.domain, id_="forecast")

    @property
    def table(self) -> Table[Ahead]:
        """The domains."""
        return cast("Table[Ahead]", self.query_one("#forecast", Table))

    def show_overview(self, overview: Overview, /) -> None:
        """The rows anew; the cursor stays with its domain."""
        rows = ahead(overview, overview.forecast) if overview.forecast is not None else []
        chosen = self._wanted or (self.table.row.domain if self.table.row is not None else None)
        self._wanted = None
        position = next((n for n, row in enumerate(rows) if row.domain == chosen), None)
        words = "Nothing is queued." if overview.forecast is not None else "Nothing is known yet."
        self.table.notice = self.notice(words, "What expires shows here.")
        self.table.show(Listed(rows), position)

    def tick(self) -> None:
        """Time runs out."""
        look, overview, chrome = self.host.look, self.host.overview, self.query_one(Chrome)
        chrome.trail = [
            ("1 Domains ", look.label),
            (f"{look.glyphs.into} ", look.faint),
            ("what is to come", look.strong),
        ]
        super().tick()
        head = self.query_one("#headline", Painted)
        head.display = self.size.height >= 10
        if overview is not None and overview.forecast is not None:
            lines = headline(self.scene, overview, overview.forecast)
            if self.table.row is not None and self.size.height >= 14:
                lines += announcement(self.scene, overview.forecast, self.table.row.domain)
            head.styles.height = len(lines)
            head.paint(lines, look.ground)
        self.table.repaint()

    @on(Table.Moved)
    def _moved(self, event: Table.Moved) -> None:
        if event.by_hand:
            self.tick()

    def row_for_hold(self) -> DomainStatus | None:
        """The domain under the cursor."""
        return self.table.row.status if self.table.row is not None else None

    # -- commands -----------------------------------------------------------------------------------------------

    def some_domain(self) -> Permission:
        """Whether the cursor is on a domain."""
        return ALLOWED if self.table.row is not None else Permission(False, "there is no domain here")

    def permit(self, verb: Verb) -> Permission:
        """Whether there is something to hold, or to renew."""
        row, permission = self.table.row, super().permit(verb)
        if not permission.allowed:
            return permission
        if row is None:
            return Permission(False, "there is no domain here")
        if not max(row.deadlines.within_24h, row.deadlines.before_return or 0):
            return Permission(False, "nothing of it expires within 24 h, or before its primary is back")
        hold, overview = row.status.hold, self.host.overview
        held = verb is Verb.RENEW and hold is not None and hold.in_force(self.host.now())
        if held and hold is not None and overview is not None and overview.source.kind == "postfix":
            why = f"it is {words(hold, self.host.now())}, and Postfix lets go of what it renews"
            return Permission(False, why, "In hold nothing is given up, and what would expire then is renewed.")
        return ALLOWED

    @property
    def _expiring(self) -> str:
        """Of the domain under the cursor, as a filter."""
        row = self.table.row
        assert row is not None
        until = max(DAY, (row.returns or 0.0) - self.host.now())
        return f"domain:{quote(row.domain)} expires<{math.ceil(until / 3600)}h"

    def act(self, verb: Verb, where: Redirect | None = None) -> None:
        """On what expires of the domain under the cursor: just what its row tells."""
        if self.table.row is not None:
            self.act_on_filter(verb, self._expiring, where)

    @on(Table.Chosen)
    async def open_messages(self) -> None:
        """Those that expire; without any, all of the domain."""
        row = self.table.row
        if row is None:
            return
        due = max(row.deadlines.within_24h, row.deadlines.before_return or 0)
        text = self._expiring if due else f"domain:{quote(row.domain)}"
        self.dismiss()
        await self.host.open_messages(text)
