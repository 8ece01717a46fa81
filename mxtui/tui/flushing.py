"""A flush as the screens follow it: each step is a new value."""

import threading
from dataclasses import dataclass, field, replace

from mxtui.model.plan import FlushProgress, Plan, Verdict

SAMPLES = 240
"""Rates kept for the chart; one a second or fewer."""

REPLIES = 200


@dataclass(frozen=True, slots=True)
class Flushing:
    """One flush, running or done."""

    plan: Plan
    started: float
    stop: threading.Event = field(default_factory=threading.Event, compare=False)
    progress: FlushProgress | None = None
    rates: tuple[tuple[float, float], ...] = ()
    """(when, messages per second), oldest first."""
    replies: tuple[Verdict, ...] = ()
    """Newest first."""
    ended: float | None = None
    fault: str = ""

    @property
    def running(self) -> bool:
        """Not ended yet."""
        return self.ended is None

    @property
    def share(self) -> float:
        """Of the messages, those with a verdict; 0 to 1."""
        if self.progress is None or not self.progress.queued:
            return 0.0
        return 1 - self.progress.left / self.progress.queued

    def advanced(self, progress: FlushProgress, now: float) -> "Flushing":
        """With the next report."""
        rates = self.rates
        if not rates or now - rates[-1][0] >= 1:
            rates = (*rates[-(SAMPLES - 1) :], (now, progress.per_second))
        fresh = tuple(verdict for verdict in reversed(progress.recent) if verdict not in self.replies[:REPLIES])
        return replace(self, progress=progress, rates=rates, replies=(*fresh, *self.replies)[:REPLIES])

    def over(self, now: float, fault: str = "") -> "Flushing":
        """Ended, by itself or by an error."""
        return replace(self, ended=now, fault=fault)
