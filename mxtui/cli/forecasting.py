"""What `status` tells of what is to come."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from mxtui.cli.outlook import rates
from mxtui.message.sanitize import one_line
from mxtui.model.forecast import DAY, HALF_DAY, Deadlines, Forecast, filling, horizon, returning
from mxtui.model.overview import Overview
from mxtui.model.words import clock, counted, duration

if TYPE_CHECKING:
    from mxtui.cli.attach import Attached
    from mxtui.queues.queue import Queue


def forecast_of(attached: "Attached", overview: Overview) -> Forecast:
    """From one look. The queue is read once more where something expires soon, and only then."""
    now = overview.taken_at
    announced = attached.returns.all(now)
    returns = returning((row.hold for row in overview.domains if row.hold is not None), announced, now)
    outlook = rates(attached, now)
    expiring = expiring_of(attached.queue, overview, returns)
    return Forecast(now, expiring, returns, announced, filling(outlook.rooms, overview.space, now), outlook)


def expiring_of(queue: "Queue", overview: Overview, returns: dict[str, float]) -> dict[str, Deadlines]:
    """What expires by domain: totals tell when the next one does, and most often that is days away."""
    now = overview.taken_at
    until = {
        row.domain: horizon(row.domain, returns, now)
        for row in overview.domains
        if row.totals.next_expire is not None and row.totals.next_expire <= horizon(row.domain, returns, now)
    }
    if not until:
        return {}
    half, day, before = Counter[str](), Counter[str](), Counter[str]()
    for changes in queue.read(subjects=False):
        for message in changes.present:
            if message.expires is None or message.expires > max(until.values()):
                continue
            for domain in {recipient.domain for recipient in message.recipients} & until.keys():
                half[domain] += message.expires <= now + HALF_DAY
                day[domain] += message.expires <= now + DAY
                before[domain] += message.expires <= returns.get(domain, 0.0)
    return {
        domain: Deadlines(half[domain], day[domain], before[domain] if domain in returns else None) for domain in until
    }


def forecast_object(overview: Overview) -> dict[str, Any] | None:
    """For scripts."""
    forecast = overview.forecast
    if forecast is None:
        return None
    seconds = forecast.drain_seconds(overview.queue.messages)
    return {
        "within_12h": forecast.within_12h,
        "within_24h": forecast.within_24h,
        "domains": [
            {
                "domain": one_line(domain, 255),
                "within_12h": each.within_12h,
                "within_24h": each.within_24h,
                "return_time": forecast.returns.get(domain),
                "before_return": each.before_return,
                "return_reason": forecast.announced[domain].reason if domain in forecast.announced else None,
            }
            for domain in sorted(forecast.expiring.keys() | forecast.returns.keys())
            for each in (forecast.of(domain),)
        ],
        "full_time": round(forecast.full.at, 3) if forecast.full is not None else None,
        "full": forecast.full.what if forecast.full is not None else None,
        "drain_seconds": round(seconds, 1) if seconds is not None else None,
        "drain_per_second": round(forecast.outlook.per_second, 3) if forecast.outlook.per_second else None,
        "drain_rate_of": forecast.outlook.rate_of or None,
    }


def forecast_lines(overview: Overview) -> list[str]:
    """For eyes: what there is to tell, and nothing of what is well."""
    forecast, now = overview.forecast, overview.taken_at
    if forecast is None:
        return []
    lines = []
    if forecast.within_24h:
        verb = "expires" if forecast.within_24h == 1 else "expire"
        lines.append(
            f"{counted(forecast.within_24h, 'message')} {verb} within 24 h, {forecast.within_12h:,} within 12 h"
        )
    for domain, at in sorted(forecast.returns.items()):
        if before := forecast.of(domain).before_return:
            verb, back = "expires" if before == 1 else "expire", clock(at, now)
            lines.append(f"{counted(before, 'message')} for {one_line(domain, 255)} {verb} before its return at {back}")
    if forecast.full is not None:
        what = "the disk is full" if forecast.full.what == "disk" else "the disk has no inodes left"
        lines.append(
            f"{what} in {duration(forecast.full.at - now)}, {clock(forecast.full.at, now)}, at the present rate"
        )
    seconds = forecast.drain_seconds(overview.queue.messages)
    if overview.queue.messages and seconds is not None:
        rate = f"{forecast.outlook.per_second:,.1f}/s, as {forecast.outlook.rate_of}"
        lines.append(f"a drain takes about {duration(max(1.0, seconds))} at {rate}")
    return lines
