"""Lines of styled text: what every widget of ours paints, built by pure functions.

This is the last gate before the terminal: whatever is not printable goes through the sanitizer here, so that no drawing
function can forget it. Nothing on a line is ever parsed as markup.
"""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from mxtui.message.sanitize import one_line
from mxtui.tui.glyphs import to_ascii

Span = tuple[str, Style]
Spans = Sequence[Span]

LONGEST = 1_000
"""Characters of one text that are looked at: no terminal is wider, and a header line may have a megabyte."""


def clean(text: str) -> str:
    """Text that can do nothing to a terminal, on one line."""
    text = text[:LONGEST]
    return text if text.isprintable() else one_line(text)


def width(spans: Iterable[Span]) -> int:
    """Cells."""
    return sum(cell_len(text) for text, _ in spans)


class Line:
    """One line, from left to right. A column is counted in cells, from 0."""

    __slots__ = ("spans", "width")

    def __init__(self, *spans: Span) -> None:
        self.spans: list[Span] = []
        self.width = 0
        for text, style in spans:
            self.add(text, style)

    def add(self, text: str, style: Style) -> "Line":
        """Append text, whatever is in it."""
        if text:
            text = clean(text)
            self.spans.append((text, style))
            self.width += cell_len(text)
        return self

    def extend(self, spans: Spans) -> "Line":
        """Append several."""
        for text, style in spans:
            self.add(text, style)
        return self

    def to(self, column: int) -> "Line":
        """Go on at this column, at least one cell further when something stands there already."""
        gap = column - self.width if self.width <= column else 1
        return self.add(" " * gap, Style.null()) if gap else self

    def right(self, spans: Spans, edge: int) -> "Line":
        """End at `edge`; left out where there is no room."""
        line = Line(*spans)
        if self.width + line.width < edge:
            self.to(edge - line.width).extend(line.spans)
        return self

    def strip(self, cells: int, base: Style, *, ascii_only: bool = False) -> Strip:
        """The line on its background, exactly this wide, in as few segments as look the same: each costs 45 bytes."""
        segments: list[Segment] = []
        left = cells
        for text, style in self.spans:
            if left <= 0:
                break
            shown = to_ascii(text) if ascii_only else text
            length = cell_len(shown)
            if length > left:
                shown, length = set_cell_size(shown, left), left
            _append(segments, shown, base + style)
            left -= length
        if left > 0:
            _append(segments, " " * left, base)
        return Strip(segments, cells)


def _append(segments: list[Segment], text: str, style: Style) -> None:
    """Add a segment, or to the last one: spaces look alike in any colour on the same ground."""
    if segments:
        before, last, _ = segments[-1]
        assert last is not None
        if style == last:
            segments[-1] = Segment(before + text, last)
            return
        if style.bgcolor == last.bgcolor and not (_shows_on_spaces(style) or _shows_on_spaces(last)):
            if text.isspace():
                segments[-1] = Segment(before + text, last)
                return
            if before.isspace():
                segments[-1] = Segment(before + text, style)
                return
    segments.append(Segment(text, style))


def _shows_on_spaces(style: Style) -> bool:
    return bool(style.reverse or style.underline)


def fit(text: str, cells: int, ellipsis: str = "…") -> str:
    """At most this wide; the right end goes.

    >>> fit("Application: system administrator", 12)
    'Application…'
    """
    text = clean(text)
    if cell_len(text) <= cells:
        return text
    room = cells - cell_len(ellipsis)
    return set_cell_size(text, room).rstrip() + ellipsis if room >= 0 else set_cell_size(text, max(0, cells))


def wrap(text: str, cells: int) -> list[str]:
    """Broken between words into lines at most this wide; a longer word is cut.

    >>> wrap("the queue's file system is full", 12)
    ["the queue's", 'file system', 'is full']
    """
    lines, line = [], ""
    for word in clean(text).split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= cells:
            line = longer
            continue
        if line:
            lines.append(line)
        line = word
        while cell_len(line) > max(1, cells):
            piece = set_cell_size(line, max(1, cells))
            lines.append(piece)
            line = line[len(piece.rstrip()) or 1 :]
    return [*lines, line]


def fit_left(text: str, cells: int, ellipsis: str = "…") -> str:
    """At most this wide; the left end goes, as for domains.

    >>> fit_left("very.long.name.example.org", 12)
    '…example.org'
    """
    text = clean(text)
    if cell_len(text) <= cells:
        return text
    room = max(0, cells - cell_len(ellipsis))
    kept = text
    while kept and cell_len(kept) > room:
        kept = kept[1:]
    return fit(ellipsis + kept, cells, "")


def fit_address(address: str, cells: int, ellipsis: str = "…") -> str:
    """At most this wide; the end of the local part goes first.

    >>> fit_address("kundendienst@rechnung.example", 26)
    'kundendi…@rechnung.example'
    """
    address = clean(address)
    if cell_len(address) <= cells:
        return address
    local, at, domain = address.rpartition("@")
    room = cells - cell_len(at + domain) - cell_len(ellipsis)
    if not at or room < 1:
        return fit(address, cells, ellipsis)
    return set_cell_size(local, room).rstrip() + ellipsis + at + domain


def changed_span(old: Strip, new: Strip) -> tuple[int, int] | None:
    """The cells, first and one past the last, in which two lines differ; None when they are alike.

    A terminal over a slow line is sent just these.
    """
    before, after = list(old), list(new)
    if before == after:
        return None
    start = _alike(before, after)
    end = _alike(before[::-1], after[::-1], backwards=True)
    return start, max(new.cell_length, old.cell_length) - end


def _alike(before: list[Segment], after: list[Segment], *, backwards: bool = False) -> int:
    cells = 0
    for one, other in zip(before, after, strict=False):
        if one == other:
            cells += one.cell_length
            continue
        if one.style == other.style:
            cells += _common(one.text, other.text, backwards)
        break
    return cells


def _common(one: str, other: str, backwards: bool) -> int:
    if not (one.isascii() and other.isascii()):
        return 0  # combining marks: a cell can change though its first character does not
    if backwards:
        one, other = one[::-1], other[::-1]
    alike = 0
    while alike < min(len(one), len(other)) and one[alike] == other[alike]:
        alike += 1
    return alike
