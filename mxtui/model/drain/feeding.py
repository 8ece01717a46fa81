"""A drain as the feed of a way: the clock is read here, and nowhere beneath."""

from collections.abc import Callable, Sequence

from mxtui.model.drain.machine import Drain
from mxtui.model.plan import Target


class DrainFeed:
    """A `way.Feed`. `clock` has to be the one whose times the drain is told."""

    def __init__(self, drain: Drain, clock: Callable[[], float]) -> None:
        self._drain = drain
        self._clock = clock

    def take(self, most: int) -> Sequence[Target]:
        """See `way.Feed`."""
        return self._drain.take(most, self._clock())

    @property
    def over(self) -> bool:
        """See `way.Feed`."""
        return self._drain.over

    @property
    def stopped(self) -> bool:
        """See `way.Feed`."""
        return self._drain.phase == "stopped"

    @property
    def connections(self) -> int:
        """See `way.Feed`."""
        return self._drain.connections

    def connections_to(self, host: str) -> int:
        """See `way.Feed`."""
        return self._drain.connections_to(host)

    def connections_for(self, target: Target) -> int:
        """See `way.Feed`."""
        return self._drain.connections_for(target)
