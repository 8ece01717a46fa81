"""Screens from which a message, or a part of it, can be saved."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mxtui.message.eml import eml_name, part_name
from mxtui.message.parts import Part
from mxtui.tui.screens.choose_part import ChoosePartScreen
from mxtui.tui.screens.console import ConsoleScreen
from mxtui.tui.screens.save import SaveScreen


class SavingScreen(ConsoleScreen):
    """Asks where to, and says what was done."""

    def save_message(self, queue_id: str) -> None:
        """As it is stored."""
        save = self.host.services.save
        self._ask(f"Save {queue_id}", "Saved as it is stored,", eml_name(queue_id), lambda path: save(queue_id, path))

    def save_one_of(self, queue_id: str, parts: Sequence[Part]) -> None:
        """One part, decoded; which one is asked unless there is only one."""

        def chosen(part: Part | None) -> None:
            if part is not None:
                self._save_part(queue_id, part)

        if len(parts) == 1:
            chosen(parts[0])
        else:
            self.app.push_screen(ChoosePartScreen(parts), chosen)

    def _save_part(self, queue_id: str, part: Part) -> None:
        save, name = self.host.services.save_part, part_name(queue_id, part.number, part.filename)
        title = f"Save part {part.number} of {queue_id}"
        self._ask(title, "Saved decoded,", name, lambda path: save(queue_id, part, path))

    def _ask(self, title: str, how: str, name: str, save: Callable[[Path], int]) -> None:
        def saved(said: str | None) -> None:
            if said is not None:
                self.notify(said, markup=False)

        self.app.push_screen(SaveScreen(title, how, name, save), saved)
