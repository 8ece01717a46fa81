"""The queue, followed beside the prompt: a thread with the loop that the monitor needs."""

import asyncio
import os
import select
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mxtui.errors import MxtuiError
from mxtui.model.drain.standing import Standing
from mxtui.model.overview import Overview

if TYPE_CHECKING:
    from mxtui.tui.services import Services

DRAIN_LOOK: Final = 2.0
"""Seconds between two looks at how the drain stands."""

END: Final = 5.0
"""Seconds for what is under way when the operator leaves."""


class Following:
    """Between `__enter__` and `__exit__`. What it knows is a new value each time, never changed."""

    def __init__(self, services: "Services") -> None:
        self._services = services
        self.overview: Overview | None = None
        self.standing: Standing | None = None
        self.fault = ""
        """Why nothing is followed any more."""
        self.wakes, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        """A descriptor that can be read when something may have changed."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="plain", daemon=True)
        self._task: asyncio.Task[None] | None = None

    def __enter__(self) -> "Following":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end)
        self._thread.join(END)
        if not self._thread.is_alive():
            os.close(self.wakes)
            os.close(self._wake)

    def nudge(self) -> None:
        """Something was done to the queue: look now."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._services.monitor.nudge)

    def wait(self, seconds: float) -> None:
        """Until something may have changed, or for so long."""
        if select.select([self.wakes], [], [], seconds)[0]:
            self.awake()

    def awake(self) -> None:
        """Take note of having been woken."""
        with suppress(BlockingIOError):
            os.read(self.wakes, 4096)

    # -- in the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner, suppress(asyncio.CancelledError):
            runner.run(self._follow())

    async def _follow(self) -> None:
        self._task = asyncio.current_task()
        drain = asyncio.create_task(self._look_at_drain())
        try:
            async for overview in self._services.monitor.overviews():
                self.overview = overview
                self._tell()
        except Exception as error:  # noqa: BLE001 - whatever nobody foresaw must not leave figures that look fresh
            self.fault = f"the queue is no longer followed: {error!r}"
            self._tell()
        finally:
            drain.cancel()

    async def _look_at_drain(self) -> None:
        while True:
            with suppress(MxtuiError, OSError):  # what was known of it stays
                self.standing = await asyncio.to_thread(self._services.draining.standing)
            await asyncio.sleep(DRAIN_LOOK)

    def _tell(self) -> None:
        with suppress(BlockingIOError):  # full: nobody has taken note for long
            os.write(self._wake, b".")

    def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
