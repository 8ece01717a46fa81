"""Removing what was delivered: how much may wait for the disk."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

from mxtui.delivery.finishing import Finisher
from mxtui.queues.spool.claim import Claim
from mxtui.queues.spool.store import Spool

MANY = 6_000


async def test_while_the_disk_stands_still_deliveries_wait_and_few_could_come_back_after_a_power_cut() -> None:
    moves = threading.Event()
    removed: list[Claim] = []

    def finish(claims: Sequence[Claim]) -> list[OSError | None]:
        assert moves.wait(30)
        removed.extend(claims)
        return [None] * len(claims)

    async def durably(_: str, deed: Callable[[], Awaitable[None]]) -> bool:
        await deed()
        return True

    unlinked = 0

    def unlink(_: str) -> None:
        nonlocal unlinked
        unlinked += 1

    spool: Any = SimpleNamespace(disk=SimpleNamespace(unlink=unlink), writer=SimpleNamespace(finish=finish))
    finisher = Finisher(cast("Spool", spool), durably)

    async def deliver() -> None:
        for number in range(MANY):
            await finisher.finish(cast("Claim", SimpleNamespace(id=str(number), path="", release=lambda: None)))
        await finisher.drained()

    delivering = asyncio.create_task(deliver())
    before = -1
    while unlinked != before:  # until it stands still, too
        before = unlinked
        await asyncio.sleep(0.5)
    assert unlinked <= 2_000, "a second's, or two"
    moves.set()
    await delivering
    assert len(removed) == MANY
