"""Where to redirect messages; asked again where that cannot be."""

import asyncio
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from mxtui.errors import MxtuiError
from mxtui.model.redirect import Redirect, read_redirect
from mxtui.tui.line import Line, wrap
from mxtui.tui.screens.dialog import Dialog
from mxtui.tui.widgets.painted import Painted

_WORDS = (
    "To another address, which has to be in a relayed domain unless a host is named for it; or the same addresses to "
    "another host. A plan follows."
)


class RedirectScreen(Dialog[Redirect]):
    """Answers with where to. `vet` blocks, and raises MxtuiError for where mail cannot go."""

    BELOW: ClassVar[int] = 7

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", show=False, priority=True),
        Binding("up", "app.focus_previous", show=False, priority=True),
    ]

    def __init__(self, vet: Callable[[Redirect], None]) -> None:
        super().__init__()
        self._vet = vet
        self._fault: tuple[str, ...] = ()

    def below(self) -> Iterable[Widget]:
        """Address and host, and the choices."""
        for name, example in (("to", "info@example.org"), ("host", "mx3.example.org or [192.0.2.1]:2525")):
            with Horizontal(classes="field"):
                yield Painted(f"label-{name}")
                yield Input(placeholder=example, id=name, compact=True, max_length=300, select_on_focus=False)
        yield Painted("choices")

    def draw(self) -> None:
        """What is asked, and what was wrong with the last answer."""
        look, scene = self.host.look, self.scene
        lines = [Line((part, look.text)) for part in wrap(_WORDS, scene.width)]
        if self._fault:
            lines.append(Line())
            lines += [Line((part, look.danger)) for words in self._fault for part in wrap(words, scene.width)]
        self.show("Redirect", lines)
        for name, words in (("to", "To"), ("host", "Host")):
            self.query_one(f"#label-{name}", Painted).paint([Line((words, look.strong))], look.bar)
        keys = Line(("Esc", look.key), (" Cancel   ", look.text), ("Tab", look.key), (" the other field", look.text))
        keys.right([("Enter", look.key), ("   ", look.text), (" Plan ", look.selected)], scene.width)
        self.query_one("#choices", Painted).paint([Line(), keys], look.bar)

    @on(Input.Changed)
    def _another_answer(self) -> None:
        self._fault = ()
        self.draw()

    @on(Input.Submitted)
    @work(exclusive=True, group="vet")
    async def _answer(self) -> None:
        address, host = (self.query_one(f"#{name}", Input).value.strip() for name in ("to", "host"))
        try:
            where = read_redirect(address, host)
            await asyncio.to_thread(self._vet, where)
        except MxtuiError as error:
            self._fault = (error.message, error.hint)
            self.draw()
        else:
            self.dismiss(where)
