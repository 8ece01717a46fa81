"""What is remembered of a queue's messages: a SQLite file, so that after a restart only what is new is read.

A cache: whoever loses it reads everything once more. One process writes it, others read it meanwhile.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

from mxtui.folders import make_folder
from mxtui.model.campaign import Judged
from mxtui.model.message import Identity
from mxtui.sifting.grouping import Traits
from mxtui.sifting.weighing import LEAST

VERSION: Final = 1

MOST: Final = 1_000_000
"""Messages remembered, the latest; 400 bytes each."""

_TABLES: Final = """
CREATE TABLE message (
    id          INTEGER PRIMARY KEY,
    queue_id    TEXT NOT NULL UNIQUE,
    inode       INTEGER NOT NULL,
    arrival     REAL NOT NULL,
    size        INTEGER NOT NULL,
    sha256      BLOB NOT NULL,
    sketch      BLOB NOT NULL,
    words       INTEGER NOT NULL,
    subject     TEXT NOT NULL,
    sender      TEXT NOT NULL,
    network     TEXT NOT NULL,
    attachments BLOB NOT NULL,
    points      REAL NOT NULL,
    reasons     TEXT NOT NULL,
    cluster     INTEGER NOT NULL
);
CREATE INDEX message_cluster ON message (cluster);
CREATE INDEX message_sha256 ON message (sha256);
CREATE TABLE cluster (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
"""

_COLUMNS: Final = (
    "id, queue_id, inode, arrival, size, sha256, sketch, words, subject, sender, network, attachments, points, "
    "reasons, cluster"
)

_JUDGED: Final = (
    "SELECT m.queue_id, m.inode, m.arrival, m.points, coalesce(c.name, ''), m.sender = '' AND c.name IS NOT NULL "
    "FROM message m LEFT JOIN cluster c ON c.id = m.cluster"
)


class Known(NamedTuple):
    """One message as it was read."""

    queue_id: str
    inode: int
    arrival: float
    size: int
    sha256: bytes
    """Of the content as stored."""
    traits: Traits
    points: float
    """Its own."""
    reasons: tuple[str, ...]
    """What they are for, in a few words each."""

    @property
    def identity(self) -> Identity:
        """Which message that was."""
        return Identity(self.queue_id, self.inode, self.arrival)


def file_of(queue: Path | str, state: Path) -> Path:
    """Where a queue's is, below the folder of what has to survive."""
    return state / "sifting" / f"{sha256(os.fsencode(queue)).hexdigest()[:16]}.sqlite"


class Store:
    """One queue's, open for writing or for reading. Not for two threads at once. Raises sqlite3.Error, OSError."""

    def __init__(self, path: Path | None, *, writing: bool) -> None:
        """Without a path nothing outlives it."""
        if path is None:
            self._database = _prepared(":memory:")
        elif writing:
            make_folder(path.parent)
            self._database = _opened(path)
        else:
            self._database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)
            self._database.execute("PRAGMA trusted_schema = OFF")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    # -- reading --------------------------------------------------------------------------------------------------

    def judged(self) -> Iterator[Judged]:
        """Everything that was judged."""
        yield from map(_judged, self._database.execute(_JUDGED))

    def revision(self) -> int:
        """Another number after somebody else wrote."""
        return int(self._database.execute("PRAGMA data_version").fetchone()[0])

    def named(self, cluster: int) -> list[Judged]:
        """Everything in a cluster."""
        return [_judged(row) for row in self._database.execute(f"{_JUDGED} WHERE m.cluster = ?", (cluster,))]

    def judged_as(self, queue_id: str) -> Judged:
        """What one message that is remembered was judged to be."""
        return _judged(self._database.execute(f"{_JUDGED} WHERE m.queue_id = ?", (queue_id,)).fetchone())

    def alike(self, digest: bytes) -> list[Judged]:
        """Every message with this content."""
        return [_judged(row) for row in self._database.execute(f"{_JUDGED} WHERE m.sha256 = ?", (digest,))]

    def find(self, queue_id: str) -> tuple[Known, int] | None:
        """One message, with its cluster."""
        row = self._database.execute(f"SELECT {_COLUMNS} FROM message WHERE queue_id = ?", (queue_id,)).fetchone()
        return None if row is None else (_known(row), row[-1])

    def find_each(self, queue_ids: Sequence[str]) -> dict[str, tuple[Known, int]]:
        """Those of these that are remembered, with their clusters, by queue ID."""
        statement = f"SELECT {_COLUMNS} FROM message WHERE queue_id IN ({','.join('?' * len(queue_ids))})"
        return {row[1]: (_known(row), row[-1]) for row in self._database.execute(statement, queue_ids)}

    def all(self) -> Iterator[tuple[Known, int]]:
        """Everything, in the order in which it was read."""
        for row in self._database.execute(f"SELECT {_COLUMNS} FROM message ORDER BY id"):
            yield _known(row), row[-1]

    def names(self) -> dict[int, str]:
        """Clusters that are campaigns."""
        return dict(self._database.execute("SELECT id, name FROM cluster"))

    # -- writing --------------------------------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """What is written within is written together."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            self._database.execute("COMMIT")

    def put(self, known: Known, cluster: int) -> None:
        """Remember a message, in place of an earlier one of its queue ID."""
        traits = known.traits
        self._database.execute(
            "INSERT OR REPLACE INTO message VALUES (NULL, ?,?,?,?,?, ?,?,?,?,?,?, ?,?,?)",
            (
                known.queue_id, known.inode, known.arrival, known.size, known.sha256,
                traits.sketch, traits.words, traits.subject, traits.sender, traits.network,
                b"".join(traits.attachments),
                known.points, "\n".join(known.reasons), cluster,
            ),
        )  # fmt: skip

    def merge(self, cluster: int, absorbed: Sequence[int]) -> None:
        """What was in others is in this one, and their names are free."""
        for other in absorbed:
            self._database.execute("UPDATE message SET cluster = ? WHERE cluster = ?", (cluster, other))
            self._database.execute("DELETE FROM cluster WHERE id = ?", (other,))

    def name(self, cluster: int, seed: bytes, taken: Sequence[str] = ()) -> str:
        """Give a cluster a name: one that it had in part, or four digits of a hash, more where those are taken."""
        digits = blake2b(seed, digest_size=16).hexdigest()
        for name in (*taken, *(digits[:length] for length in range(4, len(digits)))):
            with suppress(sqlite3.IntegrityError):
                self._database.execute("INSERT INTO cluster VALUES (?, ?)", (cluster, name))
                return name
        raise AssertionError("2^128 campaigns")

    def shed(self) -> None:
        """Forget the oldest where there are too many."""
        self._database.execute("DELETE FROM message WHERE id <= (SELECT max(id) FROM message) - ?", (MOST,))


def _opened(path: Path) -> sqlite3.Connection:
    with suppress(sqlite3.Error):
        return _prepared(path)
    # Damaged, or of another version: nothing is lost but time.
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return _prepared(path)


def _prepared(path: Path | str) -> sqlite3.Connection:
    if isinstance(path, Path):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    database = sqlite3.connect(path, timeout=5, isolation_level=None)
    try:
        # A kill leaves it whole; after a power cut it may be damaged, and is made anew.
        database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA trusted_schema=OFF;")
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            database.executescript(f"BEGIN; {_TABLES} PRAGMA user_version={VERSION}; COMMIT;")
        elif version != VERSION:
            raise sqlite3.DatabaseError("of another version")
    except sqlite3.Error:
        database.close()
        raise
    return database


def _judged(row: Sequence[Any]) -> Judged:
    return Judged(Identity(*row[:3]), row[3], row[4], backscatter=bool(row[5]))


def _known(row: Sequence[object]) -> Known:
    _, queue_id, inode, arrival, size, digest, sketch, words, subject, sender, network, attachments, points, why, _ = (
        row
    )
    assert isinstance(attachments, bytes)
    pieces = tuple(attachments[at : at + 8] for at in range(0, len(attachments), 8))
    traits = Traits(sketch, words, subject, sender, network, pieces)  # type: ignore[arg-type]
    reasons = tuple(each for each in str(why).split("\n") if each)
    return Known(queue_id, inode, arrival, size, digest, traits, points, reasons)  # type: ignore[arg-type]


def is_campaign(size: int) -> bool:
    """Whether so many messages that belong together have a name."""
    return size >= LEAST
