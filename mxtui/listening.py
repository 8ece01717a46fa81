"""What the mail log tells a monitor of how deliveries end, from the moment that it begins to look.

Of what passes through at once, or is returned at once, nothing is ever queued: only the log knows.
"""

import threading
from collections.abc import Callable, Mapping
from typing import Final

from mxtui.model.overview import Flow
from mxtui.queues.queue import Logged, Outcome, Queue

AGAIN: Final = 60.0
"""Seconds until a log that could not be read is looked for again."""

MOST: Final = 10_000
"""Domains that are counted: strangers choose them."""

SHOWN: Final = 200
"""Domains that are shown only because somebody refused mail for them."""


class Log:
    """Of one queue; of one that keeps no log nothing is known."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue if isinstance(queue, Logged) else None
        self._told: Mapping[str, Outcome] = {}

    def follow(self, stop: threading.Event, rest: Callable[[], None]) -> None:
        """Count until `stop`; blocks. `rest` is called between pieces of a few hundred lines."""
        while self._queue is not None and not stop.is_set():
            for told in self._queue.outcomes(stop):
                if told:
                    self._told = _counted(self._told, told)
                rest()
            stop.wait(AGAIN)

    def flow(self, domain: str, moved: Flow) -> Flow:
        """The same with what the log told of a domain."""
        told = self._told.get(domain)
        return Flow(moved.arrived, moved.left, told.sent, told.refused) if told is not None else moved

    @property
    def refusing(self) -> list[str]:
        """Domains for which mail was refused for good."""
        return [domain for domain, told in self._told.items() if told.refused][:SHOWN]


def _counted(before: Mapping[str, Outcome], told: Mapping[str, Outcome]) -> Mapping[str, Outcome]:
    """A new one, so that whoever reads meanwhile has the old one whole."""
    both = dict(before)
    for domain, more in told.items():
        if domain in both or len(both) < MOST:
            was = both.get(domain, Outcome())
            both[domain] = Outcome(was.sent + more.sent, was.refused + more.refused)
    return both
