"""The raw source of a message, made safe to show, and a search in it."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import events, on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from mxtui.errors import MxtuiError
from mxtui.model.source import ALLOWED, Permission
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.source import MOST_FOUND, Place, Source, broken, drawn, find, sanitised
from mxtui.tui.line import Line
from mxtui.tui.screens.saving import SavingScreen
from mxtui.tui.widgets.chrome import Chrome
from mxtui.tui.widgets.painted import Painted

RAW = 1 << 20
"""Bytes of the source shown and searched: each is looked at before it is shown, so this bounds time and memory."""

CONTEXT = 3
"""Rows above a place that was found."""

_ON_SOURCE: tuple[Command, ...] = (
    Command("source.back", "escape", "Back", "End the search; without one, back to the message.",
            lambda screen: screen.back(), palette=False),
    Command("source.search", "slash", "Search", "Look for words in the source, in any case.",
            lambda screen: screen.search()),
    Command("source.next", "n", "Next", "The next place where the words stand.",
            lambda screen: screen.step(1), lambda screen: screen.something_found()),
    Command("source.previous", "N", "Previous", "The one before.",
            lambda screen: screen.step(-1), lambda screen: screen.something_found()),
    Command("source.reading", "v", "Reading view", "Back to the message laid open.", lambda screen: screen.dismiss()),
    Command("source.save", "e", "Save", "Save the message as an .eml file, as it is stored.",
            lambda screen: screen.save()),
)  # fmt: skip

_TYPING: tuple[Command, ...] = (
    Command("source.done", "enter", "Find", "Go to the first place.",
            lambda screen: screen.found_enough(), palette=False),
    Command("source.cancel", "escape", "Clear", "End the search.", lambda screen: screen.back(), palette=False),
)  # fmt: skip


class _Words(Input):
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_TYPING, "screen.")]


class SourceScreen(SavingScreen):
    """One message as it is stored."""

    TAB = "messages"
    AUTO_FOCUS = ""
    COMMANDS_HERE = _ON_SOURCE
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(_ON_SOURCE),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("home,g", "scroll(-1000000000)", show=False),
        Binding("end,G", "scroll(1000000000)", show=False),
    ]
    EXPLAINED = (
        "The message as it is stored, not decoded, from its first header on. What a terminal would obey, and what "
        "hides or reverses text, is shown as signs and codes. The search looks through all that is shown."
    )

    def __init__(self, queue_id: str) -> None:
        super().__init__()
        self._queue_id = queue_id
        self._lines: Sequence[str] | None = None
        self._cut = False
        self._source: Source | None = None
        self._top = 0
        self._found: Sequence[Place] = ()
        self._at = 0

    def content(self) -> Iterable[Widget]:
        """The source, and the line to search with."""
        yield Painted("source")
        with Horizontal(id="search-row"):
            yield Painted("search-key")
            yield _Words(id="search-text", compact=True, max_length=200, select_on_focus=False)
            yield Painted("search-found")

    @property
    def commands(self) -> tuple[Command, ...]:
        """Those of the field while somebody types in it."""
        return _TYPING if isinstance(self.focused, Input) else super().commands

    def on_mount(self) -> None:
        """Read it."""
        self.query_one("#search-row").display = False
        self._read()

    @work(exclusive=True, group="raw")
    async def _read(self) -> None:
        content = self.host.services.content

        def read() -> tuple[list[str], bool]:
            raw = content(self._queue_id, RAW)
            return sanitised(raw), len(raw) == RAW

        try:
            self._lines, self._cut = await asyncio.to_thread(read)
        except MxtuiError as error:
            self._lines = [f"{error.message}. {error.hint}".strip()]
        self._lay_out()

    def _lay_out(self) -> None:
        if self._lines is not None and self.size.width:
            self._source = broken(self._lines, max(10, self.size.width - 2), cut=self._cut)
            self._show()

    def _show(self) -> None:
        source, look = self._source, self.host.look
        if source is not None:
            view = self.query_one("#source", Painted)
            height = max(1, view.size.height)
            self._top = max(0, min(self._top, len(source.rows) + source.cut - height))
            view.paint(drawn(self.scene, source, self._top, height, self._found, self._at), look.ground)
        self.query_one("#search-key", Painted).paint([Line((" / ", look.key))], look.bar)
        self.query_one("#search-found", Painted).paint([self._told()], look.bar)
        self.tick()

    def _told(self) -> Line:
        look, typed = self.host.look, self._words
        if not typed:
            return Line(("words to look for", look.label))
        if not self._found:
            return Line(("nowhere", look.warning))
        many = "+" if len(self._found) == MOST_FOUND else ""
        return Line((f"{self._at + 1:,} of {len(self._found):,}{many}", look.text))

    @property
    def _words(self) -> str:
        return self.query_one(_Words).value

    def tick(self) -> None:
        """Where the reader is."""
        look, chrome, source = self.host.look, self.query_one(Chrome), self._source
        chrome.trail = [
            ("2 Messages ", look.label), (f"{look.glyphs.into} ", look.faint), (self._queue_id, look.strong),
            (f" {look.glyphs.into} ", look.faint), ("raw source", look.text),
        ]  # fmt: skip
        chrome.aside = []
        if source is not None and source.rows:
            line = source.rows[min(self._top, len(source.rows) - 1)].line
            chrome.aside = [(f"line {line + 1:,} of {len(source.lines):,}", look.label)]
        super().tick()

    def on_resize(self) -> None:
        """Other rows; the same line stays on top."""
        self.call_after_refresh(self._again)

    def _again(self) -> None:
        before = self._source
        line = before.rows[self._top].line if before is not None and self._top < len(before.rows) else 0
        self._lay_out()
        if before is not None and self._source is not None:
            self._top = self._source.row_of(Place(line, 0, 0))
            self._show()

    # -- moving -------------------------------------------------------------------------------------------------

    def action_scroll(self, rows: int) -> None:
        """By so many rows."""
        self._top = max(0, self._top + rows)
        self._show()

    def action_page(self, by: int) -> None:
        """By what is on the screen, but for a row."""
        self.action_scroll(by * max(1, self.query_one("#source", Painted).size.height - 1))

    def on_mouse_scroll_down(self, _: events.MouseScrollDown) -> None:
        """With the wheel."""
        self.action_scroll(3)

    def on_mouse_scroll_up(self, _: events.MouseScrollUp) -> None:
        """With the wheel."""
        self.action_scroll(-3)

    # -- searching ----------------------------------------------------------------------------------------------

    def search(self) -> None:
        """Type words."""
        self.query_one("#search-row").display = True
        self.set_focus(self.query_one(_Words))
        self.call_after_refresh(self._again)

    def found_enough(self) -> None:
        """Back to the source, at the place that was found."""
        self.set_focus(None)
        self._show()

    def back(self) -> None:
        """End the search, or this view of the message."""
        if not self.query_one("#search-row").display:
            self.dismiss()
            return
        self.set_focus(None)
        self.query_one(_Words).value = ""
        self.query_one("#search-row").display = False
        self.call_after_refresh(self._again)

    @on(Input.Changed)
    def _look_for(self) -> None:
        """At once, from what is on the screen on."""
        source = self._source
        self._found, self._at = (), 0
        if source is not None:
            self._found = find(source, self._words)
            here = source.rows[min(self._top, len(source.rows) - 1)].line if source.rows else 0
            self._at = next((n for n, place in enumerate(self._found) if place.line >= here), 0)
            self._go()

    def something_found(self) -> Permission:
        """Whether there is a place to go to."""
        return ALLOWED if self._found else Permission(False, "nothing was searched for that is here", "Search with /.")

    def step(self, by: int) -> None:
        """To another place; behind the last comes the first."""
        self._at = (self._at + by) % len(self._found)
        self._go()

    def _go(self) -> None:
        if self._found and self._source is not None:
            row = self._source.row_of(self._found[self._at])
            height = self.query_one("#source", Painted).size.height
            if not self._top <= row < self._top + height:
                self._top = max(0, row - CONTEXT)
        self._show()

    def save(self) -> None:
        """The whole message."""
        self.save_message(self._queue_id)
