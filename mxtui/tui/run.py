"""Starts the console."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mxtui.tui.services import Services

FRAMES = "30"
"""A second, at most. Mail moves no faster, and lines are slow."""


def run_console(services: Services) -> None:
    """Run until the operator leaves. Textual is imported here: it reads these at import, and takes 0.3 s to load."""
    os.environ.setdefault("TEXTUAL_FPS", FRAMES)
    os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    # While the queue is read in another thread, a key waits this long for the interpreter, several times over.
    sys.setswitchinterval(0.001)
    gc.disable()
    from mxtui.tui.app import ConsoleApp

    app = ConsoleApp(services)
    # What was imported stays. To look through it all again and again would take 30 ms each time, from some key.
    gc.freeze()
    gc.enable()
    with _ended_by_signals(app.exit):
        app.run(mouse=services.settings.mouse)


@contextmanager
def _ended_by_signals(leave: Callable[[], None]) -> Iterator[None]:
    """A terminal that closes, or SIGTERM, ends the console as `q` does: a batch that was begun is acted on to its end
    and recorded, since the loop waits for its threads.
    """

    def end(number: int, _: object) -> None:
        if number == signal.SIGHUP:  # writing to a terminal that is gone fails, and leaving writes
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nowhere, stream)
        try:
            asyncio.get_running_loop().call_soon_threadsafe(leave)
        except RuntimeError:  # before the first screen, or after the last
            sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGHUP, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
