"""A feed that gives everything at once, and what a way of delivering made of it."""

import threading
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mxtui.model.drain.way import Settled, Way
from mxtui.model.plan import Fate, Target, Verdict


class Everything:
    """No pace and no guard."""

    connections = 20
    stopped = False

    def __init__(self, targets: Iterable[Target]) -> None:
        self._left = deque(targets)

    def take(self, most: int) -> Sequence[Target]:
        return [self._left.popleft() for _ in range(min(most, len(self._left)))]

    @property
    def over(self) -> bool:
        return not self._left

    def connections_to(self, host: str) -> int:
        return self.connections

    def connections_for(self, target: Target) -> int:
        return self.connections


@dataclass
class Outcome:
    """Of delivering some messages."""

    queued: int
    settled: list[Settled] = field(default_factory=list)

    @property
    def fates(self) -> Counter[Fate]:
        return Counter(each.fate for each in self.settled)

    @property
    def left(self) -> int:
        return self.queued - len(self.settled)

    @property
    def verdicts(self) -> list[Verdict]:
        return [verdict for each in self.settled for verdict in each.verdicts]


def deliver(way: Way, targets: Sequence[Target], stop: threading.Event | None = None) -> Outcome:
    """All of them, to the end. With `stop`, which is set as soon as all were taken."""
    outcome = Outcome(len(targets))
    feed = Everything(targets)
    for settled in way.deliver(feed, stop or threading.Event()):
        outcome.settled += settled
        if stop is not None and feed.over:
            stop.set()
    return outcome
