"""What of the alerts somebody has to be told: what is new, what got worse, what is over. Each once."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from mxtui.model.overview import Alert, Severity

Word = Literal["raised", "worse", "resolved", "reminder"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be told."""

    word: Word
    alert: Alert
    at: float
    """When it was noticed, seconds since the epoch."""


@dataclass(slots=True)
class Known:
    """An alert that may have been told."""

    alert: Alert
    seen_at: float
    told_at: float | None = None
    severity: Severity | None = None
    """As what it was told."""
    gone_at: float | None = None
    """No longer seen since then; None while it is."""


@dataclass(slots=True)
class Told:
    """What was told so far, and what is still to be: it survives whoever tells."""

    known: list[Known] = field(default_factory=list)
    pending: list[Item] = field(default_factory=list)
    """Not delivered yet."""
    sent: list[float] = field(default_factory=list)
    """When letters went, within the last hour."""
    failed_at: float | None = None
    """When telling failed last; None since it worked."""
    failures: int = 0
    """In a row."""
    fault: str = ""
    """Why it failed."""


MOST_PENDING: Final = 2_000
"""Beyond that the oldest are dropped: whoever was not told of those has heard enough."""

RETRY: Final = 60.0
RETRY_LONGEST: Final = 3600.0


def take_note(told: Told, alerts: Sequence[Alert], now: float, *, after: float, again: float | None) -> None:
    """Work out what is news: an alert that has been there for `after` seconds; `again`: seconds until a reminder.

    What was acknowledged is not told of, nor that it is over. Over is what has been gone for `after` seconds: two who
    watch, one by hysteresis and one by a single look, may see it otherwise by turns, and that is no news each time.
    """
    before = {(each.alert.name, each.alert.domain): each for each in told.known}
    known: list[Known] = []
    for alert in alerts:
        entry = before.pop((alert.name, alert.domain), None) or Known(alert, now)
        entry.alert, entry.gone_at = alert, None
        known.append(entry)
        if alert.acknowledged is not None or now - entry.seen_at < after:
            continue
        if entry.told_at is None:
            word: Word = "raised"
        elif alert.severity == "critical" and entry.severity == "warning":
            word = "worse"
        elif again is not None and now - entry.told_at >= again:
            word = "reminder"
        else:
            continue
        told.pending.append(Item(word, alert, now))
        entry.told_at, entry.severity = now, alert.severity
    for entry in before.values():
        entry.gone_at = now if entry.gone_at is None else entry.gone_at
        if 0 <= now - entry.gone_at < after:
            known.append(entry)
        elif entry.told_at is not None and entry.alert.acknowledged is None:
            told.pending.append(Item("resolved", replace(entry.alert, acknowledged=None), now))
    told.known = known
    told.pending = told.pending[-MOST_PENDING:]


def due(told: Told, now: float, *, an_hour: int) -> bool:
    """Whether a letter may go now: there is something to tell, the last failure was long ago, the hour not used up."""
    told.sent = [at for at in told.sent if 0 <= now - at < 3600]
    if not told.pending or len(told.sent) >= an_hour:
        return False
    if told.failed_at is None:
        return True
    pause = min(RETRY_LONGEST, RETRY * 2.0 ** min(told.failures - 1, 10))
    return not 0 <= now - told.failed_at < pause


def went(told: Told, now: float) -> None:
    """All that was pending was told."""
    told.pending, told.failed_at, told.failures, told.fault = [], None, 0, ""
    told.sent.append(now)


def did_not_go(told: Told, now: float, why: str) -> None:
    """Telling failed: it is tried again, later each time."""
    told.failed_at, told.failures, told.fault = now, told.failures + 1, why
