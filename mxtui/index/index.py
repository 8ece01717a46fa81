"""Every queued message, queryable in memory; the one place that knows what the queue holds.

Threads: all methods may be called from any thread and take one lock. `apply` and `view` belong in a worker thread;
`View.rows` of a screenful takes about a millisecond and may be called from an event loop.
"""

import itertools
import sqlite3
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeVar

from mxtui.index.expiring import expiring
from mxtui.index.groups import Group, Grouping, group_statement
from mxtui.index.judging import Judgements
from mxtui.index.memory import give_back
from mxtui.index.schema import INDICES, MESSAGE_COLUMNS, SETTINGS, TABLES
from mxtui.index.sql import add_functions, where
from mxtui.index.view import Sort, View
from mxtui.model.age import BUCKET_SECONDS
from mxtui.model.campaign import Campaign, Judged
from mxtui.model.filter import Filter
from mxtui.model.forecast import Deadlines
from mxtui.model.history import WHOLE, Counted
from mxtui.model.message import Changes, QueuedMessage, Recipient, State
from mxtui.model.overview import DomainTotals, Flow, QueueTotals
from mxtui.model.plan import Target
from mxtui.model.planning import same_message, target_of
from mxtui.model.tally import DELIVERABLE
from mxtui.model.totals import Edge, Totals

T = TypeVar("T")

ADDRESSES = 20_000
"""Messages whose recipients are told at once: 10 ms."""

CHUNK = 500
"""Parameters in one statement; SQLite allows 32,766, and longer statements only cost more to prepare."""


SUSPECT = 10.0
"""Points, where nobody set another number."""


class Index:
    """The queue as it is known, with totals that follow each change."""

    def __init__(self, now: float, *, suspect: float = SUSPECT) -> None:
        """`suspect` is the score from which on a message is."""
        self._lock = threading.RLock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._database.executescript(f"{SETTINGS} {TABLES}")
        add_functions(self._database)
        weakref.finalize(self, self._database.close)  # the memory goes with the index; Python 3.13 warns otherwise
        self._totals = Totals(now)
        self.suspect = suspect
        self._judgements = Judgements(self._database, suspect)
        self._domains: dict[str, int] = {}
        self._reasons: dict[str, int] = {}
        self._next = itertools.count(1)
        self._views: weakref.WeakSet[View] = weakref.WeakSet()
        self._indexed = False
        self.revision = 0
        """Grows with each batch that changed anything."""
        self.arrived = 0
        self.departed = 0
        """Messages that came and went since the first read was complete."""
        self._came: Counter[str] = Counter()
        self._went: Counter[str] = Counter()
        self._came_bytes = 0

    # -- changing -----------------------------------------------------------------------------------------------

    def apply(self, changes: Changes) -> bool:
        """Take in one batch; True if anything differs. Cost follows the batch, not the queue."""
        with self._lock:
            latest = {message.queue_id: message for message in changes.present}
            gone = [id_ for id_ in dict.fromkeys(changes.gone) if id_ not in latest]
            known = self._known([*latest, *gone])
            fresh = [message for id_, message in latest.items() if id_ not in known]
            altered = [
                (known[id_][0], known[id_][1], message)
                for id_, message in latest.items()
                if id_ in known and known[id_][1] != message
            ]
            left = [known[id_] for id_ in gone if id_ in known]
            if not (fresh or altered or left):
                return False
            self._replace(fresh, altered, left)
            if self._indexed:
                self.arrived += len(fresh)
                self.departed += len(left)
                self._came_bytes += sum(message.size for message in fresh)
                _count(self._came, fresh)
                _count(self._went, (message for _, message in left))
            self.revision += 1
            return True

    def _replace(
        self,
        fresh: list[QueuedMessage],
        altered: list[tuple[int, QueuedMessage, QueuedMessage]],
        left: list[tuple[int, QueuedMessage]],
    ) -> None:
        rows = [(next(self._next), message) for message in fresh]
        touched = [row for row, *_ in altered]
        removed = [row for row, _ in left]
        others = [row for row, old, new in altered if not same_message(old.identity, new.identity)]
        for view in self._views:
            view.before(touched + removed, len(rows))
        for _, old in left:
            self._totals.remove(old)
        for _, old, new in altered:
            self._totals.remove(old)
            self._totals.add(new)
        for message in fresh:
            self._totals.add(message)
        with self._transaction():
            for some in _chunks(removed + others):
                self._judgements.forget(some)
            for some in _chunks(touched):
                self._judgements.altered(some)
            self._judgements.came([*(row for row, _ in rows), *others])
            self._delete(touched + removed)
            self._insert([*rows, *((row, new) for row, _, new in altered)])
        for view in self._views:
            view.after([*(row for row, _ in rows), *touched])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN")
        try:
            yield
        finally:
            self._database.execute("COMMIT")

    def _delete(self, rows: list[int]) -> None:
        for some in _chunks(rows):
            marks = ",".join("?" * len(some))
            self._database.execute(f"DELETE FROM message WHERE id IN ({marks})", some)
            self._database.execute(f"DELETE FROM recipient WHERE message IN ({marks})", some)

    def _insert(self, rows: Sequence[tuple[int, QueuedMessage]]) -> None:
        self._database.executemany(
            "INSERT INTO message VALUES (?, ?,?,?,?,?,?, ?,?,?,?,?, ?,?,?,?)",
            [
                (row, *m[:6], len(m.recipients), m.done, m.next_retry, m.expires, m.forced_expire, *m[11:])
                for row, m in rows
            ],
        )
        domain, reason = self._domain, self._reason
        self._database.executemany(
            "INSERT INTO recipient VALUES (?,?,?,?,?,?,?,?)",
            [
                (row, n, r.address, domain(r.domain), reason(r.reason), r.dsn, m.arrival, m.expires)
                for row, m in rows
                for n, r in enumerate(m.recipients)
            ],
        )

    def _domain(self, name: str) -> int:
        number = self._domains.get(name)
        if number is None:
            number = self._domains[name] = len(self._domains) + 1
            self._database.execute("INSERT INTO domain VALUES (?, ?)", (number, name))
        return number

    def _reason(self, text: str | None) -> int | None:
        if text is None:
            return None
        number = self._reasons.get(text)
        if number is None:
            number = self._reasons[text] = len(self._reasons) + 1
            self._database.execute("INSERT INTO reason VALUES (?, ?, ?)", (number, text, self._totals.summary(text)))
        return number

    def complete(self) -> None:
        """The first read is done: build what later queries need. From now on arrivals and departures are counted."""
        with self._lock:
            self._database.executescript(INDICES)
            self._indexed = True
        give_back()  # what reading and sorting took: 50 MB after a million messages

    def advance(self, now: float) -> None:
        """Let time pass: recipients that crossed an age bound since the last call move on. Cost follows those alone."""
        with self._lock:
            before = self._totals.now
            if now <= before:
                return
            for bound, seconds in enumerate(BUCKET_SECONDS):
                crossed = self._database.execute(
                    "SELECT d.name, c.n FROM (SELECT domain, count(*) AS n FROM recipient "
                    "WHERE arrival > ? AND arrival <= ? GROUP BY domain) c JOIN domain d ON d.id = c.domain",
                    (before - seconds, now - seconds),
                )
                for name, recipients in crossed.fetchall():
                    self._totals.cross(name, bound, recipients)
            self._totals.advance(now)

    @property
    def is_complete(self) -> bool:
        """The first read is done."""
        return self._indexed

    # -- judging --------------------------------------------------------------------------------------------------

    def judge(self, judged: Sequence[Judged]) -> None:
        """Keep what became of judging messages; those that left, or are others by now, are passed over."""
        with self._lock:
            for some in _chunks(judged):
                self._change_judgements(some, self._judgements.judge)
            if judged:
                self.revision += 1

    def _change_judgements(
        self, some: Sequence[Judged], change: Callable[[Sequence[tuple[int, Judged]]], object]
    ) -> None:
        rows = self._judgements.rows_of(some)
        touched = [row for row, _ in rows]
        concerned = [view for view in self._views if view.judging]
        for view in concerned:
            view.before(touched, 0)
        with self._transaction():
            change(rows)
        for view in concerned:
            view.after(touched)

    def scan(self, verdicts: Sequence[Judged]) -> None:
        """Keep what scanners made of messages: the points of each. Those not judged yet are passed over."""
        with self._lock:
            for some in _chunks(verdicts):
                self._change_judgements(some, self._judgements.scan)
            if verdicts:
                self.revision += 1

    def judged_lately(self, limit: int) -> list[QueuedMessage]:
        """Messages that were judged since this was last asked, for whoever asks scanners; each is told once."""
        with self._lock:
            while ids := self._judgements.take_lately(min(limit, CHUNK)):
                if found := self.messages(ids):
                    return found
            return []

    def unscanned(self, campaign: str | None, limit: int, *, partly: bool = True) -> list[QueuedMessage]:
        """Messages of a campaign, or of none, that no scanner has seen; with `partly` also those that one of two
        has: the latest first.
        """
        with self._lock:
            return self.messages(self._judgements.unscanned(campaign, limit, partly=partly))

    def scanned(self) -> int:
        """Messages that every scanner has seen."""
        with self._lock:
            return self._judgements.scanned

    def weigh(self, points: Mapping[str, float], cleared: Mapping[str, bool] | None = None) -> None:
        """What the messages of campaigns are worth for being one, and which an operator cleared; others stay."""
        with self._lock:
            if self._judgements.weigh(points, cleared or {}):
                for view in self._views:
                    view.reconsider()
                self.revision += 1

    def know_nonexistent(self, addresses: Collection[str]) -> None:
        """Recipients that do not exist, beside those that a primary refused: these, and no others. For `is:unknown`."""
        with self._lock:
            if self._judgements.know_nonexistent(addresses):
                for view in self._views:
                    view.reconsider(everything=True)
                self.revision += 1

    def recipients_since(self, mark: int) -> tuple[int, list[str]]:
        """Addresses of the recipients of some messages that came after a mark, and the next mark.

        The first mark is 0; where there are no more it stays as it is.
        """
        with self._lock:
            (last,) = self._database.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()
            until = max(mark, min(last, mark + ADDRESSES))
            statement = "SELECT address FROM recipient WHERE message > ? AND message <= ?"
            return until, [address for (address,) in self._database.execute(statement, [mark, until])]

    def unjudged(self, limit: int) -> list[QueuedMessage]:
        """Messages that wait to be judged, the latest first; each is told once."""
        with self._lock:
            return self.messages(self._judgements.take(min(limit, CHUNK)))

    def judging(self) -> tuple[int, int]:
        """Messages that were judged, and those that wait for it."""
        with self._lock:
            return self._judgements.judged, self._judgements.waiting

    def changed_campaigns(self) -> set[str]:
        """Campaigns whose facts may be others than when this was last asked."""
        with self._lock:
            changed, self._judgements.changed = self._judgements.changed, set()
            return changed

    def campaign(self, name: str) -> Campaign | None:
        """A campaign as it is queued now, or all suspects of none (`SINGLE`); None where nothing of it is queued."""
        with self._lock:
            return self._judgements.facts(name)

    def campaign_of(self, queue_id: str) -> Campaign | None:
        """The campaign that a message is of, as it is queued now; None where it is of none."""
        with self._lock:
            name = self._judgements.campaign_of(queue_id)
            return self._judgements.facts(name) if name else None

    def is_cleared(self, queue_id: str) -> bool:
        """Whether somebody said that a message is no spam, or that its campaign is none."""
        with self._lock:
            return self._judgements.is_cleared(queue_id)

    def ids_of(self, campaign: str) -> list[str]:
        """Queue IDs of a campaign, oldest first."""
        with self._lock:
            return self._judgements.ids_of(campaign)

    def same_campaign(self, queue_id: str) -> list[str]:
        """Queue IDs of the campaign that a message is of, oldest first; none where it is of none."""
        with self._lock:
            return self._judgements.same_campaign(queue_id)

    def suspects(self) -> list[str]:
        """Queue IDs of messages that are suspect, oldest first."""
        with self._lock:
            return self._judgements.suspects()

    # -- asking -------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return self.queue().messages

    def queue(self) -> QueueTotals:
        """Totals of the whole queue, at the moment of the last `advance`."""
        with self._lock:
            return self._totals.queue(self._edges)

    def domains(self) -> list[DomainTotals]:
        """Totals per recipient domain, deepest first."""
        with self._lock:
            return self._totals.domains(self._edges)

    def flow(self, domain: str) -> Flow:
        """What came and went for a domain since the first read was complete."""
        return Flow(self._came[domain], self._went[domain])

    def expiring(self, now: float, returns: Mapping[str, float]) -> dict[str, Deadlines]:
        """What expires within a day, or before a domain's primary is to be back (`returns`).

        Costs 0.1 µs for each message that does.
        """
        with self._lock:
            return expiring(self._database, self._domains, self._totals.domains(self._edges), returns, now)

    def counted(self) -> Counted:
        """What came and went since the first read was complete, by domain and (`WHOLE`) altogether."""
        with self._lock:
            return Counted({**self._came, WHOLE: self.arrived}, {**self._went, WHOLE: self.departed}, self._came_bytes)

    def _edges(self, domain: str | None, tried: bool, held: bool) -> Edge:
        if domain is None:
            # By domain, each by its index: one over all expiries would take 20 MB at a million messages.
            statement, parameters = (
                (
                    "SELECT (SELECT min(arrival) FROM message), (SELECT min(e) FROM "
                    "(SELECT (SELECT min(expires) FROM recipient WHERE domain = d.id) AS e FROM domain d))"
                ),
                [],
            )
        else:
            statement, parameters = (
                (
                    "SELECT (SELECT min(arrival) FROM recipient WHERE domain = ?1), "
                    "(SELECT min(expires) FROM recipient WHERE domain = ?1)"
                ),
                [self._domains[domain]],
            )
        oldest, expires = self._database.execute(statement, parameters).fetchone()
        if domain is None:
            return Edge(oldest, expires)
        return Edge(
            oldest,
            expires,
            self._oldest_in(domain, tuple(DELIVERABLE)) if tried else None,
            self._oldest_in(domain, ("hold",)) if held else None,
        )

    def _oldest_in(self, domain: str, states: Sequence[State]) -> float | None:
        """Along the domain's mail, oldest first, to the first one in these states: most often the first of all."""
        marks = ",".join("?" * len(states))
        found = self._database.execute(
            "SELECT r.arrival FROM recipient r CROSS JOIN message m ON m.id = r.message "
            f"WHERE r.domain = ? AND m.state IN ({marks}) ORDER BY r.arrival LIMIT 1",
            [self._domains[domain], *states],
        ).fetchone()
        return None if found is None else float(found[0])

    def view(self, filter_: Filter | None, sort: Sort, now: float | None = None) -> View:
        """The messages that match, in order; kept up by every `apply` for as long as somebody holds it."""
        with self._lock:
            view = View(self._database, self._lock, filter_, sort, self._totals.now if now is None else now)
            self._views.add(view)
            return view

    def groups(self, by: Grouping, filter_: Filter | None = None) -> list[Group]:
        """Messages by a common feature, largest group first; at most 2,000 groups."""
        with self._lock:
            condition, parameters = where(filter_, self._totals.now)
            found = self._database.execute(group_statement(by, condition), parameters)
            return [Group(*row) for row in found.fetchall()]

    def message(self, queue_id: str) -> QueuedMessage | None:
        """One message, whole."""
        with self._lock:
            found = self._known([queue_id]).get(queue_id)
            return found[1] if found else None

    def messages(self, queue_ids: Iterable[str]) -> list[QueuedMessage]:
        """Those of the messages that are still known, in the order asked."""
        with self._lock:
            asked = list(queue_ids)
            known = self._known(asked)
            return [known[id_][1] for id_ in asked if id_ in known]

    def targets(self, queue_ids: Iterable[str]) -> list[Target]:
        """What a plan needs to know of messages, in the order asked; the ones no longer known are left out."""
        return [target_of(message) for message in self.messages(queue_ids)]

    def ids(self, filter_: Filter | None) -> list[str]:
        """Queue IDs of all that match, oldest first."""
        with self._lock:
            condition, parameters = where(filter_, self._totals.now)
            statement = f"SELECT m.queue_id FROM message m WHERE {condition} ORDER BY m.arrival, m.id"
            return [row[0] for row in self._database.execute(statement, parameters)]

    def reasons(self, domain: str, limit: int) -> list[tuple[str, int]]:
        """Why a domain's mail waits: (summary, messages), most frequent first."""
        with self._lock:
            number = self._domains.get(domain)
            if number is None:
                return []
            return self._database.execute(
                "SELECT s.summary, count(DISTINCT r.message) AS n FROM recipient r JOIN reason s ON s.id = r.reason "
                "WHERE r.domain = ? GROUP BY s.summary ORDER BY n DESC, s.summary LIMIT ?",
                (number, limit),
            ).fetchall()

    def _known(self, queue_ids: Sequence[str]) -> dict[str, tuple[int, QueuedMessage]]:
        known: dict[str, tuple[int, QueuedMessage]] = {}
        if not self.revision:
            return known
        for some in _chunks(queue_ids):
            marks = ",".join("?" * len(some))
            rows = self._database.execute(
                f"SELECT id, {MESSAGE_COLUMNS} FROM message WHERE queue_id IN ({marks})",
                some,
            ).fetchall()
            recipients = self._recipients([row[0] for row in rows])
            for id_, queue_id, state, inode, arrival, size, sender, _, done, retry, expires, forced, *rest in rows:
                known[queue_id] = id_, QueuedMessage(
                    queue_id, state, inode, arrival, size, sender, tuple(recipients.get(id_, ())), done, retry, expires,
                    bool(forced), *rest,
                )  # fmt: skip
        return known

    def _recipients(self, rows: list[int]) -> dict[int, list[Recipient]]:
        found: dict[int, list[Recipient]] = {}
        marks = ",".join("?" * len(rows))
        for row, *rest in self._database.execute(
            "SELECT r.message, r.address, d.name, s.text, r.dsn FROM recipient r JOIN domain d ON d.id = r.domain "
            f"LEFT JOIN reason s ON s.id = r.reason WHERE r.message IN ({marks}) ORDER BY r.message, r.n",
            rows,
        ):
            found.setdefault(row, []).append(Recipient(*rest))
        return found


def _count(counter: Counter[str], messages: Iterable[QueuedMessage]) -> None:
    for message in messages:
        counter.update({recipient.domain for recipient in message.recipients})


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]
