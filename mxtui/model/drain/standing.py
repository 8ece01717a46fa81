"""How a drain stands, for everybody who looks: each step is a new value."""

from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from mxtui.model.drain.report import DIRECTLY
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.flushing import Phase
from mxtui.model.plan import FlushProgress, Verdict

REPLIES: Final = 200
"""Verdicts kept for whoever looks later."""

RATES: Final = 240
"""Rates kept for the chart, one a second or fewer."""

BY_OPERATOR: Final = "stopped by an operator"
"""Why a drain stopped that nothing else has."""

PHASES: Final = 100
"""Phases kept: a primary that flaps makes many."""


def named(selection: str) -> str:
    """What is drained, in words.

    >>> named("migrate domain:example.org")
    'the migration of example.org'
    """
    if selection == "--all":
        return "everything queued"
    kind, _, domain = selection.partition(" domain:")
    return f"the migration of {domain}" if kind == "migrate" else selection


class Passed(NamedTuple):
    """A phase of a drain."""

    phase: Phase
    since: float
    window: int
    """Messages that were allowed in hand, at its latest."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a drain stands. Times in epoch seconds."""

    id: str
    """Of its audit record; empty until it is there."""
    selection: str
    """What the operator asked for."""
    way: str
    """Who delivers, in a few words: `through Postfix`, `directly to mx9.example.org:25`."""
    operator: str
    process: int
    began: float
    at: float
    """When this was written."""
    settings: DrainSettings = field(default_factory=DrainSettings)
    progress: FlushProgress | None = None
    phases: tuple[Passed, ...] = ()
    """In the order in which they began; the last one is on."""
    rates: tuple[tuple[float, float], ...] = ()
    """(when, messages settled per second), oldest first."""
    replies: tuple[Verdict, ...] = ()
    """Newest first; hostile text."""
    ended: float | None = None
    fault: str = ""
    """What made going on impossible, and what to do."""
    report: str = ""
    """Where the whole report is."""
    held: int = 0
    """Messages that were not tried, and held because the guard stopped it."""

    @property
    def running(self) -> bool:
        """Not ended yet, as far as it says itself."""
        return self.ended is None

    @property
    def direct(self) -> bool:
        """By our own sender, which has in hold what it has in hand."""
        return self.way.startswith(DIRECTLY)

    @property
    def share(self) -> float:
        """Of the messages, those with a verdict; 0 to 1."""
        if self.progress is None or not self.progress.queued:
            return 0.0
        return 1 - self.progress.left / self.progress.queued

    def advanced(self, progress: FlushProgress, now: float) -> "Standing":
        """With the next report."""
        rates = self.rates
        if not rates or now - rates[-1][0] >= 1:
            rates = (*rates[-(RATES - 1) :], (now, progress.per_second))
        replies = (*reversed(progress.recent), *self.replies)[:REPLIES]
        # What was told is kept here: whoever reads this must not get it twice.
        told = replace(progress, recent=(), closed=())
        phases = self.phases
        if phases and phases[-1].phase == progress.phase:
            phases = (*phases[:-1], phases[-1]._replace(window=progress.window))
        else:
            phases = (*phases[-PHASES:], Passed(progress.phase, now, progress.window))
        return replace(self, at=now, progress=told, rates=rates, replies=replies, phases=phases)

    def over(self, now: float, fault: str = "", report: str = "") -> "Standing":
        """Ended, by itself or by an error."""
        return replace(self, at=now, ended=now, fault=fault, report=report)
