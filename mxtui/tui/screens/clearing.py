"""Not spam: one message, or all of the campaign that it is of; remembered, on record, and taken back the same way."""

import asyncio
from typing import ClassVar

from textual import work

from mxtui.errors import MxtuiError
from mxtui.model.source import ALLOWED, Permission
from mxtui.tui.commands import Command
from mxtui.tui.line import Line, wrap
from mxtui.tui.screens.acting import ActingScreen
from mxtui.tui.screens.asking import Asked, AskingScreen

NOT_SPAM, SUSPECT_AGAIN = "not spam", "suspect again"
"""As the audit has them."""


class ClearScreen(AskingScreen):
    """Why something is no spam."""

    BELOW: ClassVar[int] = 5
    SHOWN: ClassVar[str] = "remembered and on record; the same key takes it back"

    def __init__(self, about: str) -> None:
        super().__init__("Not spam", None)
        self._about = about

    def about(self) -> list[Line]:
        """What is none."""
        return [Line((words, self.host.look.text)) for words in wrap(self._about, self.scene.width)]


def clear_command(screen: str) -> Command:
    """Its key, where there are messages."""
    return Command(
        f"{screen}.clear_spam", "C", "Not spam",
        "Say that this message and all of its campaign are no spam, with a reason; remembered. Again to take that "
        "back.", lambda screen: screen.not_spam(), lambda screen: screen.clearable_message(), footer=False,
    )  # fmt: skip


class ClearingScreen(ActingScreen):
    """A screen with a message that can be cleared."""

    @property
    def chosen_message(self) -> str | None:
        """Its queue ID; for subclasses."""
        return None

    def clearable_message(self) -> Permission:
        """Whether there is one, and somebody who remembers."""
        if self.host.services.sifting is None:
            return Permission(False, "nobody judges mail here")
        return ALLOWED if self.chosen_message is not None else Permission(False, "there is no message here")

    @work(exclusive=True, group="clear")
    async def not_spam(self) -> None:
        """No spam, or suspect again."""
        sifting, queue_id = self.host.services.sifting, self.chosen_message
        if sifting is None or queue_id is None:
            return
        if await asyncio.to_thread(sifting.is_cleared, queue_id):
            self._say(queue_id, None)
            return

        def told(asked: Asked | None) -> None:
            if asked is not None:
                self._say(queue_id, asked.reason)

        about = f"{queue_id} is not suspect any more; all of its campaign, where it is of one, else its content."
        self.app.push_screen(ClearScreen(about), told)

    @work(group="say")
    async def _say(self, queue_id: str, reason: str | None) -> None:
        sifting, operations = self.host.services.sifting, self.host.services.operations
        if sifting is None:
            return

        def do() -> str:
            if reason is None:
                operations.note(SUSPECT_AGAIN, f"id:{queue_id}", "")
                return f"{sifting.withdraw_message(queue_id)}: suspect again, as far as it is."
            operations.note(NOT_SPAM, f"id:{queue_id}", reason)
            return f"{sifting.clear_message(queue_id, operations.operator_name, reason)}: not suspect any more."

        try:
            words = await asyncio.to_thread(do)
        except MxtuiError as error:
            self.complain(error)
        else:
            self.notify(words[:1].upper() + words[1:], markup=False)
            self.cleared()

    def cleared(self) -> None:
        """Something was; for subclasses."""
