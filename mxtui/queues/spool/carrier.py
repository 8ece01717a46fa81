"""From a feed to whoever forwards, in small helpings, and back: the loop that every spool is drained by."""

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from mxtui.model.drain.way import Feed, Settled
from mxtui.model.plan import Target

TICK: Final = 0.1
"""Seconds to wait for verdicts before the feed is asked again."""

HELPING: Final = 500
"""Messages handed over at once."""

STOP_SECONDS: Final = 10.0
"""How long what was begun is followed after a stop. It is safe in the spool all the same."""


class Carrier(Protocol):
    """Who forwards: a `serve` beyond a socket, or this process."""

    def add(self, ids: Sequence[str], connections: int) -> None:
        """Try these now, over so many connections to the host of each at most."""
        ...

    def over(self) -> None:
        """No more will come."""
        ...

    def stop(self) -> None:
        """Nor is what was given tried, where it was not begun: it is settled as untried, and waits as before."""
        ...

    def settled(self, within: float) -> Sequence[Settled] | None:
        """What was settled, waiting so many seconds at most; None when all is, and no more will come.

        Raises MxtuiError: deliveries are at an end.
        """
        ...


def carry(carrier: Carrier, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
    """See `Way.deliver`."""
    deadline: float | None = None
    over = stopped = False
    while deadline is None or time.monotonic() < deadline:
        if stop.is_set() and deadline is None:
            deadline = time.monotonic() + STOP_SECONDS
        if not stopped and (stop.is_set() or (feed.over and feed.stopped)):
            over = stopped = True
            carrier.stop()
        elif not over:
            if feed.over:
                over = True
                carrier.over()
            elif targets := feed.take(HELPING):
                for connections, ids in _helpings(targets, feed):
                    carrier.add(ids, connections)
        settled = carrier.settled(TICK)
        if settled is None:
            return
        yield settled


def _helpings(targets: Sequence[Target], feed: Feed) -> Iterator[tuple[int, list[str]]]:
    """IDs by the number of connections that their primary is trusted with."""
    helpings: dict[int, list[str]] = {}
    for target in targets:
        helpings.setdefault(feed.connections_for(target), []).append(target.queue_id)
    yield from helpings.items()
