"""What is in our hands, from the feed to its end: taken into custody, in line for its host, sent, settled."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from mxtui.delivery.connecting import BUSY, TroubleError
from mxtui.delivery.direct.announced import Announced
from mxtui.delivery.direct.ending import Endings
from mxtui.delivery.direct.job import Job
from mxtui.delivery.direct.lane import Lane
from mxtui.delivery.direct.taking import Route, take
from mxtui.delivery.host import HostKey
from mxtui.delivery.lane import refused_by_all
from mxtui.delivery.policy import Policy
from mxtui.delivery.routes import Dialer
from mxtui.delivery.session import Outcome, Session
from mxtui.model.drain.way import Settled
from mxtui.model.plan import Target
from mxtui.queues.postfix.direct.custody import Custodian, Left
from mxtui.queues.postfix.direct.text import on_the_wire

AHEAD: Final = 5
"""Messages in line for each connection."""

MOST: Final = 500
"""In hand at once: each is an open file."""


class Sender:
    """One run's, in one event loop."""

    def __init__(
        self,
        custodian: Custodian,
        endings: Endings,
        dialer: Dialer,
        policy: Policy,
        route: Route,
    ) -> None:
        self.connections = 1
        """At most, to all hosts."""
        self.caps: Mapping[HostKey, int] = {}
        """To one host at most, where that is fewer; none: what waits for it is not begun any more."""
        self.in_hand = 0
        """Messages taken from the feed and not settled."""
        self._custodian = custodian
        self._endings = endings
        self._dialer = dialer
        self._policy = policy
        self._route = route
        self._lanes: dict[HostKey, Lane] = {}
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="custody")
        self._taking = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._crash: BaseException | None = None
        self._news = asyncio.Event()
        self._settled: list[Settled] = []
        self._stopping = False
        self._deadline = 0.0

    @property
    def hosts(self) -> Sequence[HostKey]:
        """That something was sent, or is to be sent, to."""
        return tuple(self._lanes)

    @property
    def room(self) -> int:
        """Messages that may be taken now."""
        if self._stopping:
            return 0
        in_line = self._taking + sum(len(lane.waiting) for lane in self._lanes.values())
        wanted = AHEAD * self.connections
        # By half a line at a time: a process of postsuper(1) holds many as quickly as one.
        return min(wanted - in_line, MOST - self.in_hand) if in_line <= wanted // 2 else 0

    def settled(self) -> Sequence[Settled]:
        """Since the last time."""
        settled, self._settled = self._settled, []
        return settled

    async def turn(self, targets: Sequence[Target], connections: int, seconds: float) -> None:
        """Take these, go on, and come back when there is news. Raises what went wrong in a task."""
        self.connections = max(1, connections)
        if targets:
            self.in_hand += len(targets)
            self._taking += len(targets)
            self.begin(self._take(targets))
        self._staff()
        for lane in self._lanes.values():
            lane.ring()
        if self._stopping and asyncio.get_running_loop().time() > self._deadline:
            for lane in self._lanes.values():
                lane.abort()
        self._news.clear()
        if self._crash is None:
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError:
                pass
        if self._crash is not None:
            raise self._crash

    async def stop(self) -> None:
        """Begin nothing new: what is in line is put back, what is under way gets its grace."""
        if not self._stopping:
            self._stopping = True
            self._deadline = asyncio.get_running_loop().time() + self._policy.grace
            for lane in self._lanes.values():
                lane.give_up_connecting()
            self._staff()

    async def wind_up(self) -> None:
        """`stop`, until nothing is in hand; then let go of everything, whatever goes wrong: threads would keep the
        process from ending. Raises what went wrong in a task meanwhile.
        """
        well = False
        try:
            await self.stop()
            while self.in_hand and self._crash is None:
                await self.turn((), self.connections, 0.1)
            well = self._crash is None
        finally:
            for lane in self._lanes.values():
                lane.ring()
                if not well:
                    lane.abort()
            workers = [task for lane in self._lanes.values() for task in lane.workers]
            await asyncio.gather(*workers, return_exceptions=True)
            await asyncio.to_thread(self._endings.close)
            self._reading.shutdown()

    # -- for its lanes

    def begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """In a task whose failure ends the run."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def surplus(self, lane: Lane, *, used: bool) -> bool:
        """Whether a lane has to give up a connection: there are too many, or another lane has none at all.

        For the other's sake one that was not `used` yet is not given up: two lanes would hand it to and fro.
        """
        if self._stopping:
            return True
        total = sum(len(each.workers) for each in self._lanes.values())
        if total > self.connections or len(lane.workers) > self._cap(lane.key):
            return True
        others = (each for each in self._lanes.values() if each is not lane)
        return used and total == self.connections and any(each.understaffed and not each.workers for each in others)

    async def open(self, key: HostKey) -> Session:
        """A session with the host. Raises TroubleError."""
        return await self._dialer.open(key)

    def content(self, job: Job, key: HostKey, session: Session) -> Announced:
        """The message for the wire."""
        addresses = [recipient.address for recipient in job.hosts[key]]

        async def announce() -> None:
            await self._endings.announce(job, addresses, session.peer)

        if job.held.whole is not None:
            return Announced(iter((job.held.whole,)), blocking=False, announce=announce)
        sizes = job.held.envelope.sizes
        assert sizes is not None
        return Announced(on_the_wire(job.held.fd, sizes.offset), blocking=True, announce=announce)

    def spoken(self, lane: Lane, job: Job, outcome: Outcome) -> None:
        """A transaction is over."""
        job.busy = job.busy or outcome.busy
        job.answered = asyncio.get_running_loop().time()
        again = [said.recipient for said in outcome.said if said.at_once]
        if again:
            job.hosts[lane.key] = again
        else:
            del job.hosts[lane.key]
        self.begin(self._go_on(job, outcome))

    def unreachable(self, lane: Lane, job: Job, trouble: TroubleError) -> None:
        """No connection was to be had for it."""
        job.busy = job.busy or trouble.code == BUSY
        if len(lane.workers) > 1:
            lane.crowded = True
            lane.waiting.appendleft(job)
            return
        # They would all be told the same, perhaps after half a minute each.
        waiting = [job, *lane.waiting]
        lane.waiting.clear()
        for each in waiting:
            self.spoken(lane, each, Outcome(refused_by_all(each.hosts[lane.key], trouble)))

    def look(self) -> None:
        """Something has changed."""
        if self.room or not self.in_hand:
            self._news.set()
        self._staff()

    # -- its own

    def _staff(self) -> None:
        lanes = list(self._lanes.values())
        if self._stopping:
            for lane in lanes:
                while lane.waiting:
                    self.begin(self._settle(lane.waiting.popleft()))
                lane.ring()
            return
        for lane in lanes:
            while lane.waiting and not self._cap(lane.key):
                self._line_up(lane.waiting.popleft())
        total = sum(len(lane.workers) for lane in lanes)
        for lane in sorted(lanes, key=lambda each: len(each.workers)):
            while lane.understaffed and total < self.connections and len(lane.workers) < self._cap(lane.key):
                lane.start()
                total += 1

    def _cap(self, key: HostKey) -> int:
        return self.caps.get(key, self.connections)

    async def _take(self, targets: Sequence[Target]) -> None:
        loop = asyncio.get_running_loop()
        try:
            jobs, left = await loop.run_in_executor(self._reading, take, self._custodian, self._route, targets)
        except OSError as error:
            self._endings.unwritable(error)
            jobs, left = [], [Left(target, "not taken: the journal cannot be written") for target in targets]
        self._taking -= len(targets)
        for each in left:
            self._tell(self._endings.left(each.target, each.why, "vanished" if each.gone else "deferred"))
        for job in jobs:
            self._line_up(job)
        self._staff()

    def _line_up(self, job: Job) -> None:
        """To the next host that somebody is to be tried at; to its end where there is none."""
        if not self._goes_on(job):
            self.begin(self._settle(job))

    def _goes_on(self, job: Job) -> bool:
        """Whether there is another host, for which it is then in line."""
        job.hosts = {key: waiting for key, waiting in job.hosts.items() if self._cap(key)}
        if self._stopping or not job.hosts:
            return False
        key = next(iter(job.hosts))
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key, self, self._policy.idle)
        lane.put(job)
        return True

    async def _go_on(self, job: Job, outcome: Outcome) -> None:
        await self._endings.answered(job, outcome)
        if job.unanswered:
            job.hosts.clear()  # whatever is left of it, an operator has to look first
        goes_on = self._goes_on(job)
        self._staff()
        if not goes_on:
            await self._settle(job)

    async def _settle(self, job: Job) -> None:
        self._tell(await self._endings.end(job))

    def _tell(self, settled: Settled) -> None:
        self.in_hand -= 1
        self._settled.append(settled)
        if not self.in_hand or self.room:
            self._news.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash = self._crash or error
            self._news.set()
