"""A widget of ready lines that repaints the cells that differ and no others."""

from collections.abc import Mapping, Sequence

from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from mxtui.tui.host import host_of
from mxtui.tui.line import Line, changed_span


class Painted(Widget):
    """Shows lines it is given; the stylesheet says how many there is room for, or `grow` does."""

    def __init__(self, id_: str) -> None:
        super().__init__(id=id_)
        self._given: tuple[Sequence[Line], Style, Mapping[int, Style]] = ((), Style.null(), {})
        self._strips: list[Strip] = []

    def paint(self, lines: Sequence[Line], base: Style, grounds: Mapping[int, Style] | None = None) -> None:
        """Show these lines on `base`, or on a background of their own by line number."""
        grounds = grounds or {}
        before, self._given = self._given[1], (lines, base, grounds)
        width, ascii_only = self.size.width, host_of(self).look.ascii
        fresh = [
            line.strip(width, grounds.get(y, base), ascii_only=ascii_only)
            for y, line in enumerate(lines[: self.size.height])
        ]
        stale, self._strips = self._strips, fresh
        if base != before or len(stale) != len(fresh):
            self.refresh()
            return
        for y, (old, new) in enumerate(zip(stale, fresh, strict=True)):
            if span := changed_span(old, new):
                self.refresh(Region(span[0], y, span[1] - span[0], 1))

    def grow(self, lines: Sequence[Line], base: Style, grounds: Mapping[int, Style] | None = None) -> None:
        """Show these lines, and be as high as they are."""
        if self.styles.height is None or self.styles.height.value != len(lines):
            self.styles.height = len(lines)
        self.paint(lines, base, grounds)

    def render_line(self, y: int) -> Strip:
        """A ready line; blank below the last."""
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self._given[1])

    def on_resize(self) -> None:
        """A new height or width has come into force."""
        self.paint(*self._given)
