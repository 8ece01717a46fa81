"""What is done each minute, in one transaction: put it in, make coarser steps, drop what is too much."""

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from mxtui.history.schema import ROLL_UP, UNROLLED
from mxtui.model.history import LEVELS, STATES, Sample, Tick

AHEAD: Final = 86_400
"""Seconds. What lies further in the future than this was written by a clock that was wrong, if this one is right."""

BELIEVED: Final = 60
"""Minutes kept by a clock before anything is dropped for lying in its future: it may be this one that is wrong."""


def put(database: sqlite3.Connection, tick: Tick) -> None:
    """A minute, in place of the same one where a clock was set back."""
    for step, _ in LEVELS:  # also the coarser ones that were made of the minute that this one replaces
        at = tick.at // step * step
        database.execute("DELETE FROM sample WHERE step = ? AND at = ?", (step, at))
        database.execute("DELETE FROM tick WHERE step = ? AND at = ?", (step, at))
    space = tick.space
    database.execute(
        "INSERT INTO tick VALUES (60, ?, ?, ?, ?)",
        (tick.at, tick.arrived_bytes, *((space.bytes_free, space.inodes_free) if space is not None else (None, None))),
    )
    numbers = _numbers(database, tick.samples)
    database.executemany(
        "INSERT INTO sample VALUES (60, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        sorted((tick.at, numbers[name], *s[:4], STATES.index(s.state), *s[5:]) for name, s in tick.samples.items()),
    )


def _numbers(database: sqlite3.Connection, samples: Mapping[str, Sample]) -> Mapping[str, int]:
    numbers: dict[str, int] = dict(database.execute("SELECT name, id FROM domain"))
    fresh = [name for name in samples if name not in numbers]
    if fresh:
        database.executemany("INSERT INTO domain (name) VALUES (?)", [(name,) for name in fresh])
        numbers = dict(database.execute("SELECT name, id FROM domain"))
    return numbers


def roll_up(database: sqlite3.Connection, at: int) -> None:
    """Make coarser steps of the finer ones that are over at `at`."""
    for (finer, _), (step, _) in pairwise(LEVELS):
        begins: Sequence[tuple[int]] = database.execute(UNROLLED, (step, finer, at)).fetchall()
        for (begin,) in begins:
            for statement in ROLL_UP:
                database.execute(statement, (step, begin, finer))


def drop(database: sqlite3.Connection, now: float) -> None:
    """By number rather than by age: a clock that leaps ahead for a moment must not cost the whole week."""
    for step, kept in LEVELS:
        for where in ("at <= ?", "at > ?"):  # what lies ahead must not push out what is written now
            found = database.execute(
                f"SELECT at FROM tick WHERE step = ? AND {where} ORDER BY at DESC LIMIT 1 OFFSET ?",  # noqa: S608
                (step, now, kept // step),
            ).fetchone()
            if found is None:
                continue
            for table in ("sample", "tick"):
                database.execute(
                    f"DELETE FROM {table} WHERE step = ? AND at <= ? AND {where}",  # noqa: S608 (constants)
                    (step, found[0], now),
                )
            if step == LEVELS[-1][0]:  # every half hour
                database.execute("DELETE FROM domain WHERE id > 0 AND id NOT IN (SELECT domain FROM sample)")
    (ahead,) = database.execute("SELECT count(*) FROM tick WHERE at > ?", (now + AHEAD,)).fetchone()
    (believed,) = database.execute("SELECT count(*) FROM tick WHERE step = 60 AND at <= ?", (now,)).fetchone()
    if ahead and believed >= BELIEVED:
        for table in ("sample", "tick"):
            database.execute(f"DELETE FROM {table} WHERE at > ?", (now + AHEAD,))  # noqa: S608 (a constant)
