"""A box over a screen: the only boxes there are."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget

from mxtui.tui.draw.scene import Scene
from mxtui.tui.host import Host, host_of
from mxtui.tui.line import Line
from mxtui.tui.widgets.painted import Painted

T = TypeVar("T")

HIGHEST = 0.96
"""Share of the terminal's height that a box may take, as in the stylesheet."""

FRAME = 4
"""Rows of its border and padding."""


class Dialog(ModalScreen[T], Generic[T]):
    """Lines in a box, which scroll where the terminal is small."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Close", show=False, id="dialog.close"),
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
    ]

    BELOW: ClassVar[int] = 0
    """Rows that `below` takes."""

    def compose(self) -> ComposeResult:
        """The box."""
        with Vertical(id="box"):
            with VerticalScroll(id="scroll", can_focus=False):
                yield Painted("text")
            yield from self.below()

    def below(self) -> Iterable[Widget]:
        """Under the lines, always in sight."""
        return ()

    @property
    def host(self) -> Host:
        """The app."""
        return host_of(self)

    @property
    def scene(self) -> Scene:
        """Inside the box."""
        width = max(20, min(100, self.size.width - 8))
        return Scene(self.host.look, self.host.now(), width, self.size.height)

    def show(self, title: str, lines: Sequence[Line]) -> None:
        """Show lines; the box is as high as they are, as far as the terminal allows."""
        ground = self.host.look.bar
        box, text = self.query_one("#box"), self.query_one("#text", Painted)
        box.border_title = title
        # What is below stays in sight, however small the terminal: a plan that cannot be confirmed is no use.
        room = int(self.size.height * HIGHEST) - FRAME - self.BELOW
        box.styles.width = self.scene.width + 6 + (len(lines) > room)  # a scrollbar has a column of its own
        self.query_one("#scroll").styles.height = max(1, min(len(lines), room))
        text.grow(lines, ground)

    def on_mount(self) -> None:
        """First drawing."""
        self.draw()

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Fill the box; for subclasses."""

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """By so many lines."""
        self.query_one("#scroll").scroll_relative(y=lines, animate=False)
