"""The connections to one host, and the messages that go over them: one task for each connection."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

from mxtui.delivery.connecting import TroubleError
from mxtui.delivery.host import Host
from mxtui.delivery.letters import Job
from mxtui.delivery.policy import Policy
from mxtui.delivery.session import Letter, Outcome, Said, Session
from mxtui.delivery.stock import Stock
from mxtui.model.envelope import EnvelopeRecipient

AHEAD: Final = 100
"""Messages read ahead for one host at most: each is locked meanwhile, and a verb on it is refused."""


class Owner(Protocol):
    """The forwarder, as a lane sees it."""

    @property
    def pausing(self) -> bool:
        """No new transaction is to begin."""
        ...

    async def open(self, host: Host) -> Session:
        """A session with it. Raises TroubleError."""
        ...

    async def settle(self, lane: "Lane", session: Session, job: Job, outcome: Outcome) -> None:
        """Put on record what became of a message."""
        ...

    async def unreachable(self, lane: "Lane", job: Job, trouble: TroubleError) -> None:
        """No connection was to be had for it."""
        ...

    def untried(self, lane: "Lane", jobs: Iterable[Job]) -> None:
        """These were read ahead, and put back, for their host is left alone."""
        ...

    def begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """In a task whose failure is told."""
        ...

    def header(self, job: Job) -> bytes:
        """Fields that a message goes with."""
        ...

    def ending(self, queue_id: str) -> None:
        """The final dot of a message is about to be sent."""
        ...

    def ended(self, queue_id: str) -> None:
        """What became of it is on record."""
        ...

    def to_be_scanned(self, job: Job) -> bool:
        """Whether it may go only once it was scanned."""
        ...

    async def scan(self, job: Job) -> bool:
        """Have it scanned; whether it may go now. Where not, it is in our hands no longer."""
        ...

    def staff(self, lane: "Lane") -> None:
        """Add a connection where one is wanted and allowed."""
        ...


@dataclass(slots=True, eq=False)
class _Turn:
    """What a connection has begun beyond the message that it is at."""

    begun: Job | None = None
    letter: Letter | None = None


class Lane:
    """One host's."""

    def __init__(self, host: Host, stock: Stock, policy: Policy, owner: Owner) -> None:
        self.host = host
        self.sessions: dict[asyncio.Task[None], Session | None] = {}
        self.delivering: dict[str, None] = {}
        """IDs in a transaction now."""
        self._stock = stock
        self._policy = policy
        self._owner = owner
        self._ahead: deque[Job] = deque()
        self._turns: set[_Turn] = set()
        self._fetch: asyncio.Task[None] | None = None
        self._fetched: Iterable[str] = ()
        """IDs that are being taken in hand."""
        self._scans: set[asyncio.Task[None]] = set()
        """Of messages that go only once they were scanned."""
        self._bell = asyncio.Event()
        self._idle = 0
        self._hungry = 0
        self._to_leave = 0
        self._overlap = True

    @property
    def idle(self) -> int:
        """Connections that wait for mail."""
        return self._idle

    @property
    def understaffed(self) -> bool:
        """Whether there is mail that nobody is about to take."""
        return not self._idle and not self._hungry and (bool(self._ahead) or self._stock.waits_for(self.host))

    @property
    def ahead(self) -> Iterable[str]:
        """IDs that are in hand for it, and not delivered yet: read, being read, or begun with the end of another."""
        return [*(job.id for job in self._ahead), *self.begun, *self._fetched]

    @property
    def begun(self) -> Sequence[str]:
        """IDs of which the host has heard, with the end of another."""
        return [turn.begun.id for turn in self._turns if turn.begun is not None]

    def ring(self) -> None:
        """There is mail, or something else to look at."""
        self._bell.set()

    def start(self, ended: Callable[[asyncio.Task[None]], None]) -> None:
        """One more connection."""
        self.host.connections += 1
        self._hungry += 1
        task = asyncio.create_task(self._work())
        self.sessions[task] = None
        task.add_done_callback(ended)

    def dismiss_one(self) -> None:
        """Have an idle connection closed: others need the place."""
        self._to_leave += 1
        self._bell.set()

    def belongs(self, recipient: EnvelopeRecipient) -> bool:
        """Whether the recipient's mail goes here."""
        return recipient.fate == "waiting" and recipient.destination in self.host.domains

    def _goes_here(self, job: Job) -> bool:
        free = not self.host.only_urgent or self._stock.is_urged(job.id)
        return free and any(map(self.belongs, job.envelope.waiting))

    async def _work(self) -> None:
        session: Session | None = None
        task = asyncio.current_task()
        assert task is not None
        hungry = True
        turn = _Turn()
        self._turns.add(turn)
        try:
            while (job := self._begun(turn, session) or await self._next()) is not None:
                if hungry:
                    self._hungry -= 1
                    hungry = False
                self._owner.staff(self)
                session = await self._carry(session, job, task, turn)
                if session is None:
                    return
        finally:
            self._turns.discard(turn)
            if turn.begun is not None:
                self._ahead.appendleft(turn.begun)
            self._hungry -= hungry
            self.host.connections -= 1
            if session is not None:
                await session.leave()
            del self.sessions[task]
            if not self.sessions:
                await self._put_back()

    def _begun(self, turn: "_Turn", session: Session | None) -> Job | None:
        """What the host has half of already. Where its connection broke it is as if it had only been read ahead."""
        if turn.begun is None or (session is not None and session.usable):
            return turn.begun
        self._ahead.appendleft(turn.begun)
        turn.begun = turn.letter = None
        return None

    async def _carry(
        self, session: Session | None, job: Job, task: asyncio.Task[None], turn: "_Turn"
    ) -> Session | None:
        """One message, on this connection or a new one; the session for the next, None when there is none to be had."""
        self.delivering[job.id] = None
        letter = turn.letter if turn.begun is job and turn.letter is not None else self._letter(job)
        turn.begun = turn.letter = None
        try:
            while True:
                if session is None or not session.usable or not session.fits(job.envelope.client):
                    if session is not None:
                        await session.leave()
                        self.sessions[task] = None
                    try:
                        session = await self._owner.open(self.host)
                    except TroubleError as trouble:
                        await self._owner.unreachable(self, job, trouble)
                        return None
                    self.sessions[task] = session
                outcome = await session.deliver(letter, partial(self._look_ahead, turn))
                if outcome.overlap_failed:
                    self._overlap = False
                if not outcome.again:
                    break
            await self._owner.settle(self, session, job, outcome)
            self._owner.ended(job.id)
        except BaseException:
            job.claim.release()
            raise
        finally:
            self.delivering.pop(job.id, None)
        return session

    def _letter(self, job: Job) -> Letter:
        waiting = filter(self.belongs, job.envelope.waiting)
        return job.letter(waiting, self._owner.header(job), partial(self._owner.ending, job.id))

    def _look_ahead(self, turn: "_Turn") -> Letter | None:
        """The letter that goes next over the same connection, if there is one already; it is this turn's then."""
        ready = turn.begun is None and self._overlap and self.host.flows and not self._owner.pausing
        if ready and self._ahead and self._goes_here(self._ahead[0]) and (job := self._read_already()):
            turn.begun, turn.letter = job, self._letter(job)
        return turn.letter

    def _read_already(self) -> Job | None:
        """What was read ahead, if anything was; more is read then."""
        if not self._ahead:
            return None
        job = self._ahead.popleft()
        if len(self._ahead) < 2 * self.host.connections:
            self._read_ahead()
        return job

    async def _next(self) -> Job | None:
        """The next message; None when this connection is to be closed."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._policy.idle
        while not self._owner.pausing and self.host.open(loop.time()):
            if (job := self._read_already()) is not None:
                if self._goes_here(job):
                    return job
                await self._stock.put_back([job])  # routed elsewhere, or left alone, since it was read
                continue
            if (fetch := self._read_ahead()) is not None:
                await asyncio.wait([fetch])
                fetch.result()
                continue
            if self._to_leave:
                self._to_leave -= 1
                return None
            if loop.time() >= deadline:
                if not self._scans:
                    return None
                deadline = loop.time() + self._policy.idle  # what is scanned now would be put back, and scanned again
            await self._rest(deadline)
        return None

    async def _rest(self, deadline: float) -> None:
        self._idle += 1
        self._bell.clear()
        try:
            async with asyncio.timeout_at(deadline):
                await self._bell.wait()
        except TimeoutError:
            pass
        finally:
            self._idle -= 1

    def _read_ahead(self) -> asyncio.Task[None] | None:
        """Have more messages taken in hand; None when there are none."""
        if self._fetch is None or self._fetch.done():
            picked = self._stock.pick(self.host, max(2, min(AHEAD, 4 * self.host.connections)))
            if not picked:
                return None
            self._fetched = picked.keys()
            self._fetch = asyncio.create_task(self._take(picked))
        return self._fetch

    async def _take(self, picked: dict[str, str]) -> None:
        try:
            jobs, _ = await self._stock.take(picked, asyncio.get_running_loop().time())
        finally:
            self._fetched = ()
        ours = [job for job in jobs if self._goes_here(job)]
        unseen = [job for job in ours if self._owner.to_be_scanned(job)]
        self._ahead.extend(job for job in ours if job not in unseen)
        if len(ours) < len(jobs):  # routed elsewhere meanwhile
            await self._stock.put_back([job for job in jobs if job not in ours])
        self._bell.set()
        for job in unseen:
            task = self._owner.begin(self._scan(job))
            self._scans.add(task)
            task.add_done_callback(self._scans.discard)
        while len(self._scans) >= AHEAD:  # what was scanned goes on meanwhile, but no more is taken in hand
            await asyncio.wait(self._scans, return_when=asyncio.FIRST_COMPLETED)

    async def _scan(self, job: Job) -> None:
        if await self._owner.scan(job):
            self._ahead.appendleft(job)
        self._bell.set()

    async def _put_back(self) -> None:
        """The last one out lets go of what was read ahead."""
        if self._fetch is not None:
            await asyncio.wait([self._fetch])
        while self._scans:
            await asyncio.wait(self._scans)
        jobs = list(self._ahead)
        self._ahead.clear()
        if not jobs:
            return
        down = not self.host.open(asyncio.get_running_loop().time())
        if down:  # whoever follows them is told that they wait: then they are not first any more, but elsewhere
            self._stock.calm((), [job.id for job in jobs if all(map(self.belongs, job.envelope.waiting))])
        await self._stock.put_back(jobs)
        if down:
            self._owner.untried(self, jobs)

    def give_up(self) -> list[Job]:
        """What was read ahead and is not to go to this host, or not now; whoever asks puts it back."""
        homeless = [job for job in self._ahead if not self._goes_here(job)]
        for job in homeless:
            self._ahead.remove(job)
        return homeless

    def return_job(self, job: Job) -> None:
        """Not tried: the next connection that is free takes it first."""
        self._ahead.appendleft(job)
        self._bell.set()


def refused_by_all(recipients: Iterable[EnvelopeRecipient], trouble: TroubleError) -> list[Said]:
    """What a host that could not be reached means for each."""
    return [Said(each, "waiting", trouble.code, trouble.dsn, trouble.text, unreachable=True) for each in recipients]
