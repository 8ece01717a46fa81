"""The operator's hands and eyes."""

import asyncio
import time
from collections.abc import Callable

from rich.style import Style
from textual.pilot import Pilot
from textual.strip import Strip

from mxtui.model.source import Verb
from mxtui.tui.app import ConsoleApp
from mxtui.tui.services import Fleet
from tests.support.waiting import PATIENCE
from tests.tui.fakes import World
from tests.tui.rest import ENDLESS, THREADS

TURN = 0.005
"""Seconds between two looks."""


class Driver:
    """Presses keys, reads the screen."""

    pilot: Pilot[None]

    def __init__(self, world: World, fleet: Fleet | None = None) -> None:
        self.world = world
        self.app = ConsoleApp(world.services) if fleet is None else ConsoleApp(fleet=fleet)

    # -- waiting ------------------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """Until nothing is under way but what never ends: no message, no worker, nothing to paint."""
        deadline = time.monotonic() + PATIENCE
        quiet = 0
        while quiet < 2:
            await self.pilot.pause()
            working = any(worker.is_running and worker.group not in ENDLESS for worker in self.app.workers)
            if busy := working or THREADS.working > 0:
                await asyncio.sleep(TURN)
            quiet = 0 if busy else quiet + 1
            assert time.monotonic() < deadline, "the console does not come to rest"

    async def until(self, condition: Callable[[], object]) -> None:
        """Until it is so."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, f"still not so; the screen shows:\n{self.text}"
            await self.pilot.pause()
            await asyncio.sleep(TURN)

    async def sees(self, *texts: str) -> None:
        """Until all of them are on the screen."""
        await self.until(lambda: all(text in self.text for text in texts))

    # -- hands --------------------------------------------------------------------------------------------------

    async def press(self, *keys: str) -> None:
        """Keys, one after the other."""
        for key in keys:
            await self.pilot.press(key)
            await self.settle()

    async def type(self, text: str) -> None:
        """Characters."""
        for character in text:
            await self.pilot.press("space" if character == " " else character)
        await self.settle()

    async def filter(self, text: str) -> None:
        """Type a filter on Messages, and go back to the list."""
        await self.press("slash")
        await self.type(text)
        await self.press("enter")

    async def say(self, **changed: object) -> None:
        """The monitor has news."""
        self.world.say(**changed)
        await self.pilot.pause()
        await self.settle()

    async def after(self, seconds: float) -> None:
        """Time has passed."""
        self.world.clock.now += seconds
        self.app.show_now()
        await self.settle()

    # -- eyes ---------------------------------------------------------------------------------------------------

    @property
    def strips(self) -> list[Strip]:
        """What the screen shows. Textual has no public way to ask: this is the one place that knows its own."""
        return self.app.screen._compositor.render_strips()

    @property
    def lines(self) -> list[str]:
        """What the screen shows, line by line."""
        return [strip.text.rstrip() for strip in self.strips]

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(self.lines)

    def line(self, containing: str) -> str:
        """The first line that contains a text."""
        return next((line for line in self.lines if containing in line), "")

    def style_of(self, text: str) -> Style:
        """Of the first segment that contains a text."""
        for strip in self.strips:
            for segment in strip:
                if text in segment.text and segment.style is not None:
                    return segment.style
        raise AssertionError(f"{text!r} is not on the screen:\n{self.text}")

    def done(self, verb: Verb) -> list[tuple[str, ...]]:
        """The IDs a verb was used on, act by act."""
        return [ids for acted, ids in self.world.queue.acted if acted is verb]
