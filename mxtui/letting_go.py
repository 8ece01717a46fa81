"""A way of delivering for what a guard held: each batch is let go of when its turn comes, and no sooner."""

import threading
from collections.abc import Iterator, Sequence

from mxtui.model.drain.way import Feed, Settled, Way
from mxtui.model.plan import Result, Target, Verdict
from mxtui.queues.queue import Releasing


class LettingGo:
    """See `Way`. What cannot be released is settled as it is: in hold, or gone."""

    def __init__(self, way: Way, queue: Releasing) -> None:
        self._way = way
        self._queue = queue

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        """See `Way`."""
        released = _Released(feed, self._queue)
        for settled in self._way.deliver(released, stop):
            yield [*settled, *released.stuck()]
        if stuck := released.stuck():
            yield stuck


class _Released:
    """A feed whose messages are in hold no more."""

    def __init__(self, feed: Feed, queue: Releasing) -> None:
        self._feed = feed
        self._queue = queue
        self._stuck: list[Settled] = []

    def take(self, most: int) -> Sequence[Target]:
        taken = self._feed.take(most)
        held = [target for target in taken if target.state == "hold"]
        if not held:
            return taken
        results = {result.queue_id: result for result in self._queue.let_go(held)}
        going = []
        for target in taken:
            result = results.get(target.queue_id)
            if target.state != "hold" or (result is not None and result.result == "done"):
                renewed = result is not None and result.renewed
                going.append(target._replace(state="maildrop" if renewed else "deferred"))
            else:
                self._stuck.append(_stuck(target, result))
        return going

    def stuck(self) -> Sequence[Settled]:
        """Those that could not be released, each once."""
        stuck, self._stuck = self._stuck, []
        return stuck

    @property
    def over(self) -> bool:
        return self._feed.over

    @property
    def stopped(self) -> bool:
        return self._feed.stopped

    @property
    def connections(self) -> int:
        return self._feed.connections

    def connections_to(self, host: str) -> int:
        return self._feed.connections_to(host)

    def connections_for(self, target: Target) -> int:
        return self._feed.connections_for(target)


def _stuck(target: Target, result: Result | None) -> Settled:
    if result is not None and result.result in ("gone", "changed"):
        return Settled(target.queue_id, "vanished")
    why = f"still in hold: {result.detail if result is not None else 'not released'}"
    return Settled(target.queue_id, "deferred", (Verdict(target.queue_id, "", "deferred", "4.2.0", why),))
