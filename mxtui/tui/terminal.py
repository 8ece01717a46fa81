"""A terminal that may be slow, and gone at any moment, whether or not SIGHUP says so: below su(1) it may not."""

import asyncio
import os
import select
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

from textual import events
from textual.app import App
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from mxtui.tui.host import Host
from mxtui.tui.output.sender import Sender


def let_go() -> None:
    """Read and write nowhere from now on: writing to a terminal that is gone fails, and leaving writes."""
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


class TerminalDriver(LinuxDriver):
    """Textual's own, which sends only what differs, waits for no terminal, and leaves the app when that is gone.

    Textual's writing thread dies of the first failure, and whoever writes next waits for it for ever; behind a slow
    terminal it has 30 frames under way, and then whoever writes waits.
    """

    def __init__(self, app: App[object], **more: Any) -> None:
        super().__init__(app, **more)
        loop = asyncio.get_running_loop()

        def lost() -> None:
            let_go()
            with suppress(RuntimeError):  # the loop is over: left already
                loop.call_soon_threadsafe(app.exit)

        self._sender = Sender(self._file, lost)
        self._file: Any = self._sender
        if isinstance(app, Host):
            app.forget_screen = self._sender.forget
        # Waits on a thread of its own, since nothing is written while nothing changes. It ends with the process.
        Thread(target=_watch, args=(self.fileno, lost), name="terminal", daemon=True).start()

    def process_message(self, message: Message) -> None:
        """The terminal's answers are for whoever asked."""
        if isinstance(message, events.CursorPosition):
            self._sender.answered()
        else:
            super().process_message(message)

    def close(self) -> None:
        """Leave the terminal as it was, and wait for that."""
        super().close()
        self._sender.finish()


def _watch(terminal: int, lost: Callable[[], None]) -> None:
    """Call `lost` once the terminal is hung up (poll(2): no event needs to be asked for)."""
    poll = select.poll()
    poll.register(terminal, 0)
    poll.poll()
    lost()
