"""The connections to one host, and the messages in line for it: one task for each connection."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from mxtui.delivery.connecting import TroubleError
from mxtui.delivery.direct.announced import Announced
from mxtui.delivery.direct.job import Job
from mxtui.delivery.host import HostKey
from mxtui.delivery.session import Letter, Outcome, Session


class Owner(Protocol):
    """The sender, as a lane sees it."""

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """In a task whose failure is told."""
        ...

    def surplus(self, lane: "Lane", *, used: bool) -> bool:
        """Whether this lane has to give up a connection, which was `used` or is new."""
        ...

    async def open(self, key: HostKey) -> Session:
        """A session with the host. Raises TroubleError."""
        ...

    def content(self, job: Job, key: HostKey, session: Session) -> Announced:
        """The message for the wire."""
        ...

    def spoken(self, lane: "Lane", job: Job, outcome: Outcome) -> None:
        """A transaction is over."""
        ...

    def unreachable(self, lane: "Lane", job: Job, trouble: TroubleError) -> None:
        """No connection was to be had for it."""
        ...

    def look(self) -> None:
        """Something has changed: a message is on its way, or a connection less is there."""
        ...


@dataclass(slots=True)
class _Turn:
    """What a connection has begun beyond the message that it is at."""

    job: Job | None = None
    letter: Letter | None = None


class Lane:
    """One host's."""

    def __init__(self, key: HostKey, owner: Owner, idle: float) -> None:
        """`idle` is seconds that a connection is kept without mail for it."""
        self.key = key
        self.waiting: deque[Job] = deque()
        self.workers: dict[asyncio.Task[None], Session | None] = {}
        self.crowded = False
        """The host had no room for another connection; until all are gone."""
        self._owner = owner
        self._idle = idle
        self._hungry = 0
        self._bell = asyncio.Event()
        self._overlap = True

    @property
    def understaffed(self) -> bool:
        """Whether there is mail that nobody is about to take."""
        return len(self.waiting) > self._hungry and not self.crowded

    def put(self, job: Job) -> None:
        """In line."""
        self.waiting.append(job)
        self._bell.set()

    def ring(self) -> None:
        """Have idle connections look whether they are wanted."""
        self._bell.set()

    def start(self) -> None:
        """One more connection."""
        self._hungry += 1
        self.workers[self._owner.begin(self._work())] = None

    def give_up_connecting(self) -> None:
        """Where nothing has begun nothing has to be waited for."""
        for task, session in self.workers.items():
            if session is None:
                task.cancel()

    def abort(self) -> None:
        """Break off whatever is going on."""
        for session in self.workers.values():
            if session is not None:
                session.abort()

    async def _work(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        session: Session | None = None
        turn = _Turn()
        hungry = True
        try:
            while (job := self._begun(turn, session) or await self._next(used=session is not None)) is not None:
                self._hungry -= hungry
                hungry = False
                session = await self._carry(session, job, task, turn)
                if session is None:
                    break
                hungry = turn.job is None
                self._hungry += hungry
        finally:
            self._hungry -= hungry
            if turn.job is not None:
                self.waiting.appendleft(turn.job)
            del self.workers[task]
            self.crowded = self.crowded and bool(self.workers)
            self._owner.look()
            if session is not None:
                await session.leave()

    def _begun(self, turn: _Turn, session: Session | None) -> Job | None:
        """What the host has half of already. Where its connection broke it waits its turn: that may be over."""
        if turn.job is None or (session is not None and session.usable):
            return turn.job
        self.waiting.appendleft(turn.job)
        turn.job = turn.letter = None
        return None

    async def _next(self, *, used: bool) -> Job | None:
        """The next message; None when this connection is to be closed."""
        deadline = asyncio.get_running_loop().time() + self._idle
        while not self._owner.surplus(self, used=used):
            if self.waiting:
                return self.waiting.popleft()
            self._bell.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._bell.wait()
            except TimeoutError:
                return None
        return None

    async def _carry(self, session: Session | None, job: Job, task: asyncio.Task[None], turn: _Turn) -> Session | None:
        """One message, on this connection or a new one; the session for the next, None when there is none to be had."""
        letter, turn.job, turn.letter = turn.letter, None, None
        while True:
            if session is None or not session.usable or not session.fits(job.envelope.client):
                if session is not None:
                    await session.leave()
                    self.workers[task] = None
                try:
                    session = await self._owner.open(self.key)
                except TroubleError as trouble:
                    self._owner.unreachable(self, job, trouble)
                    return None
                except asyncio.CancelledError:
                    self.waiting.appendleft(job)
                    raise
                self.workers[task] = session
                letter = None  # made for what another session can do
            if letter is None:
                letter = self._letter(job, session)
            self._owner.look()
            if job.began is None:
                job.began = asyncio.get_running_loop().time()
            outcome = await session.deliver(letter, partial(self._look_ahead, session, turn))
            if outcome.overlap_failed:
                self._overlap = False
            if not outcome.again:
                break
        self._owner.spoken(self, job, outcome)
        return session

    def _letter(self, job: Job, session: Session) -> Letter:
        job.peer = session.peer
        return job.letter(self.key, session.offers, self._owner.content(job, self.key, session))

    def _look_ahead(self, session: Session, turn: _Turn) -> Letter | None:
        """The letter that goes next over the same connection, if there is one already; it is this turn's then."""
        if turn.job is None and self._overlap and self.waiting and not self._owner.surplus(self, used=True):
            turn.job = self.waiting.popleft()
            turn.letter = self._letter(turn.job, session)
        return turn.letter
