"""The console: what is composed here is decided elsewhere."""

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from textual import events, work
from textual.app import SystemCommand
from textual.geometry import Size
from textual.screen import Screen

from mxtui.errors import MxtuiError
from mxtui.model.plan import Plan
from mxtui.tui.host import Host
from mxtui.tui.modes import MODES, import_others
from mxtui.tui.screens.alerts import AlertsScreen
from mxtui.tui.screens.console import ConsoleScreen
from mxtui.tui.screens.help import HelpScreen
from mxtui.tui.services import Services

TICK = 1.25
"""Seconds after which the time is told though no overview has come: they come each second where all is well."""

SWITCH = 0.01
"""Seconds in which a screen that comes in sight takes in the latest overview before it is drawn."""

DRAIN_LOOK = 0.5
IDLE_LOOK = 2.0
"""Seconds between two looks at how the drain stands, while one runs and while none does."""

AT_REST = 0.1
"""Seconds after the last change of the window's size before it is painted whole."""

_OF_TEXTUAL = ("Theme", "Screenshot")
"""What of Textual's own palette makes sense here."""


class ConsoleApp(Host):
    """Mail queue, live."""

    TITLE = "mxtui"
    CSS_PATH = "mxtui.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = MODES
    DEFAULT_MODE = "domains"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-tall")]  # noqa: RUF012

    def __init__(self, services: Services) -> None:
        # Decides which filter Textual takes for NO_COLOR: the other one turns the terminal's default colours to black.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.services = services
        self.marks = set()
        self.set_keymap(dict(services.settings.keymap))
        self.theme = self._theme()

    def on_mount(self) -> None:
        """Begin to watch."""
        self.theme_changed_signal.subscribe(self, lambda _: self.call_after_refresh(self.show_now))
        # Before the first overview: from Python 3.12 on, Textual's tasks run as soon as they are made.
        self._clock = self.set_interval(TICK, self.show_now)
        self._watch()
        self._follow_drain()

    async def on_event(self, event: events.Event) -> None:
        """A key is answered before anything else is done."""
        if isinstance(event, events.Key):
            self.services.monitor.give_way()
        await super().on_event(event)

    def on_resize(self) -> None:
        """The window has another size, or had one for a moment."""
        self._paint_whole()

    @work(exclusive=True, group="window")
    async def _paint_whole(self) -> None:
        await asyncio.sleep(AT_REST)
        # A second SIGWINCH amid the first one's handler is heard before it: the older size would be the last.
        # A browser has no signal, and the terminal of whoever serves it is none of its business.
        size = self.size if self.is_headless or self.is_web else Size(*shutil.get_terminal_size())
        if size != self.size:
            self.post_message(events.Resize(size, size))
        # A terminal forgets what a smaller window cut off, and what was on its way then is drawn in the wrong places.
        self.draw_anew()

    def draw_anew(self) -> None:
        """All of the screen: something else wrote on it, or the line lost a part."""
        if self.forget_screen is not None:
            self.forget_screen(*self.size)
        self.screen.refresh()

    def _theme(self) -> str:
        wanted = self.services.settings.theme
        if wanted != "auto":
            return wanted if wanted in self.available_themes else "tokyo-night"
        colours = self.console.color_system
        return "tokyo-night" if colours == "truecolor" and not self.no_color else "ansi-dark"

    # -- overviews ----------------------------------------------------------------------------------------------

    @work(exclusive=True, group="overviews")
    async def _watch(self) -> None:
        async for overview in self.services.monitor.overviews():
            if self.overview is None:
                self.call_after_refresh(self._import_others)
            screen = self._console()
            if not self.paused:
                self.overview = overview
                if screen is not None:
                    screen.show_overview(overview)
            self._clock.reset()
            self.show_now()

    def _console(self) -> ConsoleScreen | None:
        """The topmost screen of ours that is all there: a dialog may lie over it, one pushed a moment ago is not."""
        ours = (screen for screen in reversed(self.screen_stack) if isinstance(screen, ConsoleScreen))
        return next((screen for screen in ours if screen.is_whole), None)

    def show_now(self) -> None:
        """What there is to show is drawn once more, and only where it differs is anything sent."""
        screen = self._console()
        if screen is not None and self.is_running:  # the clock still ticks while screens are taken down at the end
            screen.tick()

    def toggle_pause(self) -> None:
        """Stop or resume showing what changes."""
        self.paused = not self.paused
        self.show_now()

    @work(thread=True, group="imports")
    def _import_others(self) -> None:
        import_others()

    # -- screens ------------------------------------------------------------------------------------------------

    async def open_messages(self, text: str | None, *, filtering: bool = False) -> None:
        """Messages, with this filter; over when it is there to be typed into."""
        await self.switch_mode("messages")
        from mxtui.tui.screens.messages import MessagesScreen

        if isinstance(self.screen, MessagesScreen):
            self.screen.set_filter(text, filtering=filtering)

    def delay_update(self, delay: float = 0.05) -> None:
        """Textual hides for so long how one screen makes way for another; ours are drawn at once."""
        super().delay_update(min(delay, SWITCH))

    def open_alerts(self) -> None:
        """All alerts in full."""
        self.push_screen(AlertsScreen())

    def open_doctor(self) -> None:
        """Whether this backup MX is set up right."""
        from mxtui.tui.screens.doctor import DoctorScreen  # not before the first screen is there

        if not isinstance(self.screen, DoctorScreen):
            self.push_screen(DoctorScreen())

    def open_help(self) -> None:
        """What the screen shows, and its keys."""
        screen = self._console()
        if screen is not None:
            self.push_screen(HelpScreen(screen))

    def leave(self) -> None:
        """Quit. A drain goes on."""
        self.exit()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: what this screen can do now, then Textual's own."""
        if isinstance(screen, ConsoleScreen):
            for command in screen.commands:
                if command.palette and command.allowed(screen).allowed:
                    run = command.run
                    yield SystemCommand(command.words(screen), command.tooltip, lambda run=run: run(screen))
        yield from (command for command in super().get_system_commands(screen) if command.title in _OF_TEXTUAL)

    # -- a drain ------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="drain")
    async def _follow_drain(self) -> None:
        while True:
            standing = await asyncio.to_thread(self.services.draining.standing)
            if standing != self.drain:
                self.drain = standing
                self.show_now()
            await asyncio.sleep(DRAIN_LOOK if standing is not None and standing.running else IDLE_LOOK)

    def start_drain(self, plan: Plan, reason: str, ends: str = "") -> None:
        """Have a drain begun, and show it. It ends the migration of a domain, where one is named."""
        if self.preparing is not None:
            self.notify("another drain is getting ready: follow it here", title="Not possible", severity="error")
            return
        self.preparing = plan, self.now()
        self.switch_mode("drain")
        self._start_drain(plan, reason, ends)

    @work(exclusive=True, group="start")
    async def _start_drain(self, plan: Plan, reason: str, ends: str) -> None:
        try:
            await asyncio.to_thread(self.services.draining.start, plan, reason, ends)
        except MxtuiError as error:
            self.notify(f"{error.message}\n{error.hint}".strip(), title="Not possible", severity="error", markup=False)
        self.drain = await asyncio.to_thread(self.services.draining.standing)
        self.preparing = None
        self.show_now()
        self._follow_drain()
