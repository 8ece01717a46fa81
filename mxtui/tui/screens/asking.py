"""Why, and for how long: asked over what that is about."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from mxtui.model.holds import REASON_LENGTH
from mxtui.model.units import DURATION_EXAMPLES, parse_duration
from mxtui.tui.line import Line
from mxtui.tui.screens.dialog import Dialog
from mxtui.tui.widgets.painted import Painted


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator said."""

    reason: str
    seconds: float


class AskingScreen(Dialog[Asked]):
    """Enter answers; Esc leaves everything as it is."""

    BELOW: ClassVar[int] = 7

    SHOWN: ClassVar[str] = "both are shown wherever the domain is"

    LASTS: ClassVar[str] = "For"
    FAULT: ClassVar[str] = f"for how long? {DURATION_EXAMPLES}"

    def __init__(self, title: str, lasting: str | None) -> None:
        """`lasting` is what is proposed; None: it is not asked for how long."""
        super().__init__()
        self._title = title
        self._lasting = lasting
        self._fault = ""

    def seconds(self, text: str) -> float:
        """How long that is. Raises ValueError."""
        return float(parse_duration(text))

    def about(self) -> Sequence[Line]:
        """What it is about; for subclasses."""
        return ()

    def below(self) -> Iterable[Widget]:
        """Reason, time, and the choices."""
        with Horizontal(classes="field"):
            yield Painted("why")
            yield Input(id="reason", compact=True, max_length=REASON_LENGTH, select_on_focus=False)
        if self._lasting is not None:
            yield from self._time()
        yield Painted("choices")

    def _time(self) -> Iterable[Widget]:
        with Horizontal(classes="field"):
            yield Painted("long")
            yield Input(self._lasting, id="lasting", compact=True, max_length=20, select_on_focus=False)

    def draw(self) -> None:
        """What it is about, and what is asked."""
        look = self.host.look
        self.show(self._title, self.about())
        self.query_one("#why", Painted).paint([Line(("Reason", look.strong))], look.bar)
        for long in self.query("#long").results(Painted):
            long.paint([Line((self.LASTS, look.strong))], look.bar)
        told = (self._fault, look.danger) if self._fault else (self.SHOWN, look.label)
        keys = Line(("Esc", look.key), (" Cancel   ", look.text), ("Tab", look.key), (" Next", look.text))
        keys.right([("Enter", look.key), ("   ", look.text), (f" {self._title} ", look.selected)], self.scene.width)
        self.query_one("#choices", Painted).paint([Line(("        ", look.text), told), Line(), keys], look.bar)

    @on(Input.Changed)
    def _another_try(self) -> None:
        if self._fault:
            self._fault = ""
            self.draw()

    @on(Input.Submitted)
    def _answer(self) -> None:
        reason = self.query_one("#reason", Input).value.strip()
        seconds = 0.0
        try:
            for field in self.query("#lasting").results(Input):
                seconds = self.seconds(field.value.strip())
        except ValueError:
            self._fault = self.FAULT
        if not reason:
            self._fault = "say why: whoever meets it wants to know"
        if self._fault:
            self.draw()
        else:
            self.dismiss(Asked(reason, seconds))
