"""The inspector: one message, whatever it holds, without opening anything."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget

from mxtui.errors import MxtuiError
from mxtui.index import View
from mxtui.message.differences import Envelope, Remark, differences
from mxtui.message.handover import encryption
from mxtui.message.inspect import Inspection
from mxtui.message.limits import WHOLE
from mxtui.message.parts import Part
from mxtui.model.envelope import Client
from mxtui.model.message import QueuedMessage
from mxtui.model.overview import Overview
from mxtui.model.redirect import Redirect
from mxtui.model.source import ALLOWED, Permission, Verb
from mxtui.model.words import counted
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.inspector.layout import body, headline
from mxtui.tui.draw.inspector.opened import Opened
from mxtui.tui.line import Line
from mxtui.tui.screens.acting import redirect_command, verb_command
from mxtui.tui.screens.clearing import ClearingScreen, clear_command
from mxtui.tui.screens.saving import SavingScreen
from mxtui.tui.screens.source import SourceScreen
from mxtui.tui.widgets.chrome import Chrome
from mxtui.tui.widgets.painted import Painted

_ON_MESSAGE: tuple[Command, ...] = (
    Command("inspector.back", "escape", "Back", "Back to the list.", lambda screen: screen.dismiss(), palette=False),
    Command("inspector.next", "n", "Next", "The next message of the list.", lambda screen: screen.step(1)),
    Command("inspector.previous", "N", "Previous", "The one before.", lambda screen: screen.step(-1)),
    Command("inspector.mark", "space", "Mark", "Mark this message, or take the mark away.",
            lambda screen: screen.mark()),
    Command("inspector.campaign", "c", "Mark campaign", "Mark all messages of its campaign.",
            lambda screen: screen.mark_campaign(), lambda screen: screen.some_campaign()),
    clear_command("inspector"),
    verb_command("inspector", Verb.HOLD, "h", "Keep this message from being tried."),
    redirect_command("inspector", "Send this message to another address or host."),
    verb_command("inspector", Verb.QUARANTINE, "Q",
                 "Put this message out of the way of drains and releases; nobody is told.", footer=False),
    verb_command("inspector", Verb.REJECT, "x", "Return this message to its sender."),
    verb_command("inspector", Verb.DELETE, "d", "Remove this message; a copy is kept."),
    Command("inspector.raw", "v", "Raw source", "The message as stored, made safe to show, and a search in it.",
            lambda screen: screen.show_source(), lambda screen: screen.readable()),
    Command("inspector.save", "e", "Save", "Save the message as an .eml file, as it is stored.",
            lambda screen: screen.save(), lambda screen: screen.readable()),
    Command("inspector.part", "s", "Save part", "Save one part, decoded, to a file: never opened or run.",
            lambda screen: screen.save_part(), lambda screen: screen.some_part()),
    verb_command("inspector", Verb.RELEASE, "r", "Let this message be tried again."),
    verb_command("inspector", Verb.FLUSH, "f", "Try this message now."),
    Command("inspector.undo", "u", "Undo", "Undo what was done last.", lambda screen: screen.undo(), footer=False),
)  # fmt: skip


class InspectorScreen(SavingScreen, ClearingScreen):
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
        self._gone = False

    def content(self) -> Iterable[Widget]:
        """Headline, and what scrolls."""
        yield Painted("headline")
        with VerticalScroll(id="opened", can_focus=False):
            yield Painted("body")

    @property
    def commands(self) -> tuple[Command, ...]:
        """Without campaigns where nobody looks for any."""
        sifted = self.host.services.campaigns is not None
        return tuple(each for each in super().commands if sifted or each.id != "inspector.campaign")

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
        self._gone = False
        services = self.host.services
        judging: Literal["none", "busy"] = "busy" if services.judge is not None else "none"
        self._opened = Opened(message, judging=judging, suspect=services.suspect)
        self.query_one("#opened").scroll_home(animate=False)
        self.redraw()
        self._judge(queue_id)
        try:
            seen, client = await asyncio.to_thread(self._look_inside, queue_id)
        except MxtuiError as error:
            self._learn(queue_id, fault=_said(error))
        else:
            how = encryption(client, seen, services.own_names, queue_id) if client is not None else None
            remarks = self._differences(message, seen, client)
            self._learn(queue_id, seen=seen, client=client, encryption=how, remarks=remarks)

    def _look_inside(self, queue_id: str) -> tuple[Inspection, Client | None]:
        services = self.host.services
        return services.inspect(queue_id, WHOLE), services.client(queue_id)

    def _differences(self, message: QueuedMessage, seen: Inspection, client: Client | None) -> Sequence[Remark]:
        services, overview = self.host.services, self.host.overview
        rows = overview.domains if overview is not None else ()
        primaries = frozenset(row.primary.host.lower() for row in rows if row.primary is not None)
        return differences(
            seen,
            Envelope(message.sender, message.arrival, services.own_names, primaries, services.trusted, client),
        )

    @work(exclusive=True, group="judge")
    async def _judge(self, queue_id: str) -> None:
        """What speaks for spam: beside the rest, for scanners take their time."""
        services = self.host.services
        if services.campaigns is not None:
            self._learn(queue_id, campaign=await asyncio.to_thread(services.campaigns.of, queue_id))
        if services.judge is not None:
            try:
                judgement = await asyncio.to_thread(services.judge, queue_id)
            except MxtuiError as error:
                self._learn(queue_id, judging="done", unjudged=_said(error))
            else:
                self._learn(queue_id, judging="done", judgement=judgement)

    def _learn(self, queue_id: str, **found: Any) -> None:
        """Something came in; perhaps too late."""
        if self._opened is not None and self._opened.message.queue_id == queue_id == self._queue_id:
            self._opened = replace(self._opened, **found)
            self.redraw()

    def redraw(self) -> None:
        """The message; the chrome is drawn each second anyway."""
        if self._opened is not None:
            self.query_one("#body", Painted).grow(body(self.scene, self._opened), self.host.look.ground)
        self.tick()

    def show_overview(self, _: Overview, /) -> None:
        """The message may have left, or moved."""
        self._look_again()

    @work(exclusive=True, group="again")
    async def _look_again(self) -> None:
        message = await asyncio.to_thread(self.host.services.monitor.index.message, self._queue_id)
        self._gone = message is None
        if message is not None and self._opened is not None and message != self._opened.message:
            self._opened = replace(self._opened, message=message)
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
        lines = headline(self.scene, self._opened) if self._opened is not None else [Line()]
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

    def readable(self) -> Permission:
        """Whether there is a source to show."""
        overview = self.host.overview
        return ALLOWED if overview is None else overview.capabilities.content

    def show_source(self) -> None:
        """As stored."""
        self.app.push_screen(SourceScreen(self._queue_id))

    def save(self) -> None:
        """The whole message."""
        self.save_message(self._queue_id)

    def _parts(self) -> Sequence[Part]:
        seen = self._opened.seen if self._opened is not None else None
        return [part for part in seen.parts if part.number] if seen is not None else []

    def some_part(self) -> Permission:
        """Whether there is a part to save."""
        able = self.readable()
        return able if not able.allowed or self._parts() else Permission(False, "no part of it could be read")

    def save_part(self) -> None:
        """A part of it."""
        self.save_one_of(self._queue_id, self._parts())

    def some_campaign(self) -> Permission:
        """Whether it is part of one."""
        if self._opened is not None and self._opened.campaign is not None:
            return ALLOWED
        return Permission(False, "it is not known to be part of a campaign")

    @property
    def chosen_message(self) -> str | None:
        """This one."""
        return self._queue_id

    def cleared(self) -> None:
        """Judged again, with that."""
        self._judge(self._queue_id)

    @work(exclusive=True, group="campaign")
    async def mark_campaign(self) -> None:
        """Mark all of its campaign, in addition to what is marked."""
        campaigns = self.host.services.campaigns
        facts = self._opened.campaign if self._opened is not None else None
        if campaigns is not None and facts is not None:
            ids = await asyncio.to_thread(campaigns.members, facts.id)
            self.host.marks.update(ids)
            self.notify(f"{counted(len(ids), 'message')} of campaign {facts.id} marked.", markup=False)
            self.tick()

    def act(self, verb: Verb, where: Redirect | None = None) -> None:
        """On this message alone, whatever is marked."""
        chosen = (self._queue_id,)
        self.plan_for(verb, lambda: chosen, f"id:{self._queue_id}", where=where)

    def action_scroll(self, lines: int) -> None:
        """By so many lines."""
        self.query_one("#opened").scroll_relative(y=lines, animate=False)


def _said(error: MxtuiError) -> str:
    return f"{error.message}. {error.hint}".strip()
