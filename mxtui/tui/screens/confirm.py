"""The last look before something happens."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from mxtui.model.plan import Plan
from mxtui.model.source import Verb
from mxtui.model.words import counted
from mxtui.tui.draw.plan import grave, plan_lines, title
from mxtui.tui.line import Line
from mxtui.tui.screens.dialog import Dialog
from mxtui.tui.widgets.painted import Painted


@dataclass(frozen=True, slots=True)
class Decision:
    """What the operator said."""

    verb: Verb
    """The plan's, or the safer one chosen instead."""
    reason: str


class ConfirmScreen(Dialog[Decision]):
    """Shows a plan; Enter runs it, twice where it cannot be undone or goes past a safeguard.

    Esc leaves everything as it is.
    """

    BELOW: ClassVar[int] = 5

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+d", "safer", "Safer", show=False, id="confirm.safer", priority=True),
    ]

    def __init__(self, plan: Plan, outside: int | None = None) -> None:
        super().__init__(classes="-danger" if grave(plan) else "")
        self.plan = plan
        self._outside = outside
        self._armed = False

    def below(self) -> Iterable[Widget]:
        """The reason, and the choices."""
        with Horizontal(classes="field"):
            yield Painted("label")
            yield Input(id="reason", compact=True, max_length=500, select_on_focus=False)
        yield Painted("choices")

    def draw(self) -> None:
        """The plan, and how to go on."""
        look, scene = self.host.look, self.scene
        self.show(title(self.plan), plan_lines(scene, self.plan, self._outside))
        self.query_one("#label", Painted).paint([Line(("Reason", look.strong))], look.bar)
        self._choices()

    def _choices(self) -> None:
        look, width = self.host.look, self.scene.width
        needed = "required" if self.plan.reason_required else "optional"
        hint = Line(("        ", look.text), (f"{needed}, kept in the audit with your name", look.label))
        act = f"{self.plan.verb.capitalize()} {len(self.plan.targets):,}"
        button = look.badge_danger if grave(self.plan) else look.selected
        line = Line(("Esc", look.key), (" Cancel", look.text))
        if not grave(self.plan):
            presses = [("Enter", look.key), ("   ", look.text)]
        elif self._armed:
            why = "the primary is down" if self.plan.verb is Verb.FLUSH else "this cannot be undone"
            presses = [("Enter", look.key), (f" once more: {why}   ", look.danger)]
        else:
            presses = [("Enter", look.key), (" twice   ", look.text)]
        line.right([*presses, (f" {act} ", button)], width)
        self.query_one("#choices", Painted).paint([hint, Line(), line], look.bar)

    @on(Input.Changed)
    def _disarm(self) -> None:
        self._armed = False
        self._choices()

    @on(Input.Submitted)
    def _confirm(self) -> None:
        reason = self.query_one(Input).value.strip()
        if self.plan.reason_required and not reason:
            self.notify(f"Say why {counted(len(self.plan.targets), 'message')} should go; it is kept in the audit.",
                        title="A reason is required", severity="warning", markup=False)  # fmt: skip
        elif self._armed or not grave(self.plan):
            self.dismiss(Decision(self.plan.verb, reason))
        else:
            self._armed = True
            self._choices()

    def action_safer(self) -> None:
        """The verb that does less harm, with a plan of its own."""
        safer = next((caution.safer for caution in self.plan.cautions if caution.safer is not None), None)
        if safer is not None:
            self.dismiss(Decision(safer, self.query_one(Input).value.strip()))
