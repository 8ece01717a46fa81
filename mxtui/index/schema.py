"""Tables of the index: SQLite in memory.

About 230 bytes a message with one recipient, indices included. Reasons and domains repeat by the hundred thousand, so
rows hold their number; reasons also point at their summary, the cause that they are grouped by. What was judged is
beside the messages, 20 bytes each, and stays when a message moves or is tried.
"""

SETTINGS = "PRAGMA page_size=16384; PRAGMA journal_mode=OFF; PRAGMA temp_store=MEMORY;"
"""Each page costs 250 bytes beside it: with SQLite's usual 4,096, 17 MB more for a million messages."""

TABLES = """
CREATE TABLE message (
    id          INTEGER PRIMARY KEY,
    queue_id    TEXT NOT NULL,
    state       TEXT NOT NULL,
    inode       INTEGER NOT NULL,
    arrival     REAL NOT NULL,
    size        INTEGER NOT NULL,
    sender      TEXT NOT NULL,
    recipients  INTEGER NOT NULL,
    done        INTEGER NOT NULL,
    next_retry  REAL,
    expires     REAL,
    forced_expire INTEGER NOT NULL,
    client      TEXT,
    subject     TEXT,
    attempts    INTEGER,
    fault       TEXT
);
CREATE UNIQUE INDEX message_queue_id ON message (queue_id);

CREATE TABLE recipient (
    message INTEGER NOT NULL,
    n       INTEGER NOT NULL,
    address TEXT NOT NULL,
    domain  INTEGER NOT NULL,
    reason  INTEGER,
    dsn     TEXT,
    arrival REAL NOT NULL,  -- the message's, so that ages per domain need no join
    expires REAL,
    PRIMARY KEY (message, n)
) WITHOUT ROWID;

CREATE TABLE domain (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE judged (
    message     INTEGER PRIMARY KEY,
    points      REAL NOT NULL,     -- its own; its campaign's come on top
    scanned     REAL,              -- and those of scanners; NULL: no scanner has seen it
    campaign    INTEGER,
    partly      INTEGER NOT NULL DEFAULT 0,  -- a scanner that is configured has not seen it, another one has
    cleared     INTEGER NOT NULL,
    backscatter INTEGER NOT NULL
);
CREATE INDEX judged_campaign ON judged (campaign) WHERE campaign IS NOT NULL;
-- Single suspects are found without a look at all that is no suspect.
CREATE INDEX judged_single ON judged (round(points + coalesce(scanned, 0), 1))
    WHERE campaign IS NULL AND points + coalesce(scanned, 0) > 0;
CREATE TABLE campaign (
    id      INTEGER PRIMARY KEY,
    name    TEXT NOT NULL UNIQUE,
    points  REAL NOT NULL,
    cleared INTEGER NOT NULL
);
-- Recipients that do not exist, though nobody has tried to deliver to them.
CREATE TABLE nonexistent (address TEXT PRIMARY KEY COLLATE NOCASE) WITHOUT ROWID;
CREATE TABLE suspicion (threshold REAL NOT NULL);

CREATE TABLE reason (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, summary TEXT NOT NULL);
"""

INDICES = """
CREATE INDEX IF NOT EXISTS message_arrival ON message (arrival);
CREATE INDEX IF NOT EXISTS recipient_arrival ON recipient (arrival, domain);
CREATE INDEX IF NOT EXISTS recipient_domain ON recipient (domain, arrival);
CREATE INDEX IF NOT EXISTS recipient_expires ON recipient (domain, expires);
"""
"""Made once the first read is done: sorting them in one go costs a third of keeping them up row by row."""

MESSAGE_COLUMNS = (
    "queue_id, state, inode, arrival, size, sender, recipients, done, next_retry, expires, forced_expire, client, "
    "subject, attempts, fault"
)
