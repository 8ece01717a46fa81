"""Removing what was delivered, in two steps.

The envelope is unlinked as soon as the host has answered, before its connection does anything else: from then on no
crash of ours can send the message again, and at most one message for each connection is ever in doubt. That costs 5 µs
on the event loop's own thread, where a hop to another would cost twenty times as much. What a power cut could bring
back (the folder's fsync, 1 to 20 ms) and the message's own file follow behind, for many messages together.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final

from mxtui.queues.spool.claim import Claim
from mxtui.queues.spool.store import Spool

BEHIND: Final = 500
"""Messages that may wait for their second step; then deliveries wait for the disk."""


class Finisher:
    """Belongs to one event loop. `durably` calls again what raised OSError, for as long as it makes sense."""

    def __init__(self, spool: Spool, durably: Callable[[str, Callable[[], Awaitable[None]]], Awaitable[bool]]) -> None:
        self._spool = spool
        self._durably = durably
        self._behind: list[Claim] = []
        self._task: asyncio.Task[None] | None = None

    async def finish(self, claim: Claim) -> bool:
        """The message was delivered to all; whether its envelope is gone."""

        async def unlink() -> None:
            with suppress(FileNotFoundError):  # taken away by hand meanwhile
                self._spool.disk.unlink(claim.path)

        if not await self._durably(claim.id, unlink):
            return False
        self._behind.append(claim)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
        if len(self._behind) > BEHIND:
            await self.drained()
        return True

    async def drained(self) -> None:
        """Until nothing is behind."""
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _follow(self) -> None:
        while self._behind:
            claims, self._behind = self._behind, []
            if not await self._durably(claims[0].id, partial(self._remove, claims)):
                for claim in claims:
                    claim.release()

    async def _remove(self, claims: list[Claim]) -> None:
        """Again for those only that failed."""
        outcomes = await asyncio.to_thread(self._spool.writer.finish, claims)
        failed = [(claim, error) for claim, error in zip(claims, outcomes, strict=True) if error is not None]
        claims[:] = [claim for claim, _ in failed]
        if failed:
            raise failed[0][1]
