"""How much a terminal is sent before it has answered what it was sent.

Over SSH nothing ever seems to be full: a megabyte goes into buffers on the way, and at 9,600 bit/s the screen is a
quarter of an hour behind its keys. So the terminal is asked now and then where its cursor is (ECMA-48, DSR 6), which it
answers when it has drawn all that came before; what is not answered yet is bounded, and only the latest is sent on.

The bound grows as long as answers come no later than they need to, and is halved when they do: a slow start, as for
mail.
"""

from collections import deque
from typing import Final, NamedTuple

ASK: Final = "\x1b[6n"

LEAST, FIRST, MOST = 512, 1024, 1 << 18
"""Bytes under way."""

LATE: Final = 0.15
"""Seconds beyond the quickest answer that make one late: what is under way is seen so much later."""

SILENT: Final = 3.0
"""Seconds in which a terminal that never answered would have done so: then nothing is held back."""

LOST: Final = 20.0
"""Seconds after which an answer of one that does answer is given up: it was lost with something else on the line."""


class _Asked(NamedTuple):
    at: float
    sent: int
    """Bytes altogether, up to the question."""


class Pace:
    """Pure; whoever sends tells the time (monotonic seconds)."""

    def __init__(self) -> None:
        self._limit = FIRST
        self._sent = self._answered = self._asked_up_to = 0
        self._open: deque[_Asked] = deque()
        self._quickest: float | None = None
        self._mute = False
        self._known = False
        """Whether an answer was ever late: about how much the line bears."""

    def room(self, now: float) -> int:
        """Bytes that may be sent now; none where nothing may."""
        if self._open and now - self._open[0].at >= (SILENT if self._quickest is None else LOST):
            self._mute = self._quickest is None
            self._answered = self._open.popleft().sent
        if self._mute:
            return MOST
        if not self._open:
            return self._limit  # what was not asked about since the last answer is little
        return max(0, self._limit - (self._sent - self._answered))

    def wait(self, now: float) -> float | None:
        """Seconds until `room` has to be asked again, though no answer came; None where nothing is under way."""
        if not self._open or self._mute:
            return None
        return max(0.0, self._open[0].at + (SILENT if self._quickest is None else LOST) - now)

    def sends(self, size: int, now: float) -> bool:
        """So many bytes go out now; whether to `ASK` behind them."""
        self._sent += size
        if self._mute or self._sent - self._asked_up_to < self._limit // 4:
            return False
        self._asked_up_to = self._sent
        self._open.append(_Asked(now, self._sent))
        return True

    def answers(self, now: float) -> None:
        """The terminal did."""
        if not self._open:
            return
        asked = self._open.popleft()
        self._answered, self._mute = asked.sent, False
        took = now - asked.at
        self._quickest = took if self._quickest is None else min(took, self._quickest)
        if took > self._quickest + LATE:
            self._limit, self._known = max(LEAST, self._limit // 2), True
        else:
            self._limit = min(MOST, self._limit + (self._limit // 8 if self._known else self._limit))
