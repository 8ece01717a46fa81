"""Asked before leaving while a flush runs."""

from typing import ClassVar

from textual.binding import Binding, BindingType

from mxtui.tui.line import Line, wrap
from mxtui.tui.screens.dialog import Dialog

_WORDS = (
    "A flush is running. If you leave, the mail that was handed to the mail system goes on being delivered, but nobody "
    "follows it to its verdict, and the rest is not tried."
)


class LeaveScreen(Dialog[bool]):
    """Leave all the same?"""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "leave", "Leave", show=False, id="leave.sure")]

    def draw(self) -> None:
        """What leaving means."""
        look = self.host.look
        lines = [Line((part, look.text)) for part in wrap(_WORDS, self.scene.width)]
        keys = Line(("Esc", look.key), (" Stay", look.text))
        keys.right([("Enter", look.key), ("  ", look.text), (" Leave ", look.selected)], self.scene.width)
        self.show("Leave mxtui?", [*lines, Line(), keys])

    def action_leave(self) -> None:
        """Yes."""
        self.dismiss(True)
