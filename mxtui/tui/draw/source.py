"""A message as it is stored, made safe to show, and what is looked for in it."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len, chop_cells

from mxtui.message.sanitize import block
from mxtui.tui.draw.scene import Scene
from mxtui.tui.line import Line

MOST_FOUND = 10_000
"""Places; nobody steps through more."""


class Row(NamedTuple):
    """What one row of the screen shows: characters of a line."""

    line: int
    start: int
    end: int


class Place(NamedTuple):
    """Where something was found."""

    line: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Source:
    """Sanitised lines, and how they are broken for a width."""

    lines: Sequence[str]
    rows: Sequence[Row]
    body: int
    """The first line behind the headers."""
    cut: bool
    """There is more than was read."""

    def row_of(self, place: Place) -> int:
        """Where a place begins."""
        return max(0, bisect_left(self.rows, (place.line, place.start + 1)) - 1)


def sanitised(content: bytes) -> list[str]:
    """Lines of a message that can do nothing to a terminal; 1 MB takes up to half a second, mostly a tenth of that."""
    return block(content.decode("utf-8", "surrogateescape")).split("\n")


def broken(lines: Sequence[str], width: int, *, cut: bool) -> Source:
    """Lines cut into rows so many cells wide; nothing is left out."""
    rows: list[Row] = []
    for number, line in enumerate(lines):
        if len(line) <= width and (line.isascii() or cell_len(line) <= width):
            rows.append(Row(number, 0, len(line)))
        elif line.isascii():
            rows += [Row(number, start, min(len(line), start + width)) for start in range(0, len(line), width)]
        else:
            start = 0
            for piece in chop_cells(line, width):
                rows.append(Row(number, start, start + len(piece)))
                start += len(piece)
    body = next((number for number, line in enumerate(lines) if not line), len(lines))
    return Source(lines, rows, body, cut)


def find(source: Source, words: str) -> list[Place]:
    """Everywhere that the words stand on one line, in any case; at most so many places."""
    found: list[Place] = []
    wanted = words.lower()
    for number, line in enumerate(source.lines) if wanted else ():
        low = line.lower()
        if len(low) != len(line):  # İ becomes two characters, and places would be off
            low = line
        at = low.find(wanted)
        while at >= 0:
            found.append(Place(number, at, at + len(wanted)))
            if len(found) == MOST_FOUND:
                return found
            at = low.find(wanted, at + len(wanted))
    return found


def drawn(scene: Scene, source: Source, top: int, height: int, found: Sequence[Place], at: int) -> list[Line]:
    """So many rows from `top` on; `at` is the number of the place that the reader stands at."""
    lines = [_row(scene, source, row, found, at) for row in source.rows[top : top + height]]
    if len(lines) < height and source.cut:
        words = "the rest is not shown; e saves it all"
        lines.append(Line((f" {scene.glyphs.ellipsis} {words}", scene.look.label)))
    return lines


def _row(scene: Scene, source: Source, row: Row, found: Sequence[Place], at: int) -> Line:
    look, text = scene.look, source.lines[row.line]
    shown = Line((" ", look.text))
    position = row.start
    if row.line < source.body and not row.start:
        name, colon, _ = text[: row.end].partition(":")
        if colon and name.isascii() and " " not in name:
            position = len(name) + 1
            shown.add(text[:position], look.accent)
    number = bisect_left(found, (row.line, 0, 0))
    while number < len(found) and found[number].line == row.line and found[number].start < row.end:
        place = found[number]
        if place.end > position:
            start, end = max(place.start, position), min(place.end, row.end)
            shown.add(text[position:start], look.text)
            shown.add(text[start:end], look.selected if number == at else look.badge_warning)
            position = end
        number += 1
    return shown.add(text[position : row.end], look.text)
