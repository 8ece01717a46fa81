"""Columns declared as data: what a table shows, how wide, what goes first when room gets short."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mxtui.tui.glyphs import to_ascii
from mxtui.tui.line import Line, Span, Spans, fit, width
from mxtui.tui.look import Look

R = TypeVar("R")

SCROLLBAR = 1
"""Cells kept free at the right, whether it is needed or not: columns must not jump when it comes."""

LEAD = 2
"""Cells before the first column: the cursor's sign and a space."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell may know besides its row."""

    look: Look
    now: float
    width: int
    chosen: bool
    """Under the cursor."""
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Column(Generic[R]):
    """One column."""

    key: str
    """Sort key, where the table can be sorted by it."""
    title: str | Callable[[int], str]
    """Over the column, perhaps by its width."""
    sizes: tuple[tuple[int, int], ...]
    """(from this width of the table on, so many cells), narrowest first; below the first it is not shown."""
    draw: Callable[[R, Cell], Spans]
    right: bool = False
    gap: int = 2
    """Empty cells after it."""
    flexible: bool = False
    """Takes what room is left, if more than its size."""
    name: bool = False
    """Names the row: the cursor reverses it where there is no background to tell by."""


@dataclass(frozen=True, slots=True)
class Placed(Generic[R]):
    """A column with its place."""

    column: Column[R]
    at: int
    width: int


def place(columns: Sequence[Column[R]], total: int) -> list[Placed[R]]:
    """Columns that fit a table this wide, its scroll bar included, from left to right."""
    shown = [
        (column, next((size for least, size in reversed(column.sizes) if total >= least), 0)) for column in columns
    ]
    shown = [(column, size) for column, size in shown if size]
    needed = LEAD + sum(size + column.gap for column, size in shown) - (shown[-1][0].gap if shown else 0)
    flexible = sum(column.flexible for column, _ in shown)
    room = total - SCROLLBAR
    spare = max(0, room - needed)
    placed, at = [], LEAD
    for column, size in shown:
        extra = 0
        if column.flexible:
            extra = spare // flexible
            spare, flexible = spare - extra, flexible - 1
        cells = min(size + extra, max(0, room - at))
        if cells:
            placed.append(Placed(column, at, cells))
        at += size + extra + column.gap
    return placed


def heading(placed: Sequence[Placed[R]], look: Look, sort: tuple[str, bool] | None) -> Line:
    """The line of titles; the one sorted by carries an arrow."""
    line = Line()
    for item in placed:
        words = item.column.title if isinstance(item.column.title, str) else item.column.title(item.width)
        title: list[Span] = [(fit(_ascii_title(words, look) if look.ascii else words, item.width, ""), look.label)]
        line.to(item.at + (item.width - width(title) if item.column.right else 0)).extend(title)
        if sort and sort[0] == item.column.key and words:
            arrow = look.glyphs.descending if sort[1] else look.glyphs.ascending
            if (item.column.right and item.column.gap > 1) or (
                not item.column.right and width(title) + 2 <= item.width
            ):
                line.add(" " + arrow, look.accent)
    return line


def _ascii_title(words: str, look: Look) -> str:
    return to_ascii(words.replace("Δ/min", look.glyphs.change))


def row_line(placed: Sequence[Placed[R]], row: R, look: Look, now: float, chosen: bool, marked: bool) -> Line:
    """One row."""
    line = Line()
    for item in placed:
        spans = item.column.draw(row, Cell(look, now, item.width, chosen, marked))
        if look.ascii:  # before it is measured: `…` becomes two characters, a wide one becomes `?`
            spans = [(to_ascii(text), style) for text, style in spans]
        if item.column.right:
            line.to(item.at + max(0, item.width - width(spans)))
        else:
            line.to(item.at)
        if chosen and item.column.name and look.shaded:
            spans = [(text, look.selected) for text, _ in spans]
        line.extend(spans)
    return line
