"""Suspects: mail that belongs together, largest first, to be dealt with in one go."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import ClassVar, cast

from textual import on, work
from textual.binding import BindingType
from textual.widget import Widget

from mxtui.errors import MxtuiError
from mxtui.index import Sort
from mxtui.model.campaign import Campaign, Sifted, Suspects, suspected
from mxtui.model.filter import parse
from mxtui.model.overview import Overview
from mxtui.model.redirect import Redirect
from mxtui.model.source import ALLOWED, Permission, Verb
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.suspects import COLUMNS, Ranked, empty, pane, scanning, standing
from mxtui.tui.screens.acting import ActingScreen, verb_command
from mxtui.tui.screens.asking import Asked
from mxtui.tui.screens.clearing import NOT_SPAM, SUSPECT_AGAIN, ClearScreen
from mxtui.tui.screens.inspector import InspectorScreen
from mxtui.tui.widgets.painted import Painted
from mxtui.tui.widgets.table import Listed, Table

_ON_SUSPECTS: tuple[Command, ...] = (
    Command("suspects.open", "enter", "Messages", "Show the messages of this campaign.",
            lambda screen: screen.open_messages(), lambda screen: screen.some_campaign()),
    Command("suspects.sample", "i", "Sample", "Inspect one message of this campaign.",
            lambda screen: screen.inspect(), lambda screen: screen.some_campaign()),
    Command("suspects.mark", "space", "Mark", "Mark all messages of this campaign, or take the marks away.",
            lambda screen: screen.mark(), lambda screen: screen.some_campaign()),
    verb_command("suspects", Verb.HOLD, "h", "Keep the messages of this campaign from being tried."),
    verb_command("suspects", Verb.QUARANTINE, "Q",
                 "Put the messages of this campaign out of the way of drains and releases; nobody is told."),
    verb_command("suspects", Verb.REJECT, "x", "Return the messages of this campaign to their senders."),
    verb_command("suspects", Verb.DELETE, "d", "Remove the messages of this campaign; a copy is kept."),
    Command("suspects.clear", "c", lambda screen: screen.clear_label(),
            "Say that a campaign is no spam, with a reason; it is remembered. Again to take that back.",
            lambda screen: screen.clear(), lambda screen: screen.clearable()),
    verb_command("suspects", Verb.RELEASE, "r", "Let held messages of this campaign be tried again.", footer=False),
    verb_command("suspects", Verb.FLUSH, "f", "Try the mail of this campaign now.", footer=False),
    Command("suspects.backscatter", "b", "Backscatter", "Bounces of letters that nobody here wrote.",
            lambda screen: screen.host.open_messages("is:backscatter"), footer=False),
    Command("suspects.unknown", "n", "Unknown recipients", "Mail to recipients that their primary does not know.",
            lambda screen: screen.host.open_messages("is:unknown"), footer=False),
    Command("suspects.undo", "u", "Undo", "Undo what was done last.", lambda screen: screen.undo(), footer=False),
)  # fmt: skip

NOBODY = Suspects(0.0, (), suspected((), 0), Sifted(0, 0, 0, fault="nobody judges mail here"))


class SuspectsScreen(ActingScreen):
    """Campaigns, largest first; bulk mail of single houses after them, and last suspects that are of none."""

    TAB = "suspects"
    AUTO_FOCUS = "#suspects"
    COMMANDS_HERE = _ON_SUSPECTS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_ON_SUSPECTS)]
    EXPLAINED = (
        "Mail that belongs together: by what it says, and by sender, network and subject. The score adds up what "
        "speaks for spam, each piece below. Nothing is ever done because of it. Bulk is mail of one house to many: "
        "newsletters, lists, invoices. Bounces are told apart by the letter that they return. Single messages are "
        "suspect each by itself."
    )

    def __init__(self) -> None:
        super().__init__()
        self._known = NOBODY
        self._queued = 0

    def content(self) -> Iterable[Widget]:
        """How far judging has come, the campaigns, and what speaks against one."""
        yield Painted("switch")
        yield Table[Ranked](COLUMNS, key=lambda row: row.campaign.name, id_="suspects")
        yield Painted("pane")

    @property
    def table(self) -> Table[Ranked]:
        """The campaigns."""
        return cast("Table[Ranked]", self.query_one("#suspects", Table))

    def show_overview(self, overview: Overview, /) -> None:
        """The same as the header and the alerts go by."""
        known = overview.suspects or NOBODY
        queued = known.sifted.judged + known.sifted.waiting
        if known.groups is not self._known.groups or queued != self._queued:
            self._rank(known.groups, max(1, queued))
        self._known, self._queued = known, queued
        self.table.notice = self.notice("", "") if overview.fault else empty(self.scene, known.sifted)
        self.tick()

    def _rank(self, groups: Sequence[Campaign], queued: int) -> None:
        chosen, suspect = self.table.row, self.host.services.monitor.index.suspect
        names = [each.name for each in groups]
        position = names.index(chosen.campaign.name) if chosen and chosen.campaign.name in names else 0
        rows = [Ranked(each, each.messages / queued, each.is_suspect(suspect)) for each in groups]
        self.table.show(Listed(rows), position)

    def tick(self) -> None:
        """Ages grow."""
        super().tick()
        ground = self.host.look.ground
        scanned = scanning(self.scene, self._known.sifted)
        lines = [standing(self.scene, self._known), *([scanned] if scanned is not None else [])]
        above = self.query_one("#switch", Painted)
        above.styles.height = len(lines)
        above.paint(lines, ground)
        below = self.query_one("#pane", Painted)
        height = 7 if self.size.height >= 34 else 5 if self.size.height >= 20 else 0
        below.display, below.styles.height = bool(height), height
        self.table.repaint()
        below.paint(pane(self.scene, self.table.row, height), ground)

    @on(Table.Moved)
    def _moved(self) -> None:
        self.tick()

    # -- commands -----------------------------------------------------------------------------------------------

    def some_campaign(self) -> Permission:
        """Whether there is one under the cursor."""
        return ALLOWED if self.table.row is not None else Permission(False, "there is no campaign here")

    def permit(self, verb: Verb) -> Permission:
        """Whether this verb can be used on the campaign under the cursor."""
        there = self.some_campaign()
        return super().permit(verb) if there.allowed else there

    def clearable(self) -> Permission:
        """Whether the one under the cursor can be cleared."""
        row = self.table.row
        if row is not None and row.campaign.kind == "single":
            return Permission(False, "single messages have nothing in common that could be remembered")
        return self.some_campaign()

    def clear_label(self) -> str:
        """As it reads for the campaign under the cursor."""
        row = self.table.row
        return "Suspect again" if row is not None and row.campaign.cleared else "Not spam"

    @property
    def selection(self) -> str:
        """The filter for the campaign under the cursor."""
        assert self.table.row is not None
        return self.table.row.campaign.selection

    @on(Table.Chosen)
    async def open_messages(self) -> None:
        """Its messages."""
        if self.table.row is not None:
            await self.host.open_messages(self.selection)

    @work(exclusive=True, group="sample")
    async def inspect(self) -> None:
        """One of its messages."""
        row, index, now = self.table.row, self.host.services.monitor.index, self.host.now()
        if row is None:
            return
        wanted = parse(self.selection, self.host.words)
        view = await asyncio.to_thread(index.view, wanted, Sort(), now)
        position = view.position(row.campaign.sample)
        self.app.push_screen(InspectorScreen(view, row.campaign.sample, position or 0))

    @work(exclusive=True, group="mark")
    async def mark(self) -> None:
        """All of its messages; if they all are, none of them."""
        index, wanted = self.host.services.monitor.index, parse(self.selection, self.host.words)
        ids = set(await asyncio.to_thread(index.ids, wanted))
        if ids <= self.host.marks:
            self.host.marks.difference_update(ids)
        else:
            self.host.marks.update(ids)
        self.notify(f"{len(self.host.marks):,} marked. Verbs of Messages act on them.", markup=False)
        self.tick()

    def act(self, verb: Verb, where: Redirect | None = None) -> None:
        """On all messages of the campaign under the cursor, in one plan."""
        if self.table.row is not None:
            self.act_on_filter(verb, self.selection, where)

    def clear(self) -> None:
        """No spam, or suspect again."""
        row = self.table.row
        if row is None:
            return
        campaign = row.campaign
        if campaign.cleared:
            self._clear(campaign, None)
            return

        def told(asked: Asked | None) -> None:
            if asked is not None:
                self._clear(campaign, asked.reason)

        words = f"{campaign.messages:,} messages of {campaign.name} are not suspect any more, nor those like them that"
        self.app.push_screen(ClearScreen(f"{words} come later."), told)

    @work(group="clear")
    async def _clear(self, campaign: Campaign, reason: str | None) -> None:
        sifting, operations = self.host.services.sifting, self.host.services.operations
        if sifting is None:
            return

        def do() -> None:
            selection = campaign.selection
            if reason is None:
                operations.note(SUSPECT_AGAIN, selection, "")
                sifting.withdraw(campaign)
            else:
                operations.note(NOT_SPAM, selection, reason)
                sifting.clear(campaign, operations.operator_name, reason)

        try:
            await asyncio.to_thread(do)
        except MxtuiError as error:
            self.complain(error)
        self.host.services.monitor.nudge()
