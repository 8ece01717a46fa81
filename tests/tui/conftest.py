"""A console on a fake queue, and how to wait for it."""

import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest

os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")  # read when Textual is imported

from mxtui.model import words
from tests.tui.driving import Driver
from tests.tui.fakes import World
from tests.tui.rest import by_what_is_under_way


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times on the screen do not depend on where the test runs, colours not on its terminal."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    words._clock.cache_clear()
    yield
    monkeypatch.undo()
    time.tzset()
    words._clock.cache_clear()


@pytest.fixture(autouse=True)
def _rest(monkeypatch: pytest.MonkeyPatch) -> None:
    by_what_is_under_way(monkeypatch)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An outage at example.org."""
    return World(tmp_path)


class Open(Protocol):
    """Opens a console."""

    def __call__(self, world: World, size: tuple[int, int] = (140, 40)) -> AbstractAsyncContextManager[Driver]: ...


@pytest.fixture
def console() -> Open:
    """Opens a console on a world; it is settled when the first overview is on the screen."""

    @asynccontextmanager
    async def start(world: World, size: tuple[int, int] = (140, 40)) -> AsyncIterator[Driver]:
        driver = Driver(world)
        async with driver.app.run_test(size=size, notifications=True) as pilot:
            driver.pilot = pilot
            await driver.until(lambda: driver.app.overview is not None)
            await driver.settle()
            yield driver

    return start
