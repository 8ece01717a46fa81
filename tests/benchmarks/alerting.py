"""How long a tick of the alerts' rules takes, and `mxtui check` once it has looked."""

import time
from collections.abc import Iterator
from statistics import median

from mxtui.model.alerts import Watch
from mxtui.model.overview import DomainStatus, Overview
from tests.benchmarks.site import Site
from tests.benchmarks.table import Figure
from tests.model.alerts.story import NOW, flow, health, overview, row

DOMAINS = 1_000
MESSAGES = 100_000
TICKS = 200

TICK_LIMIT = 20.0
"""Milliseconds."""

CHECK_LIMIT = 1.0


def rules() -> Iterator[Figure]:
    """Ticks over 1,000 domains with 100,000 messages in all, a second apart, while all of them change."""
    watch = Watch()
    seconds = []
    for tick in range(TICKS):
        look = _look(tick)
        began = time.thread_time()  # it waits for nothing: what else the machine does is not its cost
        watch.judge(look)
        seconds.append(time.thread_time() - began)
    yield Figure(f"alerts: a tick over {DOMAINS:,} domains, median", 1e3 * median(seconds), "ms", TICK_LIMIT)
    yield Figure("alerts: slowest tick but one in twenty", 1e3 * sorted(seconds)[int(TICKS * 0.95)], "ms", TICK_LIMIT)


def _look(tick: int) -> Overview:
    return overview(NOW + tick, *(_domain(number, tick) for number in range(DOMAINS)))


def _domain(number: int, tick: int) -> DomainStatus:
    """One in ten is down, one in ten stands still."""
    down, still = number % 10 == 0, number % 10 == 1
    messages = MESSAGES // DOMAINS
    return row(
        f"d{number}.example.org",
        messages=messages,
        oldest=NOW - 3600 + (0 if still else tick),
        reason="connection refused" if down else "451 greylisted",
        health=health("down" if down else "up"),
        flow=flow(arrived=tick * 3, left=0 if still else tick * 3),
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
