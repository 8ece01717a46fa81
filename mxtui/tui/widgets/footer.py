"""The keys that work here, frequent first; those that are not allowed now in parentheses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from textual import events
from textual.app import App
from textual.binding import Binding
from textual.message import Message

from mxtui.tui.commands import Command
from mxtui.tui.host import host_of
from mxtui.tui.line import Line
from mxtui.tui.widgets.painted import Painted

_NAMES = {"enter": "Enter", "escape": "Esc", "space": "space"}


def key_words(app: App[Any], binding: Binding) -> str:
    """A key as it is written on keyboards, the first where there are several."""
    first = binding.key.partition(",")[0]
    return _NAMES.get(first) or app.get_key_display(binding)


class Footer(Painted):
    """One line of keys."""

    @dataclass
    class Clicked(Message):
        """A command was clicked."""

        command: str

    def __init__(self) -> None:
        super().__init__("footer")
        self._places: list[tuple[int, int, str]] = []

    def update(self, commands: Sequence[Command]) -> None:
        """Show the commands that fit, with the keys they are mapped to."""
        host = host_of(self)
        look, width = host.look, self.size.width
        if host.expecting:
            self._places = []
            words = f" Making a plan{look.glyphs.ellipsis}  "
            self.paint([Line((words, look.strong), ("Esc", look.key), (" Give up", look.text))], look.bar)
            return
        keys = self._keys()
        line, self._places = Line((" ", look.text)), []
        narrow = width < 100
        right = Line((keys.get("", "^p"), look.key), (" More" if narrow else " Commands", look.label))
        if not narrow:
            right.add("  q", look.key).add(" Quit", look.label)
        for command in commands:
            key, words = keys.get(command.id), command.words(self.screen)
            if key is None or not command.footer:
                continue
            if line.width + len(key) + len(words) + 3 > width - right.width - 3:
                break
            start = line.width
            if command.allowed(self.screen).allowed:
                line.add(key, look.key).add(f" {words}", look.text)
            else:
                line.add(f"({key} {words})", look.faint)
            self._places.append((start, line.width, command.id))
            line.add("  ", look.text)
        line.right(right.spans, width - 1)
        self.paint([line], look.bar)

    def _keys(self) -> dict[str, str]:
        """Command id → key as shown, after any mapping."""
        shown: dict[str, str] = {}
        for active in self.screen.active_bindings.values():
            if active.binding.id and active.binding.id not in shown:
                shown[active.binding.id] = key_words(self.app, active.binding)
        return shown

    def on_click(self, event: events.Click) -> None:
        """Clicking a command runs it."""
        for start, end, command in self._places:
            if start <= event.x < end:
                self.post_message(self.Clicked(command))
