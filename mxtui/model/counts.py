"""Messages counted where they are read: those that count alike become one entry, cheap to hand on and to add up.

No message is known any more: a hundred thousand deferred in an outage are some two thousand entries.
"""

from collections.abc import Iterable, Mapping, Sequence

from mxtui.model.age import bucket
from mxtui.model.message import QueuedMessage, State
from mxtui.model.reason import Summaries

Cause = tuple[str, str | None]
"""Of one recipient: its domain, and why the last attempt failed, as `reason.summarise` puts it."""

Kind = tuple[State, int, tuple[Cause, ...]]
"""What messages that count alike have in common: state, age bucket, and the cause of each recipient in turn."""

Sums = list[float]
"""Of one kind: messages, bytes, oldest arrival, next expiry (`NEVER`: none), the times as seconds since the epoch."""

NEVER = float("inf")


class Counts:
    """How many messages there are of each kind at `now`, seconds since the epoch."""

    __slots__ = ("kinds", "now", "summaries")

    def __init__(self, now: float) -> None:
        self.now = now
        self.kinds: dict[Kind, Sums] = {}
        self.summaries = Summaries()

    def add(self, state: State, arrival: float, size: int, expires: float | None, causes: Sequence[Cause]) -> None:
        """Count one message. With everyone served (no causes) there is nothing left to expire."""
        kind = (state, bucket(self.now - arrival), tuple(causes))
        self._add(kind, [1, size, arrival, expires if expires is not None and causes else NEVER])

    def merge(self, kinds: Mapping[Kind, Sums]) -> None:
        """Add what was counted elsewhere, at the same `now`."""
        for kind, sums in kinds.items():
            self._add(kind, sums)

    def _add(self, kind: Kind, more: Sums) -> None:
        sums = self.kinds.setdefault(kind, more)
        if sums is more:
            return
        messages, size, oldest, expires = more
        sums[0] += messages
        sums[1] += size
        if oldest < sums[2]:
            sums[2] = oldest
        if expires < sums[3]:
            sums[3] = expires

    def take(self) -> Mapping[Kind, Sums]:
        """What was counted since the last time."""
        kinds, self.kinds = self.kinds, {}
        return kinds


def count(messages: Iterable[QueuedMessage], now: float) -> Counts:
    """Messages that will not change, counted at `now`."""
    counts = Counts(now)
    summaries = counts.summaries
    for message in messages:
        causes = [
            (each.domain, summaries[each.reason] if each.reason is not None else None) for each in message.recipients
        ]
        counts.add(message.state, message.arrival, message.size, message.expires, causes)
    return counts
