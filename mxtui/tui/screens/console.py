"""What all screens of the console share: top, footer, commands, and how an overview reaches them."""

import asyncio
from collections.abc import Iterable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widget import Widget

from mxtui.errors import MxtuiError
from mxtui.model.overview import Overview
from mxtui.model.source import ALLOWED, Permission
from mxtui.tui import format as fmt
from mxtui.tui.commands import Command, bindings, refusal
from mxtui.tui.desk import Desk
from mxtui.tui.draw.chrome import TABS
from mxtui.tui.draw.scene import Scene
from mxtui.tui.extras import extra_bindings, extra_commands
from mxtui.tui.host import Host, host_of
from mxtui.tui.line import Spans
from mxtui.tui.services import Extra
from mxtui.tui.widgets.chrome import Chrome
from mxtui.tui.widgets.footer import Footer


def _go(name: str) -> Command:
    key, title = next((key, title) for tab, key, title in TABS if tab == name)
    return Command(
        f"go.{name}", key, title, f"Go to {title}.", lambda screen: screen.app.switch_mode(name),
        lambda screen: screen.reached(name), footer=False,
    )  # fmt: skip


GLOBAL: tuple[Command, ...] = (
    *(_go(name) for name, _, _ in TABS),
    Command(
        "app.alerts", "!", "Alerts", "Everything that needs an operator, in full.",
        lambda screen: screen.host.open_alerts(), lambda screen: screen.reached("alerts"),
    ),
    Command("app.doctor", "D", "Doctor", "Is this backup MX set up right? DNS, policies, certificates, settings, disk.",
            lambda screen: screen.host.open_doctor(), lambda screen: screen.examinable(), footer=False),
    Command("app.help", "?", "Help", "What this screen shows and which keys work on it.",
            lambda screen: screen.host.open_help()),
    Command("app.pause", "p", "Pause", "Keep the view as it is; mail goes on moving.",
            lambda screen: screen.host.toggle_pause(), footer=False),
    Command("app.redraw", "ctrl+l", "Redraw", "Draw all of the screen: something else wrote on it.",
            lambda screen: screen.host.draw_anew(), footer=False),
    Command("app.quit", "q", "Quit", "Leave the console. Mail is not touched.",
            lambda screen: screen.host.leave(), footer=False),
)  # fmt: skip
"""Work on every screen. After the screen's own in the footer."""


class ConsoleScreen(Screen[None]):
    """One screen under the common top and over the common footer."""

    TAB: ClassVar[str] = ""
    TOTALS: ClassVar[bool] = False
    COMMANDS_HERE: ClassVar[tuple[Command, ...]] = ()
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(GLOBAL), *extra_bindings()]
    EXPLAINED: ClassVar[str] = ""
    """What this screen is for; the first paragraph of its help."""

    def compose(self) -> ComposeResult:
        """Top, content, footer."""
        yield self.top()
        yield from self.content()
        yield Footer()

    def top(self) -> Chrome:
        """How things are, above all else; for subclasses."""
        return Chrome(self.TAB, totals=self.TOTALS)

    def content(self) -> Iterable[Widget]:
        """Between top and footer."""
        return ()

    @property
    def host(self) -> Host:
        """The app."""
        return host_of(self)

    @property
    def scene(self) -> Scene:
        """Where this screen draws."""
        return Scene(self.host.look, self.host.now(), self.size.width, self.size.height)

    @property
    def commands(self) -> tuple[Command, ...]:
        """All that work here, as the footer has room: the first of what was added, the screen's own, the rest."""
        services = self.host.desk.services
        added = extra_commands(services.extras if services is not None else (), ConsoleScreen.run_extra)
        everywhere = GLOBAL if self.host.several else [each for each in GLOBAL if each.id != "go.hosts"]
        return (*added[:1], *self.COMMANDS_HERE, *added[1:], *everywhere)

    # -- showing ------------------------------------------------------------------------------------------------

    def show_overview(self, overview: Overview, /) -> None:
        """A new overview has come; only the screen in sight is told."""

    def desk_changed(self, desk: Desk) -> None:
        """News of one of the queues: of the one in front, but for the screen that shows them all."""
        if desk is self.host.desk and desk.overview is not None:
            self.show_overview(desk.overview)

    def tick(self) -> None:
        """A second has passed, or something changed: redraw what tells it."""
        chrome = self.query_one(Chrome)
        chrome.notes, chrome.several = self._notes(), self.host.several
        chrome.update()
        self.update_footer()

    def update_footer(self) -> None:
        """The footer as commands are allowed now."""
        self.query_one(Footer).update(self.commands)

    def _notes(self) -> dict[str, Spans]:
        """What stands beside the titles of the tabs."""
        host, look, notes = self.host, self.host.look, dict[str, Spans]()
        if host.overview is not None and host.overview.queue.messages:
            notes["messages"] = [(fmt.count(host.overview.queue.messages), look.label)]
        if host.preparing is not None:
            notes["drain"] = [(look.glyphs.running, look.ok)]
        elif host.drain is not None and host.drain.running:
            notes["drain"] = [(f"{look.glyphs.running} {fmt.percent(host.drain.share)}", look.ok)]
        return notes

    def on_screen_resume(self) -> None:
        """In sight again: catch up."""
        if self.host.overview is not None:
            self.show_overview(self.host.overview)
        self.call_after_refresh(self._draw_again)

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self._draw_again)

    def _draw_again(self) -> None:
        if self.is_whole:
            self.tick()

    @property
    def is_whole(self) -> bool:
        """Whether all its parts are there, the last of which is the clock: not while it comes, nor when it was left."""
        return self.is_mounted and bool(self.query("#clock"))

    # -- commands -----------------------------------------------------------------------------------------------

    def reached(self, name: str) -> Permission:
        """Whether there is something to show on that screen: of a host that was not reached yet there is nothing."""
        if name == "hosts" or self.host.desk.services is not None:
            return ALLOWED
        return Permission(False, f"{self.host.desk.name} was not reached yet", "Choose another host, or wait for it.")

    def examinable(self) -> Permission:
        """Whether anybody can look at how this host is set up."""
        services = self.host.desk.services
        if services is not None and services.examine is not None:
            return ALLOWED
        return Permission(False, "nobody can look at this host from here")

    async def action_command(self, id_: str) -> None:
        """Run a command, or say why it is not allowed."""
        command = next((command for command in self.commands if command.id == id_), None)
        if command is None:  # a key that was on its way when the commands became others
            return
        self.app.clear_notifications()  # they were about the command before, and cover what is to come
        permission = command.allowed(self)
        if permission.allowed:
            running = command.run(self)
            if asyncio.iscoroutine(running):
                await running
        else:
            self.notify(refusal(permission), title=f"{command.words(self)} is not possible now", severity="warning",
                        markup=False)  # fmt: skip

    @work(group="extra")
    async def run_extra(self, extra: Extra) -> None:
        """Do what was added, beside the screen, and tell what it did."""
        try:
            said = await asyncio.to_thread(extra.run)
        except MxtuiError as error:
            self.notify(f"{error.message}. {error.hint}".strip(), severity="error", markup=False)
            return
        if said:
            self.notify(said, markup=False)
        self.update_footer()

    @on(Footer.Clicked)
    async def _run_clicked(self, event: Footer.Clicked) -> None:
        await self.action_command(event.command)

    @on(Chrome.TabClicked)
    def _go_to_tab(self, event: Chrome.TabClicked) -> None:
        self.app.switch_mode(event.name)
