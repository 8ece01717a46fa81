"""Reasons: what the mail that waits has in common."""

import asyncio
from collections.abc import Iterable
from typing import ClassVar, cast

from textual import on, work
from textual.binding import BindingType
from textual.widget import Widget

from mxtui.index import Grouping
from mxtui.model.overview import Overview
from mxtui.model.redirect import Redirect
from mxtui.model.source import ALLOWED, Permission, Verb
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.reasons import COLUMNS, GROUPINGS, Ranked, filter_for, switch
from mxtui.tui.screens.acting import ActingScreen, redirect_command, verb_command
from mxtui.tui.widgets.painted import Painted
from mxtui.tui.widgets.table import Listed, Table

_ON_REASONS: tuple[Command, ...] = (
    Command("reasons.open", "enter", "Messages", "Show the messages of this group.",
            lambda screen: screen.open_group(), lambda screen: screen.has_filter()),
    Command("reasons.by", "b", "Group by", "By reason, sender, sender's domain, client, recipient domain.",
            lambda screen: screen.next_grouping()),
    verb_command("reasons", Verb.HOLD, "h", "Keep the messages of this group from being tried."),
    verb_command("reasons", Verb.RELEASE, "r", "Let held messages of this group be tried again."),
    redirect_command("reasons", "Send the messages of this group to another address or host."),
    verb_command("reasons", Verb.QUARANTINE, "Q",
                 "Put the messages of this group out of the way of drains and releases; nobody is told.", footer=False),
    verb_command("reasons", Verb.REJECT, "x", "Return the messages of this group to their senders."),
    verb_command("reasons", Verb.DELETE, "d", "Remove the messages of this group; a copy is kept."),
    verb_command("reasons", Verb.FLUSH, "f", "Try this group's mail now."),
    Command("reasons.undo", "u", "Undo", "Undo what was done last.", lambda screen: screen.undo(), footer=False),
)  # fmt: skip

REGROUP = 2.0
"""Seconds between two groupings of a queue that changes: each looks at every message, 0.1 s for 100,000."""


class ReasonsScreen(ActingScreen):
    """Groups, largest first."""

    TAB = "reasons"
    COMMANDS_HERE = _ON_REASONS
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_ON_REASONS)]
    EXPLAINED = (
        "What the mail that waits has in common: why its last attempt failed, who sent it, from where. Reasons are "
        "folded, so that the same cause counts as one although each server words it with other names and numbers."
    )

    def __init__(self) -> None:
        super().__init__()
        self._by: Grouping = "reason"
        self._revision = -1
        self._grouped_at = 0.0
        self._grouping = False

    def content(self) -> Iterable[Widget]:
        """What by, and the groups."""
        yield Painted("switch")
        yield Table[Ranked](COLUMNS, key=lambda row: row.group.key, id_="reasons")

    @property
    def table(self) -> Table[Ranked]:
        """The groups."""
        return cast("Table[Ranked]", self.query_one("#reasons", Table))

    def show_overview(self, overview: Overview, /) -> None:
        """Group again if the queue changed."""
        waited = overview.taken_at - self._grouped_at
        if overview.revision != self._revision and not (self._grouping or 0 <= waited < REGROUP):
            self._revision, self._grouped_at = overview.revision, overview.taken_at
            self._group()

    @work(exclusive=True, group="groups")
    async def _group(self) -> None:
        by, index, chosen = self._by, self.host.services.monitor.index, self.table.row
        self._grouping = True
        try:
            groups = await asyncio.to_thread(index.groups, by)
        finally:
            self._grouping = False
        queued = self.host.overview.queue.messages if self.host.overview is not None else 0
        total = max(1, queued, *(group.messages for group in groups)) if groups else 1
        rows = [Ranked(group, by, group.messages / total) for group in groups]
        position = next((n for n, row in enumerate(rows) if chosen and row.group.key == chosen.group.key), 0)
        self.table.notice = self.notice("Nothing is queued.", "")
        self.table.show(Listed(rows), position)
        self.tick()

    def tick(self) -> None:
        """Ages grow."""
        super().tick()
        self.query_one("#switch", Painted).paint([switch(self.scene, self._by)], self.host.look.ground)
        self.table.repaint()

    # -- commands -----------------------------------------------------------------------------------------------

    def next_grouping(self) -> None:
        """By something else."""
        names = [name for name, _ in GROUPINGS]
        self._by = names[(names.index(self._by) + 1) % len(names)]
        self._group()

    def has_filter(self) -> Permission:
        """Whether the group under the cursor can be named."""
        row = self.table.row
        if row is None:
            return Permission(False, "there is no group here")
        return (
            ALLOWED if filter_for(row) is not None else Permission(False, "the filter language has no word for these")
        )

    def permit(self, verb: Verb) -> Permission:
        """Whether this verb can be used on the group under the cursor."""
        nameable = self.has_filter()
        return super().permit(verb) if nameable.allowed else nameable

    @on(Table.Chosen)
    async def open_group(self) -> None:
        """Its messages."""
        text = filter_for(self.table.row) if self.table.row is not None else None
        if text is not None:
            await self.host.open_messages(text)

    def act(self, verb: Verb, where: Redirect | None = None) -> None:
        """On the messages of the group under the cursor."""
        text = filter_for(self.table.row) if self.table.row is not None else None
        if text is not None:
            self.act_on_filter(verb, text, where)
