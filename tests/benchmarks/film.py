"""A terminal that is filmed: bytes are kept with their times and drawn afterwards.

Drawing (pyte takes 20 ms for a screenful) would otherwise delay the reading, and take the core that the program needs.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.end_to_end.terminal import Screen, Terminal


@dataclass(frozen=True)
class Shot:
    """The screen after one read."""

    at: float
    screen: Screen


@dataclass(frozen=True)
class Press:
    """A key, and when it was pressed."""

    at: float
    key: str


class FilmedTerminal(Terminal):
    """Draws at once, as any Terminal, but while `film` runs."""

    _reel: list[tuple[float, bytes]] | None = None

    def film(self, keys: Sequence[str], every: float, *, quiet: float = 0.5) -> tuple[list[Press], list[Shot]]:
        """Press keys at a steady pace, whatever the program does meanwhile; film until `quiet` seconds after."""
        reel: list[tuple[float, bytes]] = []
        self._reel = reel
        presses = []
        for key in keys:
            presses.append(Press(time.perf_counter(), key))
            self.press(key)
            self._run(every)
        self._run(quiet)
        self._reel = None
        return presses, list(self._develop(reel))

    def _run(self, seconds: float) -> None:
        deadline = time.perf_counter() + seconds
        while self._open and (left := deadline - time.perf_counter()) > 0:
            self._read(left)

    def _develop(self, reel: list[tuple[float, bytes]]) -> Iterator[Shot]:
        for at, data in reel:
            self._take_in(data)
            yield Shot(at, self.screen())

    def _take_in(self, data: bytes) -> None:
        if self._reel is None:
            super()._take_in(data)
        else:
            self._reel.append((time.perf_counter(), data))
