"""What the screen one is on shows, and the keys that work there."""

from mxtui.tui.commands import refusal
from mxtui.tui.line import Line, wrap
from mxtui.tui.screens.console import ConsoleScreen
from mxtui.tui.screens.dialog import Dialog
from mxtui.tui.widgets.footer import key_words

_MOVING = (("↑↓ j k", "a row"), ("PgUp PgDn", "a page"), ("g G", "first and last"), ("^p", "all commands by name"))


class HelpScreen(Dialog[None]):
    """Help for one screen; nothing to look up elsewhere."""

    def __init__(self, about: ConsoleScreen) -> None:
        super().__init__()
        self._about = about

    def draw(self) -> None:
        """The screen in a paragraph, then its keys with what they do, or why they do not work now."""
        scene, look, about = self.scene, self.host.look, self._about
        keys = {
            active.binding.id: key_words(self.app, active.binding)
            for active in about.active_bindings.values()
            if active.binding.id
        }
        lines = [Line((part, look.text)) for part in wrap(about.EXPLAINED, scene.width)]
        lines.append(Line())
        for command in about.commands:
            permission = command.allowed(about)
            line = Line((keys.get(command.id, "").rjust(6), look.key if permission.allowed else look.label))
            line.add("  ", look.text).add(scene.fit(command.words(about), 12), look.strong).to(22)
            words, style = (command.tooltip, look.text) if permission.allowed else (refusal(permission), look.label)
            for part in wrap(words, scene.width - 24):
                lines.append(line.to(22).add(part, style))
                line = Line()
        lines.append(Line())
        for key, words in _MOVING:
            lines.append(Line((key.rjust(10), look.key), ("  " + words, look.text)))
        self.show("Help", [*lines, Line(), Line(("Esc", look.key), (" Close", look.text))])
