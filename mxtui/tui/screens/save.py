"""Where to save a message, or a part of it; asked again where that cannot be."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from mxtui.errors import MxtuiError
from mxtui.tui import format as fmt
from mxtui.tui.line import Line, wrap
from mxtui.tui.screens.dialog import Dialog
from mxtui.tui.widgets.painted import Painted

_WORDS = (
    "to a new file that only you may read. Nothing here opens or runs it. Open it with care: what is shown here was "
    "made safe, the file is not."
)


class SaveScreen(Dialog[str]):
    """Answers with what was done, in a sentence."""

    BELOW: ClassVar[int] = 5

    def __init__(self, title: str, how: str, name: str, save: Callable[[Path], int]) -> None:
        """`how` begins the sentence that explains: `Saved as it is stored,`. `save` answers with bytes written."""
        super().__init__()
        self._title = title
        self._how = how
        self._name = name
        self._save = save
        self._fault = ""

    def below(self) -> Iterable[Widget]:
        """The file's name, and the choices."""
        with Horizontal(classes="field"):
            yield Painted("label")
            yield Input(f"~/{self._name}", id="path", compact=True, max_length=1000, select_on_focus=False)
        yield Painted("choices")

    def draw(self) -> None:
        """What will be saved, and what was wrong with the last name."""
        look, scene = self.host.look, self.scene
        lines = [Line((part, look.text)) for part in wrap(f"{self._how} {_WORDS}", scene.width)]
        if self._fault:
            lines += [Line(), *(Line((part, look.danger)) for part in wrap(self._fault, scene.width))]
        self.show(self._title, lines)
        self.query_one("#label", Painted).paint([Line(("File", look.strong))], look.bar)
        keys = Line(("Esc", look.key), (" Cancel", look.text))
        keys.right([("Enter", look.key), ("   ", look.text), (" Save ", look.selected)], scene.width)
        self.query_one("#choices", Painted).paint([Line(), keys], look.bar)

    @on(Input.Changed)
    def _another_name(self) -> None:
        self._fault = ""
        self.draw()

    @on(Input.Submitted)
    @work(exclusive=True, group="save")
    async def _try(self) -> None:
        name = self.query_one(Input).value.strip()
        if not name:
            return
        try:
            octets = await asyncio.to_thread(self._save, Path(name))
        except MxtuiError as error:
            self._fault = f"{error.message}; {error.hint}".rstrip("; ")
            self.draw()
        else:
            self.dismiss(f"{fmt.bytes_(octets)} saved to {name}")
