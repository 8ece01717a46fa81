"""Drain: the flush that runs, or the last one."""

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget

from mxtui.model.source import ALLOWED, Permission
from mxtui.tui.commands import Command, bindings
from mxtui.tui.draw.drain import drain, nothing
from mxtui.tui.screens.console import ConsoleScreen
from mxtui.tui.widgets.painted import Painted

_ON_DRAIN: tuple[Command, ...] = (
    Command("drain.stop", "s", "Stop", "Follow no further and try no more; what is in delivery goes on.",
            lambda screen: screen.stop(), lambda screen: screen.running()),
    Command("drain.leave", "escape", "Leave running", "Back to Domains; the flush goes on.",
            lambda screen: screen.app.switch_mode("domains")),
)  # fmt: skip


class DrainScreen(ConsoleScreen):
    """One flush."""

    TAB = "drain"
    COMMANDS_HERE = _ON_DRAIN
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(_ON_DRAIN)]
    EXPLAINED = (
        "A flush tries mail now, and follows each message to its verdict by the mail log: delivered, deferred again "
        "with its reason, bounced, or left without evidence, which is never counted as delivered."
    )

    def content(self) -> Iterable[Widget]:
        """All painted."""
        yield Painted("drain")

    def tick(self) -> None:
        """How far it has come."""
        super().tick()
        painted, flushing = self.query_one("#drain", Painted), self.host.flushing
        scene = self.scene
        lines = drain(scene, flushing, painted.size.height) if flushing is not None else nothing(scene)
        painted.paint(lines, self.host.look.ground)

    def running(self) -> Permission:
        """Whether there is something to stop."""
        flushing = self.host.flushing
        return ALLOWED if flushing is not None and flushing.running else Permission(False, "no flush is running")

    def stop(self) -> None:
        """Let go of it."""
        if self.host.flushing is not None:
            self.host.flushing.stop.set()
