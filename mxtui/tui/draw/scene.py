"""What drawing functions are given."""

from dataclasses import dataclass

from rich.style import Style

from mxtui.tui.glyphs import Glyphs
from mxtui.tui.line import Line, fit
from mxtui.tui.look import Look


@dataclass(frozen=True, slots=True)
class Scene:
    """A place to draw in."""

    look: Look
    now: float
    width: int
    height: int

    @property
    def glyphs(self) -> Glyphs:
        """Signs of the look."""
        return self.look.glyphs

    @property
    def wide(self) -> bool:
        """Room for words and blank cells."""
        return self.width >= 108

    @property
    def low(self) -> bool:
        """No room for blank lines; as the app's breakpoints have it."""
        return self.height < 30

    def fit(self, text: str, cells: int) -> str:
        """Cut at the right."""
        return fit(text, cells, self.glyphs.ellipsis)


def ruled(scene: Scene, title: str, words: str = "") -> Line:
    """A rule across, with a title in it."""
    look = scene.look
    line = Line((scene.glyphs.rule, look.faint), (" ", look.text), (title, look.strong))
    if words:
        line.add("  " if scene.wide else " ", look.text).add(scene.fit(words, scene.width - line.width - 4), look.label)
    return line.add(" ", look.text).add(scene.glyphs.rule * max(0, scene.width - line.width - 1), look.faint)


def badge(text: str, style: Style) -> Line:
    """A word on a ground of its own."""
    return Line((f" {text} ", style))
