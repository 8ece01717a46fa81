"""Starts the console."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

from mxtui.signals import GONE, handling
from mxtui.tui.services import Fleet, Services

FRAMES = "30"
"""A second, at most. Mail moves no faster, and lines are slow."""


def run_console(services: Services | None = None, *, fleet: Fleet | None = None) -> None:
    """Run until the operator leaves, on one queue or on several.

    Textual is imported here: it reads these at import, and takes 0.3 s to load.
    """
    os.environ.setdefault("TEXTUAL_FPS", FRAMES)
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    # While the queue is read in another thread, a key waits this long for the interpreter, several times over.
    sys.setswitchinterval(0.001)
    gc.disable()
    from mxtui.tui.app import ConsoleApp
    from mxtui.tui.terminal import TerminalDriver, let_go

    app = ConsoleApp(services, fleet=fleet)
    if not os.environ.get("TEXTUAL_DRIVER"):  # `textual serve` names another, for a browser
        app.driver_class = TerminalDriver
    # What was imported stays. To look through it all again and again would take 30 ms each time, from some key.
    gc.freeze()
    gc.enable()
    with _ended_by_signals(app.exit, let_go):
        app.run(mouse=app.settings.mouse)


def _ended_by_signals(leave: Callable[[], None], let_go: Callable[[], None]) -> AbstractContextManager[None]:
    """A terminal that closes, or SIGTERM, ends the console as `q` does: a batch that was begun is acted on to its end
    and recorded, since the loop waits for its threads.
    """

    def end(number: int, _: object) -> None:
        if number == signal.SIGHUP:
            let_go()
        try:
            asyncio.get_running_loop().call_soon_threadsafe(leave)
        except RuntimeError:  # before the first screen, or after the last
            sys.exit(128 + number)

    return handling(GONE, end)
