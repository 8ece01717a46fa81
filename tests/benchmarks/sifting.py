"""Campaigns without a scanner: who is found, who is found by mistake, and what it costs."""

import os
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from mxtui.index import Index
from mxtui.model.message import Changes, QueuedMessage
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from mxtui.sifting.sifter import Sifter
from tests.benchmarks.table import Figure
from tests.sifting.corpus import queue_of
from tests.sifting.planting import plant_spool

NEVER = threading.Event()

SEEDS = (1, 2, 3)


def sifting(messages: int) -> Iterator[Figure]:
    """Half of the messages good, half of six campaigns, for several seeds; in the last one also the time."""
    for seed in SEEDS:
        with tempfile.TemporaryDirectory(prefix="mxtui-bench-") as folder:
            yield from _sifted(Path(folder), messages, seed, timed=seed == SEEDS[-1])


def _sifted(folder: Path, messages: int, seed: int, *, timed: bool) -> Iterator[Figure]:
    kinds = plant_spool(folder / "spool", queue_of(messages // 2, messages // 2, seed), seed=seed)
    queue = SpoolQueue(Spool.open(folder / "spool"))
    queued = [message for changes in queue.read() for message in changes.present]
    index = _index(queued)
    before = _cpu()
    sifter = Sifter(index, queue.contents(), folder / "sifted.sqlite")
    try:
        sifter.finish(NEVER)
        names = [each.name for each in sifter.campaigns()]
    finally:
        sifter.close()
    cost = _cpu() - before
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for name in names:
        found[name].update(kinds[queue_id] for queue_id in index.ids_of(name))
    totals = Counter(kinds.values())
    inside = 0
    for kind in sorted(kind for kind in totals if not kind.startswith("good")):
        members = max(found.values(), key=lambda members, kind=kind: members[kind])  # type: ignore[misc]
        good = sum(number for each, number in members.items() if each.startswith("good"))
        inside += good
        share = 100 * (1 - members[kind] / totals[kind])
        yield Figure(f"sifting, seed {seed}: {kind}: missed of {totals[kind]:,}", share, "%", 5)
    yield Figure(f"sifting, seed {seed}: good inside of {messages // 2:,}", 100 * inside / (messages // 2), "%", 0.1)
    if timed:
        yield Figure("sifting: 100,000 messages, processor time", cost * 100_000 / messages, "s", 120)
        yield from _again(queue, queued, folder / "sifted.sqlite", messages)


def _again(queue: SpoolQueue, queued: list[QueuedMessage], path: Path, messages: int) -> Iterator[Figure]:
    """After a restart, by what is remembered."""
    before = _cpu()
    sifter = Sifter(_index(queued), queue.contents(), path)
    try:
        sifter.finish(NEVER)
    finally:
        sifter.close()
    yield Figure("sifting: 100,000 remembered, processor time", (_cpu() - before) * 100_000 / messages, "s", 60)
    yield Figure("sifting: 100,000 on disk", path.stat().st_size / messages * 100_000 / 1e6, "MB", 100)


def _index(queued: list[QueuedMessage]) -> Index:
    index = Index(time.time())
    index.apply(Changes(queued))
    index.complete()
    return index


def _cpu() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system
