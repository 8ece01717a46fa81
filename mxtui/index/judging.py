"""What messages were judged to be, beside them in the index: a message that is altered or moved keeps it, one that left
or whose queue ID was used again does not.
"""

import sqlite3
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence

from mxtui.index.sql import NONEXISTENT, SUSPECT
from mxtui.model.campaign import SINGLE, Campaign, Judged
from mxtui.model.filter.matching import UNKNOWN_RECIPIENT
from mxtui.model.planning import same_arrival

_OF_CAMPAIGN = "j.campaign = (SELECT id FROM campaign WHERE name = :name)"

# The terms of the index `judged_single`, to the letter: SQLite uses it for no others, nor for a value that has an
# affinity, which the plus takes away.
_SINGLE = (
    "j.campaign IS NULL AND j.points + coalesce(j.scanned, 0) > 0 AND NOT j.cleared "
    "AND round(j.points + coalesce(j.scanned, 0), 1) >= (SELECT +threshold FROM suspicion)"
)

_FACTS = """
WITH member AS MATERIALIZED (
    SELECT m.*, j.points + coalesce(j.scanned, 0) AS points FROM judged j JOIN message m ON m.id = j.message
    WHERE {among}
)
SELECT count(*), sum(size), sum(recipients),
       (SELECT count(*) FROM recipient r JOIN member o ON o.id = r.message WHERE r.dsn LIKE :unknown OR {nonexistent}),
       count(DISTINCT lower(sender)), count(DISTINCT sender_shape(sender)),
       count(DISTINCT lower(substr(sender, instr(sender, '@') + 1))),
       sum(sender = '' AND fault IS NULL), count(DISTINCT client), count(DISTINCT network(client)),
       min(arrival), max(arrival), sum(state IN ('hold', 'quarantine')), avg(points),
       (SELECT count(*) FROM recipient r JOIN member o ON o.id = r.message
        WHERE (r.dsn LIKE :unknown) IS NOT TRUE AND {nonexistent})
FROM member
"""

_SAMPLE = """
SELECT m.queue_id, coalesce(m.subject, ''), m.sender FROM judged j JOIN message m ON m.id = j.message
WHERE {among} ORDER BY m.arrival, m.id LIMIT 1
"""


class Judgements:
    """The part of an index that knows of them. Its caller holds the lock."""

    def __init__(self, database: sqlite3.Connection, threshold: float) -> None:
        self._database = database
        self._database.execute("INSERT INTO suspicion VALUES (?)", (threshold,))
        self._campaigns: dict[str, int] = {}
        self._unjudged: array[int] = array("q")
        self._lately: array[int] = array("q")
        self.judged = 0
        """Messages that are queued and were judged."""
        self.scanned = 0
        """Of those, messages that every scanner has seen."""
        self.changed: set[str] = set()
        """Campaigns whose facts may be others since somebody emptied this."""

    def came(self, rows: Iterable[int]) -> None:
        """Messages that nobody has judged yet."""
        self._unjudged.extend(rows)

    def forget(self, rows: Sequence[int]) -> None:
        """Messages that left, or are others now."""
        marks = ",".join("?" * len(rows))
        self._touch(rows)
        self.scanned -= self._scanned_of(rows)
        found = self._database.execute(f"DELETE FROM judged WHERE message IN ({marks})", rows)
        self.judged -= max(0, found.rowcount)

    def altered(self, rows: Sequence[int]) -> None:
        """Messages that are the same, but moved, or were tried."""
        self._touch(rows)

    def _touch(self, rows: Sequence[int]) -> None:
        if not self._campaigns:
            return
        marks = ",".join("?" * len(rows))
        statement = "SELECT DISTINCT c.name FROM judged j JOIN campaign c ON c.id = j.campaign WHERE j.message IN"
        self.changed.update(name for (name,) in self._database.execute(f"{statement} ({marks})", rows))

    def take(self, limit: int) -> list[str]:
        """Queue IDs of messages that wait to be judged, the latest first; each is told once."""
        rows = list(dict.fromkeys(self._unjudged[-limit:].tolist()[::-1]))
        del self._unjudged[-limit:]
        marks = ",".join("?" * len(rows))
        statement = f"SELECT id, queue_id FROM message WHERE id IN ({marks}) AND id NOT IN (SELECT message FROM judged)"
        known = dict(self._database.execute(statement, rows))
        return [known[row] for row in rows if row in known]

    @property
    def waiting(self) -> int:
        """Messages that were not taken yet."""
        return len(self._unjudged)

    def rows_of(self, judged: Iterable[Judged]) -> list[tuple[int, Judged]]:
        """Those that are still queued, with their rows: the same message, and not a later one of the same queue ID."""
        latest = {each.identity.queue_id: each for each in judged}
        marks = ",".join("?" * len(latest))
        rows = self._database.execute(
            f"SELECT id, queue_id, inode, arrival FROM message WHERE queue_id IN ({marks})", list(latest)
        )
        return [
            (row, latest[queue_id])
            for row, queue_id, inode, arrival in rows
            if _is_same(latest[queue_id], inode, arrival)
        ]

    def judge(self, rows: Sequence[tuple[int, Judged]]) -> None:
        """Keep what became of messages."""
        self._touch([row for row, _ in rows])
        marks = ",".join("?" * len(rows))
        statement = f"SELECT message FROM judged WHERE message IN ({marks})"
        known = {row for (row,) in self._database.execute(statement, [row for row, _ in rows])}
        self.judged += len(rows) - len(known)
        self._lately.extend(row for row, _ in rows if row not in known)
        self._database.executemany(
            "INSERT INTO judged (message, points, campaign, cleared, backscatter) VALUES (?,?,?,?,?) "
            "ON CONFLICT (message) DO UPDATE SET points = excluded.points, "
            "campaign = excluded.campaign, cleared = excluded.cleared, backscatter = excluded.backscatter",
            [
                (row, round(each.points, 1), self._campaign(each.campaign), each.cleared, each.backscatter)
                for row, each in rows
            ],
        )
        self.changed.update(each.campaign for _, each in rows if each.campaign)

    def take_lately(self, limit: int) -> list[str]:
        """Queue IDs of messages that were judged since this was last asked; each is told once."""
        rows = self._lately[:limit].tolist()
        del self._lately[:limit]
        marks = ",".join("?" * len(rows))
        return [
            found for (found,) in self._database.execute(f"SELECT queue_id FROM message WHERE id IN ({marks})", rows)
        ]

    def scan(self, rows: Sequence[tuple[int, Judged]]) -> None:
        """Keep what scanners made of messages that were judged: their points."""
        concerned = [row for row, _ in rows]
        self._touch(concerned)
        self.scanned -= self._scanned_of(concerned)
        self._database.executemany(
            "UPDATE judged SET scanned = ?, partly = ? WHERE message = ?",
            [(round(each.points, 1), each.partly, row) for row, each in rows],
        )
        self.scanned += self._scanned_of(concerned)

    def _scanned_of(self, rows: Sequence[int]) -> int:
        marks = ",".join("?" * len(rows))
        statement = f"SELECT count(scanned) FROM judged WHERE NOT partly AND message IN ({marks})"
        found = self._database.execute(statement, rows)
        return int(found.fetchone()[0])

    def unscanned(self, campaign: str | None, limit: int, *, partly: bool) -> list[str]:
        """Queue IDs of messages of a campaign, or of none, that no scanner has seen; with `partly` also those
        that one of two has: the latest first.
        """
        among = "= (SELECT id FROM campaign WHERE name = ?1)" if campaign is not None else "IS NULL"
        statement = (
            "SELECT m.queue_id FROM judged j JOIN message m ON m.id = j.message "
            f"WHERE j.campaign {among} AND (j.scanned IS NULL OR (?3 AND j.partly)) ORDER BY m.arrival DESC LIMIT ?2"
        )
        return [found for (found,) in self._database.execute(statement, (campaign, limit, partly))]

    def _campaign(self, name: str) -> int | None:
        if not name:
            return None
        number = self._campaigns.get(name)
        if number is None:
            number = self._campaigns[name] = len(self._campaigns) + 1
            self._database.execute("INSERT INTO campaign VALUES (?,?,0,0)", (number, name))
        return number

    def weigh(self, points: Mapping[str, float], cleared: Mapping[str, bool]) -> bool:
        """What campaigns' messages are worth together, and who was cleared; whether anything differs."""
        found = {
            name: (worth, bool(is_cleared))
            for name, worth, is_cleared in self._database.execute("SELECT name, points, cleared FROM campaign")
        }
        wanted = {
            name: (round(points.get(name, before), 1), cleared.get(name, was)) for name, (before, was) in found.items()
        }
        differing = [(*wanted[name], name) for name in found if wanted[name] != found[name]]
        self._database.executemany("UPDATE campaign SET points = ?, cleared = ? WHERE name = ?", differing)
        return bool(differing)

    def facts(self, name: str) -> Campaign | None:
        """A campaign as it is queued now, or all suspects of none (`SINGLE`); None where nothing of it is queued.

        5 ms for 10,000 messages.
        """
        among = _SINGLE if name == SINGLE else _OF_CAMPAIGN
        parameters = {"name": name, "unknown": f"%{UNKNOWN_RECIPIENT}"}
        sample = self._database.execute(_SAMPLE.format(among=among), parameters).fetchone()
        if sample is None:
            return None
        statement = _FACTS.format(among=among, nonexistent=NONEXISTENT)
        *facts, by_call_out = self._database.execute(statement, parameters).fetchone()
        points, cleared = self._database.execute(
            "SELECT points, cleared FROM campaign WHERE name = ?", (name,)
        ).fetchone() or (0.0, False)
        queue_id, subject, sender = sample
        return Campaign(*(name, *facts, queue_id, subject, sender, points, bool(cleared), by_call_out))

    def know_nonexistent(self, addresses: Collection[str]) -> bool:
        """Recipients that do not exist, and no others; whether that is news."""
        known = {found for (found,) in self._database.execute("SELECT address FROM nonexistent")}
        wanted = {address.lower() for address in addresses}
        if known == wanted:
            return False
        self._database.executemany("DELETE FROM nonexistent WHERE address = ?", [(each,) for each in known - wanted])
        self._database.executemany("INSERT INTO nonexistent VALUES (?)", [(each,) for each in wanted - known])
        self.changed.update(self._campaigns)
        return True

    def is_cleared(self, queue_id: str) -> bool:
        """Whether it is no spam: itself, or its campaign."""
        found = self._database.execute(
            "SELECT j.cleared OR coalesce(c.cleared, 0) FROM message m JOIN judged j ON j.message = m.id "
            "LEFT JOIN campaign c ON c.id = j.campaign WHERE m.queue_id = ?",
            (queue_id,),
        ).fetchone()
        return found is not None and bool(found[0])

    def campaign_of(self, queue_id: str) -> str:
        """The name of the campaign that a message is of; empty where it is of none."""
        found = self._database.execute(
            "SELECT c.name FROM message m JOIN judged j ON j.message = m.id JOIN campaign c ON c.id = j.campaign "
            "WHERE m.queue_id = ?",
            (queue_id,),
        ).fetchone()
        return str(found[0]) if found else ""

    def ids_of(self, campaign: str) -> list[str]:
        """Queue IDs of a campaign, oldest first."""
        statement = (
            "SELECT m.queue_id FROM judged j JOIN message m ON m.id = j.message "
            "WHERE j.campaign = (SELECT id FROM campaign WHERE name = ?) ORDER BY m.arrival, m.id"
        )
        return [found for (found,) in self._database.execute(statement, (campaign,))]

    def same_campaign(self, queue_id: str) -> list[str]:
        """Queue IDs of the campaign that a message is of, oldest first."""
        statement = (
            "SELECT m.queue_id FROM judged j JOIN message m ON m.id = j.message WHERE j.campaign = (SELECT campaign "
            "FROM judged WHERE message = (SELECT id FROM message WHERE queue_id = ?)) ORDER BY m.arrival, m.id"
        )
        return [found for (found,) in self._database.execute(statement, (queue_id,))]

    def suspects(self) -> list[str]:
        """Queue IDs of messages that are suspect, oldest first."""
        # Only judged messages are looked at.
        statement = f"SELECT m.queue_id FROM message m WHERE m.id IN (SELECT message FROM judged) AND {SUSPECT}"
        return [queue_id for (queue_id,) in self._database.execute(f"{statement} ORDER BY m.arrival, m.id")]


def _is_same(judged: Judged, inode: int, arrival: float) -> bool:
    identity = judged.identity
    inodes_agree = identity.inode == inode or not identity.inode or not inode
    return inodes_agree and same_arrival(identity.arrival, arrival)
