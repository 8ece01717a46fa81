"""What the history of a week costs, and what a forecast does."""

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from mxtui.history import Store
from mxtui.index import Index
from mxtui.model.forecast import DAY
from mxtui.model.history import LEVELS, WHOLE, Sample, Tick
from mxtui.model.message import Changes, QueuedMessage, Recipient
from mxtui.model.source import Space
from tests.benchmarks.table import Figure

NOW = 1_800_000_000

LOOKS = 20


def remembering(domains: int, messages: int) -> Iterator[Figure]:
    """On a file of its own, as large as a week makes it; and on an index whose messages all expire within a day."""
    with tempfile.TemporaryDirectory(prefix="mxtui-bench-") as folder:
        store = Store(Path(folder) / "history.sqlite")
        costs = _week(store, domains)
        name = f"history: {domains:,} domains"
        yield Figure(f"{name}: writing, share of a core", 100 * median(costs) / 60, "%", 1.0)
        yield Figure(f"{name}: the slowest minute", 1000 * max(costs), "ms", 600)
        yield Figure(f"{name}: seven days on disk", store.path.stat().st_size / 1e6, "MB", 100)
        yield Figure(f"{name}: seven days of one", 1000 * _looking(store), "ms", 100)
    name = f"forecast: {messages:,} messages in {domains:,} domains, all expiring"
    yield Figure(name, _foretelling(domains, messages), "ms", 20)


def _week(store: Store, domains: int) -> list[float]:
    """The fewest minutes that fill every step; the processor time of the last ones, in which all of it is kept up."""
    chance = random.Random(7)
    names = [WHOLE, *(f"domain{number}.example" for number in range(domains))]
    at, costs = NOW - LEVELS[-1][1], list[float]()
    while at < NOW:
        ago = NOW - at
        step = next((step for step, kept in LEVELS if ago <= kept), LEVELS[-1][0])
        tick = Tick(at, {name: _sample(chance) for name in names}, Space(10**12, 10**11, 10**7, 10**6), 10_000)
        began = time.thread_time()
        store.write(tick, at + 1.0)
        if step == LEVELS[0][0]:
            costs.append(time.thread_time() - began)
        at += step
    return costs


def _sample(chance: random.Random) -> Sample:
    down = chance.random() < 0.1
    return Sample(chance.randrange(40_000), chance.randrange(400_000), chance.randrange(60), chance.randrange(60),
                  "down" if down else "up", 60 if down else 0, None if down else chance.uniform(1, 300))  # fmt: skip


def _looking(store: Store) -> float:
    costs = []
    for number in range(LOOKS):
        began = time.thread_time()
        store.points(f"domain{number % 5}.example", 7 * DAY, NOW)
        costs.append(time.thread_time() - began)
    return median(costs)


def _foretelling(domains: int, messages: int) -> float:
    index = Index(NOW)
    for first in range(0, messages, 1000):
        index.apply(Changes([_expiring(number, domains) for number in range(first, min(messages, first + 1000))]))
    index.complete()
    costs = []
    for _ in range(LOOKS):
        began = time.thread_time()
        found = index.expiring(NOW, {"domain1.example": NOW + 3 * DAY})
        costs.append(time.thread_time() - began)
        if sum(each.within_24h for each in found.values()) != messages:
            raise RuntimeError("not all of them were counted")
    return 1000 * median(costs)


def _expiring(number: int, domains: int) -> QueuedMessage:
    domain = f"domain{number % domains}.example"
    recipient = Recipient(f"info@{domain}", domain, "connection refused", "4.4.1")
    expires = NOW + number % int(DAY)
    return QueuedMessage(f"Q{number:09d}", "deferred", number, expires - 5 * DAY, 4_000, "a@b.example", (recipient,),
                         expires=expires)  # fmt: skip
