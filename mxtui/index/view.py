"""A filtered, sorted list of messages, by position.

A view holds the row numbers in order, eight bytes each, and fetches what is looked at. A change of a few messages moves
those alone (bisection over keys that stay in SQL); a large batch marks the view, and `refresh` orders it again.
"""

import sqlite3
import threading
from array import array
from bisect import bisect_left
from typing import Any, Literal, NamedTuple

from mxtui.index.sql import CAMPAIGN, SCORE, SUSPECT, where
from mxtui.model.filter import EVERYTHING, Filter, depends_on_judgement, depends_on_time
from mxtui.model.message import State

Column = Literal[
    "age", "from", "to", "subject", "size", "attempts", "next", "reason", "id", "expires", "recipients", "state",
    "domain", "client", "score",
]  # fmt: skip

_FIRST = "(SELECT {} FROM recipient r{} WHERE r.message = m.id ORDER BY r.n LIMIT 1)"

FIRST_REASON = "coalesce(" + _FIRST.format("s.summary", " JOIN reason s ON s.id = r.reason") + ", '')"
FIRST_DOMAIN = "coalesce(" + _FIRST.format("d.name", " JOIN domain d ON d.id = r.domain") + ", '')"

_KEYS: dict[Column, str] = {
    "age": "m.arrival",
    "from": "lower(m.sender)",
    "to": "lower(coalesce(" + _FIRST.format("r.address", "") + ", ''))",
    "subject": "lower(coalesce(m.subject, ''))",
    "size": "m.size",
    "attempts": "coalesce(m.attempts, -1)",
    "next": "coalesce(m.next_retry, 9e15)",
    "reason": FIRST_REASON,
    "id": "m.queue_id",
    "expires": "coalesce(m.expires, 9e15)",
    "recipients": "m.recipients",
    "state": "m.state",
    "domain": FIRST_DOMAIN,
    "client": "coalesce(m.client, '')",
    "score": f"coalesce({SCORE}, -9e9)",
}
"""Never NULL, so that SQL and the bisection order alike."""

_OLDEST_IS_SMALLEST: frozenset[Column] = frozenset({"age"})
"""Columns that show the opposite of what is stored: the greatest age is the smallest arrival."""

RECHECK_AGES = 15.0
"""Seconds after which a filter on age or expiry is asked again, though nothing changed."""


class Sort(NamedTuple):
    """An order. Equal keys stay in the order in which they were read."""

    column: Column = "age"
    descending: bool = True
    """`age` descending is oldest first."""


class Row(NamedTuple):
    """What a list shows of one message."""

    queue_id: str
    state: State
    arrival: float
    sender: str
    recipient: str
    """The first."""
    recipients: int
    subject: str | None
    size: int
    next_retry: float | None
    expires: float | None
    reason: str | None
    """The first recipient's, whole; see `model.reason.short`."""
    dsn: str | None
    attempts: int | None
    client: str | None
    domain: str
    fault: str | None
    score: float | None = None
    """None where nobody has judged it."""
    campaign: str | None = None
    suspect: int = 0
    """1 where it reaches the configured score and nobody cleared it."""


_ROW = f"""
SELECT m.id, m.queue_id, m.state, m.arrival, m.sender, coalesce(r.address, ''), m.recipients, m.subject, m.size,
       m.next_retry, m.expires, s.text, r.dsn, m.attempts, m.client, coalesce(d.name, ''), m.fault,
       {SCORE}, {CAMPAIGN}, {SUSPECT}
FROM message m
LEFT JOIN recipient r ON r.message = m.id AND r.n = 0
LEFT JOIN domain d ON d.id = r.domain
LEFT JOIN reason s ON s.id = r.reason
WHERE m.id IN ({{}})
"""


class View:
    """Made by `Index.view`. Positions start at 0."""

    def __init__(
        self,
        database: sqlite3.Connection,
        lock: threading.RLock,
        filter_: Filter | None,
        sort: Sort,
        now: float,
    ) -> None:
        self.filter = filter_ or EVERYTHING
        self.sort = sort
        self.bytes = 0
        self._oldest: float | None = None
        self._oldest_left = False
        self.judging = sort.column == "score" or depends_on_judgement(self.filter)
        """Whether messages come and go, or move, by what they are judged to be."""
        self._database = database
        self._lock = lock
        self._key = _KEYS[sort.column]
        self._descending = sort.descending != (sort.column in _OLDEST_IS_SMALLEST)
        self._rows: array[int] = array("q")
        self._stale = False
        self._changed = False
        self._ordered_at = now
        self._order(now)

    # -- looking ------------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """Messages that match."""
        return len(self._rows)

    @property
    def oldest(self) -> float | None:
        """Arrival of the oldest that matches; looked for anew only after it has left."""
        with self._lock:
            if self._oldest_left:
                self._oldest_left = False
                condition, parameters = self._condition()
                statement = f"SELECT min(m.arrival) FROM message m WHERE {condition}"
                self._oldest = self._database.execute(statement, parameters).fetchone()[0]
            return self._oldest

    def rows(self, start: int, stop: int) -> list[Row]:
        """The messages at these positions; fewer at the end. One statement, whatever the size of the queue."""
        with self._lock:
            wanted = self._rows[max(0, start) : max(0, stop)]
            marks = ",".join("?" * len(wanted))
            found = {row[0]: Row(*row[1:]) for row in self._database.execute(_ROW.format(marks), wanted.tolist())}
            return [found[id_] for id_ in wanted if id_ in found]

    def position(self, queue_id: str) -> int | None:
        """Where a message stands; None if it does not match."""
        with self._lock:
            found = self._database.execute("SELECT id FROM message WHERE queue_id = ?", (queue_id,)).fetchone()
            return self._find(found[0]) if found else None

    def ids(self) -> list[str]:
        """Queue IDs of all that match, in order."""
        with self._lock:
            names = dict(self._database.execute("SELECT id, queue_id FROM message").fetchall())
            return [names[row] for row in self._rows if row in names]

    def refresh(self, now: float | None = None) -> bool:
        """Catch up with what happened; True if anything may look different. Blocks for as long as ordering takes."""
        with self._lock:
            moment = self._ordered_at if now is None else now
            aged = depends_on_time(self.filter) and moment - self._ordered_at >= RECHECK_AGES
            if self._stale or aged:
                self._order(moment)
                self._changed = True
            changed, self._changed = self._changed, False
            return changed

    def reconsider(self, *, everything: bool = False) -> None:
        """Judgements changed of messages that nobody can name cheaply: order it again when it is looked at.

        `everything`: or what is known of their recipients, which any filter may ask for.
        """
        self._stale = self._stale or everything or self.judging
        self._changed = True

    # -- following changes --------------------------------------------------------------------------------------

    def before(self, rows: list[int], more: int) -> None:
        """Rows that are about to change or leave, and how many will come: take them out while their keys are known."""
        if self._stale:
            return
        if (len(rows) + more) * 200 > len(self._rows) + 2_000:
            self._stale = True
            return
        for row in rows:
            position = self._find(row)
            if position is not None:
                del self._rows[position]
                self._changed = True
                self._measure(row, -1)

    def after(self, rows: list[int]) -> None:
        """Rows that came or changed: put those that match where they belong."""
        if self._stale or not rows:
            return
        condition, parameters = self._condition()
        marks = ",".join("?" * len(rows))
        matching = self._database.execute(
            f"SELECT m.id FROM message m WHERE m.id IN ({marks}) AND {condition}",
            [*rows, *parameters],
        ).fetchall()
        for (row,) in matching:
            self._rows.insert(self._place(row), row)
            self._changed = True
            self._measure(row, 1)

    def _measure(self, row: int, sign: int) -> None:
        size, arrival = self._database.execute("SELECT size, arrival FROM message WHERE id = ?", (row,)).fetchone()
        self.bytes += sign * size
        if sign > 0:
            self._oldest = arrival if self._oldest is None else min(self._oldest, arrival)
        elif self._oldest is not None and arrival <= self._oldest:
            self._oldest_left = True

    # -- order --------------------------------------------------------------------------------------------------

    def _condition(self) -> tuple[str, list[Any]]:
        return where(self.filter, self._ordered_at)

    def _order(self, now: float) -> None:
        self._ordered_at = now
        self._stale = False
        condition, parameters = self._condition()
        direction = "DESC" if self._descending else "ASC"
        self._rows = array("q")
        # FIRST_… subqueries make this the dearest statement there is: 0.1 s for 100,000 by recipient, 0.02 s by age.
        ordered = self._database.execute(
            f"SELECT m.id FROM message m WHERE {condition} ORDER BY {self._key} {direction}, m.id",
            parameters,
        )
        self._rows.extend(row for (row,) in ordered)
        self._oldest_left = False
        self.bytes, self._oldest = self._database.execute(
            f"SELECT coalesce(sum(m.size), 0), min(m.arrival) FROM message m WHERE {condition}",
            parameters,
        ).fetchone()

    def _key_of(self, row: int) -> Any:
        found = self._database.execute(f"SELECT {self._key} FROM message m WHERE m.id = ?", (row,)).fetchone()
        return found[0]

    def _place(self, row: int) -> int:
        key = self._key_of(row)

        def stands_behind(other: int) -> bool:
            theirs = self._key_of(other)
            if theirs == key:
                return other >= row
            return bool(theirs < key) if self._descending else bool(theirs > key)

        return bisect_left(self._rows, True, key=stands_behind)

    def _find(self, row: int) -> int | None:
        position = self._place(row)
        found = position < len(self._rows) and self._rows[position] == row
        return position if found else None
