"""The last look before something happens."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from mxtui.model.guard import KEPT_BACK
from mxtui.model.holds import DomainHold
from mxtui.model.plan import Plan
from mxtui.model.source import Verb
from mxtui.model.words import counted
from mxtui.tui.draw.plan import grave, plan_lines, title
from mxtui.tui.line import Line
from mxtui.tui.screens.dialog import Dialog
from mxtui.tui.widgets.painted import Painted

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Decision:
    """What the operator said."""

    verb: Verb
    """The plan's, or the safer one chosen instead."""
    reason: str


class ConfirmingScreen(Dialog[T]):
    """Plans, and a reason below them. Enter confirms, twice where that cannot be undone or goes past a safeguard.

    Esc leaves everything as it is. Subclasses draw what would be done.
    """

    BELOW: ClassVar[int] = 5

    KEPT: ClassVar[str] = "kept in the audit with your name"

    BUTTON: ClassVar[str] = ""
    """What Enter does, where that is more than the plan."""

    def __init__(self, verb: Verb, plans: Sequence[Plan]) -> None:
        self.grave = any(grave(plan) for plan in plans)
        super().__init__(classes="-danger" if self.grave else "")
        self.verb = verb
        self.messages = sum(len(plan.targets) for plan in plans)
        self._required = any(plan.reason_required for plan in plans)
        self._kept_back = any(each.title == KEPT_BACK for plan in plans for each in plan.cautions)
        self._armed = False

    @abstractmethod
    def answer(self, reason: str) -> T:
        """What is answered once it is confirmed."""

    def below(self) -> Iterable[Widget]:
        """The reason, and the choices."""
        with Horizontal(classes="field"):
            yield Painted("label")
            yield Input(id="reason", compact=True, max_length=500, select_on_focus=False)
        yield Painted("choices")

    def draw(self) -> None:
        """How to go on; for subclasses what would be done before it."""
        look = self.host.look
        self.query_one("#label", Painted).paint([Line(("Reason", look.strong))], look.bar)
        self._choices()

    def _choices(self) -> None:
        look, width = self.host.look, self.scene.width
        needed = "required" if self._required else "optional"
        hint = Line(("        ", look.text), (f"{needed}, {self.KEPT}", look.label))
        act = self.BUTTON or f"{self.verb.capitalize()} {self.messages:,}"
        button = look.badge_danger if self.grave else look.selected
        line = Line(("Esc", look.key), (" Cancel", look.text))
        if not self.grave:
            presses = [("Enter", look.key), ("   ", look.text)]
        elif self._armed:
            trouble = "its mail is kept back" if self._kept_back else "the primary is down"
            why = trouble if self.verb is Verb.FLUSH else "this cannot be undone"
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
        reason = self.reason
        if self._required and not reason:
            self.notify(f"Say why {counted(self.messages, 'message')} should go; it is kept in the audit.",
                        title="A reason is required", severity="warning", markup=False)  # fmt: skip
        elif self._armed or not self.grave:
            self.dismiss(self.answer(reason))
        else:
            self._armed = True
            self._choices()

    @property
    def reason(self) -> str:
        """As typed so far."""
        return self.query_one(Input).value.strip()


class ConfirmScreen(ConfirmingScreen[Decision]):
    """Shows a plan; where it has a safer one, that can be chosen instead."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+d", "safer", "Safer", show=False, id="confirm.safer", priority=True),
    ]

    def __init__(self, plan: Plan, outside: int | None = None) -> None:
        super().__init__(plan.verb, [plan])
        self.plan = plan
        self._outside = outside

    def answer(self, reason: str) -> Decision:
        """The plan's own verb."""
        return Decision(self.verb, reason)

    def draw(self) -> None:
        """The plan, and how to go on."""
        self.show(self.heading, plan_lines(self.scene, self.plan, self._outside))
        super().draw()

    @property
    def heading(self) -> str:
        """What this is about."""
        return title(self.plan)

    def action_safer(self) -> None:
        """The verb that does less harm, with a plan of its own."""
        safer = next((caution.safer for caution in self.plan.cautions if caution.safer is not None), None)
        if safer is not None:
            self.dismiss(Decision(safer, self.reason))


class EndScreen(ConfirmScreen):
    """The end of a hold: its plan is what becomes of the mail that it kept."""

    BUTTON = "End it"

    def __init__(self, hold: DomainHold, plan: Plan) -> None:
        super().__init__(plan)
        self._hold = hold

    @property
    def heading(self) -> str:
        """Which one ends, and what with it."""
        words = title(self.plan)
        return f"End the {self._hold.mark}: {words[0].lower()}{words[1:]}"
