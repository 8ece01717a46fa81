"""When a console is at rest: told by what it has under way, not by how busy the processor is.

Textual's own way to wait asks the processor after each key: a fiftieth of a second at least, and up to a whole one
where anything else runs on the machine.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import pytest
from textual.worker import NoActiveWorker, get_current_worker

ENDLESS: Final = frozenset({"overviews", "drain", "start", "execute"})
"""Groups of workers that go on by themselves."""


class Threads:
    """How much is being done in threads, but for what never ends."""

    def __init__(self) -> None:
        self._really = asyncio.to_thread
        self.working = 0

    async def to_thread(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """As `asyncio.to_thread`."""
        awaited = _group() not in ENDLESS
        self.working += awaited
        try:
            return await self._really(function, *arguments, **named)
        finally:
            self.working -= awaited


THREADS: Final = Threads()


def _group() -> str:
    try:
        return get_current_worker().group
    except NoActiveWorker:
        return ""


async def _a_turn(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """In place of Textual's: the console is to see the key."""
    for _ in range(3):
        await asyncio.sleep(0)


def by_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pilots no longer ask the processor, and threads are counted."""
    monkeypatch.setattr("textual.app.wait_for_idle", _a_turn)
    monkeypatch.setattr("textual.pilot.wait_for_idle", _a_turn)
    monkeypatch.setattr(asyncio, "to_thread", THREADS.to_thread)
