"""What scanners made of contents, so that nothing is scanned twice, also by the next console: an SQLite file.

By the SHA-256 of the content as stored, so one of ten thousand alike is enough; no address and no word of the mail is
in it. Every failure of the file costs a scan, and nothing else.
"""

import sqlite3
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from mxtui.folders import make_folder
from mxtui.model.evidence import Scan

VERSION: Final = 1

KEPT: Final = 7 * 86_400.0
"""Seconds: what a scanner says of a letter changes as it learns."""

MOST: Final = 200_000
"""Results; 60 MB."""

PRUNE: Final = 1000
"""Results written between two looks at what is too much."""

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS scan (
    sha256 BLOB NOT NULL, scanner TEXT NOT NULL, at REAL NOT NULL, result BLOB NOT NULL, PRIMARY KEY (sha256, scanner)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS scan_at ON scan (at);
"""

_decode: Final = msgspec.msgpack.Decoder(Scan).decode


class Results:
    """May be used by several threads and processes at once."""

    def __init__(self, path: Path) -> None:
        """The file is made when the first result is kept."""
        self._path = path
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._written = 0

    def find(self, sha256: str, now: float) -> dict[str, Scan]:
        """Results of a content by scanner, those that are not too old."""
        with self._lock, suppress(sqlite3.Error, OSError):
            database = self._opened(make=False)
            if database is not None:
                rows = database.execute(
                    "SELECT result FROM scan WHERE sha256 = ? AND at > ?", (bytes.fromhex(sha256), now - KEPT)
                )
                return {scan.scanner: scan for (data,) in rows.fetchall() if (scan := _read(data)) is not None}
        return {}

    def keep(self, sha256: str, scans: Iterable[Scan]) -> None:
        """Keep verdicts; what was not scanned is not kept."""
        rows = [
            (bytes.fromhex(sha256), scan.scanner, scan.at, msgspec.msgpack.encode(scan))
            for scan in scans
            if scan.scanned
        ]
        if not rows:
            return
        with self._lock, suppress(OSError):
            try:
                self._write(rows)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    return  # busy, full, not permitted
                self._begin_anew()
                with suppress(sqlite3.Error):
                    self._write(rows)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock, suppress(sqlite3.Error):
            if self._database is not None:
                self._database.close()
            self._database = None

    def _write(self, rows: Sequence[tuple[bytes, str, float, bytes]]) -> None:
        database = self._opened(make=True)
        assert database is not None
        with database:
            database.executemany("INSERT OR REPLACE INTO scan VALUES (?, ?, ?, ?)", rows)
            self._written += len(rows)
            if self._written >= PRUNE:
                self._written = 0
                newest = max(row[2] for row in rows)
                database.execute("DELETE FROM scan WHERE at < ?", (newest - KEPT,))
                database.execute(
                    "DELETE FROM scan WHERE at < (SELECT at FROM scan ORDER BY at DESC LIMIT 1 OFFSET ?)", (MOST,)
                )

    def _opened(self, *, make: bool) -> sqlite3.Connection | None:
        if self._database is None:
            if not (make or self._path.exists()):
                return None
            make_folder(self._path.parent)
            database = sqlite3.connect(self._path, timeout=2.0, check_same_thread=False)
            try:
                if database.execute("PRAGMA user_version").fetchone()[0] not in (0, VERSION):
                    raise sqlite3.DatabaseError("of another version")
                database.executescript(
                    f"PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; {_TABLE} PRAGMA user_version={VERSION};"
                )
            except sqlite3.Error:
                database.close()
                raise
            self._path.chmod(0o600)
            self._database = database
        return self._database

    def _begin_anew(self) -> None:
        """It is damaged, or nobody's: nothing in it is worth more than being scanned again."""
        if self._database is not None:
            self._database.close()
            self._database = None
        for ending in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)


def _read(data: bytes) -> Scan | None:
    with suppress(msgspec.MsgspecError):
        return _decode(data)
    return None
