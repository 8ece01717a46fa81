"""Removing what was delivered, in three steps, so that a slow disk does not slow deliveries.

1. The envelope is unlinked as soon as the host has answered, before its connection does anything else: from then on no
   crash of ours can send the message again, and at most one message for each connection is ever in doubt. That costs
   5 µs on the event loop's own thread, where a hop to another would cost twenty times as much.
2. Its file is closed, which frees its blocks: 0.1 ms, and up to 1 ms of a disk that is told of each (`discard`); in
   threads, side by side.
3. The folders are fsynced, so that no power cut brings it back, and the message's own file goes, which takes as long
   again; before, a commit of the file system's journal, which holds up whoever else changes it, so seldom and for as
   many as possible.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from mxtui.queues.spool.claim import Claim
from mxtui.queues.spool.store import Spool

T = TypeVar("T")

OPEN: Final = 400
"""Messages that may wait for their second step, each with an open file; then deliveries wait."""

GATHER: Final = 0.25
"""Seconds between two rounds of the third step: what a power cut has us deliver again, while the disk keeps up."""

BEHIND: Final = 1_500
"""Messages that may wait for their third step; then deliveries wait. A power cut has us deliver them again."""

HANDS: Final = 4
"""Threads for the second step and for the third."""

Durably = Callable[[str, Callable[[], Awaitable[None]]], Awaitable[bool]]
"""Carries something out again while it raises OSError; False when it was given up."""


class _Following:
    """Does one thing to whatever gathers, in the background."""

    def __init__(self, work: Callable[[list[Claim]], Awaitable[None]], gather: float, most: int) -> None:
        self._work = work
        self._gather = gather
        self._most = most
        self._claims: list[Claim] = []
        self._task: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    async def add(self, claims: Iterable[Claim]) -> None:
        """Returns at once, unless too many wait."""
        self._claims += claims
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow())
        if len(self._claims) >= self._most:
            await self.done()

    async def done(self) -> None:
        """Until none wait."""
        self._hurry.set()
        if self._task is not None:
            await asyncio.shield(self._task)

    async def _follow(self) -> None:
        while self._claims:
            if self._gather:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._gather):
                        await self._hurry.wait()
            self._hurry.clear()
            claims, self._claims = self._claims, []
            await self._work(claims)


class Finisher:
    """Belongs to one event loop."""

    def __init__(self, spool: Spool, durably: Durably) -> None:
        self._spool = spool
        self._durably = durably
        self._closing = _Following(self._close, 0.0, OPEN)
        self._removing = _Following(self._remove, GATHER, BEHIND)

    async def finish(self, claim: Claim) -> bool:
        """The message was delivered to all; whether its envelope is gone. The claim is no longer the caller's."""

        async def unlink() -> None:
            with suppress(FileNotFoundError):  # taken away by hand meanwhile
                self._spool.disk.unlink(claim.path)

        if not await self._durably(claim.id, unlink):
            claim.release()
            return False
        await self._closing.add([claim])
        return True

    async def drained(self) -> None:
        """Until everything that was finished would survive a power cut."""
        await self._closing.done()
        await self._removing.done()

    async def _close(self, claims: list[Claim]) -> None:
        await _side_by_side(_release, claims)
        await self._removing.add(claims)

    async def _remove(self, claims: list[Claim]) -> None:
        await self._durably(claims[0].id, partial(self._try_to_remove, claims))

    async def _try_to_remove(self, claims: list[Claim]) -> None:
        """Raises OSError; `claims` are then those that failed."""
        failed = [failure for failures in await _side_by_side(self._finish, claims) for failure in failures]
        claims[:] = [claim for claim, _ in failed]
        if failed:
            raise failed[0][1]

    def _finish(self, claims: Sequence[Claim]) -> list[tuple[Claim, OSError]]:
        outcomes = self._spool.writer.finish(claims)
        return [(claim, error) for claim, error in zip(claims, outcomes, strict=True) if error is not None]


async def _side_by_side(work: Callable[[Sequence[Claim]], T], claims: Sequence[Claim]) -> list[T]:
    """In threads: what takes time is the disk, which takes several at once."""
    shares = (claims[hand::HANDS] for hand in range(min(HANDS, len(claims))))
    return await asyncio.gather(*(asyncio.to_thread(work, share) for share in shares))


def _release(claims: Sequence[Claim]) -> None:
    for claim in claims:
        claim.release()
