"""Drain: the one that runs, or the last one; whoever started it."""

import asyncio
from collections.abc import Iterable
from typing import ClassVar, Literal

from textual import work
from textual.binding import BindingType
from textual.widget import Widget

from mxtui.errors import MxtuiError
from mxtui.model.source import ALLOWED, Permission
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.drain import drain, nothing, preparing
from mxtui.tui.screens.console import ConsoleScreen
from mxtui.tui.widgets.painted import Painted

_ON_DRAIN: tuple[Command, ...] = (
    Command("drain.pause", "p", lambda screen: "Go on" if screen.paused else "Pause",
            "Take no more for now, or go on; what is in hand is brought to its end.",
            lambda screen: screen.pause(), lambda screen: screen.running()),
    Command("drain.stop", "s", "Stop", "Take no more; what is in hand is brought to its end, the rest stays queued.",
            lambda screen: screen.ask("stop"), lambda screen: screen.running()),
    Command("drain.leave", "escape", lambda screen: "Leave running" if screen.running().allowed else "Domains",
            "Back to Domains; a drain goes on, also without the console.",
            lambda screen: screen.app.switch_mode("domains")),
)  # fmt: skip


class DrainScreen(ConsoleScreen):
    """One drain."""

    TAB = "drain"
    COMMANDS_HERE = _ON_DRAIN
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_ON_DRAIN)]
    EXPLAINED = (
        "A drain sends one message first, the canary, and no other until it was delivered; then more and more at once, "
        "as the primary takes them. It backs off when the primary is busy. When mail is refused it stops, and holds "
        "what is left. Each message is followed to its verdict by evidence: delivered, deferred again with its reason, "
        "refused, or left without evidence, which is never counted as delivered."
    )

    def content(self) -> Iterable[Widget]:
        """All painted."""
        yield Painted("drain")

    def tick(self) -> None:
        """How far it has come."""
        super().tick()
        painted, standing = self.query_one("#drain", Painted), self.host.drain
        scene = self.scene
        if self.host.preparing is not None:
            lines = preparing(scene, *self.host.preparing)
        else:
            lines = drain(scene, standing, painted.size.height) if standing is not None else nothing(scene)
        painted.paint(lines, self.host.look.ground)

    def running(self) -> Permission:
        """Whether there is something to pause or stop."""
        standing = self.host.drain
        if self.host.preparing is not None:
            return Permission(False, "the drain is getting ready")
        return ALLOWED if standing is not None and standing.running else Permission(False, "no drain is running")

    @property
    def paused(self) -> bool:
        """Whether it runs, and takes no more for now."""
        standing = self.host.drain
        return standing is not None and standing.running and standing.progress is not None and standing.progress.paused

    def pause(self) -> None:
        """Or go on."""
        self.ask("resume" if self.paused else "pause")

    @work(exclusive=True, group="wish")
    async def ask(self, wish: Literal["pause", "resume", "stop"]) -> None:
        """Whoever drains, which may be another process."""
        try:
            await asyncio.to_thread(self.host.services.draining.wish, wish)
        except MxtuiError as error:
            self.notify(f"{error.message}\n{error.hint}".strip(), title="Not possible", severity="error", markup=False)
