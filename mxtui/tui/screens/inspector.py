"""The inspector: one message, whatever it holds, without opening anything."""

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from mxtui.errors import MxtuiError
from mxtui.index import View
from mxtui.message.differences import Envelope, differences
from mxtui.model.overview import Overview
from mxtui.model.redirect import Redirect
from mxtui.model.source import ALLOWED, Permission, Verb
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.inspector import Opened, body, headline, raw
from mxtui.tui.line import Line
from mxtui.tui.screens.acting import ActingScreen, redirect_command, verb_command
from mxtui.tui.screens.save import SaveScreen
from mxtui.tui.widgets.chrome import Chrome
from mxtui.tui.widgets.painted import Painted

RAW = 128 * 1024
"""Bytes of the source shown: each line is drawn, so this bounds time and memory."""

_ON_MESSAGE: tuple[Command, ...] = (
    Command("inspector.back", "escape", "Back", "Back to the list.", lambda screen: screen.dismiss(), palette=False),
    Command("inspector.next", "n", "Next", "The next message of the list.", lambda screen: screen.step(1)),
    Command("inspector.previous", "N", "Previous", "The one before.", lambda screen: screen.step(-1)),
    Command("inspector.mark", "space", "Mark", "Mark this message, or take the mark away.",
            lambda screen: screen.mark()),
    Command("inspector.campaign", "c", "Mark campaign", "Mark all messages of the campaign that this one is of.",
            lambda screen: screen.mark_campaign(), footer=False),
    verb_command("inspector", Verb.HOLD, "h", "Keep this message from being tried."),
    verb_command("inspector", Verb.RELEASE, "r", "Let this message be tried again."),
    redirect_command("inspector", "Send this message to another address or host."),
    verb_command("inspector", Verb.REJECT, "x", "Return this message to its sender."),
    verb_command("inspector", Verb.DELETE, "d", "Remove this message; a copy is kept."),
    verb_command("inspector", Verb.FLUSH, "f", "Try this message now."),
    Command("inspector.raw", "v", lambda screen: "Reading view" if screen.is_raw else "Raw source",
            "The message as stored, made safe to show.", lambda screen: screen.toggle_raw(),
            lambda screen: screen.readable()),
    Command("inspector.save", "e", "Save", "Save the message as an .eml file, as it is stored.",
            lambda screen: screen.save(), lambda screen: screen.readable()),
    Command("inspector.undo", "u", "Undo", "Undo what was done last.", lambda screen: screen.undo(), footer=False),
)  # fmt: skip


class InspectorScreen(ActingScreen):
    """One message of a view."""

    TAB = "messages"
    COMMANDS_HERE = _ON_MESSAGE
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(_ON_MESSAGE),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(20)", show=False),
        Binding("pageup", "scroll(-20)", show=False),
        Binding("home,g", "scroll(-1000000)", show=False),
        Binding("end,G", "scroll(1000000)", show=False),
    ]
    EXPLAINED = (
        "One message: its envelope as this server knows it, the servers it passed, its parts and its text. Nothing is "
        "opened or fetched, links are shown inactive, and characters that hide or reverse text are shown as codes. "
        "A difference sign stands where a header disagrees with what this server saw: a hint, never a proof."
    )

    def __init__(self, view: View, queue_id: str, position: int) -> None:
        super().__init__()
        self._view = view
        self._at = position
        self._queue_id = queue_id
        self._opened: Opened | None = None
        self._raw: bytes | None = None
        self._gone = False

    def content(self) -> Iterable[Widget]:
        """Headline, and what scrolls."""
        yield Painted("headline")
        with VerticalScroll(id="opened", can_focus=False):
            yield Painted("body")

    def on_mount(self) -> None:
        """Read it."""
        self._open()

    # -- what is shown ------------------------------------------------------------------------------------------

    @work(exclusive=True, group="open")
    async def _open(self) -> None:
        services, queue_id = self.host.services, self._queue_id
        message = await asyncio.to_thread(services.monitor.index.message, queue_id)
        if message is None:
            self._gone = True
            self.tick()
            return
        self._gone, self._raw = False, None
        self._opened = Opened(message, None, ())
        self.query_one("#opened").scroll_home(animate=False)
        self.redraw()
        try:
            seen = await asyncio.to_thread(services.inspect, queue_id)
        except MxtuiError as error:
            self._opened = Opened(message, None, (), f"{error.message}. {error.hint}".strip())
        else:
            envelope = Envelope(message.sender, message.arrival, services.own_names)
            self._opened = Opened(message, seen, differences(seen, envelope))
        self.redraw()

    def redraw(self) -> None:
        """The message; the chrome is drawn each second anyway."""
        if self._opened is not None:
            scene, ground = self.scene, self.host.look.ground
            lines = body(scene, self._opened) if self._raw is None else raw(scene, self._raw, RAW)
            self.query_one("#body", Painted).grow(lines, ground)
        self.tick()

    def show_overview(self, _: Overview, /) -> None:
        """The message may have left, or moved."""
        self._look_again()

    @work(exclusive=True, group="again")
    async def _look_again(self) -> None:
        message = await asyncio.to_thread(self.host.services.monitor.index.message, self._queue_id)
        self._gone = message is None
        if message is not None and self._opened is not None and message != self._opened.message:
            self._opened = Opened(message, self._opened.seen, self._opened.remarks, self._opened.fault)
            self.redraw()
        else:
            self.tick()

    def tick(self) -> None:
        """Ages grow."""
        look, chrome = self.host.look, self.query_one(Chrome)
        chrome.trail = [
            ("2 Messages ", look.label),
            (f"{look.glyphs.into} ", look.faint),
            (self._queue_id, look.strong),
            (f"   {self._at + 1:,} of {self._view.count:,}", look.label),
        ]
        chrome.aside = [(f"{look.glyphs.marked} marked", look.accent)] if self._queue_id in self.host.marks else []
        if self._gone:
            chrome.aside = [(f"{look.glyphs.warning} no longer queued", look.warning)]
        super().tick()
        lines = headline(self.scene, self._opened.message) if self._opened is not None else [Line()]
        self.query_one("#headline", Painted).paint([*lines, Line()], look.ground)

    def on_resize(self) -> None:
        """Other columns."""
        self.call_after_refresh(self.redraw)

    # -- commands -----------------------------------------------------------------------------------------------

    def step(self, by: int) -> None:
        """Along the list that it was opened from."""
        self._step(by)

    @work(exclusive=True, group="step")
    async def _step(self, by: int) -> None:
        view, queue_id, position = self._view, self._queue_id, self._at

        def neighbour() -> tuple[int, str] | None:
            here = view.position(queue_id)
            # A message that left was followed by the one that has its place now.
            wanted = here + by if here is not None else position + min(0, by)
            rows = view.rows(wanted, wanted + 1) if wanted >= 0 else []
            return (wanted, rows[0].queue_id) if rows else None

        found = await asyncio.to_thread(neighbour)
        if found is None:
            self.notify("That was the last." if by > 0 else "That was the first.", markup=False)
        else:
            self._at, self._queue_id = found
            self._open()

    def mark(self) -> None:
        """Mark or unmark."""
        self.host.marks.symmetric_difference_update({self._queue_id})
        self.tick()

    @work(exclusive=True, group="campaign")
    async def mark_campaign(self) -> None:
        """All that belongs together with this message."""
        index, queue_id = self.host.services.monitor.index, self._queue_id
        found = await asyncio.to_thread(index.same_campaign, queue_id)
        if found:
            self.host.marks.update(found)
            self.notify(f"{len(found):,} messages of its campaign are marked.", markup=False)
        else:
            self.notify("It is of no campaign that is known.", markup=False)
        self.tick()

    @property
    def is_raw(self) -> bool:
        """The source is shown."""
        return self._raw is not None

    def readable(self) -> Permission:
        """Whether there is a source to show."""
        overview = self.host.overview
        return ALLOWED if overview is None else overview.capabilities.content

    @work(exclusive=True, group="raw")
    async def toggle_raw(self) -> None:
        """As stored, or laid open."""
        if self._raw is not None:
            self._raw = None
        else:
            try:
                self._raw = await asyncio.to_thread(self.host.services.content, self._queue_id, RAW)
            except MxtuiError as error:
                self.complain(error)
        self.query_one("#opened").scroll_home(animate=False)
        self.redraw()

    def save(self) -> None:
        """Ask where to, and do."""

        def saved(said: str | None) -> None:
            if said is not None:
                self.notify(said, markup=False)

        self.app.push_screen(SaveScreen(self._queue_id, self.host.services.save), saved)

    def act(self, verb: Verb, where: Redirect | None = None) -> None:
        """On this message alone, whatever is marked."""
        chosen = (self._queue_id,)
        self.plan_for(verb, lambda: chosen, f"id:{self._queue_id}", where=where)

    def action_scroll(self, lines: int) -> None:
        """By so many lines."""
        self.query_one("#opened").scroll_relative(y=lines, animate=False)
