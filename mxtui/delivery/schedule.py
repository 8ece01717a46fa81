"""Which message is tried next: oldest first within a domain, no sooner than it is due. No I/O, no clock.

A million messages have to fit: each costs its ID as nine bytes, one place in a dictionary and one in a list, about
100 bytes together. What is moved or removed leaves its old place in a list behind, and is known by it when it comes up.
"""

import heapq
import math
from collections.abc import Iterable, Iterator
from typing import Final

GRAIN: Final = 4
"""Slots a second: messages due within the same quarter of a second share one."""


class _Slot:
    """A moment, or READY; identity is what counts."""

    __slots__ = ("at", "ids")

    def __init__(self, at: int) -> None:
        self.at = at
        self.ids: list[bytes] = []


_READY: Final = _Slot(0)
_URGENT: Final = _Slot(0)


class Line:
    """The messages that wait for one domain."""

    __slots__ = ("_later", "_moments", "_oldest", "_place", "_ready", "_urgent")

    def __init__(self) -> None:
        self._place: dict[bytes, _Slot] = {}
        self._ready: list[bytes] = []
        self._urgent: list[bytes] = []
        self._later: dict[int, _Slot] = {}
        self._moments: list[int] = []
        self._oldest: bytes | None = None

    def __len__(self) -> int:
        return len(self._place)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._place)

    def __contains__(self, key: bytes) -> bool:
        return key in self._place

    @property
    def oldest(self) -> bytes | None:
        """The oldest in line, due or not. Costs a look at all of them, but only once the last known has left."""
        if self._oldest not in self._place:
            self._oldest = min(self._place, default=None)
        return self._oldest

    def add(self, key: bytes, at: float | None) -> None:
        """Due `at`; None is now."""
        if self._oldest is not None and key < self._oldest:
            self._oldest = key
        if at is None:
            if self._place.get(key) is not _READY:
                self._place[key] = _READY
                heapq.heappush(self._ready, key)
            return
        moment = math.ceil(at * GRAIN)
        slot = self._later.get(moment)
        if slot is None:
            slot = self._later[moment] = _Slot(moment)
            heapq.heappush(self._moments, moment)
        self._place[key] = slot
        slot.ids.append(key)

    def urge(self, key: bytes) -> None:
        """Now, and before all others."""
        if self._oldest is not None and key < self._oldest:
            self._oldest = key
        if self._place.get(key) is not _URGENT:
            self._place[key] = _URGENT
            heapq.heappush(self._urgent, key)

    def calm_one(self, key: bytes) -> None:
        """It goes before others no more, if it did."""
        if self._place.get(key) is _URGENT:
            self.add(key, None)

    def calm(self) -> list[bytes]:
        """Nothing goes before all others any more; what did."""
        urgent = [key for key in dict.fromkeys(self._urgent) if self._place.get(key) is _URGENT]
        self._urgent.clear()
        for key in urgent:
            self.add(key, None)
        return urgent

    def discard(self, key: bytes) -> None:
        """Out of line, if it was there."""
        self._place.pop(key, None)

    def promote(self, now: float) -> bool:
        """Make ready what is due; whether anything was."""
        moved = False
        while self._moments and self._moments[0] <= now * GRAIN:
            slot = self._later.pop(heapq.heappop(self._moments))
            due = [key for key in slot.ids if self._place.get(key) is slot]
            for key in due:
                self._place[key] = _READY
            if len(due) > len(self._ready):
                self._ready += due
                heapq.heapify(self._ready)
            else:
                for key in due:
                    heapq.heappush(self._ready, key)
            moved = moved or bool(due)
        return moved

    def next_due(self) -> float | None:
        """When something that waits for its time may become ready."""
        return self._moments[0] / GRAIN if self._moments else None

    @property
    def urgent(self) -> bool:
        """Whether `take` gives something that is to go before all others."""
        self._clean(self._urgent, _URGENT)
        return bool(self._urgent)

    @property
    def ready(self) -> bool:
        """Whether `take` gives something."""
        self._clean(self._ready, _READY)
        return self.urgent or bool(self._ready)

    def take(self) -> bytes | None:
        """The next: what is urgent first, then the oldest. It is no longer in line."""
        if not self.ready:
            return None
        key = heapq.heappop(self._urgent or self._ready)
        del self._place[key]
        return key

    def take_before(self, key: bytes) -> bytes | None:
        """As `take`, but only what is ready and older than `key`."""
        self._clean(self._ready, _READY)
        if not self._ready or self._ready[0] >= key:
            return None
        oldest = heapq.heappop(self._ready)
        del self._place[oldest]
        return oldest

    def _clean(self, heap: list[bytes], slot: _Slot) -> None:
        """Drop from the top what was moved or removed meanwhile."""
        while heap and self._place.get(heap[0]) is not slot:
            heapq.heappop(heap)


class Schedule:
    """All lines. A message that has recipients in several domains stands in the line of each."""

    def __init__(self) -> None:
        self._lines: dict[str, Line] = {}

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    @property
    def domains(self) -> Iterable[str]:
        """That something waits, or waited, for."""
        return self._lines.keys()

    def add(self, id: str, domain: str, at: float | None = None) -> None:  # noqa: A002 (the field's own word)
        """Try it no sooner than `at`; None is at once. One that is in this line already is moved."""
        self._line(domain).add(bytes.fromhex(id), at)

    def urge(self, id: str, domain: str) -> None:  # noqa: A002
        """Try it now, before all others of its domain."""
        self._line(domain).urge(bytes.fromhex(id))

    def calm(self, domain: str) -> list[str]:
        """Nothing of the domain goes before all others any more; what did."""
        line = self._lines.get(domain)
        return [key.hex() for key in line.calm()] if line is not None else []

    def calm_one(self, id: str, domain: str) -> None:  # noqa: A002
        """A message goes before all others of its domain no more."""
        if (line := self._lines.get(domain)) is not None:
            line.calm_one(bytes.fromhex(id))

    def discard(self, id: str, domain: str) -> None:  # noqa: A002
        """It no longer waits for this domain; nothing happens where it did not."""
        if (line := self._lines.get(domain)) is not None:
            line.discard(bytes.fromhex(id))

    def take(self, domain: str) -> str | None:
        """The domain's next message; None when nothing is ready."""
        line = self._lines.get(domain)
        key = line.take() if line is not None else None
        return key.hex() if key is not None else None

    def take_before(self, domain: str, id: str) -> str | None:  # noqa: A002
        """The domain's oldest message that is ready, where it is older than this ID."""
        line = self._lines.get(domain)
        key = line.take_before(bytes.fromhex(id)) if line is not None else None
        return key.hex() if key is not None else None

    def ready(self, domain: str) -> bool:
        """Whether anything of the domain may be tried."""
        line = self._lines.get(domain)
        return line is not None and line.ready

    def urgent(self, domain: str) -> bool:
        """Whether anything of the domain is to go before all others."""
        line = self._lines.get(domain)
        return line is not None and line.urgent

    def promote(self, now: float) -> Iterator[str]:
        """Make ready what is due; the domains where anything was. Costs a look at each domain."""
        for domain, line in self._lines.items():
            if line.promote(now):
                yield domain

    def next_due(self) -> float | None:
        """When `promote` may next find something."""
        return min((due for line in self._lines.values() if (due := line.next_due()) is not None), default=None)

    def waiting(self, domain: str) -> int:
        """Messages in the domain's line, due or not."""
        return len(self._lines.get(domain, ()))

    def has(self, id: str, domain: str) -> bool:  # noqa: A002
        """Whether a message is in the domain's line."""
        return bytes.fromhex(id) in self._lines.get(domain, ())

    def ids(self, domain: str) -> list[str]:
        """All of the domain's line, due or not."""
        line = self._lines.get(domain)
        return [key.hex() for key in line] if line is not None else []

    def oldest(self, domain: str) -> str | None:
        """The oldest message in the domain's line, due or not."""
        line = self._lines.get(domain)
        key = line.oldest if line is not None else None
        return key.hex() if key is not None else None

    def _line(self, domain: str) -> Line:
        line = self._lines.get(domain)
        if line is None:
            line = self._lines[domain] = Line()
        return line
