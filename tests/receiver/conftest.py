"""Receivers that are stopped after the test."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from tests.receiver.serving import Client, Running, start

Serve = Callable[..., Awaitable[Running]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a receiver: `await serve(limits=…)`."""
    async with AsyncExitStack() as stack:

        async def serve(**options: Any) -> Running:
            running = await start(**options)
            stack.push_async_callback(running.stop)
            return running

        yield serve


@pytest.fixture
async def running(serve: Serve) -> Running:
    """One receiver with nothing special about it."""
    return await serve()


@pytest.fixture
async def client(running: Running) -> Client:
    """One of its clients, after EHLO."""
    return await running.greeted()
