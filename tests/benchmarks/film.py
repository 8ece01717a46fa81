"""A terminal that is filmed: bytes are kept with their times and drawn afterwards.

Drawing (pyte takes 20 ms for a screenful) would otherwise delay the reading, and take the core that the program needs.
"""

import time
from collections.abc import Callable

from tests.end_to_end.terminal import Screen, Terminal

SLICE = 0.1
"""Seconds of film between drawings, and so at least between two keys: the pace of a hand whose eyes follow."""

ASKS = b"\x1b[6n"
"""Where the cursor is (ECMA-48, DSR 6)."""

Answer = Callable[[Screen, Screen], bool]
"""Whether the second screen is the first with the key's effect."""

Reel = list[tuple[float, bytes]]


class FilmedTerminal(Terminal):
    """Draws at once, as any Terminal, but while a key is timed."""

    _reel: Reel | None = None

    def time_key(self, key: str, answered: Answer, limit: float = 2.0) -> float:
        """Seconds from the key to the bytes with which the screen first shows its effect; `limit` when it does not."""
        before = self.screen()
        began = time.perf_counter()
        self.press(key)
        answer = None
        while answer is None and time.perf_counter() < began + limit:
            for at, data in self._film():
                self._take_in(data)
                if answer is None and answered(before, [line.rstrip() for line in self._screen.display]):
                    answer = at - began
        return limit if answer is None else answer

    def _film(self) -> Reel:
        reel: Reel = []
        self._reel = reel
        deadline = time.perf_counter() + SLICE
        while self._open and (left := deadline - time.perf_counter()) > 0:
            self._read(left)
        self._reel = None
        return reel

    def _take_in(self, data: bytes) -> None:
        if self._reel is None:
            super()._take_in(data)
        else:
            # Answered at once, as by a terminal that draws fast: what is filmed is drawn when the film is over.
            for _ in range(data.count(ASKS)):
                self._answer(b"\x1b[1;1R")
            self._reel.append((time.perf_counter(), data.replace(ASKS, b"")))
