"""Which part of a message to save."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual import on
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from mxtui.message.parts import Part
from mxtui.tui import format as fmt
from mxtui.tui.draw.inspector.opened import spotted
from mxtui.tui.line import Line
from mxtui.tui.screens.dialog import Dialog
from mxtui.tui.widgets.painted import Painted


class ChoosePartScreen(Dialog[Part]):
    """Answers with the part whose number was typed."""

    BELOW: ClassVar[int] = 5

    def __init__(self, parts: Sequence[Part]) -> None:
        """`parts` are those that have a number; at least one."""
        super().__init__()
        self._parts = parts
        self._fault = ""

    def below(self) -> Iterable[Widget]:
        """Its number, and the choices."""
        attached = next((part for part in self._parts if part.filename), self._parts[-1])
        with Horizontal(classes="field"):
            yield Painted("label")
            yield Input(str(attached.number), id="number", type="integer", compact=True, max_length=4)
        yield Painted("choices")

    def draw(self) -> None:
        """The parts, with what they are."""
        look, scene = self.host.look, self.scene
        lines = []
        for part in self._parts:
            line = Line((f"{part.number:>3}  ", look.strong), (scene.fit(part.media_type, 28), look.text))
            line.to(max(34, line.width + 1)).add(fmt.size(part.decoded_size).rjust(7), look.text).add("  ", look.text)
            marks = [
                f"runs ({part.executable})" * bool(part.executable),
                f"encrypted ({part.encrypted})" * bool(part.encrypted),
            ]
            words = ", ".join(filter(None, marks))
            room = scene.width - line.width - (len(words) + 2 if words else 0)
            line.extend(spotted(scene, scene.fit(part.filename, max(10, room)), look.text))
            lines.append(line.add(f"  {words}" if words else "", look.warning))
        self.show("Save a part", lines)
        self.query_one("#label", Painted).paint([Line(("Part", look.strong))], look.bar)
        told = Line((f"        {self._fault}", look.danger))
        keys = Line(("Esc", look.key), (" Cancel", look.text))
        keys.right([("Enter", look.key), ("   ", look.text), (" Choose ", look.selected)], scene.width)
        self.query_one("#choices", Painted).paint([told, Line(), keys], look.bar)

    @on(Input.Changed)
    def _another(self) -> None:
        self._fault = ""
        self.draw()

    @on(Input.Submitted)
    def _answer(self) -> None:
        typed = self.query_one(Input).value.strip()
        part = next((part for part in self._parts if str(part.number) == typed), None)
        if part is None:
            self._fault = "no part has this number"
            self.draw()
        else:
            self.dismiss(part)
