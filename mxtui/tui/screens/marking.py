"""A list whose messages can be marked; marks stay when the filter changes."""

import asyncio
from typing import cast

from textual import work

from mxtui.index import Row, View
from mxtui.model.source import ALLOWED, Permission
from mxtui.tui.screens.acting import ActingScreen
from mxtui.tui.widgets.table import Table


class MarkingScreen(ActingScreen):
    """Keeps marks and what they add up to."""

    def __init__(self) -> None:
        super().__init__()
        self.view: View | None = None
        """What the list shows."""
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
        self.count_marks()

    @work(exclusive=True, group="marks")
    async def count_marks(self) -> None:
        index, view, marks = self.host.services.monitor.index, self.view, frozenset(self.host.marks)

        def measure() -> tuple[set[str], int, int]:
            known = index.targets(marks)
            ids = {target.queue_id for target in known}
            shown = len(ids) if view is None or view.count == len(index) else len(ids.intersection(view.ids()))
            return ids, sum(target.size for target in known), shown

        if marks:
            known, octets, inside = await asyncio.to_thread(measure)
            self.host.marks.difference_update(marks - known)  # they left the queue
            self.marked = len(known), octets, inside
        self.tick()
