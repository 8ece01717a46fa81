"""The filter as it is typed: coloured, checked at once, its matches counted live."""

from dataclasses import dataclass
from typing import ClassVar

from rich.highlighter import Highlighter
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input

from mxtui.errors import FilterError
from mxtui.model.filter import EVERYTHING, Everything, Filter, parse, spans
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw import messages as draw
from mxtui.tui.draw.scene import Scene
from mxtui.tui.host import host_of
from mxtui.tui.line import Line
from mxtui.tui.widgets.painted import Painted

LONGEST = 500
"""Characters of a filter."""


class _Colours(Highlighter):
    """Words in the accent, values strong, mistakes in danger."""

    def __init__(self, bar: "FilterBar") -> None:
        self._bar = bar

    def highlight(self, text: Text) -> None:
        """Colour what is being typed."""
        look = host_of(self._bar).look
        styles = {"word": look.accent, "value": look.strong, "operator": look.accent, "negation": look.warning,
                  "error": look.danger}  # fmt: skip
        at = self._bar.error.position if self._bar.error else None
        for start, end, kind in spans(text.plain, at):
            text.stylize(styles[kind], start, end)


TYPING: tuple[Command, ...] = (
    Command("filter.done", "enter", "Done", "Back to the list, with this filter.",
            lambda screen: screen.stop_typing(), palette=False),
    Command("filter.down", "down", "List", "Back to the list, with this filter.",
            lambda screen: screen.stop_typing(), footer=False, palette=False),
    Command("filter.clear", "escape", "Clear", "Back to the list, without a filter.",
            lambda screen: screen.stop_typing(clear=True), palette=False),
)  # fmt: skip
"""What works while typing."""


class _Input(Input):
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(TYPING, "screen.")]


class FilterBar(Vertical):
    """One line to type in and, while typing, one that helps."""

    @dataclass
    class Changed(Message):
        """Another filter that can be understood; or what is typed no longer can be, or can be again."""

        filter: Filter
        text: str

    def __init__(self) -> None:
        super().__init__(id="filter")
        self.error: FilterError | None = None
        self.filter: Filter = EVERYTHING
        """The last that could be understood."""
        self._found: tuple[int, int, int, float | None] | None = None

    def compose(self) -> ComposeResult:
        """The line, and its help."""
        with Horizontal(id="filter-row"):
            yield Painted("filter-key")
            yield _Input(
                id="filter-text", compact=True, highlighter=_Colours(self), max_length=LONGEST, select_on_focus=False
            )
            yield Painted("filter-found")
        yield Painted("filter-help")

    @property
    def text(self) -> str:
        """As typed."""
        return self.query_one(_Input).value

    @property
    def everything(self) -> bool:
        """No filter."""
        return isinstance(self.filter, Everything)

    def type_in(self, text: str) -> None:
        """As if it were typed."""
        field = self.query_one(_Input)
        field.value = text
        field.cursor_position = len(text)

    def focus_text(self) -> None:
        """Ready to type one more term."""
        if self.text and not self.text.endswith(" "):
            self.type_in(f"{self.text} ")
        # Not Input.focus, which comes a turn of the loop later: keys of a fast hand would be commands.
        self.screen.set_focus(self.query_one(_Input))

    def found(self, matching: int, of: int, octets: int, oldest: float | None) -> None:
        """What the filter finds."""
        self._found = matching, of, octets, oldest
        self.update()

    def update(self) -> None:
        """Redraw all but the input itself."""
        host = host_of(self)
        look, scene = host.look, Scene(host.look, host.now(), self.size.width, self.size.height)
        field = self.query_one(_Input)
        typing = self.typing or self.error is not None
        key = look.key if typing or self.text else look.label
        self.query_one("#filter-key", Painted).paint([Line((" / ", key))], look.bar)
        if self._found is not None:
            # Nothing found by half a word, `age` of `age>>3`, is no answer to what is meant.
            told = self._found[0] or self.error is None
            line = draw.filter_totals(scene, *self._found) if told else Line()
            found = self.query_one("#filter-found", Painted)
            found.styles.width = line.width + 1
            found.paint([line], look.bar)
        self.set_class(typing, "-typing")
        self.query_one("#filter-help", Painted).paint([self._help(scene, field)], look.ground)

    def _help(self, scene: Scene, field: Input) -> Line:
        if self.error is None:
            return draw.hints(scene)
        column = 3 + self.error.position - round(field.scroll_x)
        return draw.mistake(scene, max(0, column), self.error.message, self.error.expected)

    @on(Input.Changed)
    def _read(self, event: Input.Changed) -> None:
        event.stop()
        mistaken, understood = self.error is not None, self.filter
        try:
            understood, self.error = parse(event.value, host_of(self).words), None
        except FilterError as error:
            self.error = error
        if understood != self.filter or mistaken != (self.error is not None):
            self.filter = understood
            self.post_message(self.Changed(understood, event.value))
        self.query_one(_Input).refresh()
        self.update()

    @property
    def typing(self) -> bool:
        """The cursor is in it."""
        return isinstance(self.screen.focused, _Input)

    def on_descendant_focus(self) -> None:
        """Typing: help appears."""
        self.update()

    def on_descendant_blur(self) -> None:
        """No longer."""
        self.call_after_refresh(self.update)

    def on_resize(self) -> None:
        """Another width."""
        self.update()
