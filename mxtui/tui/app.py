"""The console: what is composed here is decided elsewhere."""

import asyncio
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from itertools import chain, repeat
from typing import Any, ClassVar

from textual import events, work
from textual.app import SystemCommand
from textual.geometry import Size
from textual.screen import Screen

from mxtui.errors import MxtuiError, UsageError
from mxtui.model.plan import Plan
from mxtui.tui.desk import Desk
from mxtui.tui.host import Host
from mxtui.tui.keymap import keymap
from mxtui.tui.modes import MODES, import_others
from mxtui.tui.screens.alerts import AlertsScreen
from mxtui.tui.screens.console import ConsoleScreen
from mxtui.tui.screens.help import HelpScreen
from mxtui.tui.services import Fleet, Services

TICK = 1.25
"""Seconds after which the time is told though no overview has come: they come each second where all is well."""

SWITCH = 0.01
"""Seconds in which a screen that comes in sight takes in the latest overview before it is drawn."""

DRAIN_LOOK = 0.5
IDLE_LOOK = 2.0
"""Seconds between two looks at how the drain stands, while one runs and while none does."""

PAUSES = (2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds between attempts to reach a host for the first time; the last one again and again."""

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

    def __init__(self, services: Services | None = None, *, fleet: Fleet | None = None) -> None:
        """On one queue that was reached, or on several, each of which is once it has been."""
        # Decides which filter Textual takes for NO_COLOR: the other one turns the terminal's default colours to black.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self._fleet = fleet
        self.desks = [Desk(name) for name in fleet.names] if fleet is not None else [Desk("", services)]
        self.desk = self.desks[0]
        known = fleet if fleet is not None else services
        assert known is not None
        self.settings = known.settings
        self.clock = time.time if services is None else services.clock
        self._trying: dict[str, asyncio.Event] = {}
        self.set_keymap(keymap(self.settings.keymap))
        self.theme = self._theme()

    def on_mount(self) -> None:
        """Begin to watch."""
        self.theme_changed_signal.subscribe(self, lambda _: self.call_after_refresh(self.show_now))
        # Before the first overview: from Python 3.12 on, Textual's tasks run as soon as they are made.
        self._clock = self.set_interval(TICK, self.show_now)
        if self.several:
            self.switch_mode("hosts")
        for desk in self.desks:
            self._watch(desk)

    async def on_event(self, event: events.Event) -> None:
        """A key is answered before anything else is done."""
        if isinstance(event, events.Key):
            for desk in self.desks:
                if desk.services is not None:
                    desk.services.monitor.give_way()
        await super().on_event(event)

    def give_up(self) -> None:
        """The plan that is being made is not wanted any more. Its thread ends by itself: planning changes nothing."""
        for worker in self.workers:
            if worker.group == "plan":
                worker.cancel()
        super().give_up()

    def expectation_changed(self) -> None:
        """The footer tells it."""
        screen = self._console()
        if screen is not None:
            screen.update_footer()

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
        wanted = self.settings.theme
        if wanted in self.available_themes:
            return wanted
        if wanted != "auto":
            raise UsageError(f"no theme is called {wanted}", f"There are {', '.join(sorted(self.available_themes))}.")
        colours = self.console.color_system
        return "tokyo-night" if colours == "truecolor" and not self.no_color else "ansi-dark"

    # -- overviews ----------------------------------------------------------------------------------------------

    @work(group="overviews")
    async def _watch(self, desk: Desk) -> None:
        if desk.services is None:
            desk.services = await self._reached(desk)
        self._follow_drain(desk)
        async for overview in desk.services.monitor.overviews():
            if not any(each.overview for each in self.desks):
                self.call_after_refresh(self._import_others)
            screen = self._console()
            if not self.paused:
                desk.overview = overview
                if screen is not None:
                    screen.desk_changed(desk)
            self._clock.reset()
            self.show_now()

    async def _reached(self, desk: Desk) -> Services:
        """Once it is; tried again and again, for a host that is down at the start may come back."""
        assert self._fleet is not None
        trying = self._trying[desk.name] = asyncio.Event()
        for pause in chain(PAUSES, repeat(PAUSES[-1])):
            try:
                services = await self._apart(partial(self._fleet.connect, desk.name))
            except MxtuiError as error:
                desk.fault = error
            else:
                desk.fault = None
                return services
            self.show_now()
            trying.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(trying.wait(), pause)
        raise AssertionError

    async def _apart(self, connect: Callable[[], Services]) -> Services:
        """In a thread of its own: hosts that do not answer must keep neither the loop's threads nor its end waiting."""
        connected: Future[Services] = Future()

        def work() -> None:
            try:
                connected.set_result(connect())
            except Exception as error:  # noqa: BLE001 - raised where it is waited for
                connected.set_exception(error)

        threading.Thread(target=work, name="mxtui-connect", daemon=True).start()
        return await asyncio.wrap_future(connected)

    def try_now(self, desk: Desk) -> None:
        """Do not wait longer before a host is tried again that could not be reached."""
        if desk.name in self._trying:
            self._trying[desk.name].set()

    async def open_desk(self, desk: Desk) -> None:
        """Put another queue in front: its screens are new ones."""
        if desk is not self.desk:
            self.desk = desk
            for mode in MODES.keys() - {"hosts"}:
                await self.remove_mode(mode)
                self.add_mode(mode, MODES[mode])
        await self.switch_mode("domains")

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

    @work(group="drain")
    async def _follow_drain(self, desk: Desk) -> None:
        assert desk.services is not None
        looked_at = -IDLE_LOOK
        while True:
            if (desk.drain is not None and desk.drain.running) or time.monotonic() - looked_at >= IDLE_LOOK:
                standing, looked_at = await asyncio.to_thread(desk.services.draining.standing), time.monotonic()
                if standing != desk.drain:
                    desk.drain = standing
                    self.show_now()
            await asyncio.sleep(DRAIN_LOOK)

    def start_drain(self, plan: Plan, reason: str, ends: str = "") -> None:
        """Have a drain begun, and show it. It ends the migration of a domain, where one is named."""
        if self.preparing is not None:
            self.notify("another drain is getting ready: follow it here", title="Not possible", severity="error")
            return
        self.desk.preparing = plan, self.now()
        self.switch_mode("drain")
        self._start_drain(self.desk, plan, reason, ends)

    @work(group="start")
    async def _start_drain(self, desk: Desk, plan: Plan, reason: str, ends: str) -> None:
        assert desk.services is not None
        draining = desk.services.draining
        try:
            await asyncio.to_thread(draining.start, plan, reason, ends)
        except MxtuiError as error:
            self.notify(f"{error.message}\n{error.hint}".strip(), title="Not possible", severity="error", markup=False)
        desk.drain = await asyncio.to_thread(draining.standing)
        desk.preparing = None
        self.show_now()
