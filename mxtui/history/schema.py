"""Tables of the history: one row a domain and step, in the order of time, so that a minute is written in one place.

About 40 bytes a row: 1,000 domains for seven days take 768,000 rows and 35 MB.
"""

from typing import Final

VERSION: Final = 1
"""Kept as `user_version`."""

SIZE: Final = 100 * 1024**2
"""Bytes that the file may take, whatever happens."""

PAGE: Final = 4096

TABLES: Final = """
CREATE TABLE domain (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

CREATE TABLE tick (
    step          INTEGER NOT NULL,  -- seconds that it stands for
    at            INTEGER NOT NULL,  -- its beginning, since the epoch
    arrived_bytes INTEGER,
    bytes_free    INTEGER,           -- of the queue's file system, the least
    inodes_free   INTEGER,
    PRIMARY KEY (step, at)
) WITHOUT ROWID;

CREATE TABLE sample (
    step    INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    domain  INTEGER NOT NULL,        -- 0 is the whole queue
    depth   INTEGER NOT NULL,        -- messages, the most
    oldest  INTEGER,                 -- seconds, the most
    arrived INTEGER,
    left    INTEGER,
    state   INTEGER NOT NULL,        -- of the primary: 0 unknown, 1 up, 2 degraded, 3 flapping, 4 down
    down    INTEGER NOT NULL,        -- seconds
    latency REAL,                    -- milliseconds
    watched INTEGER NOT NULL,        -- seconds of the step
    PRIMARY KEY (step, at, domain)
) WITHOUT ROWID;

INSERT INTO domain VALUES (0, '');
"""

ROLL_UP_TICK: Final = (
    "INSERT INTO tick SELECT ?1, ?2, sum(arrived_bytes), min(bytes_free), min(inodes_free) "
    "FROM tick WHERE step = ?3 AND at >= ?2 AND at < ?2 + ?1"
)
"""A coarser step from the finer ones in it: ?1 its length, ?2 its beginning, ?3 the finer length."""

ROLL_UP_SAMPLES: Final = (
    "INSERT INTO sample SELECT ?1, ?2, domain, max(depth), max(oldest), sum(arrived), sum(left), max(state), "
    "sum(down), avg(latency), sum(watched) FROM sample "
    "WHERE step = ?3 AND at >= ?2 AND at < ?2 + ?1 GROUP BY domain "
    "ORDER BY domain > 0, max(depth) DESC, sum(down) DESC, domain LIMIT ?4"
)
"""The same of domains, ?4 at most: the whole queue, then the deepest; of equals who was down, and who came first."""

NAMELESS: Final = "DELETE FROM domain WHERE id > 0 AND id NOT IN (SELECT domain FROM sample)"
"""Names of which nothing is kept any more."""

UNROLLED: Final = (
    "SELECT DISTINCT at / ?1 * ?1 AS begin FROM tick WHERE step = ?2 AND at < ?3 / ?1 * ?1 "
    "AND NOT EXISTS (SELECT 1 FROM tick AS coarse WHERE coarse.step = ?1 AND coarse.at = tick.at / ?1 * ?1)"
)
"""Beginnings of coarser steps (?1) that are over at ?3 and were not made of finer ones (?2) yet."""
