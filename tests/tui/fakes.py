"""A queue in memory, a monitor that says what it is told, and a clock that stands still."""

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mxtui.audit import Audit, Operator
from mxtui.cli.message import save_part
from mxtui.errors import Guarded, MxtuiError, NoQueue, UsageError
from mxtui.holding import Holding
from mxtui.holds import Holds
from mxtui.index import Index
from mxtui.message.eml import save_new
from mxtui.message.inspect import inspect
from mxtui.model.alerts import Thresholds, alerts
from mxtui.model.alerts.order import in_order
from mxtui.model.campaign import Suspects
from mxtui.model.drain.interrupted import Interrupted
from mxtui.model.drain.standing import Passed, Standing
from mxtui.model.drain.way import Feed, Settled
from mxtui.model.drill import Drill
from mxtui.model.envelope import Client
from mxtui.model.forecast import (
    DAY,
    Examined,
    Forecast,
    LastDrain,
    Outage,
    Outlook,
    Room,
    Usual,
    filling,
    returning,
)
from mxtui.model.health import RUNGS, Climb, Health, HealthState, Primary, Rung
from mxtui.model.history import Point, Sample, Summary, level_for
from mxtui.model.holds import Catching, DomainHold
from mxtui.model.message import Changes, Identity, QueuedMessage, Recipient, State
from mxtui.model.overview import Acknowledgement, Alert, DomainStatus, DomainTotals, Overview, Reading
from mxtui.model.plan import FlushProgress, Plan, Result, Target, Verdict
from mxtui.model.redirect import Redirect
from mxtui.model.returns import Announced
from mxtui.model.source import ALLOWED, Capabilities, Permission, Source, Space, Verb
from mxtui.operations import Operations
from mxtui.tui.services import Services, Settings
from mxtui.vault import Vault

NOW = 1_795_442_531.0
"""Mon 23 Nov 2026 14:02:11 UTC."""

MINUTE, HOUR = 60.0, 3_600.0
SOURCE = Source("postfix", "mx2.example.net", "/var/spool/postfix", "3.7.11", "/etc/postfix")

MAIL = b"""Received: from relay.rechnung.example (unknown [203.0.113.77])
\tby mx2.example.net (Postfix) with ESMTPS id 4dKq7P2GzHz9xK
\tfor <sales@example.org>; Mon, 23 Nov 2026 07:54:02 +0000 (UTC)
Received: from localhost by relay.rechnung.example; Mon, 23 Nov 2026 07:51:10 +0000
From: Bank Example <konto@bank.example>
Reply-To: zahlung@mailbox.example
To: sales@example.org
Date: Mon, 23 Nov 2026 01:20:00 +0100
Message-ID: <88413@localhost>
Subject: Offene Rechnung 88413
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=limit

--limit
Content-Type: text/plain; charset=utf-8

Sehr geehrte Damen und Herren,
trotz unserer Erinnerung vom 9. November ist die Rechnung noch offen. Bitte zahlen Sie unter
https://pay.rechnung.example/88413

Nach Ablauf der Frist am 25. November geben wir die Forderung weiter.
--limit
Content-Type: application/zip; name="Rechnung_88413.zip"
Content-Disposition: attachment; filename="Rechnung_88413.zip"
Content-Transfer-Encoding: base64

UEsDBBQAAAAIAAAAIQAAAAAAAAAAAAAAAAAKAAAAcmVjaG51bmc=
--limit--
"""


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def queue_id(number: int) -> str:
    """Like Postfix's long ones, the same in every run."""
    digest = hashlib.sha256(str(number).encode()).digest()
    letters = "BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789"
    return "4dKq" + "".join(letters[byte % len(letters)] for byte in digest[:9]) + "z"


_PEOPLE = ("m.keller@bank.example", "newsletter@shop.example", "service@rechnung.example", "h.sato@museum.example",
           "buchhaltung-mahnwesen@rechnung.example", "ops@monitor.example", "jobs@lists.example",
           "no-reply@town.example", "", "a.novak@school.example", "very.long.name@mailer.campus.example")  # fmt: skip
_SUBJECTS = ("Re: signed contract, second version attached", "Your November offers", "Offene Rechnung 88412",
             "Приглашение на выставку, 12 декабря", "Offene Rechnung 88413", "[disk] web3 /var 91 % full",
             "Application: system administrator", "Agenda for Thursday", "Undelivered Mail Returned to Sender",
             "Fwd: parents' evening", "Link exchange? We love your site")  # fmt: skip
_PLACES = ("info", "anna", "sales", "press", "office", "webmaster", "hr", "board", "reception")


def message(
    number: int,
    domain: str,
    age: float,
    *,
    state: State = "deferred",
    reason: str | None = "connect to mx1.example.org[192.0.2.1]:25: Connection refused",
    sender: str | None = None,
    subject: str | None = None,
    size: int | None = None,
    lifetime: float = 5 * DAY,
) -> QueuedMessage:
    """One queued message, varied by its number."""
    address = f"{_PLACES[number % len(_PLACES)]}@{domain}"
    return QueuedMessage(
        queue_id(number), state, 1_000_000 + number, NOW - age,
        size if size is not None else 2_000 + number * 7_919 % 240_000,
        _PEOPLE[number % len(_PEOPLE)] if sender is None else sender,
        (Recipient(address, domain, reason, "4.4.1" if reason else None),),
        next_retry=NOW + 60 * (12 + number % 10) if state == "deferred" else None,
        expires=NOW - age + lifetime,
        client_address=f"203.0.113.{number % 200}",
        subject=_SUBJECTS[number % len(_SUBJECTS)] if subject is None else subject,
        attempts=7 if state == "deferred" else None,
    )  # fmt: skip


def outage() -> list[QueuedMessage]:
    """example.org is down for six hours; others trickle."""
    mail = [message(n, "example.org", 30 + (n / 700) ** 2 * (6 * HOUR + 9 * MINUTE)) for n in range(700)]
    busy = "host mx.clinic.example[192.0.2.9] refused to talk to me: 421 4.3.2 too many connections"
    mail += [message(1_000 + n, "clinic.example", 60 + n * 140, reason=busy) for n in range(46)]
    mail += [message(2_000 + n, "example.com", 30 + n * 110, reason=None, state="active") for n in range(12)]
    mail += [message(3_000 + n, "school.example", 60 + n * 200, reason=None) for n in range(5)]
    full = "host mx.museum.example[192.0.2.4] said: 452 4.2.2 mailbox full (in reply to RCPT TO command)"
    mail += [message(4_000, "museum.example", 4 * DAY + 10 * HOUR + 22 * MINUTE, reason=full)]
    mail += [message(5_000 + n, "bank.example", 50 * MINUTE + n, state="hold") for n in range(9)]
    return mail


def climb(failed: str = "", outcome: str = "failed", detail: str = "") -> Climb:
    """A climb that ends at a rung, or reaches the top."""
    rungs = []
    for name in RUNGS:
        if name == failed:
            rungs.append(Rung(name, "busy" if outcome == "busy" else "failed", 2.0, detail))
            break
        rungs.append(Rung(name, "passed", 1.0 + len(name), "250 fine" if name != "dns" else "192.0.2.1"))
    return Climb(NOW - 8, tuple(rungs))


HEALTH: Mapping[str, Health] = {
    "example.org": Health("down", NOW - 6 * HOUR - 9 * MINUTE, "tcp", "connection refused", None,
                          climb("tcp", detail="connection refused"), 738, NOW + 22, NOW - 6 * HOUR - 9 * MINUTE),
    "clinic.example": Health("degraded", NOW - HOUR - 48 * MINUTE, "banner", "421 too many connections", None,
                             climb("banner", "busy", "421 4.3.2 too many connections"), 216, NOW + 9, NOW - 2 * HOUR),
    "lists.example": Health("unknown", None, "", "not checked yet", None),
}  # fmt: skip


def healthy(latency: float) -> Health:
    """Up for a day."""
    return Health("up", NOW - DAY, "starttls", "", latency, climb(), 2_000, NOW + 14, NOW - 16)


class FakeQueue:
    """Holds messages in a dict; what is done to them shows in the index at once."""

    def __init__(self, index: Index, messages: Sequence[QueuedMessage]) -> None:
        self.index = index
        self.messages = {one.queue_id: one for one in messages}
        self.verbs: dict[Verb, Permission] = dict.fromkeys(Verb, ALLOWED)
        self.acted: list[tuple[Verb, tuple[str, ...]]] = []
        self.gone: set[str] = set()
        """IDs that will have left by the time they are acted on."""
        self.redirected: list[Redirect] = []
        self.mail = MAIL
        self.index.apply(Changes(present=list(messages)))
        self.index.complete()

    @property
    def source(self) -> Source:
        return SOURCE

    def capabilities(self) -> Capabilities:
        return Capabilities("files", running=True, verbs=self.verbs)

    def depth(self) -> Mapping[State, int]:
        return self.index.queue().states

    def read(self, *, subjects: bool = True) -> Iterator[Changes]:
        yield Changes(present=list(self.messages.values()))

    def watch(self, stop: threading.Event) -> Iterator[Changes]:
        yield Changes()

    def find(self, queue_id: str) -> QueuedMessage | None:
        return self.messages.get(queue_id)

    def client(self, queue_id: str) -> Client | None:
        return None

    def content(self, queue_id: str, limit: int) -> bytes:
        if queue_id not in self.messages:
            raise NoQueue(f"{queue_id} is no longer queued")
        return self.mail[:limit]

    def find_all(self, queue_ids: Collection[str]) -> Mapping[str, QueuedMessage]:
        return {each: self.messages[each] for each in queue_ids if each in self.messages}

    def delete(self, targets: Sequence[Target], folder: Path) -> Iterator[Result]:
        for target in targets:
            (folder / target.queue_id).write_bytes(self.mail)
        yield from self.act(Verb.DELETE, targets)

    def steps(self, verb: Verb, targets: Sequence[Target], *, keep_copy: bool = False) -> tuple[str, ...]:
        return (
            f"check that {len(targets):,} ids are still the same messages",
            f"postsuper -c /etc/postfix -{verb[0]} -   {len(targets):,} ids on its input",
        )

    def act(self, verb: Verb, targets: Sequence[Target]) -> Iterator[Result]:
        self.acted.append((verb, tuple(target.queue_id for target in targets)))
        for target in targets:
            if target.queue_id in self.gone:
                yield Result(target.queue_id, verb, "gone", "it was delivered meanwhile")
                continue
            before = self.messages[target.queue_id]
            match verb:
                case Verb.HOLD:
                    self.put(before._replace(state="hold", next_retry=None))
                case Verb.QUARANTINE:
                    self.put(before._replace(state="quarantine", next_retry=None))
                case Verb.RELEASE | Verb.UNQUARANTINE:
                    self.put(before._replace(state="deferred"))
                case Verb.RENEW:
                    self.put(before._replace(expires=NOW + 5 * DAY))
                case _:
                    self.remove(target.queue_id)
            yield Result(target.queue_id, verb, "done")

    def vet(self, where: Redirect) -> None:
        if where.host is None and where.domain == "elsewhere.example":
            raise UsageError("nobody knows where mail for elsewhere.example goes", "Name a host for it as well.")

    def redirect(self, targets: Sequence[Target], where: Redirect) -> Iterator[Result]:
        self.acted.append((Verb.REDIRECT, tuple(target.queue_id for target in targets)))
        self.redirected.append(where)
        for target in targets:
            yield Result(target.queue_id, Verb.REDIRECT, "done")

    def put(self, one: QueuedMessage) -> None:
        """A message comes or changes."""
        self.messages[one.queue_id] = one
        self.index.apply(Changes(present=[one]))

    def remove(self, queue_id: str) -> None:
        """A message leaves."""
        del self.messages[queue_id]
        self.index.apply(Changes(gone=[queue_id]))

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        raise AssertionError("the console lets another process drain")

    def restore(self, folder: Path, identity: Identity) -> Result:
        return Result(identity.queue_id, Verb.RESTORE, "done", "NEWID12345")

    def space(self) -> Space:
        return Space(100_000_000_000, 39_000_000_000, 1_000_000, 900_000)

    def close(self) -> None:
        return


class FakeMonitor:
    """Says what it is told, when it is told."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._next: asyncio.Queue[Overview] = asyncio.Queue()
        self.probed: list[str] = []
        self.nudged = 0

    @property
    def index(self) -> Index:
        return self._index

    async def overviews(self) -> AsyncIterator[Overview]:
        while True:
            yield await self._next.get()

    def say(self, overview: Overview) -> None:
        """The next overview."""
        self._next.put_nowait(overview)

    def probe_now(self, domain: str) -> None:
        self.probed.append(domain)

    def nudge(self) -> None:
        self.nudged += 1

    def give_way(self) -> None:
        pass


class FakeDraining:
    """Another process that drains, as far as the console sees it."""

    def __init__(self) -> None:
        self.now: Standing | None = None
        self.begun: list[tuple[Plan, str]] = []
        self.wishes: list[str] = []
        self.interrupted = Interrupted()
        """What a killed run had in hold, until it is asked for."""
        self.ready = threading.Event()
        """Until it is set, a drain that was begun is not on the register."""
        self.ready.set()
        self.ends = ""
        """The domain whose migration the latest one ends."""

    def standing(self) -> Standing | None:
        return self.now

    def finish_interrupted(self) -> Interrupted:
        found, self.interrupted = self.interrupted, Interrupted()
        return found

    def start(self, plan: Plan, reason: str, ends: str = "") -> None:
        self.ready.wait(10)
        if self.now is not None and self.now.running:
            raise Guarded("a drain of this queue is running already, started by bert", "Follow it on screen 4.")
        self.begun.append((plan, reason))
        self.ends = ends
        self.now = half_drained(plan)

    def wish(self, wish: str) -> None:
        self.wishes.append(wish)


def half_drained(plan: Plan) -> Standing:
    """Half way through, at a steady pace."""
    targets = plan.targets
    replies = (
        Verdict(targets[-1].queue_id, "old@example.net", "refused", "5.1.1", "550 User \x1b[2Junknown", NOW + 1),
        Verdict(targets[0].queue_id, "anna@example.net", "delivered", "2.0.0", "250 Ok: queued as 4dKx2R", NOW),
    )
    half = len(targets) // 2
    progress = FlushProgress(
        len(targets), half, 1, 0, len(targets) - half - 2, 21.0, 380.0, "steady", refused=1, in_hand=20, window=20,
        connections=20, eta_low=310.0, eta_high=460.0,
    )  # fmt: skip
    phases = (
        Passed("probe", NOW - 181, 1), Passed("canary", NOW - 180, 1), Passed("ramp", NOW - 178, 20),
        Passed("steady", NOW - 120, 20),
    )  # fmt: skip
    rates = tuple((NOW - 178 + n, min(25.0, 2.0 + n / 3)) for n in range(178))
    return Standing(
        "", plan.selection, "postfix", "anna", 4711, NOW - 181, NOW, progress=progress, phases=phases,
        rates=rates, replies=replies,
    )  # fmt: skip


class FakeCatch:
    """Catches whatever it is told to; nothing comes, though."""

    leaves_alone = False

    def __init__(self) -> None:
        self.working = Catching(True)
        self.following: list[str] = []

    def standing(self) -> Catching:
        return self.working

    def follow(self, holds: Collection[DomainHold]) -> None:
        self.following = [hold.domain for hold in holds]

    def caught(self, hold: DomainHold, message: QueuedMessage) -> bool:
        return False


class FakeAcknowledging:
    """Remembers what an operator knows of; the world's overviews say so from then on."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.known: dict[tuple[str, str | None], Acknowledgement] = {}
        self.trouble: MxtuiError | None = None

    def acknowledge(self, alerts: Sequence[Alert], reason: str, seconds: float) -> None:
        if self.trouble is not None:
            raise self.trouble
        now = self.clock.now
        for each in alerts:
            known = Acknowledgement(each.name, each.domain, each.severity, reason, "anna", now, now + seconds)
            self.known[each.name, each.domain] = known

    def withdraw(self, alerts: Sequence[Alert]) -> None:
        for each in alerts:
            del self.known[each.name, each.domain]

    def marked(self, alerts: Sequence[Alert]) -> Sequence[Alert]:
        return in_order(replace(each, acknowledged=self.known.get((each.name, each.domain))) for each in alerts)


def past(domain: str, span: float, now: float) -> list[Point]:
    """What is remembered of a domain."""
    step, points = level_for(span), []
    for at in range(int(now - span) // step * step, int(now), step):
        ago, wave = NOW - at, (at // step) % 7
        if 10 * HOUR < ago < 12 * HOUR:
            continue
        down = domain == "example.org" and (ago <= 6 * HOUR + 9 * MINUTE or 20 * HOUR < ago < 20 * HOUR + 40 * MINUTE)
        since = (6 * HOUR + 9 * MINUTE if ago <= 6 * HOUR + 9 * MINUTE else 20 * HOUR + 40 * MINUTE) - ago
        depth = round(max(0.0, since) / 32) if down else wave // 3
        oldest = max(60, int(since)) if down else 40 * wave if depth else None
        came, left = (2 + wave % 2) * step // 60, 0 if down else (2 + wave % 2) * step // 60
        state: HealthState = "down" if down else "degraded" if domain == "clinic.example" and ago < 2 * HOUR else "up"
        sample = Sample(depth, oldest, came, left, state, step if down else 0, None if down else 9.0 + wave, step)
        points.append(Point(at, step, sample))
    return points


QUIET = Outlook(
    rooms=tuple(Room(int(NOW - HOUR + MINUTE * n), 39_000_000_000, 900_000, 9_000, 60) for n in range(60)),
    usual=Usual(4_106, 4.2e9),
    today=Summary(86_400, 0, 0, 9, int(NOW - 3 * HOUR), 41, int(NOW - 3 * HOUR), 4_106, 4_106, 9.0),
    per_second=21.0,
    rate_of="the last drain",
    outage=Outage("example.org", int(NOW - 5 * DAY - 8 * HOUR), int(6 * HOUR + 41 * MINUTE)),
    drain=LastDrain(NOW - 5 * DAY - HOUR, 27 * MINUTE, 33_412, 214, 0),
    drills={"example.org": Drill(NOW - 11 * DAY, "example.org", "queue", "passed", 41.0, "250 fine")},
    drilled=("example.org",),
    doctor=Examined(NOW - 2 * DAY, 41, 0, 0),
)
"""Everything was looked at, and all is well."""

FILLING = tuple(
    Room(int(NOW - HOUR + MINUTE * n), 39_000_000_000 + (59 - n) * 120_000_000, 900_000, 9_000, 60) for n in range(60)
)
"""The disk gets 120 MB fuller a minute."""


class FakeAnnouncing:
    """What was announced, in memory."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.known: dict[str, Announced] = {}
        self.trouble: MxtuiError | None = None

    def announce(self, domain: str, reason: str, seconds: float) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.known[domain] = Announced(domain, self._clock() + seconds, reason, "anna", self._clock())

    def withdraw(self, domain: str) -> None:
        del self.known[domain]


class World:
    """A queue, what is known of it, and the services that a console on it gets."""

    def __init__(
        self,
        folder: Path,
        messages: Sequence[QueuedMessage] | None = None,
        *,
        health: Mapping[str, Health] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.index = Index(NOW)
        self.queue = FakeQueue(self.index, outage() if messages is None else messages)
        self.monitor = FakeMonitor(self.index)
        self.health = dict(HEALTH if health is None else health)
        self.operations = Operations(
            self.queue, audit=Audit(folder / "audit.jsonl", clock=self.clock), vault=Vault(folder / "copies"),
            operator=Operator("anna", "root", 0, "anna", "/dev/pts/3"), clock=self.clock,
        )  # fmt: skip
        self.draining = FakeDraining()
        self.acknowledging = FakeAcknowledging(self.clock)
        self.announcing = FakeAnnouncing(self.clock)
        self.catch = FakeCatch()
        self.holds = Holds(folder / "holds")
        self.kept: list[DomainHold] = []
        holding = Holding(
            self.operations, self.holds, self.catch, self.queued_for, self.kept.append, clock=self.clock, patience=0.0
        )
        self.services = Services(
            self.monitor, self.operations, lambda queue_id, most: inspect(self.queue.content(queue_id, most)),
            self.queue.content, lambda queue_id, path: save_new([self.queue.content(queue_id, 1 << 20)], path),
            lambda queue_id, part, path: save_part(self.queue, queue_id, part, path),
            self.draining,
            own_names=frozenset({"mx2.example.net"}), settings=settings or Settings(theme="tokyo-night"),
            clock=self.clock, holding=holding, acknowledging=self.acknowledging,
            history=self.past, announcing=self.announcing,
        )  # fmt: skip
        self.history_fails: MxtuiError | None = None
        self.extra: tuple[str, ...] = ("lists.example",)
        self.settled: dict[str, float] = {}
        self.suspects: Callable[[], Suspects | None] = lambda: None
        """Who judges mail."""
        self.outlook = Outlook(per_second=21.0, rate_of="the last drain")
        self.say()

    def queued_for(self, domain: str) -> list[QueuedMessage]:
        return [each for each in self.queue.messages.values() if any(r.domain == domain for r in each.recipients)]

    def past(self, domain: str, span: float, now: float) -> Sequence[Point]:
        """An outage of six hours at example.org, one of 40 minutes the day before, and a night that nobody watched."""
        if self.history_fails is not None:
            raise self.history_fails
        return [] if domain == "lists.example" else past(domain, span, now)

    def overview(self, **changed: object) -> Overview:
        """What is known now."""
        self.index.advance(self.clock.now)
        rows = [self._status(totals) for totals in self.index.domains()]
        rows += [self._status(DomainTotals(name, 0, 0, 0, {}, (0,) * 10, None, None)) for name in self.extra]
        queue, able, space = self.index.queue(), self.queue.capabilities(), self.queue.space()
        known = Overview(
            source=SOURCE, capabilities=able, taken_at=self.clock.now, heard_at=self.clock.now - 0.4, queue=queue,
            domains=rows, depth=queue.states,
            alerts=self.acknowledging.marked(alerts(rows, queue, able, space, self.clock.now, Thresholds())),
            in_per_minute=212.0, out_per_minute=1_260.0, space=space, revision=self.index.revision,
            forecast=self.forecast(), suspects=self.suspects(),
        )  # fmt: skip
        return replace(known, **changed)  # type: ignore[arg-type]

    def forecast(self) -> Forecast:
        """What follows from what is queued, from holds, and from what is known from before."""
        now = self.clock.now
        known = self.announcing.known
        returns = returning(self.holds.all().values(), known, now)
        full = filling(self.outlook.rooms, self.queue.space(), now)
        return Forecast(now, self.index.expiring(now, returns), returns, known, full, self.outlook)

    def say(self, **changed: object) -> None:
        """Let the console know."""
        self.monitor.say(self.overview(**changed))

    def loading(self, read: int, expected: int, left: float | None = None) -> None:
        """As while the queue is read for the first time."""
        self.say(reading=Reading(read, expected, left), alerts=())

    def _status(self, totals: DomainTotals) -> DomainStatus:
        number = sum(totals.domain.encode())
        health = self.health.get(totals.domain) or healthy(9.0 + number % 23)
        depth = totals.messages
        history = (
            tuple(round(depth * (n + 1) / 12) for n in range(12))
            if depth > 20
            else (0, depth, 0, 0, depth) + (depth,) * 7
        )
        primary = Primary(f"mx1.{totals.domain}", 25, "transport")
        change = float(number % 190 - 20) if depth else 0.0
        hold, settled = self.holds.get(totals.domain), self.settled.get(totals.domain)
        return DomainStatus(totals, primary, health, change, history, hold, settled_at=settled)
