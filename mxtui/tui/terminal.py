"""A terminal that may be gone at any moment, whether or not SIGHUP says so: below su(1) or runuser(1) it may not."""

import asyncio
import os
import select
from collections.abc import Callable
from contextlib import suppress
from io import TextIOBase
from threading import Thread
from typing import Any

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver


def let_go() -> None:
    """Read and write nowhere from now on: writing to a terminal that is gone fails, and leaving writes."""
    nowhere = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


class TerminalDriver(LinuxDriver):
    """Textual's own, and the app is left when the terminal is gone.

    Textual's writing thread dies of the first failure, and whoever writes next waits for it for ever.
    """

    def __init__(self, app: App[object], **more: Any) -> None:
        super().__init__(app, **more)
        loop = asyncio.get_running_loop()

        def lost() -> None:
            let_go()
            with suppress(RuntimeError):  # the loop is over: left already
                loop.call_soon_threadsafe(app.exit)

        self._file: Any = _Output(self._file, lost)
        # Waits on a thread of its own, since nothing is written while nothing changes. It ends with the process.
        Thread(target=_watch, args=(self.fileno, lost), name="terminal", daemon=True).start()


class _Output(TextIOBase):
    """Where the driver writes. Never fails: what a lost terminal does not take is lost with it."""

    def __init__(self, file: Any, lost: Callable[[], None]) -> None:
        self._file, self._lost = file, lost

    def fileno(self) -> int:
        return int(self._file.fileno())

    def write(self, text: str) -> int:
        try:
            return int(self._file.write(text))
        except OSError:
            self._lost()
            return 0

    def flush(self) -> None:
        try:
            self._file.flush()
        except OSError:
            self._lost()


def _watch(terminal: int, lost: Callable[[], None]) -> None:
    """Call `lost` once the terminal is hung up (poll(2): no event needs to be asked for)."""
    poll = select.poll()
    poll.register(terminal, 0)
    poll.poll()
    lost()
