"""What the terminal shows, what it is to show, and the fewest bytes from one to the other.

Textual sends whole segments with their styles, each from a reset: 9 to 18 kB for a page of 120×40. Over 9,600 bit/s
that is 19 s. Here every cell is known, so a clock costs the figure that changed.
"""

import re
from typing import Final, NamedTuple

from rich.cells import cell_len, get_character_cell_size

from mxtui.tui.output.styles import PLAIN, blank, transition

UNKNOWN: Final = "\x00"
"""A cell of which nobody knows what is in it."""

_SKIP: Final = 6
"""Cells that differ not, and are sent again all the same: to move the cursor costs as much."""

_NARROW: Final = re.compile("[ -~\u00a0-\u02ff\u2010-\u2027\u2030-\u205e\u2070-\u27bf]*")
"""Characters that stand for themselves and join no other, if `cell_len` takes them for one cell each."""

_PIECE: Final = re.compile(
    r"\x1b\[(?P<row>\d+);(?P<column>\d+)H"
    r"|\x1b\[(?P<style>[\d;]*)m"
    r"|(?P<text>[^\x1b\n]+)"
    r"|(?P<nothing>\n|\x1b\[\?2026[hl]|\x1b\]8;.*?\x1b\\)"
    r"|(?P<control>\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P].*?(?:\x1b\\|\x07)|\x1b.)",
    re.DOTALL,
)
"""What Textual writes. A line feed goes before a move of the cursor and means nothing; what is drawn at once is said by
whoever sends."""


class _Row:
    """Cells of one line: characters, one string a cell (empty: the second half of a wide one), and their styles."""

    __slots__ = ("characters", "styles")

    def __init__(self) -> None:
        self.characters: list[str] = []
        self.styles: list[str] = []

    def reach(self, length: int) -> None:
        """Be at least this long."""
        if (more := length - len(self.characters)) > 0:
            self.characters += [UNKNOWN] * more
            self.styles += [PLAIN] * more

    def put(self, at: int, characters: list[str] | str, style: str) -> None:
        """Write over what is there."""
        end = at + len(characters)
        self.reach(end)
        before, after = self.characters[at : at + 1] == [""], self.characters[end : end + 1] == [""]
        self.characters[at:end] = characters
        self.styles[at:end] = [style] * len(characters)
        # Half a wide character is none: a terminal shows a blank.
        if before and at:
            self.characters[at - 1] = " "
        if after:
            self.characters[end] = " "

    def crop(self, length: int) -> None:
        """Be no longer than this."""
        del self.characters[length:], self.styles[length:]


class _Place(NamedTuple):
    row: int
    column: int


class Screenful:
    """Not for several threads at once."""

    def __init__(self) -> None:
        self._wanted: list[_Row] = []
        self._shown: list[_Row] = []
        self._dirty: set[int] = set()
        """Rows that may differ."""
        self._next = 0
        """The row to go on with."""
        self._cursor: _Place | None = None
        """Where the terminal's is; None where nobody knows."""
        self._style: str | None = None

    @property
    def differs(self) -> bool:
        """Whether there may be anything to send."""
        return bool(self._dirty)

    def take(self, frame: str) -> list[str]:
        """Take in what Textual writes; what is no picture is given back, to be sent as it is."""
        controls = []
        row = column = 0
        style = PLAIN
        for piece in _PIECE.finditer(frame):
            kind = piece.lastgroup
            if kind == "text":
                column += self._put(row, column, piece["text"], style)
            elif kind == "style":
                style = "" if piece["style"] == "0" else piece["style"]
            elif kind == "column":
                row, column = int(piece["row"]) - 1, int(piece["column"]) - 1
            elif kind == "control":
                controls.append(piece["control"])
        return controls

    def _put(self, row: int, column: int, text: str, style: str) -> int:
        """The cells it takes."""
        while len(self._wanted) <= row:
            self._wanted.append(_Row())
            self._shown.append(_Row())
        cells: list[str] | str = text
        if not (_NARROW.fullmatch(text) and cell_len(text) == len(text)):
            cells = _cells(text)
        self._wanted[row].put(column, cells, style)
        self._dirty.add(row)
        return len(cells)

    def forget(self, columns: int, lines: int) -> None:
        """The terminal may show anything by now, and has this size."""
        for rows in (self._wanted, self._shown):
            del rows[lines:]
        for row in self._wanted:
            row.crop(columns)
        self._shown = [_Row() for _ in self._wanted]
        self._cursor = self._style = None
        self._dirty = set(range(len(self._wanted)))

    def lose_cursor(self) -> None:
        """Something else was sent: where it left the cursor, and in which style, is not known."""
        self._cursor = self._style = None

    def difference(self, room: int) -> str:
        """What to send next: whole lines, until they are `room` bytes or more. They count as shown from now on."""
        sent: list[str] = []
        size = 0
        for row in sorted(self._dirty, key=lambda row: (row < self._next, row)):
            if size >= room:
                break
            self._dirty.discard(row)
            self._next = row + 1
            if changed := self._row(row):
                sent.append(changed)
                size += len(changed)
        return "".join(sent)

    def _row(self, number: int) -> str:
        wanted, shown = self._wanted[number], self._shown[number]
        if wanted.characters == shown.characters and wanted.styles == shown.styles:
            return ""
        shown.reach(len(wanted.characters))
        sent = [self._span(number, first, end) for first, end in _spans(wanted, shown)]
        shown.characters, shown.styles = wanted.characters[:], wanted.styles[:]
        return "".join(sent)

    def _span(self, number: int, first: int, end: int) -> str:
        """Cells of one row, from and to."""
        row = self._wanted[number]
        sent = [self._move(number, first)]
        style = self._style
        for character, wanted in zip(row.characters[first:end], row.styles[first:end], strict=True):
            if style is None:
                sent.append(f"\x1b[0;{wanted}m" if wanted else "\x1b[m")
                style = wanted
            elif style != wanted and not (character == " " and blank(style) == blank(wanted)):
                sent.append(transition(style, wanted))
                style = wanted
            sent.append(character)
        self._style = style
        # At the right edge terminals differ about where the cursor is.
        self._cursor = _Place(number, end) if end < len(row.characters) else None
        return "".join(sent)

    def _move(self, row: int, column: int) -> str:
        here, self._cursor = self._cursor, _Place(row, column)
        if here == self._cursor:
            return ""
        if here is not None and here.row == row and here.column < column:
            return f"\x1b[{column - here.column}C"
        return f"\x1b[{row + 1}H" if not column else f"\x1b[{row + 1};{column + 1}H"


def _cells(text: str) -> list[str]:
    cells: list[str] = []
    for character in text:
        size = get_character_cell_size(character)
        if size == 0:  # joins the one before
            at = next((at for at in range(len(cells) - 1, -1, -1) if cells[at]), None)
            if at is not None:
                cells[at] += character
            continue
        cells += [character, *[""] * (size - 1)]
    return cells


def _spans(wanted: _Row, shown: _Row) -> list[tuple[int, int]]:
    """Where two lines differ, from and to; what lies close together is one."""
    spans: list[tuple[int, int]] = []
    cells = zip(wanted.characters, wanted.styles, shown.characters, shown.styles, strict=False)
    for at, (character, style, before, style_before) in enumerate(cells):
        if character == before and (
            style == style_before or (character == " " and blank(style) == blank(style_before))
        ):
            continue
        if character == UNKNOWN:  # never painted
            continue
        if spans and at - spans[-1][1] <= _SKIP and UNKNOWN not in wanted.characters[spans[-1][1] : at]:
            spans[-1] = spans[-1][0], at + 1
        else:
            spans.append((at, at + 1))
    return [(_whole(wanted, first, -1), _whole(wanted, end, 1)) for first, end in spans]


def _whole(row: _Row, at: int, step: int) -> int:
    """The edge of a character that is two cells wide lies beyond both."""
    while 0 < at < len(row.characters) and row.characters[at] == "":
        at += step
    return at
