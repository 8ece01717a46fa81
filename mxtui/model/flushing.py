"""From verdicts on recipients to verdicts on messages, and from those to the progress of a flush. No I/O, no clock.

A verdict on a message needs evidence for it: a message that left the queue, of which no delivery was seen, is
`vanished` and never counts as delivered.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from mxtui.model.plan import Fate, FlushProgress, Target, Verdict

Phase = Literal["probe", "canary", "ramp", "steady", "backoff", "stopped", "done"]

FATES: Final[tuple[Fate, ...]] = ("deferred", "expired", "bounced", "refused", "vanished", "delivered")
"""The first of those that a message's recipients met decides what is said of it."""

RECENT: Final = 200
"""Verdicts kept for the screen."""

RATE_WINDOW: Final = 10.0
"""Seconds: time constant of the rate's moving average."""


@dataclass(slots=True)
class _Following:
    expected: int
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """Per recipient, the latest."""

    def worst(self) -> Verdict | None:
        """Of the recipient that decides what became of the message; None where nothing was heard of any."""
        if not self.verdicts:
            return None
        fate = message_fate(verdict.fate for verdict in self.verdicts.values())
        return next(verdict for verdict in self.verdicts.values() if verdict.fate == fate)


class Flushing:
    """The books of one flush."""

    def __init__(self, targets: Iterable[Target], now: float) -> None:
        self._open = {target.queue_id: _Following(max(1, target.recipients)) for target in targets}
        self._queued = len(self._open)
        self._counts: dict[Fate, int] = dict.fromkeys(FATES, 0)
        self._recent: deque[Verdict] = deque(maxlen=RECENT)
        self._closed: list[Verdict] = []
        self._rate = Rate(now)
        self.moved_at = now
        """When the last verdict came."""

    @property
    def waiting(self) -> Mapping[str, object]:
        """The IDs without a verdict yet."""
        return self._open

    def verdict(self, verdict: Verdict, original: str = "") -> None:
        """One recipient's; others' mail and what is closed already are passed over.

        `original` tells apart recipients that were aliases of one address: each has a verdict of its own.
        """
        following = self._open.get(verdict.queue_id)
        if following is None:
            return
        self.moved_at = verdict.at
        self._recent.append(verdict)
        following.verdicts[f"{verdict.recipient}\0{original}"] = verdict
        if len(following.verdicts) >= following.expected and (worst := following.worst()) is not None:
            self._close(verdict.queue_id, worst.fate, verdict.at)

    def back_in_queue(self, queue_id: str, now: float) -> None:
        """Seen waiting again after a try: deferred, whatever else is known."""
        self._close(queue_id, "deferred", now)

    def returned(self, queue_id: str, now: float) -> None:
        """The queue gave it up, and said so."""
        self._close(queue_id, "expired", now)

    def left(self, queue_id: str, now: float) -> None:
        """No longer in the queue, and no more evidence will come: a delivery that was not seen was none."""
        following = self._open.get(queue_id)
        if following is None:
            return
        worst = following.worst()
        fate = worst.fate if worst is not None else "vanished"
        # Some recipients' delivery was seen, of others nothing: the whole is not known to be delivered.
        if fate == "delivered" and len(following.verdicts) < following.expected:
            fate = "vanished"
        if fate == "vanished":
            self._recent.append(Verdict(queue_id, "", "vanished", at=now))
        self._close(queue_id, fate, now)

    def _close(self, queue_id: str, fate: Fate, now: float) -> None:
        following = self._open.pop(queue_id, None)
        if following is not None:
            worst = following.worst()
            said = worst if worst is not None and worst.fate == fate else Verdict(queue_id, "", fate)
            self._closed.append(said._replace(at=now))
            self._counts[fate] += 1
            self._rate.add(now)
            self.moved_at = now

    def progress(self, now: float, phase: Phase) -> FlushProgress:
        """How it stands; each verdict is in `recent` once, each message that has one in `closed` once."""
        left = len(self._open)
        per_second = self._rate.at(now)
        recent = tuple(self._recent)
        self._recent.clear()
        closed, self._closed = self._closed, []
        return FlushProgress(
            queued=self._queued,
            delivered=self._counts["delivered"],
            deferred=self._counts["deferred"],
            bounced=self._counts["bounced"] + self._counts["expired"],
            left=left,
            per_second=per_second,
            eta_seconds=left / per_second if per_second > 0.001 else (0.0 if not left else None),
            phase=phase,
            unknown=self._counts["vanished"],
            refused=self._counts["refused"],
            recent=recent,
            closed=closed,
        )


def message_fate(fates: Iterable[Fate]) -> Fate:
    """The worst that happened to any recipient: one who still waits keeps the message in the queue.

    >>> message_fate(["delivered", "deferred", "bounced"])
    'deferred'
    >>> message_fate(["delivered", "delivered"])
    'delivered'
    """
    found = set(fates)
    return next((fate for fate in FATES if fate in found), "vanished")


class Rate:
    """Events or bytes a second, as an exponentially weighted moving average that also falls while nothing happens."""

    def __init__(self, now: float, window: float = RATE_WINDOW) -> None:
        self._window = window
        self._started = now
        self._at = now
        self._value = 0.0

    def add(self, now: float, amount: float = 1.0) -> None:
        """One event, or so many bytes at once."""
        self._value = self._decayed(now) + amount / self._window
        self._at = max(self._at, now)

    def at(self, now: float) -> float:
        """The rate now. Young averages are corrected for the time that was not seen yet."""
        seen = 1 - math.exp(-max(0.0, now - self._started) / self._window)
        return self._decayed(now) / seen if seen > 0.01 else 0.0

    def _decayed(self, now: float) -> float:
        return self._value * math.exp(-max(0.0, now - self._at) / self._window)
