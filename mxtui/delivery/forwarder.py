"""The forwarder: what waits in the spool goes to its primaries, and each result is on disk before the next try.

schedule (which message)  →  stock (in our hands)  →  lane (a connection to a host)  →  session (a transaction)
              ↑                                                                              ↓
              └──────────────  settle: the result, durable; then when it is tried again  ←───┘
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final

from mxtui.delivery import evidence
from mxtui.delivery.connecting import TroubleError
from mxtui.delivery.following import Follower
from mxtui.delivery.host import Host, HostKey, HostSnapshot, Mode
from mxtui.delivery.lane import Lane
from mxtui.delivery.letters import Job
from mxtui.delivery.notice import Notifier
from mxtui.delivery.policy import Policy
from mxtui.delivery.returning import Returner
from mxtui.delivery.routes import Dialer, routed
from mxtui.delivery.screening import Screening
from mxtui.delivery.session import Outcome, Session
from mxtui.delivery.settling import Log, Settler
from mxtui.delivery.stock import Stock, domains_of
from mxtui.errors import Guarded, MxtuiError
from mxtui.model.drain.way import Settled
from mxtui.model.envelope import Envelope, SpoolState
from mxtui.model.message import Identity
from mxtui.model.plan import Target
from mxtui.model.route import Ourselves, Router
from mxtui.primary.lookup import Lookup
from mxtui.queues.spool.committer import Committer
from mxtui.queues.spool.ending import Endings
from mxtui.queues.spool.ids import arrival_of
from mxtui.queues.spool.store import Spool
from mxtui.queues.spool.unfinished import follow_through, is_unfinished
from mxtui.scanning.gate import Gate

THREADS: Final = 4
"""For reading: one for each core would do, but disks are slow."""

BATCH: Final = 200
"""Envelopes read in one go at the start, and when an operator names messages."""

ROUND: Final = 2.0
"""Seconds at most between two rounds, so that the heartbeat means something."""

TOGETHER: Final = 0.02
"""Seconds in which verdicts are gathered before they are told."""

SHARED: Final = 0.75
"""Of all connections; the rest is for hosts that have none, so that slow ones never shut out the others."""

LEFT_ALONE: Final = "not tried: deliveries to its domain are suspended"

NOT_FED: Final = "not tried: the drain to its primary was broken off"

LET_GO: Final = "not tried: the drain was stopped before its turn"

LONGEST_WAIT: Final = 1.2
"""Times the longest pause: however far the clock was set, nothing is put off for longer."""


@dataclass(frozen=True, slots=True)
class ForwarderSnapshot:
    """How the forwarder stands."""

    heartbeat: float
    """When it last went round; epoch seconds."""
    loaded: bool
    """Everything that was in the spool at the start is known."""
    suspended: bool
    waiting: int
    """Messages in line; one counts once for each of its domains."""
    in_hand: int
    """Messages read ahead or in a transaction; they are in no line."""
    in_flight: tuple[str, ...]
    """IDs in a transaction now."""
    hosts: tuple[HostSnapshot, ...]


class Forwarder:
    """Delivers from one spool, in one event loop. Its caller holds the spool's forwarder lock."""

    def __init__(
        self,
        spool: Spool,
        committer: Committer,
        router: Router,
        policy: Policy,
        *,
        log: Log,
        clock: Callable[[], float] = time.time,
        ourselves: Ourselves,
        lookup: Lookup,
        notifier: Notifier | None = None,
        gate: Gate | None = None,
        everything: bool = True,
    ) -> None:
        """`everything`: what waits in the spool is delivered, too, and not only what is added or flushed.

        `gate` has mail scanned that was taken unscanned.
        """
        self._spool = spool
        self._everything = everything
        self._router = router
        self._policy = policy
        self._log = log
        self._clock = clock
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="forwarder")
        self._stock = Stock(spool, self._threads, self._ring, self._lost)
        self._dialer = Dialer(ourselves, lookup, policy)
        self._followers: set[Follower] = set()
        self._returner = None
        if notifier is not None:
            self._returner = Returner(spool, committer, notifier, policy, log, pausing=lambda: self.pausing)
        self._settler = Settler(
            spool, self._stock, committer, policy, log, clock, self._followers, self._returner, self._hands
        )  # fmt: skip
        self._screening = Screening(
            self._stock, self._settler, spool.places.message, log, clock, self._followers
        )  # fmt: skip
        self._screening.follow(gate)
        self._hostname = ourselves.hostname
        self._endings = Endings(spool)
        self._lanes: dict[HostKey, Lane] = {}
        self._turns: deque[Lane] = deque()
        self._hosts: dict[str, Host] = {}
        """By their names."""
        self._lane_of: dict[str, Lane] = {}
        self._unrouted: set[str] = set()
        self._left_alone: frozenset[str] = frozenset()
        self._routed_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._crash: BaseException | None = None
        self._wake = asyncio.Event()
        self._stopped = asyncio.Event()
        self._modes: dict[str, Mode] = {}
        self._most: dict[str, int] = {}
        """Connections to the host of a domain, while somebody drains to it."""
        self._suspended = False
        self._stopping = False
        self._loaded = False
        self._heartbeat = clock()

    # -- for whoever runs it ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver until `stop`. Cancelled, it breaks off what is under way, and records that."""
        loading = self.begin(self._load()) if self._everything else None
        returning = self.begin(self._returner.run()) if self._returner is not None else None
        grace = 0.0
        try:
            while not self._stopping:
                await self._round()
            grace = self._policy.grace
        finally:
            if loading is not None:
                loading.cancel()
            if returning is not None:
                returning.cancel()  # whoever is owed a notice still is
            try:
                await asyncio.shield(self._wind_up(grace))
            finally:
                self._stopped.set()

    async def stop(self) -> None:
        """Begin nothing new, and return when what is under way has ended or used up its grace."""
        self._stopping = True
        self._ring_all()
        await self._stopped.wait()

    def suspend(self) -> None:
        """Begin nothing new until `resume`."""
        self._suspended = True
        self._ring_all()
        for follower in self._followers:
            follower.news.set()

    def resume(self) -> None:
        """Go on."""
        self._suspended = False
        self._ring_all()

    def screen_by(self, gate: Gate | None) -> None:
        """Have mail scanned by this one from now on; None: by nobody, and what was to be goes as it is."""
        self._screening.follow(gate)

    def leave_alone(self, domains: Collection[str]) -> None:
        """Begin nothing new for these domains, and for no others, until told otherwise.

        They are routed nowhere meanwhile, so that nothing is read ahead for them either: whoever wants to act on their
        mail finds it in nobody's hands, as soon as what is under way has ended.
        """
        before, self._left_alone = self._left_alone, frozenset(domains)
        new = self._left_alone - before
        here = {each for lane in self._turns if not new.isdisjoint(lane.host.domains) for each in lane.delivering}
        for domain in new:
            self._unroute(domain)
        back = before - self._left_alone
        self._unrouted.update(back)
        delivering = {each for lane in self._turns for each in lane.delivering}
        for follower in self._followers:
            follower.host_down(new, delivering, here, LEFT_ALONE, self._clock())
        if back:
            self._wake.set()

    def guard(self, modes: Mapping[str, Mode]) -> None:
        """What may go to these hosts from now on, by their names (`mx1.example.org:25`); others are as before.

        Costs a look at each of them, and not at all hosts.
        """
        for name, mode in modes.items():
            self._modes[name] = mode
            if mode == "open":
                del self._modes[name]
            for lane in self._lanes_named(name):
                before = lane.host.mode
                lane.host.change(mode, asyncio.get_running_loop().time())
                if mode == "open":
                    self._limit_no_more(lane)
                elif before == "fed" and not lane.host.asked_only:
                    self._feed_no_more(lane)
                self._put_back(lane)
                lane.ring()
        self._wake.set()

    def _feed_no_more(self, lane: Lane) -> None:
        """What a drain had put first there and nobody has begun waits as before, or it would go along with the canary
        of the next."""
        self._stock.calm(lane.host.domains, lane.ahead)
        for follower in self._followers:
            follower.host_down(lane.host.domains, lane.delivering, lane.delivering, NOT_FED, self._clock())

    def _limit_no_more(self, lane: Lane) -> None:
        lane.host.most = self._policy.connections
        for domain in lane.host.domains:
            self._most.pop(domain, None)

    def _lanes_named(self, name: str) -> Iterable[Lane]:
        """By name it may be there twice, as a server and as a domain whose MX are followed."""
        host, _, port = name.rpartition(":")
        keys = (HostKey(host, int(port), lookup_mx) for lookup_mx in (False, True))
        return [lane for key in keys if (lane := self._lanes.get(key)) is not None]

    def _hands(self, host: Host) -> Collection[str]:
        """IDs in the hands of those who deliver to a host."""
        lane = self._lanes.get(host.key)
        return frozenset([*lane.delivering, *lane.ahead]) if lane is not None else ()

    def _mode(self, key: HostKey) -> Mode:
        return self._modes.get(str(key), "open")

    def host(self, name: str) -> Host | None:
        """By its name, if anything has gone or is to go there."""
        return self._hosts.get(name)

    def look_for_all(self) -> None:
        """Whatever waits in the spool, told of or not, is delivered from now on."""
        self.begin(self._load())

    def added(self, id: str, envelope: Envelope) -> None:  # noqa: A002 (the field's own word)
        """A message was committed to `deferred`."""
        assert envelope.id == id
        self._enter(envelope)
        lanes = {domain: self._lane_of.get(domain) for domain in domains_of(envelope)}
        if new := [domain for domain, lane in lanes.items() if lane is not None and lane.host.takes_new]:
            self._stock.urge(id, new)

    def primary_up(self, domains: Iterable[str]) -> None:
        """Somebody saw that the primary of these domains is well again: it need not be left alone any longer."""
        for domain in domains:
            if (lane := self._lane_of.get(domain)) is not None:
                lane.host.resume()
        self._ring_all()

    def look(self, ids: Collection[str]) -> None:
        """These were changed in the spool by somebody: held, released, restored, deleted."""
        self.begin(self._look(list(ids)))

    @asynccontextmanager
    async def errand(self, *, alone: bool = True) -> AsyncIterator["Errand"]:
        """Somebody wants messages tried now, whatever was to be waited for. Raises Guarded while suspended.

        `alone`: their hosts get nothing else meanwhile, but for new mail; else `guard` says what else they get.
        """
        if self._suspended:
            raise Guarded("deliveries are suspended", "Resume them first.")
        follower = Follower(self._clock())
        self._followers.add(follower)
        try:
            yield Errand(self, follower, alone=alone)
        finally:
            self._followers.discard(follower)
            if not self._followers:
                self._most.clear()
                for lane in self._turns:
                    self._limit_no_more(lane)
                    self._stock.calm(lane.host.domains, lane.ahead)
                    lane.host.asked_no_more()
                self._ring_all()

    async def urge(self, follower: Follower, ids: Collection[str], connections: int, *, alone: bool) -> None:
        """Try these before all others, over so many connections to their hosts at most, for a follower to be told."""
        found, missing = await self._find(ids)
        self._limit({domain for _, envelope in found for domain in domains_of(envelope)}, connections)
        for state, envelope in found:
            follower.follow(envelope, state, self._clock())
        for each in missing:
            follower.missing(each, self._clock())
        self._urge(follower, found, alone=alone)

    def let_go(self, follower: Follower) -> None:
        """Whoever follows wants no more tried: what no host has heard of waits as before."""
        now = self._clock()
        begun = {each for lane in self._turns for each in (*lane.delivering, *lane.begun)}
        others = [other.open for other in self._followers if other is not follower]
        for domain, ids in follower.open.items():
            wanted = begun.union(*(other.get(domain, ()) for other in others))
            self._stock.calm_these(domain, [each for each in ids if each not in wanted])
            for each in ids:
                if each not in begun:
                    follower.put_back(each, LET_GO, now)
        for lane in self._turns:
            self._put_back(lane)
            lane.ring()

    def _put_back(self, lane: Lane) -> None:
        """What was read ahead and is not to go there now waits as before."""
        if homeless := lane.give_up():
            self.begin(self._stock.put_back(homeless))

    def _limit(self, domains: Iterable[str], connections: int) -> None:
        most = min(connections, self._policy.connections)
        for domain in domains:
            self._most[domain] = most
            if (lane := self._lane_of.get(domain)) is not None:
                lane.host.most = most

    def snapshot(self) -> ForwarderSnapshot:
        """How it stands. Costs a look at each domain."""
        now, wall = asyncio.get_running_loop().time(), self._clock()
        schedule = self._stock.schedule
        waiting = {domain: schedule.waiting(domain) for domain in schedule.domains}
        lanes = self._lanes.values()
        return ForwarderSnapshot(
            heartbeat=self._heartbeat,
            loaded=self._loaded,
            suspended=self._suspended,
            waiting=sum(waiting.values()),
            in_hand=self._stock.in_hand_count,
            in_flight=tuple(each for lane in lanes for each in lane.delivering),
            hosts=tuple(lane.host.snapshot(now, wall, waiting) for lane in lanes if lane.host.domains),
        )

    @property
    def loaded(self) -> bool:
        """Whether all that waited at the start is known."""
        return self._loaded

    def ids(self, domains: Iterable[str]) -> Sequence[str]:
        """All that is known to wait for some domains. Costs 0.2 µs each."""
        return self._stock.ids(domains)

    def waiting(self) -> Mapping[str, tuple[int, float | None]] | None:
        """Messages in line for each domain, without those in hand, and when the oldest of them came.

        None while not all is known yet.
        """
        if not self._loaded:
            return None
        schedule = self._stock.schedule
        oldest = {domain: schedule.oldest(domain) for domain in schedule.domains}
        return {
            domain: (schedule.waiting(domain), arrival_of(id_) if id_ is not None else None)
            for domain, id_ in oldest.items()
        }

    def in_line(self, queue_id: str, domain: str) -> bool:
        """Whether `waiting` counts that message: what was held meanwhile is counted until its turn comes."""
        return self._stock.schedule.has(queue_id, domain)

    # -- for its lanes ------------------------------------------------------------------------------------------

    @property
    def pausing(self) -> bool:
        """No new transaction is to begin."""
        return self._stopping or self._suspended

    async def open(self, host: Host) -> Session:
        """A session with the host. Raises TroubleError."""
        return await self._dialer.open(host.key)

    async def settle(self, lane: Lane, session: Session, job: Job, outcome: Outcome) -> None:
        """Put on record what became of a message."""
        await self._settler.settle(lane.host, session, job, outcome)

    async def unreachable(self, lane: Lane, job: Job, trouble: TroubleError) -> None:
        """No connection was to be had for it."""
        if not await self._settler.unreachable(lane.host, job, trouble):
            lane.return_job(job)

    def header(self, job: Job) -> bytes:
        """Fields that a message goes with."""
        return evidence.fields(job.envelope, self._hostname, everywhere=self._policy.evidence)

    def ending(self, queue_id: str) -> None:
        """The final dot of a message is about to be sent."""
        self._endings.begin(queue_id)

    def ended(self, queue_id: str) -> None:
        """What became of it is on record, or we are stopping and it is tried again."""
        self._endings.end(queue_id)

    def to_be_scanned(self, job: Job) -> bool:
        """Whether it may go only once it was scanned."""
        return self._screening.concerns(job.envelope)

    async def scan(self, job: Job) -> bool:
        """Have it scanned; whether it may go now. Where not, it is in our hands no longer."""
        return await self._screening.clear(job)

    def untried(self, lane: Lane, jobs: Iterable[Job]) -> None:
        """These were read ahead, and put back, for their host is left alone."""
        self._settler.untried(lane.host, [job.id for job in jobs])

    def staff(self, lane: Lane) -> None:
        """Add a connection where one is wanted and allowed."""
        if self.pausing or not lane.host.wants(asyncio.get_running_loop().time()) or not lane.understaffed:
            return
        allowed = self._policy.total * (SHARED if lane.host.connections else 1)
        if sum(other.host.connections for other in self._turns) < allowed:
            lane.start(self._ended)
        elif not lane.host.connections and (rich := max(self._turns, key=lambda other: other.idle)).idle:
            rich.dismiss_one()

    # -- rounds -------------------------------------------------------------------------------------------------

    async def _round(self) -> None:
        if self._crash is not None:
            raise self._crash
        now = asyncio.get_running_loop().time()
        self._heartbeat = self._clock()
        self._wake.clear()
        for domain in self._stock.schedule.promote(now):
            self._ring(domain)
        await self._route(now)
        for _ in range(len(self._turns)):
            self._turns.rotate(-1)
            self.staff(self._turns[0])
        try:
            async with asyncio.timeout(self._until_next(now)):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _until_next(self, now: float) -> float:
        """Seconds until a round has something to do if nothing happens."""
        moments = [now + ROUND]
        if (due := self._stock.schedule.next_due()) is not None:
            moments.append(due)
        moments += (lane.host.resumes for lane in self._turns if not lane.host.open(now))
        return max(0.01, min(moments) - now)

    async def _route(self, now: float) -> None:
        """Find each new domain its host; from time to time, all of them anew."""
        domains = set(self._unrouted)
        if now - self._routed_at > self._policy.reroute:
            self._routed_at = now
            domains.update(self._lane_of)
        if not domains:
            return
        self._unrouted.clear()
        domains -= self._left_alone
        for domain, key in (await routed(self._router, domains)).items():
            if domain in self._left_alone:  # since then
                continue
            lane = self._lanes.get(key)
            if lane is None:
                lane = self._lanes[key] = Lane(Host(key, self._policy, now), self._stock, self._policy, self)
                lane.host.most = self._most.get(domain, self._policy.connections)
                if not self._everything:
                    lane.host.try_out()  # whoever delivers only what he is asked for drains, after a failure
                lane.host.change(self._mode(key), now)
                self._turns.append(lane)
                self._hosts.setdefault(str(key), lane.host)
            before = self._lane_of.get(domain)
            if before is lane:
                continue
            if before is not None:
                before.host.domains.remove(domain)
                self._retire(before)
            self._lane_of[domain] = lane
            lane.host.domains.append(domain)
            lane.host.cap = min(lane.host.cap, self._policy.cap(key.host, domain))
            lane.ring()

    def _unroute(self, domain: str) -> None:
        lane = self._lane_of.pop(domain, None)
        if lane is None:
            return
        lane.host.domains.remove(domain)
        self._put_back(lane)
        self._retire(lane)

    def _retire(self, lane: Lane) -> None:
        """A host that no domain is routed to any more is forgotten once its connections are gone."""
        if not lane.host.domains and not lane.sessions:
            self._lanes.pop(lane.host.key, None)
            self._turns.remove(lane)
            if self._hosts.get(name := str(lane.host.key)) is lane.host:
                del self._hosts[name]
                # By name it may be there twice, as a server and as a domain whose MX are followed.
                self._hosts.update((name, each.host) for each in self._turns if str(each.host.key) == name)

    def _ring(self, domain: str) -> None:
        """There is mail for a domain."""
        lane = self._lane_of.get(domain)
        if lane is None:
            self._unrouted.add(domain)
        else:
            lane.ring()
            if lane.host.connections:
                return  # those who are there take it, and call for help when it is too much
        self._wake.set()

    def _lost(self, id: str, why: str) -> None:  # noqa: A002 (the field's own word)
        """Whoever follows a flush waits for it no longer."""
        for follower in self._followers:
            follower.put_off(id, why, self._clock())

    def _ring_all(self) -> None:
        for lane in self._turns:
            lane.ring()
        self._wake.set()

    # -- what is in the spool -----------------------------------------------------------------------------------

    async def _load(self) -> None:
        """Everything that waits, oldest first; what comes meanwhile is told by `added`."""
        envelopes = self._spool.envelopes("deferred")
        while batch := await self._stock.run(lambda: list(islice(envelopes, BATCH))):
            for envelope in batch:
                self._enter(envelope)
        self._loaded = True

    def _enter(self, envelope: Envelope) -> None:
        now = asyncio.get_running_loop().time()
        wait = 0.0 if _waits_for_its_host(envelope) else (envelope.next_retry or 0.0) - self._clock()
        longest = LONGEST_WAIT * self._policy.retry_longest
        self._stock.enter(envelope, now + min(wait, longest) if wait > 0 else None)

    async def _look(self, ids: Sequence[str]) -> None:
        for state, envelope in (await self._find(ids))[0]:
            if state == "deferred":
                self._enter(envelope)

    async def _find(self, ids: Collection[str]) -> tuple[list[tuple[SpoolState, Envelope]], list[Target]]:
        """What is there of these, and a target without substance for each that is not."""
        names = iter(ids)
        found: list[tuple[SpoolState, Envelope]] = []
        missing: list[Target] = []
        while batch := await self._stock.run(lambda: [(each, self._looked_up(each)) for each in islice(names, BATCH)]):
            for each, there in batch:
                if there is not None:
                    found.append(there)
                else:
                    missing.append(_absent(each))
        return found, missing

    def _looked_up(self, id: str) -> tuple[SpoolState, Envelope] | None:  # noqa: A002
        """In a thread. What cannot be read is set aside when it is come upon, and not only at its next try; what waits
        for nobody any more goes where it belongs, or whoever asked for it would wait for a try that never comes."""
        found = self._spool.find(id)
        if found is None or not (found[0] == "corrupt" or is_unfinished(*found)):
            return found
        with suppress(MxtuiError, OSError):  # it stays where it is then
            if (mended := self._spool.claim(id)) is not None:
                with mended:
                    if is_unfinished(mended.state, mended.envelope):
                        follow_through(mended)
                        return self._spool.find(id)
        return found

    def _urge(self, follower: Follower, found: Iterable[tuple[SpoolState, Envelope]], *, alone: bool) -> None:
        domains: set[str] = set()
        for state, envelope in found:
            if state == "deferred":
                of_this = domains_of(envelope)
                self._stock.enter(envelope, None)
                self._stock.urge(envelope.id, of_this)
                domains.update(of_this)
                if suspended := self._left_alone.intersection(of_this):
                    follower.put_off_at(envelope.id, suspended, LEFT_ALONE, self._clock())
                if not of_this:  # it could not be put where it belongs
                    follower.put_off(envelope.id, "it waits for nobody any more", self._clock(), untried=True)
            else:
                follower.put_off(envelope.id, f"not delivered from {state}", self._clock(), untried=True)
        for domain in domains:
            if (lane := self._lane_of.get(domain)) is not None:
                lane.host.ask(alone=alone)
        self._wake.set()

    # -- beginning and ending -----------------------------------------------------------------------------------

    def begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """In a task whose failure ends the forwarder."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A mistake of ours in one task must not go unseen: it ends the forwarder."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash = self._crash or error
        self._wake.set()

    async def _wind_up(self, grace: float) -> None:
        self._stopping = True
        self._screening.stop()
        self._ring_all()
        working = {task for lane in self._turns for task in lane.sessions}
        if working:
            _, late = await asyncio.wait(working, timeout=grace) if grace else (set(), working)
            self._settler.stop()
            for lane in self._turns:
                for task, session in lane.sessions.items():
                    if task in late and session is not None:
                        session.abort()
                    elif task in late:
                        task.cancel()  # still connecting: nothing was tried
            if late:
                await asyncio.wait(late)
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._settler.drained()
        self._endings.close()
        self._threads.shutdown(wait=False, cancel_futures=True)


class Errand:
    """Messages that somebody wants tried now, and what becomes of them."""

    def __init__(self, forwarder: Forwarder, follower: Follower, *, alone: bool) -> None:
        self._forwarder = forwarder
        self._follower = follower
        self._alone = alone

    async def add(self, ids: Collection[str], connections: int) -> None:
        """Try these, over so many connections to one host at most."""
        await self._forwarder.urge(self._follower, ids, connections, alone=self._alone)

    def stop(self) -> None:
        """Try no more of them: what was not begun is settled as untried, and waits as before."""
        self._forwarder.let_go(self._follower)

    async def settled(self, within: float) -> Sequence[Settled]:
        """Those that have a verdict, each once, as soon as there is one; none after so many seconds without."""
        news = self._follower.news
        try:
            async with asyncio.timeout(within):
                await news.wait()
        except TimeoutError:
            pass
        else:
            await asyncio.sleep(TOGETHER)
        news.clear()
        return self._follower.settled()

    @property
    def done(self) -> bool:
        """All have theirs."""
        return self._follower.done

    @property
    def broken_off(self) -> bool:
        """Deliveries were suspended, or stopped."""
        return self._forwarder.pausing


def _waits_for_its_host(envelope: Envelope) -> bool:
    """Whether it was never put off itself: nobody answered at its host (RFC 3463 X.4.1), which is left alone as a whole
    if nobody answers again.
    """
    return all(recipient.dsn == "4.4.1" for recipient in envelope.waiting)


def _absent(id: str) -> Target:  # noqa: A002
    return Target(Identity(id, 0, 0.0), "deferred", 0, "", (), 1, None)
