"""The file: opened for each look and each minute, so that it may be moved away, replaced or damaged at any time.

It is read by everybody who may, and written by whoever holds the lock beside it (`recorder`). Where root looks at
another user's, that user may have made anything of it: no link is followed, no file beside it is opened or made, no
code of its schema runs, and what is no number is passed over.
"""

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

from mxtui.errors import HistoryDamaged, HistoryFailed
from mxtui.history.reading import MOST_ROWS, outage_in, points_of
from mxtui.history.schema import PAGE, SIZE, TABLES, VERSION
from mxtui.history.writing import drop, put, roll_up, shed
from mxtui.model.forecast import Outage, Room
from mxtui.model.history import LEVELS, MINUTE, MOST, WHOLE, Point, Tick, level_for
from mxtui.model.trend import POINTS, STEP
from mxtui.model.units import format_size

PATIENCE: Final = 2.0
"""Seconds that whoever writes waits for somebody who has the file locked."""

READING: Final = 0.3
"""Seconds that whoever reads does: a minute is written in a tenth of that."""

SYNCHRONOUS = "NORMAL"
"""How far a minute is on the disk when it is written: the one before it always, this one not (PRAGMA synchronous)."""

ASIDE: Final = 3
"""HistoryDamaged files kept beside it, at most: with so many, something else is wrong."""

SHEDDING: Final = 6
"""Times that half of what is kept is given up for a minute that does not fit in."""

GROWTH: Final = 2 * 1024**2
"""Bytes. No minute, with its coarser steps and the names in it, takes more: a file with more room was not full."""

MOVED: Final = "Whoever writes it moves it aside, and begins a new one."


class Store:
    """One queue's history."""

    def __init__(self, path: Path, *, size: int = SIZE, patience: float = PATIENCE) -> None:
        self.path = path
        self._size = size
        self._patience = patience
        self._lock = threading.Lock()

    # -- reading --------------------------------------------------------------------------------------------------

    def points(self, domain: str, span: float, now: float) -> list[Point]:
        """A domain's samples of the last `span` seconds, or the whole queue's, in the order of time.

        As coarse as they are kept for so long, and what came since the latest of these as fine as there is.
        Raises HistoryFailed.
        """
        with self._reading() as database:
            if database is None:
                return []
            found = database.execute("SELECT id FROM domain WHERE name = ?", (domain,)).fetchone()
            return points_of(database, found[0], span, now) if found is not None else []

    def all_points(self, span: float, now: float) -> dict[str, list[Point]]:
        """The same of every domain that has any. Raises HistoryFailed."""
        with self._reading() as database:
            if database is None:
                return {}
            domains = database.execute("SELECT name, id FROM domain").fetchall()
            found = {name: points_of(database, number, span, now) for name, number in domains}
        return {name: points for name, points in found.items() if points}

    def last_hour(self, now: float) -> dict[str, list[int | None]]:
        """Messages of each domain at the end of the latest five minutes but the present ones, oldest first.

        None where nobody watched. Raises HistoryFailed.
        """
        present = int(now // STEP)
        first = present - POINTS + 1
        with self._reading() as database:
            if database is None:
                return {}
            rows = database.execute(
                "SELECT d.name, s.at / ?1, s.depth FROM sample s JOIN domain d ON d.id = s.domain "
                "WHERE s.step = 60 AND s.at >= ?1 * ?2 AND s.at < ?1 * ?3 ORDER BY s.at",
                (int(STEP), first, present),
            ).fetchmany(MOST * MINUTE)
        hours: dict[str, list[int | None]] = {}
        for name, step, depth in rows:
            if name != WHOLE and isinstance(step, int) and isinstance(depth, int):
                hours.setdefault(name, [None] * (POINTS - 1))[step - first] = depth
        return hours

    def room(self, span: float, now: float) -> list[Room]:
        """How full the queue's file system was in the last `span` seconds. Raises HistoryFailed."""
        step = level_for(span)
        with self._reading() as database:
            if database is None:
                return []
            rows = database.execute(
                "SELECT at, bytes_free, inodes_free, arrived_bytes, step FROM tick "
                "WHERE step = ? AND at >= ? AND at <= ? AND bytes_free IS NOT NULL ORDER BY at",
                (step, now - span, now),
            ).fetchmany(MOST_ROWS)
        return [Room(*row) for row in rows if all(isinstance(each, int) for each in row if each is not None)]

    def last_outage(self, now: float) -> Outage | None:
        """The latest time when a primary was down and then was not; as long as it was watched. Raises HistoryFailed."""
        with self._reading() as database:
            if database is None:
                return None
            rows = database.execute(
                "SELECT d.name, max(s.at) AS latest, s.domain FROM sample s JOIN domain d ON d.id = s.domain "
                "WHERE s.down > 0 AND s.at <= ? GROUP BY s.domain ORDER BY latest DESC LIMIT 20",
                (now,),
            ).fetchall()
            for name, _, number in rows:
                found = outage_in(name, points_of(database, number, LEVELS[-1][1], now))
                if found is not None:
                    return found
        return None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """Nothing where there is no file. Raises HistoryFailed."""
        with self._telling("read"):
            if not self._is_there():
                yield None
                return
            # Of another user's, root opens nothing but this file: no journal, which may be a link to anything.
            foreign = os.geteuid() == 0 and self.path.lstat().st_uid != 0
            target = f"{self.path.absolute().as_uri()}?mode=ro{'&immutable=1' if foreign else ''}"
            with closing(sqlite3.connect(target, uri=True, timeout=min(READING, self._patience))) as database:
                database.execute("PRAGMA trusted_schema = OFF")
                self._require_ours(database)
                yield database

    def _is_there(self) -> bool:
        """Raises HistoryDamaged where something else has its name."""
        try:
            found = self.path.lstat()
        except FileNotFoundError:
            return False
        if not stat.S_ISREG(found.st_mode):
            raise HistoryDamaged("it is no file", MOVED)
        return found.st_size > 0

    def _require_ours(self, database: sqlite3.Connection) -> None:
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise HistoryFailed("it was written by a newer version of mxtui", f"Use that, or move {self.path} away.")
        if version < VERSION:
            raise HistoryDamaged("it is no history of mxtui", MOVED)

    @contextmanager
    def _telling(self, what: str) -> Iterator[None]:
        """What SQLite and the disk say, in words."""
        try:
            yield
        except sqlite3.Error as error:
            raise _in_words(error, self.path, what) from error
        except OSError as error:
            raise HistoryFailed(
                f"it cannot be {_PARTICIPLES[what]}: {error.strerror}", f"Look at {self.path}."
            ) from error

    # -- writing: for whoever holds the lock ------------------------------------------------------------------------

    def write(self, tick: Tick, now: float) -> None:
        """Drop what is too old, keep a minute, make coarser steps of what is over; all of it or nothing.

        A minute that is written again, by a clock that was set back, takes the place of the one before. Where the file
        has its full size, as much as it needs is given up for it. Raises HistoryFailed.
        """
        with self._lock, self._telling("write"), closing(self._connect()) as database:
            for sheds in range(SHEDDING + 1):
                try:
                    self._write(database, tick, now, sheds)
                    return
                except sqlite3.OperationalError as error:
                    if error.sqlite_errorcode != sqlite3.SQLITE_FULL or not self._grown(database):
                        raise
            raise HistoryFailed(
                f"it has reached its limit of {format_size(self._size)}", f"Move {self.path} away: a new one is begun."
            )

    def _write(self, database: sqlite3.Connection, tick: Tick, now: float, sheds: int) -> None:
        database.execute("BEGIN IMMEDIATE")
        try:
            drop(database, now)
            for _ in range(sheds):  # in the same transaction: where it does not help, nothing was given up
                shed(database)
            put(database, tick)
            roll_up(database, tick.at)
            database.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite may have done it already
                database.execute("ROLLBACK")
            raise

    def _grown(self, database: sqlite3.Connection) -> bool:
        """Whether it is our own limit that a minute did not fit in, and not the disk."""
        pages: int = database.execute("PRAGMA page_count").fetchone()[0]
        return pages * PAGE + GROWTH >= self._size

    def check(self) -> None:
        """Look through the whole file: 0.2 s for 35 MB. Raises HistoryDamaged, HistoryFailed."""
        with self._lock, self._telling("write"), closing(self._connect()) as database:
            said = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            if said != "ok":
                raise HistoryDamaged(f"it is damaged: {said}", MOVED)

    def set_aside(self, now: float) -> Path:
        """Give a damaged file another name, with whatever belongs to it; that name. Raises HistoryFailed."""
        if len(list(self.path.parent.glob(f"{self.path.name}.damaged-*"))) >= ASIDE:
            raise HistoryFailed(f"it was damaged {ASIDE} times", f"Look at the disk, and remove {self.path}.damaged-*.")
        name = f"{self.path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}"
        with self._telling("write"):
            for suffix in ("-journal", "-wal", "-shm", ""):
                with suppress(FileNotFoundError):
                    self.path.with_name(self.path.name + suffix).rename(self.path.with_name(name + suffix))
        return self.path.with_name(name)

    def _connect(self) -> sqlite3.Connection:
        if not self._is_there():
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        database = sqlite3.connect(self.path, timeout=self._patience, isolation_level=None, check_same_thread=False)
        try:
            database.executescript(f"PRAGMA page_size={PAGE}; PRAGMA max_page_count={self._size // PAGE};")
            # Not in WAL mode: who may only read the file could not open that. A minute may be lost to a power cut.
            database.executescript(
                f"PRAGMA journal_mode=TRUNCATE; PRAGMA synchronous={SYNCHRONOUS}; PRAGMA trusted_schema=OFF;"
            )
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version == 0 and not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                database.executescript(f"BEGIN; {TABLES} PRAGMA user_version={VERSION}; COMMIT;")
            else:
                self._require_ours(database)
        except BaseException:
            database.close()
            raise
        return database


_PARTICIPLES: Final = {"read": "read", "write": "written"}


def _in_words(error: sqlite3.Error, path: Path, what: str) -> HistoryFailed:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_FULL:
            return HistoryFailed("its disk is full", f"Free some space for {path}.")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return HistoryFailed("another program has it locked", f"See who has {path} open: fuser {path}.")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return HistoryDamaged(f"it is damaged: {error}", MOVED)
    return HistoryFailed(f"it cannot be {_PARTICIPLES[what]}: {error}", f"Look at {path}.")
