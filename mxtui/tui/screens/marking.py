"""A list whose messages can be marked; marks stay when the filter changes."""

import asyncio
from typing import cast

from textual import work

from mxtui.index import Row, View
from mxtui.model.source import ALLOWED, Permission
from mxtui.tui.screens.clearing import ClearingScreen
from mxtui.tui.selecting import targets_of
from mxtui.tui.widgets.table import Table

RECOUNT = 5.0
"""Seconds between two counts of what is marked, while nothing but the queue changes: 2 s of work for 100,000 marks."""


class MarkingScreen(ClearingScreen):
    """Keeps marks and what they add up to."""

    def __init__(self) -> None:
        super().__init__()
        self.view: View | None = None
        """What the list shows."""
        self._counted_at = 0.0
        self.marked = (0, 0, 0)
        """Marked messages that are still queued, their bytes, and how many of them the filter shows."""

    @property
    def table(self) -> Table[Row]:
        """The list."""
        return cast("Table[Row]", self.query_one("#messages", Table))

    @property
    def outside(self) -> int:
        """Marked messages that the filter does not show."""
        return self.marked[0] - self.marked[2]

    def some_message(self) -> Permission:
        """Whether there is one under the cursor."""
        return ALLOWED if self.table.row is not None else Permission(False, "there is no message here")

    def mark_all_label(self) -> str:
        """With the number it means."""
        return f"Mark all {self.view.count:,}" if self.view is not None and self.view.count else "Mark all"

    def toggle_mark(self) -> None:
        """Mark or unmark, and go on to the next."""
        if self.table.row is not None:
            self.host.marks.symmetric_difference_update({self.table.row.queue_id})
            self.table.action_cursor(1)
            self.marks_changed()

    @work(exclusive=True, group="mark")
    async def mark_all(self) -> None:
        """All that match, in sight or not; if they all are, none of them."""
        if self.view is not None:
            ids = set(await asyncio.to_thread(self.view.ids))
            if ids <= self.host.marks:
                self.host.marks.difference_update(ids)
            else:
                self.host.marks.update(ids)
            self.marks_changed()

    def unmark_all(self) -> None:
        """None is marked."""
        self.host.marks.clear()
        self.marks_changed()

    def marks_changed(self) -> None:
        """Draw and count them again."""
        self.table.repaint()
        self._count_marks()

    def recount_soon(self) -> None:
        """Another filter shows other marks."""
        self._counted_at = 0.0

    def on_screen_resume(self) -> None:
        """The inspector may have marked something."""
        super().on_screen_resume()
        if self.host.marks or any(self.marked):
            self._count_marks()

    def view_changed(self) -> None:
        """The list shows something else, or the queue went on: count again, but not all the time."""
        if self.host.marks and self.host.now() - self._counted_at >= RECOUNT:
            self._count_marks()

    @work(exclusive=True, group="marks")
    async def _count_marks(self) -> None:
        index, view, marks = self.host.services.monitor.index, self.view, frozenset(self.host.marks)
        self._counted_at = self.host.now()

        def measure() -> tuple[set[str], int, int]:
            sizes = {target.queue_id: target.size for target in targets_of(index, marks)}
            shown = len(sizes) if view is None or view.count == len(index) else len(sizes.keys() & set(view.ids()))
            return set(sizes), sum(sizes.values()), shown

        known, octets, inside = await asyncio.to_thread(measure) if marks else (set(), 0, 0)
        self.host.marks.difference_update(marks - known)  # they left the queue
        self.marked = len(known), octets, inside
        self.tick()
