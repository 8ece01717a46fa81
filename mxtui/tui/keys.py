"""Keys take effect one by one: each meets the screen and the focus that the one before it led to, when it is there.

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
"""Seconds that keys wait for one that is on its way: if it got lost, they go on."""

NOTICED = 0.4
"""Seconds from which on it is told that a dialog is being prepared."""

COMING = 0.02
"""Seconds between two looks at whether a screen that comes is there to be typed on."""


class OneByOne(App[None]):
    """An app with patient keys."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        self._waiting: deque[events.Key | events.Paste] = deque()
        self._under_way: events.Event | None = None
        """On its way through widgets that may want it; it is carried out, or has no meaning, when it is back."""
        self._expected: ExitStack | None = None
        super().__init__(ansi_color=ansi_color)

    @property
    def expecting(self) -> bool:
        """Whether a dialog is being prepared."""
        return self._expected is not None

    def expect(self) -> AbstractContextManager[object]:
        """A dialog is being prepared that what is typed next is meant for: keys wait until the context is left.

        However long that takes: a letter of a reason must not become a command. Escape gives it up.
        What waits is let go up to the first Enter, which would agree to what nobody has seen. Only the latest context
        counts: what another one prepared has been given up for it.
        """
        expected = ExitStack()
        expected.callback(self._met, expected)
        self._expected = expected
        self.set_timer(NOTICED, self.expectation_changed)
        return expected

    def give_up(self) -> None:
        """What is being prepared is not wanted any more, nor what was typed for it."""
        self._waiting.clear()
        self._expected = None
        self.expectation_changed()

    def expectation_changed(self) -> None:
        """Something takes long enough to be prepared that it should be told; or does no longer. For subclasses."""

    def _met(self, expected: ExitStack) -> None:
        if expected is self._expected:
            self._expected = None
            self._waiting = deque(takewhile(lambda event: not _is(event, "enter"), self._waiting))
            self.expectation_changed()
            self.call_later(self._go_on)

    async def on_event(self, event: events.Event) -> None:
        """Take keys and pasted text in turn."""
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            if self.expecting and _is(event, "escape"):
                self.give_up()
                return
            self._waiting.append(event)
        else:
            await super().on_event(event)
            if event is self._under_way:
                self._under_way = None
        await self._go_on()

    async def _go_on(self) -> None:
        while self._waiting and self._under_way is None and not self.expecting:
            if not (self.screen_stack and self.screen.is_mounted):  # nothing on it could take the key: it would be lost
                self.set_timer(COMING, self._go_on)
                return
            event = self._waiting.popleft()
            if not self._is_text(event):
                self._under_way = event
            await super().on_event(event)
            if not event.is_forwarded:  # carried out at once
                self._under_way = None
        if self._waiting and self._under_way is not None:
            self.set_timer(PATIENCE, partial(self._lose_patience, self._under_way))

    def _is_text(self, event: events.Key | events.Paste) -> bool:
        """For the field in focus, which keeps the order and sends nothing back."""
        if isinstance(event, events.Paste):
            return True
        return self.focused is not None and self.focused.check_consume_key(event.key, event.character)

    async def _lose_patience(self, event: events.Event) -> None:
        if event is self._under_way:
            self._under_way = None
            await self._go_on()


def _is(event: events.Key | events.Paste, key: str) -> bool:
    return isinstance(event, events.Key) and event.key == key
