import asyncio
import time
from contextlib import suppress

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.model.health import Primary
from mxtui.model.hysteresis import Policy
from mxtui.primary.prober import Prober
from mxtui.queues.postfix.layout import read_layout
from mxtui.queues.postfix.routing import PostfixRouter
from tests.conftest import PostfixFactory
from tests.support.waiting import PATIENCE


@pytest.mark.postfix
async def test_the_primary_that_postfix_relays_to_is_watched_through_an_outage(
    postfix: PostfixFactory, primary: FakePrimary
) -> None:
    instance = postfix(routes={"example.org": primary.port})
    policy = Policy(interval=1.5, transition=0.05)
    prober = Prober(PostfixRouter(read_layout(instance.config_directory)), policy=policy)
    prober.follow(["example.org", "elsewhere.example"])
    task = asyncio.create_task(prober.run())

    async def turns(state: str) -> float:
        started = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            while prober.snapshot()["example.org"][1].state != state:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return time.monotonic() - started

    await turns("up")
    assert prober.snapshot()["example.org"][0] == Primary("127.0.0.1", primary.port, "transport")
    assert "loopback only" in prober.snapshot()["elsewhere.example"][1].detail
    primary.down()
    assert await turns("down") < 2 * policy.interval
    primary.up()
    assert await turns("up") < 2 * policy.interval
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
