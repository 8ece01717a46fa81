"""Why a domain is to be held, and for how long: asked over the plan of what that does."""

from collections.abc import Sequence

from mxtui.model.plan import Plan
from mxtui.tui.draw.plan import plan_lines
from mxtui.tui.line import Line
from mxtui.tui.screens.asking import Asked, AskingScreen

__all__ = ["Asked", "HoldScreen"]


class HoldScreen(AskingScreen):
    """Enter begins the hold; Esc leaves everything as it is."""

    def __init__(self, title: str, plan: Plan, lasting: str) -> None:
        super().__init__(title, lasting)
        self._plan = plan

    def about(self) -> Sequence[Line]:
        """The plan."""
        return plan_lines(self.scene, self._plan, None)
