"""A forwarding process to be killed: `python -m tests.delivery.forwarding SPOOL PORT` drains a spool and ends."""

import asyncio
import sys
import time
from pathlib import Path

from mxtui.queues.spool.store import Spool
from tests.delivery.spooling import QUICK, at_work, until


async def drain(path: Path, port: int) -> None:
    spool = Spool.open(path)
    with spool.lock_forwarder():
        spool.reconcile(time.time())
        async with at_work(spool, {"example.org": port}, QUICK, connections=5) as work:
            await until(lambda: not work.left(), 50.0)


if __name__ == "__main__":
    asyncio.run(drain(Path(sys.argv[1]), int(sys.argv[2])))
