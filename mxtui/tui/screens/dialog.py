"""A box over a screen: the only boxes there are."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input

from mxtui.tui.draw.scene import Scene
from mxtui.tui.host import Host, host_of
from mxtui.tui.line import Line, wrap
from mxtui.tui.widgets.painted import Painted

T = TypeVar("T")

HIGHEST = 0.96
"""Share of the terminal's height that a box may take, as in the stylesheet."""

LEAST = 5
"""Rows of lines without which nobody can tell what would be confirmed."""

TOO_SMALL = "Too small to show the plan. A larger terminal does; Esc cancels."


class Dialog(ModalScreen[T], Generic[T]):
    """Lines in a box, which scroll where the terminal is small.

    Where it is too small to tell what would be done, the box says so, and there is nothing to confirm it with.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Close", show=False, id="dialog.close"),
        Binding("down,j", "scroll(1)", "Down", show=False, id="dialog.down"),
        Binding("up,k", "scroll(-1)", "Up", show=False, id="dialog.up"),
        Binding("pagedown", "scroll(10)", "Page down", show=False, id="dialog.page_down"),
        Binding("pageup", "scroll(-10)", "Page up", show=False, id="dialog.page_up"),
        Binding("home,g", "scroll(-1000000)", "First", show=False, id="dialog.first"),
        Binding("end,G", "scroll(1000000)", "Last", show=False, id="dialog.last"),
    ]

    BELOW: ClassVar[int] = 0
    """Rows that `below` takes."""

    _total: int = 0
    """Lines in the box."""
    _fitting: int = 0
    """Lines of them that are in sight at once; all of them where there is nothing to scroll to."""

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
        if not self.query("#text"):
            return  # it is being taken away: what ran for it ended at that moment
        scene, look = self.scene, self.host.look
        box, text = self.query_one("#box"), self.query_one("#text", Painted)
        highest = int(self.size.height * HIGHEST) - (2 if scene.low else 4)  # without border and padding
        cramped = bool(self.BELOW) and highest - self.BELOW < LEAST
        self.set_class(cramped, "-cramped")
        if cramped:
            lines = [Line((words, look.warning)) for words in wrap(TOO_SMALL, min(scene.width, self.size.width - 6))]
        # What is below stays in sight as long as the lines do: a plan that cannot be confirmed is no use.
        room = max(1, highest - (0 if cramped else self.BELOW))
        box.border_title = title
        self._total, self._fitting = len(lines), len(lines) if cramped else room
        self._tell_place()
        # A scrollbar has a column of its own.
        box.styles.width = min(scene.width + 6 + (len(lines) > room), self.size.width)
        self.query_one("#scroll").styles.height = min(len(lines), room)
        text.grow(lines, look.bar)
        for field in self.query(Input):  # hidden it would still take Enter
            field.disabled = cramped
        if self.BELOW and not cramped and self.focused is None:
            self.set_focus(self.query(Input).first())

    def on_mount(self) -> None:
        """First drawing. What was said before would lie over it."""
        self.app.clear_notifications()
        self.watch(self.query_one("#scroll"), "scroll_y", self._tell_place, init=False)  # the mouse scrolls, too
        self.draw()

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Fill the box; for subclasses."""

    def _tell_place(self) -> None:
        """How far one has come, as long as there is more."""
        seen = self.query_one("#scroll").scroll_offset.y + self._fitting
        more = f"{seen} of {self._total} lines: Down for the rest" if seen < self._total else ""
        self.query_one("#box").border_subtitle = more

    def action_cancel(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """By so many lines."""
        self.query_one("#scroll").scroll_relative(y=lines, animate=False)
