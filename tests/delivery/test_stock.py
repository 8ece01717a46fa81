"""Who has a message, and who waits for it."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mxtui.delivery.host import Host, HostKey
from mxtui.delivery.policy import Policy
from mxtui.delivery.stock import Stock
from tests.delivery.spooling import commit, make_spool


async def test_what_somebody_asks_for_while_it_is_in_hand_is_first_when_it_is_put_back(tmp_path: Path) -> None:
    """Or it would wait behind all others, or for ever where only what was asked for goes to its host."""
    spool = make_spool(tmp_path)
    asked, other = commit(spool, "a@example.org"), commit(spool, "b@example.org")
    host = Host(HostKey("mx1.example.org", 25, lookup_mx=False), Policy(), 0.0)
    host.domains.append("example.org")
    with ThreadPoolExecutor(1) as threads:
        stock = Stock(spool, threads, lambda _: None, lambda *_: None)
        for each in (asked, other):
            stock.enter(each, None)
        jobs, _ = await stock.take(stock.pick(host, 2), asyncio.get_running_loop().time())
        stock.urge(asked.id, ["example.org"])
        assert not stock.schedule.urgent("example.org"), "it is in hand"
        await stock.put_back(jobs)
        assert stock.schedule.urgent("example.org")
        assert stock.schedule.take("example.org") == asked.id


async def test_whoever_waits_for_what_others_have_in_hand_is_told(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    made = commit(spool, "a@example.org")
    host = Host(HostKey("mx1.example.org", 25, lookup_mx=False), Policy(), 0.0)
    host.domains.append("example.org")
    told: list[tuple[str, str]] = []
    claim = spool.claim(made.id)
    assert claim is not None
    with ThreadPoolExecutor(1) as threads, claim:
        stock = Stock(spool, threads, lambda _: None, lambda id, why: told.append((id, why)))
        stock.enter(made, None)
        stock.urge(made.id, ["example.org"])
        _, missed = await stock.take(stock.pick(host, 1), asyncio.get_running_loop().time())
    assert [each.id for each in missed] == [made.id]
    assert [id for id, _ in told] == [made.id]
