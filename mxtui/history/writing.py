"""What is done each minute, in one transaction: drop what is too much, put the minute in, make coarser steps."""

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from mxtui.history.schema import NAMELESS, ROLL_UP_SAMPLES, ROLL_UP_TICK, UNROLLED
from mxtui.model.history import COARSE, LEVELS, STATES, Sample, Tick

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
            database.execute(ROLL_UP_TICK, (step, begin, finer))
            database.execute(ROLL_UP_SAMPLES, (step, begin, finer, COARSE + 1))
        if begins and step == LEVELS[-1][0]:  # every half hour; names that spam made up outgrow its samples else
            database.execute(NAMELESS)


def drop(database: sqlite3.Connection, now: float) -> None:
    """Make room for one more of each step. Before anything is put in: in a full file that would not be reached.

    By number rather than by age: a clock that leaps ahead for a moment must not cost the whole week.
    """
    for step, kept in LEVELS:
        for where in ("at <= ?", "at > ?"):  # what lies ahead must not push out what is written now
            found = database.execute(
                f"SELECT at FROM tick WHERE step = ? AND {where} ORDER BY at DESC LIMIT 1 OFFSET ?",  # noqa: S608
                (step, now, kept // step - 1),
            ).fetchone()
            if found is None:
                continue
            for table in ("sample", "tick"):
                database.execute(
                    f"DELETE FROM {table} WHERE step = ? AND at <= ? AND {where}",  # noqa: S608 (constants)
                    (step, found[0], now),
                )
    (ahead,) = database.execute("SELECT count(*) FROM tick WHERE at > ?", (now + AHEAD,)).fetchone()
    (believed,) = database.execute("SELECT count(*) FROM tick WHERE step = 60 AND at <= ?", (now,)).fetchone()
    if ahead and believed >= BELIEVED:
        for table in ("sample", "tick"):
            database.execute(f"DELETE FROM {table} WHERE at > ?", (now + AHEAD,))  # noqa: S608 (a constant)


def shed(database: sqlite3.Connection) -> None:
    """Give up the older half of what takes the most room, but the whole queue's.

    Of one step at a time, so that the past becomes shorter or coarser, and is not blank at once.
    """
    found = database.execute(
        "SELECT step, count(*) AS many FROM sample WHERE domain > 0 GROUP BY step ORDER BY many DESC LIMIT 1"
    ).fetchone()
    if found is None:
        return
    step, many = found
    middle = "SELECT at FROM sample WHERE step = ?1 AND domain > 0 ORDER BY at LIMIT 1 OFFSET ?2"
    database.execute(
        f"DELETE FROM sample WHERE step = ?1 AND domain > 0 AND at <= ({middle})",  # noqa: S608 (constants)
        (step, many // 2),
    )
    database.execute(NAMELESS)
