"""Following a queue that can only be listed whole: how often, and what differs."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from mxtui.model.message import Changes, QueuedMessage

SHARE = 0.05
"""Of a core that listing again and again may take, ours and Postfix's together."""

SOONEST = 2.0
"""Seconds between two listings of however short a queue."""

SIGN_OF_LIFE = 1.0
"""Seconds."""

BATCH = 500


class Poller:
    """Lists a queue now and then and tells what changed since.

    Keeps a number per message, not the message: 150 bytes each.
    """

    def __init__(self, listing: Callable[[], Iterable[QueuedMessage]]) -> None:
        self._list = listing
        self._lock = threading.Lock()
        self._known: dict[str, int] = {}
        self._cost = 0.0

    def read(self) -> Iterator[Changes]:
        """Everything, once."""
        yield from self._pass(everything=True)

    def watch(self, stop: threading.Event) -> Iterator[Changes]:
        """Differences, an empty change at least every two seconds, until `stop`."""
        due = time.monotonic() + self.interval
        while not stop.wait(SIGN_OF_LIFE):
            yield Changes()
            if time.monotonic() >= due:
                yield from self._pass(everything=False)
                due = time.monotonic() + self.interval

    @property
    def interval(self) -> float:
        """Seconds until the next listing."""
        return max(SOONEST, self._cost / SHARE)

    def _pass(self, *, everything: bool) -> Iterator[Changes]:
        # One at a time: the first read, or the watching thread's.
        with self._lock:
            self._cost = 0.0
            seen: dict[str, int] = {}
            batch: list[QueuedMessage] = []
            began = time.monotonic()
            for message in self._list():
                # A message that moves while it is listed can be listed twice; the later place is the truer.
                seen[message.queue_id] = mark = hash(message)
                if everything or self._known.get(message.queue_id) != mark:
                    batch.append(message)
                if len(batch) >= BATCH:
                    self._cost += time.monotonic() - began
                    yield Changes(batch)
                    batch = []
                    began = time.monotonic()
            gone = [] if everything else [queue_id for queue_id in self._known if queue_id not in seen]
            self._known = seen
            self._cost += time.monotonic() - began
            if batch or gone:
                yield Changes(batch, gone)
