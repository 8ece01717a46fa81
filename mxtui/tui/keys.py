"""Keys take effect one by one: each meets the screen and the focus that the one before it led to.

Textual hands a key to the widget in focus as soon as it is read, and carries it out when that widget and all around it
have declined it. Of `/from:` typed in one burst, or sent in one packet by a slow line, `f` would be a command of the
screen that `/` is about to leave.
"""

from collections import deque
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from itertools import takewhile

from textual import events
from textual.app import App

PATIENCE = 1.0
"""Seconds that keys wait for one before them: if that got lost, or what it asks for takes longer, they go on."""


class OneByOne(App[None]):
    """An app with patient keys."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._under_way: events.Event | None = None
        """On its way through widgets that may want it; it is carried out, or has no meaning, when it is back."""
        self._expected = 0
        super().__init__(ansi_color=ansi_color)

    def expect(self) -> AbstractContextManager[object]:
        """A dialog is being prepared that what is typed next is meant for: keys wait until the context is left.

        Up to the first Enter, which would agree to what nobody has seen.
        """
        self._expected += 1
        expected = ExitStack()
        expected.callback(self._met)
        return expected

    def _met(self) -> None:
        self._expected = max(0, self._expected - 1)
        self._waiting = deque(takewhile(lambda event: not _is_enter(event), self._waiting))
        self.call_later(self._go_on)

    async def on_event(self, event: events.Event) -> None:
        """Take keys and pasted text in turn."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self._waiting.append(event)
            if self._blocked:
                self.set_timer(PATIENCE, partial(self._lose_patience, event))
        else:
            await super().on_event(event)
            if event is self._under_way:
                self._under_way = None
        await self._go_on()

    @property
    def _blocked(self) -> bool:
        return self._under_way is not None or self._expected > 0

    async def _go_on(self) -> None:
        while self._waiting and not self._blocked:
            event = self._waiting.popleft()
            if not self._is_text(event):
                self._under_way = event
            await super().on_event(event)
            if not event.is_forwarded:  # carried out at once
                self._under_way = None

    def _is_text(self, event: events.Key | events.Paste) -> bool:
        """For the field in focus, which keeps the order and sends nothing back."""
        if isinstance(event, events.Paste):
            return True
        return self.focused is not None and self.focused.check_consume_key(event.key, event.character)

    async def _lose_patience(self, event: events.Key | events.Paste) -> None:
        if event in self._waiting:
            self._under_way, self._expected = None, 0
            await self._go_on()


def _is_enter(event: events.Key | events.Paste) -> bool:
    return isinstance(event, events.Key) and event.key == "enter"
