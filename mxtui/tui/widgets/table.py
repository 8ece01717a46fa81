"""A table of any length that costs what is on the screen.

Textual's DataTable keeps every cell and needs 15 s for 100,000 rows, and 18 kB on the wire for one changed cell. This
one asks its source for the rows in sight, draws them by the column's own functions, and repaints what differs.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mxtui.tui.columns import Column, Placed, heading, place, row_line
from mxtui.tui.host import host_of
from mxtui.tui.line import Line, changed_span

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Source(Protocol[R_co]):
    """Rows by position."""

    @property
    def count(self) -> int:
        """How many."""
        ...

    def rows(self, start: int, stop: int) -> Sequence[R_co]:
        """Those at these positions, fewer at the end. Called from the event loop: a screenful must take about 1 ms."""
        ...


class Listed(Generic[R]):
    """A source that is all in memory."""

    def __init__(self, rows: Sequence[R] = ()) -> None:
        self._rows = rows

    @property
    def count(self) -> int:
        """How many."""
        return len(self._rows)

    def rows(self, start: int, stop: int) -> Sequence[R]:
        """A slice."""
        return self._rows[max(0, start) : max(0, stop)]


class Table(ScrollView, Generic[R], can_focus=True):
    """Line 0 is the titles and stays; below it, rows from the scroll offset on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "cursor(-1)", "Up", show=False, id="table.up"),
        Binding("down,j", "cursor(1)", "Down", show=False, id="table.down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="table.page_up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="table.page_down"),
        Binding("home,g", "edge(-1)", "First", show=False, id="table.first"),
        Binding("end,G", "edge(1)", "Last", show=False, id="table.last"),
    ]

    @dataclass
    class Moved(Message):
        """The cursor is on another row, or its row changed."""

        table: "Table[Any]"
        by_hand: bool = field(default=False, kw_only=True)
        """The operator moved it; otherwise rows changed under it."""

        @property
        def control(self) -> "Table[Any]":
            """For `@on` with a selector."""
            return self.table

    @dataclass
    class Chosen(Moved):
        """A click on the row under the cursor. Enter is a command of the screen."""

    @dataclass
    class Titled(Moved):
        """A title was clicked."""

        column: str
        """Its sort key."""

    def __init__(self, columns: Sequence[Column[R]], key: Callable[[R], str], *, id_: str | None = None) -> None:
        super().__init__(id=id_)
        self.columns = columns
        self.marks: Container[str] = ()
        self.sort: tuple[str, bool] | None = None
        self.notice: Sequence[Line] = ()
        """Shown in place of rows when there are none."""
        self.cursor = 0
        self.chosen: str | None = None
        """The row that the operator put the cursor on last, by its key, whether it is still there or not."""
        self._key = key
        self._source: Source[R] = Listed()
        self._window: tuple[int, Sequence[R]] = (0, ())
        self._placed: list[Placed[R]] = []
        self._strips: dict[int, Strip] = {}

    # -- what is shown ------------------------------------------------------------------------------------------

    @property
    def row(self) -> R | None:
        """Under the cursor."""
        return self._row(self.cursor)

    @property
    def visible_rows(self) -> int:
        """How many rows there is room for."""
        return max(1, self.size.height - 1)

    def show(self, source: Source[R], position: int | None = None, ready: tuple[int, Sequence[R]] = (0, ())) -> None:
        """Rows anew, drawn by the next `repaint`.

        `position` is where the cursor's row went; without it the cursor stays where it is. `ready` are rows that need
        not be asked for: the position of the first, and those `around` it.
        """
        self._source = source
        self._window = ready
        total = Size(0, source.count + 1)
        if self.virtual_size != total:
            self.virtual_size = total
        self.cursor = max(0, min(self.cursor if position is None else position, source.count - 1))
        self._reveal()
        self.post_message(self.Moved(self))

    def repaint(self) -> None:
        """Draw what is in sight again and send what differs."""
        for y in range(self.size.height):
            old, new = self._strips.get(y), self._draw(y)
            self._strips[y] = new
            if old is None or old.cell_length != new.cell_length:
                self.refresh(Region(0, y, self.size.width, 1))
            elif span := changed_span(old, new):
                self.refresh(Region(span[0], y, span[1] - span[0], 1))

    def around(self, position: int) -> tuple[int, int]:
        """The rows to have ready, from and to, for one in sight: so many that most steps ask for nothing."""
        return max(0, position - 2 * self.visible_rows), position + 2 * self.visible_rows

    def key_of(self, row: R) -> str:
        """What tells a row from others."""
        return self._key(row)

    def _row(self, position: int) -> R | None:
        if not 0 <= position < self._source.count:
            return None
        start, rows = self._window
        if not start <= position < start + len(rows):
            start, stop = self.around(position)
            self._window = start, self._source.rows(start, stop)
            start, rows = self._window
        return rows[position - start] if position - start < len(rows) else None

    def _draw(self, y: int) -> Strip:
        look, width = host_of(self).look, self.size.width
        if y == 0:
            line, base = heading(self._placed, look, self.sort), look.ground
        elif not self._source.count:
            line, base = self.notice[y - 2] if 0 <= y - 2 < len(self.notice) else Line(), look.ground
        else:
            line, base = self._draw_row(self.scroll_offset.y + y - 1)
        return line.strip(width, base, ascii_only=look.ascii)

    def _draw_row(self, position: int) -> tuple[Line, Style]:
        host = host_of(self)
        look, row = host.look, self._row(position)
        if row is None or not self._placed:
            return Line(), look.ground
        chosen, marked = position == self.cursor, self._key(row) in self.marks
        line = row_line(self._placed, row, look, host.now(), chosen, marked)
        if chosen:
            line.spans.insert(0, (look.glyphs.cursor, look.accent))
            line = _without_first_cell(line)
        return line, look.cursor if chosen else look.marked if marked else look.ground

    def render_line(self, y: int) -> Strip:
        """As last drawn."""
        if y not in self._strips:
            self._strips[y] = self._draw(y)
        return self._strips[y]

    def notify_style_update(self) -> None:
        """Another theme: nothing drawn so far is right."""
        super().notify_style_update()
        self._strips.clear()

    def on_resize(self) -> None:
        """Another width may show other columns."""
        self._placed = place(self.columns, self.size.width)
        self._strips.clear()
        self._reveal()
        self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Sends what differs between the two pages, instead of the page."""
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = new_value
        if round(old_value) != round(new_value):
            self.repaint()

    # -- the cursor ---------------------------------------------------------------------------------------------

    def move_to(self, position: int) -> None:
        """Put the cursor on a row, and the row in sight."""
        position = max(0, min(position, self._source.count - 1))
        if position != self.cursor:
            self.cursor = position
            self._reveal()
            self._moved()

    def _moved(self) -> None:
        # At once, not by a message: rows that were on their way meanwhile must not take the cursor back.
        self.chosen = self._key(self.row) if self.row is not None else None
        self.repaint()
        self.post_message(self.Moved(self, by_hand=True))

    def _reveal(self) -> None:
        top = self.scroll_offset.y
        wanted = max(min(top, self.cursor), self.cursor - self.visible_rows + 1)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, immediate=True, force=True)

    def action_cursor(self, step: int) -> None:
        """Up or down."""
        self.move_to(self.cursor + step)

    def action_page(self, step: int) -> None:
        """A screenful up or down; the cursor keeps its line on the screen."""
        offset = self.cursor - self.scroll_offset.y
        top = self.scroll_offset.y + step * self.visible_rows
        top = max(0, min(top, self._source.count - self.visible_rows))
        if top != self.scroll_offset.y:
            self.cursor = max(0, min(top + offset, self._source.count - 1))
            self.scroll_to(y=top, animate=False, immediate=True, force=True)
            self._moved()
        else:
            self.action_edge(step)

    def action_edge(self, step: int) -> None:
        """First or last row."""
        self.move_to(0 if step < 0 else self._source.count - 1)

    def on_click(self, event: events.Click) -> None:
        """A title sorts; a row takes the cursor, and opens at the second click."""
        if event.y == 0:
            for item in self._placed:
                if item.at <= event.x < item.at + item.width + item.column.gap and item.column.key:
                    self.post_message(self.Titled(self, item.column.key))
            return
        position = self.scroll_offset.y + event.y - 1
        if position == self.cursor:
            self.post_message(self.Chosen(self))
        else:
            self.move_to(position)


def _without_first_cell(line: Line) -> Line:
    """The cursor's sign takes the place of the empty cell that every row begins with."""
    mark, (text, style), *rest = line.spans
    line.spans = [mark, (text[1:], style), *rest]
    return line
