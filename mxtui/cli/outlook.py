"""What a forecast goes by, and what a quiet day tells: from the history, the last drain, drills and doctor.

Each of these may be missing, unreadable or somebody else's: then nothing is said of it.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mxtui.doctor.record import last_result
from mxtui.errors import MxtuiError
from mxtui.model.drill import Drill
from mxtui.model.forecast import DAY, ENOUGH, LastDrain, Outlook, usual
from mxtui.model.history import WHOLE, summary

if TYPE_CHECKING:
    from mxtui.cli.attach import Attached
    from mxtui.history import Store
    from mxtui.model.history import Point

HOUR: Final = 3600.0

STEADY: Final = 60.0
"""Seconds for which a rate has to last to have delivered enough."""


def rates(attached: "Attached", now: float) -> Outlook:
    """What a forecast goes by, and no more: two small looks, and none where there is nothing to look at."""
    found = Outlook()
    with suppress(OSError):  # no right to look there
        if attached.site.history().exists():  # else SQLite need not be imported
            found = _of_history(attached.history, now)
    drain = _last_drain(attached)
    if drain is not None and drain.delivered >= ENOUGH and drain.seconds >= 1:
        found = replace(found, per_second=drain.delivered / drain.seconds, rate_of="the last drain")
    return replace(found, drain=drain)


def _of_history(store: "Store", now: float) -> Outlook:
    with suppress(MxtuiError):  # it is told elsewhere
        return replace(_rate(store.points(WHOLE, 7 * DAY, now)), rooms=store.room(HOUR, now))
    return Outlook()


def _rate(week: Sequence["Point"]) -> Outlook:
    """Where no drain is known: the fastest that mail left within a step of the week."""
    fastest = max(((each.sample.left or 0) / max(1, each.sample.watched) for each in week), default=0.0)
    if fastest * STEADY < ENOUGH:
        return Outlook()
    return Outlook(per_second=fastest, rate_of="the fastest of the week")


def outlook(attached: "Attached", now: float) -> Outlook:
    """All there is: 50 ms with 1,000 domains and a week of history."""
    found, store = rates(attached, now), attached.history
    with suppress(MxtuiError):
        points = store.points(WHOLE, DAY, now)
        today = summary(points)
        found = replace(
            found,
            usual=usual(today, store.room(DAY, now)),
            today=today if points else None,
            outage=store.last_outage(now),
        )
    return replace(
        found,
        drills=_drills(attached),
        drilled=tuple(attached.settings.drill.addresses),
        doctor=last_result(attached.queue.source.path, attached.states),
        drill_every=attached.settings.drill.every,
        free=attached.settings.alerts.free / 100,
    )


def _drills(attached: "Attached") -> Mapping[str, Drill] | None:
    try:
        return attached.drilled.latest()
    except MxtuiError:
        return None


def _last_drain(attached: "Attached") -> LastDrain | None:
    standing = attached.drains.standing()
    if standing is None or standing.ended is None or standing.progress is None:
        return None
    done = standing.progress
    took = max(0.0, standing.ended - standing.began)
    return LastDrain(standing.ended, took, done.delivered, done.bounced + done.refused, done.left)
