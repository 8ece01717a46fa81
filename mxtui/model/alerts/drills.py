"""Drills that are overdue, or went wrong."""

from collections.abc import Iterator

from mxtui.model.alerts.facts import Facts
from mxtui.model.alerts.thresholds import Thresholds
from mxtui.model.drill import standing
from mxtui.model.overview import Alert
from mxtui.model.words import clock, duration


def of_drills(facts: Facts, now: float, thresholds: Thresholds) -> Iterator[Alert]:
    """For each domain that has an address for drills."""
    for domain in facts.drilled:
        last = facts.drills.get(domain)
        stands = standing(last, now, thresholds.drill)
        if last is None:
            text = f"was never drilled: nobody knows whether mail comes through (mxtui drill {domain})"
            yield Alert("drill", "warning", domain, text, now, "DRILL")
        elif stands == "failed":
            text = f"its drill at {clock(last.at, now)} failed: {last.detail}"
            yield Alert("drill", "warning", domain, text, last.at, "DRILL")
        elif stands == "overdue":
            text = f"its last drill was {duration(now - last.at)} ago (mxtui drill {domain})"
            yield Alert("drill", "warning", domain, text, last.at + thresholds.drill, "DRILL")
