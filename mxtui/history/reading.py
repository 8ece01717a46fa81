"""From rows to points: what the file holds of one domain, coarse and fine in one line."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from mxtui.model.forecast import Outage
from mxtui.model.health import HealthState
from mxtui.model.history import LEVELS, STATES, Point, Sample, level_for

MOST_ROWS: Final = 2_000
"""Rows of one domain and step that are looked at; of ours there are 340 at most."""


def points_of(database: sqlite3.Connection, domain: int, span: float, now: float) -> list[Point]:
    """Coarse ones, and from where they end the next finer ones."""
    found: list[Point] = []
    since = int(now - span)
    for step, _ in reversed([level for level in LEVELS if level[0] <= level_for(span)]):
        rows = database.execute(
            "SELECT s.at, s.step, s.depth, s.oldest, s.arrived, s.left, s.state, s.down, s.latency, s.watched "
            "FROM tick t CROSS JOIN sample s ON s.step = t.step AND s.at = t.at AND s.domain = ?4 "
            "WHERE t.step = ?1 AND t.at > ?2 - ?1 AND t.at >= ?5 AND t.at <= ?3 ORDER BY t.at LIMIT ?6",
            (step, since, now, domain, found[-1].at + found[-1].seconds if found else 0, MOST_ROWS),
        )
        found += [point for row in rows.fetchall() if (point := _point(row)) is not None]
    return found


def _point(row: tuple[Any, ...]) -> Point | None:
    """None where something is no number: SQLite keeps whatever it is given."""
    at, seconds, depth, oldest, arrived, left, state, down, latency, watched = row
    if not all(isinstance(each, int) for each in (at, seconds, depth, state, down, watched)):
        return None
    if not all(each is None or isinstance(each, int | float) for each in (oldest, arrived, left, latency)):
        return None
    word: HealthState = STATES[state] if 0 <= state < len(STATES) else "unknown"
    return Point(at, seconds, Sample(depth, oldest, arrived, left, word, down, latency, watched))


def outage_in(domain: str, points: Sequence[Point]) -> Outage | None:
    """The last run of samples with bad times in them, if anything came after it; a gap amid them is part of it."""
    run: list[Point] = []
    over = True
    for point in points:
        if not point.sample.down:
            over = True
            continue
        if over:
            run, over = [], False
        run.append(point)
    if over and run:
        first, last = run[0], run[-1]
        # A step in which it went down, or up, was bad at its end, or at its beginning.
        whole = first.sample.watched < first.seconds
        began = first.at if whole else first.at + first.seconds - first.sample.down
        ended = last.at + (last.sample.down if last.sample.watched == last.seconds else last.seconds)
        return Outage(domain, began, max(ended - began, sum(point.sample.down for point in run)))
    return None
