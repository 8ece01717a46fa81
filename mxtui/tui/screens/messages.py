"""Messages: find them, mark them, act on them."""

import asyncio
import time
from collections.abc import Iterable
from typing import ClassVar, cast

from textual import on, work
from textual.binding import BindingType
from textual.widget import Widget

from mxtui.errors import MxtuiError
from mxtui.index import Column, Row, Sort, View
from mxtui.message.inspect import Inspection
from mxtui.message.limits import BEGINNING
from mxtui.model.message import QueuedMessage
from mxtui.model.overview import Overview
from mxtui.model.plan import Plan
from mxtui.model.redirect import Redirect
from mxtui.model.source import Verb
from mxtui.model.words import counted
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.messages import COLUMNS, UNJUDGED_COLUMNS, marks_line, preview
from mxtui.tui.screens.acting import redirect_command, verb_command
from mxtui.tui.screens.clearing import clear_command
from mxtui.tui.screens.inspector import InspectorScreen
from mxtui.tui.screens.marking import MarkingScreen
from mxtui.tui.widgets.filter_bar import TYPING, FilterBar
from mxtui.tui.widgets.painted import Painted
from mxtui.tui.widgets.table import Table

_ON_MESSAGES: tuple[Command, ...] = (
    Command("messages.open", "enter", "Inspect", "Open the message: headers, hops, parts, text.",
            lambda screen: screen.inspect(), lambda screen: screen.some_message()),
    Command("messages.mark", "space", "Mark", "Mark the message, or take the mark away.",
            lambda screen: screen.toggle_mark(), lambda screen: screen.some_message()),
    Command("messages.mark_all", "asterisk", lambda screen: screen.mark_all_label(),
            "Mark all messages that match the filter; again to take the marks away.",
            lambda screen: screen.mark_all(), lambda screen: screen.some_message()),
    verb_command("messages", Verb.HOLD, "h", "Keep the marked messages, or this one, from being tried."),
    verb_command("messages", Verb.RELEASE, "r", "Let held messages be tried again."),
    redirect_command("messages", "Send the marked messages, or this one, to another address or host."),
    verb_command("messages", Verb.QUARANTINE, "Q",
                 "Put the marked messages, or this one, out of the way of drains and releases; nobody is told.",
                 footer=False),
    verb_command("messages", Verb.REJECT, "x", "Return messages to their senders with a notice."),
    verb_command("messages", Verb.DELETE, "d", "Remove messages silently; a copy is kept."),
    verb_command("messages", Verb.FLUSH, "f", "Try delivery now, and follow each message to its verdict."),
    Command("messages.filter", "slash", "Filter", "Narrow the list.", lambda screen: screen.bar.focus_text()),
    Command("messages.undo", "u", "Undo", "Undo what was done last.", lambda screen: screen.undo()),
    Command("messages.clear", "escape", "Clear", "Clear the filter; then go back to Domains.",
            lambda screen: screen.clear(), footer=False, palette=False),
    Command("messages.sort", "s", "Sort", "Sort by the next column.", lambda screen: screen.next_sort(), footer=False),
    Command("messages.reverse", "S", "Reverse", "Turn the order round.",
            lambda screen: screen.sort_by(screen.sort.column), footer=False),
    clear_command("messages"),
    Command("messages.unmark", "U", "Unmark all", "Take all marks away, also outside the filter.",
            lambda screen: screen.unmark_all(), footer=False),
)  # fmt: skip

PAUSE = 0.12
"""Seconds of rest in typing or moving before the queue is asked."""

SHARE, LONGEST = 3, 0.5
"""A queue that changes all the time is looked at for a quarter of it: so many times what a look took, at most so many
seconds, lie between two."""

Ready = tuple[int, list[Row]]
"""Rows from a position on."""


class MessagesScreen(MarkingScreen):
    """A million messages, a screenful at a time."""

    TAB = "messages"
    AUTO_FOCUS = "#messages"
    COMMANDS_HERE = _ON_MESSAGES
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_ON_MESSAGES)]
    EXPLAINED = (
        "All queued messages that match the filter. Verbs act on the marked messages; without marks, on the one under "
        "the cursor. Marks stay when the filter changes: those it does not show are counted below the list. Two "
        "strokes before the age stand for a message that is held, a Q for one in quarantine."
    )

    def __init__(self) -> None:
        super().__init__()
        self.sort = Sort("age", True)
        self._revision = -1
        self._due = self._looking = False
        self._took = 0.0
        """Seconds that the last look took."""
        self._previewed: Row | None = None
        """As the list showed it when the preview was read."""
        self._message: QueuedMessage | None = None
        self._seen: Inspection | None = None

    def content(self) -> Iterable[Widget]:
        """Filter, list, marks, preview."""
        yield FilterBar()
        columns = COLUMNS if self.host.services.sifting is not None else UNJUDGED_COLUMNS
        yield Table[Row](columns, key=lambda row: row.queue_id, id_="messages")
        yield Painted("marks")
        yield Painted("pane")

    def on_mount(self) -> None:
        """Everything, oldest first."""
        self.table.marks = self.host.marks
        self._look_soon()

    @property
    def commands(self) -> tuple[Command, ...]:
        """Those of the filter bar while typing."""
        return TYPING if self.bar.typing else super().commands

    @property
    def bar(self) -> FilterBar:
        """The filter."""
        return self.query_one(FilterBar)

    # -- what is shown ------------------------------------------------------------------------------------------

    @on(FilterBar.Changed)
    def _filter_changed(self) -> None:
        self._look_soon(PAUSE)

    def _look_soon(self, rest: float = 0.0) -> None:
        """Look at the queue again; while that is under way, once more after it.

        Not an exclusive worker: news comes four times a second, and ordering a million messages takes longer.
        """
        self._due = True
        if not self._looking:
            self._look(rest)

    @work(group="view")
    async def _look(self, rest: float) -> None:
        self._looking = True
        try:
            await asyncio.sleep(rest)
            while self._due:
                self._due = False
                await self._look_once()
        finally:
            self._looking = False

    async def _look_once(self) -> None:
        """A view for the filter and order wanted, or the same one caught up. The last one stays until it is there."""
        index, view, filter_, sort = self.host.services.monitor.index, self.view, self.bar.filter, self.sort
        table, chosen, cursor, now = self.table, self.table.chosen, self.table.cursor, self.host.now()
        same = view is not None and view.filter == filter_ and view.sort == sort

        def find() -> tuple[View, int | None, Ready]:
            found = view if view is not None and same else index.view(filter_, sort, now)
            found.refresh(now)
            # The cursor stays with its message through every filter that shows it.
            position = found.position(chosen) if chosen is not None else None
            if position is None and not same:
                position = 0
            # Read here, for the index may be busy, and keys do not wait for it.
            start, stop = table.around(cursor if position is None else position)
            return found, position, (start, found.rows(start, stop))

        began = time.perf_counter()
        found, position, ready = await asyncio.to_thread(find)
        self._took = time.perf_counter() - began
        if table.chosen is not None and table.chosen != chosen:  # moved meanwhile, and there it stays
            position, ready = found.position(table.chosen), (0, [])
        self.view = found
        table.sort = (sort.column, sort.descending)
        if not same:
            self.recount_soon()
        self._show(position, ready)

    def _show(self, position: int | None, ready: Ready) -> None:
        view, overview = self.view, self.host.overview
        assert view is not None
        if self.bar.error is not None:
            self.table.notice = self.notice("This filter cannot be understood.", "Mend it, or Esc clears it.")
        elif self.bar.everything:
            self.table.notice = self.notice("Nothing is queued.", "")
        else:
            self.table.notice = self.notice("nothing matches", "Esc clears the filter")
        self.table.show(view, position, ready)
        queued = overview.queue.messages if overview is not None else view.count
        self.bar.found(view.count, max(queued, view.count), view.bytes, view.oldest)
        self.view_changed()
        self.tick()

    def show_overview(self, overview: Overview, /) -> None:
        """Rows again if the queue changed."""
        if overview.revision != self._revision:
            self._revision = overview.revision
            self._look_soon(min(SHARE * self._took, LONGEST))

    def tick(self) -> None:
        """Ages grow."""
        super().tick()
        height = 7 if self.size.height >= 34 else 5 if self.size.height >= 24 else 0
        pane, marks = self.query_one("#pane", Painted), self.query_one("#marks", Painted)
        pane.display, pane.styles.height = bool(height), height
        marks.display = bool(self.host.marks) and self.size.height >= 10
        self.table.repaint()
        marks.paint([marks_line(self.scene, *self.marked)], self.host.look.ground)
        shown = preview(self.scene, self._message, self._seen, height) if self._message is not None else []
        pane.paint(shown, self.host.look.ground)

    @on(Table.Moved)
    def _look_closer(self) -> None:
        row, before = self.table.row, self._previewed
        self._previewed = row
        if row is None:
            self._message = self._seen = None
        elif row != before:
            # What changes is the envelope: the text of a message is read once.
            if before is None or row.queue_id != before.queue_id:
                self._seen = None
            self._preview(row.queue_id)

    @work(exclusive=True, group="preview")
    async def _preview(self, queue_id: str) -> None:
        services = self.host.services
        self._message = await asyncio.to_thread(services.monitor.index.message, queue_id)
        self.tick()
        if self._seen is not None:
            return
        await asyncio.sleep(PAUSE)
        try:
            self._seen = await asyncio.to_thread(services.inspect, queue_id, BEGINNING)
        except MxtuiError:
            return  # gone or not permitted: the envelope is all there is to show
        self.tick()

    # -- commands -----------------------------------------------------------------------------------------------

    def set_filter(self, text: str | None, *, filtering: bool) -> None:
        """From another screen."""
        if text is not None:
            self.bar.type_in(text)
        if filtering:
            self.bar.focus_text()
        else:
            self.set_focus(self.table)

    def on_descendant_focus(self) -> None:
        """Other keys work while typing: the footer says so at once."""
        self.call_after_refresh(self.update_footer)

    def stop_typing(self, *, clear: bool = False) -> None:
        """Back to the list; a filter that cannot be understood has to be mended or cleared first."""
        if clear:
            self.bar.type_in("")
        if clear or self.bar.error is None:
            self.set_focus(self.table)

    def clear(self) -> None:
        """Esc: the filter first, then the screen."""
        if self.bar.text:
            self.bar.type_in("")
        else:
            self.app.switch_mode("domains")

    @on(Table.Chosen)
    def inspect(self) -> None:
        """Open the message under the cursor."""
        if self.table.row is not None and self.view is not None:
            self.app.push_screen(InspectorScreen(self.view, self.table.row.queue_id, self.table.cursor))

    @property
    def chosen_message(self) -> str | None:
        """Under the cursor, whatever is marked."""
        return self.table.row.queue_id if self.table.row is not None else None

    @on(Table.Titled)
    def _title_clicked(self, event: Table.Titled) -> None:
        self.sort_by(cast("Column", event.column))

    def sort_by(self, column: Column) -> None:
        """Oldest, largest, most first; the same again turns round."""
        self.sort = Sort(column, not self.sort.descending if column == self.sort.column else column in _MOST_FIRST)
        self._look_soon()

    def next_sort(self) -> None:
        """Through the columns."""
        keys = [cast("Column", column.key) for column in self.table.columns if column.key]
        self.sort_by(keys[(keys.index(self.sort.column) + 1) % len(keys)])

    def act(self, verb: Verb, where: Redirect | None = None) -> None:
        """On what is marked, else on the message under the cursor."""
        marks = tuple(self.host.marks)
        if marks:
            selection = f"{len(marks):,} marked"
            self.plan_for(verb, lambda: marks, selection, self.outside, where)
        elif self.table.row is not None:
            chosen = (self.table.row.queue_id,)
            self.plan_for(verb, lambda: chosen, f"id:{chosen[0]}", where=where)

    def acted(self, plan: Plan) -> None:
        """The marks have served."""
        super().acted(plan)
        if len(plan.targets) > 1 or plan.selection == counted(1, "marked", "marked"):
            self.unmark_all()


_MOST_FIRST = ("age", "size", "attempts", "recipients", "score")
