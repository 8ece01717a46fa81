"""How long a tick of the alerts' rules and of the forecast takes, and `mxtui check` once it has looked."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from statistics import median

from mxtui.foresight import Foresight
from mxtui.index import Index
from mxtui.model.alerts import Watch
from mxtui.model.forecast import DAY, NOTHING_KNOWN
from mxtui.model.message import Changes
from mxtui.model.overview import DomainStatus
from tests.benchmarks.site import Site
from tests.benchmarks.table import Figure
from tests.index.messages import message, recipient
from tests.model.alerts.story import NOW, flow, health, overview, row

DOMAINS = 1_000
MESSAGES = 100_000
TICKS = 200

LIMIT = 20.0
"""Milliseconds."""

CHECK_LIMIT = 1.0


def rules() -> Iterator[Figure]:
    """Ticks over 1,000 domains with 100,000 messages in all, a second apart, while all of them change."""
    seconds = list(_ticks(_morning_after))
    yield Figure(f"alerts and forecast: a tick over {DOMAINS:,} domains, median", 1e3 * median(seconds), "ms", LIMIT)
    slow = sorted(seconds)[int(TICKS * 0.95)]
    yield Figure("alerts and forecast: slowest tick but one in twenty", 1e3 * slow, "ms", LIMIT)
    worst = median(_ticks(_all_wrong))
    yield Figure("alerts and forecast: with two alerts on each domain, median", 1e3 * worst, "ms")


def _ticks(row: Callable[[int, int], DomainStatus]) -> Iterator[float]:
    """Seconds of the processor: it waits for nothing, so what else the machine does is not its cost."""
    watch, index = Watch(), _index()
    with ThreadPoolExecutor(1) as threads:
        foresight = Foresight(lambda _: NOTHING_KNOWN, index, threads)
        for tick in range(TICKS):
            look = overview(NOW + tick, *(row(number, tick) for number in range(DOMAINS)))
            index.apply(Changes(gone=[_id(tick)]))
            began = time.thread_time()
            foresight.look(look.taken_at, (), look.space)
            watch.judge(look)
            yield time.thread_time() - began


def _id(number: int) -> str:
    return f"4dKq7J{number:09}"


def _index() -> Index:
    """Of one domain in ten all expire within the day."""
    index = Index(NOW)
    index.apply(
        Changes(
            [
                message(
                    _id(number),
                    recipients=(recipient(f"info@d{number % DOMAINS}.example.org"),),
                    arrival=NOW - 3600,
                    expires=NOW + (0.5 if number % DOMAINS % 10 == 2 else 4.5) * DAY,
                )
                for number in range(MESSAGES)
            ]
        )
    )
    index.complete()
    return index


def _morning_after(number: int, tick: int) -> DomainStatus:
    """One primary in ten is down, one takes nothing though it is up, one in ten domains has mail that expires within
    the day, and all others are drained."""
    down, still, late = (number % 10 == which for which in range(3))
    return row(
        f"d{number}.example.org",
        messages=100 if down or still else 100 - tick // 4,
        oldest=NOW - 3600 + (0 if down or still else tick),
        expires=NOW + (0.5 if late else 4.5) * DAY,
        reason="connection refused" if down else "451 greylisted",
        health=health("down" if down else "up", NOW - (DAY if down or still else 300)),
        flow=flow(arrived=tick if down else 0, left=0 if down or still else tick * 3),
    )


def _all_wrong(number: int, tick: int) -> DomainStatus:
    """Up since yesterday, with old mail all the same, and more that comes."""
    return row(
        f"d{number}.example.org",
        messages=100,
        oldest=NOW - 3600 + tick,
        reason="451 greylisted",
        flow=flow(arrived=tick * 3, left=tick * 3),
    )


def checking(site: Site, times: int) -> Iterator[Figure]:
    """New processes each time; the first look is not counted, for it reads everything."""
    argv = site.mxtui("check", "--no-alerts")
    first = site.run(argv)
    seconds = []
    for _ in range(times):
        ran = site.run(argv)
        if f"depth={site.messages};" not in ran.output:
            raise RuntimeError(f"mxtui check counts something else: {ran.output}")
        seconds.append(ran.seconds)
    yield Figure("`mxtui check`, the first time", first.seconds)
    yield Figure("`mxtui check`, from then on", median(seconds), limit=CHECK_LIMIT)
