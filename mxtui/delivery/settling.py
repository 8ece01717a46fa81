"""After an attempt: the result durable, then the books of host, schedule and those who follow a flush."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from mxtui.delivery.connecting import TroubleError
from mxtui.delivery.finishing import Finisher
from mxtui.delivery.following import Follower
from mxtui.delivery.host import JITTER, Host
from mxtui.delivery.lane import refused_by_all
from mxtui.delivery.letters import Job
from mxtui.delivery.outcome import Judged, expire, judge, pause
from mxtui.delivery.policy import Policy
from mxtui.delivery.session import Outcome, Said, Session
from mxtui.delivery.stock import Stock
from mxtui.model.envelope import Envelope
from mxtui.queues.spool.committer import Committer
from mxtui.queues.spool.store import Spool

DISK_PAUSE: Final = 5.0
"""Seconds until a disk that would not take a result is asked again; meanwhile that connection sends nothing."""

SWEEP: Final = 50
"""Old messages looked at together."""


class Log(Protocol):
    """Takes events; see `mxtui.service.log`."""

    def __call__(self, event: str, level: str = "info", **fields: str | int | float | bool | None) -> None:
        """One event."""
        ...


class Owes(Protocol):
    """Sends notices, where they are configured; see `mxtui.delivery.returning`."""

    def owed(self, envelope: Envelope) -> Envelope:
        """The envelope of a message that fails, with the debt noted."""
        ...

    def add(self, id: str) -> None:  # noqa: A002 (the field's own word)
        """It is in `failed` now."""
        ...


class Settler:
    """Belongs to the event loop."""

    def __init__(
        self,
        spool: Spool,
        stock: Stock,
        committer: Committer,
        policy: Policy,
        log: Log,
        clock: Callable[[], float],
        followers: Iterable[Follower],
        returner: Owes | None,
        hands: Callable[[Host], Collection[str]],
    ) -> None:
        """`hands` tells the IDs that are in the hands of those who deliver to a host."""
        self._hands = hands
        self._stock = stock
        self._committer = committer
        self._policy = policy
        self._log = log
        self._clock = clock
        self._followers = followers
        self._returner = returner
        self._stopping = asyncio.Event()
        self._finisher = Finisher(spool, self._durably)

    def stop(self) -> None:
        """Wait no longer for a disk that takes nothing."""
        self._stopping.set()

    async def drained(self) -> None:
        """Until all of what is on record would survive a power cut."""
        await self._finisher.drained()

    async def settle(self, host: Host, session: Session, job: Job, outcome: Outcome) -> None:
        """A transaction is over, one way or the other."""
        now, wall = asyncio.get_running_loop().time(), self._clock()
        host.last_tried = wall
        for said in outcome.said:
            host.counts[said.fate] += 1
            host.last_reply = said.text
        taken_for = _lenient(outcome.said) if host.on_trial else outcome.said
        seconds = self._pause(taken_for)
        next_retry = wall + seconds if seconds is not None else None
        judged = judge(job.envelope, taken_for, host=session.peer, now=wall, next_retry=next_retry)
        at = now + seconds if seconds is not None else None
        await self._record(job, judged, taken_for, at)
        closed = _judge_host(host, outcome, now, wall)
        self._tell(job, judged, outcome.said, session.peer, session.tls)
        if closed:
            await self._left_alone(host, outcome.trouble or host.last_reply, now)

    async def unreachable(self, host: Host, job: Job, trouble: TroubleError) -> bool:
        """No connection was to be had. Whether the host is left alone now; else the message counts as not tried."""
        now, wall = asyncio.get_running_loop().time(), self._clock()
        if not host.refuse_connection(now):
            return False
        host.last_reply = trouble.text
        recipients = [each for each in job.envelope.waiting if each.destination in host.domains]
        said = refused_by_all(recipients, trouble)
        judged = judge(job.envelope, said, host=str(host.key), now=wall, next_retry=wall + host.resumes - now)
        # It stays first in line: what it waits for is the host.
        await self._record(job, judged, said, None)
        self._tell(job, judged, said, str(host.key), "")
        await self._left_alone(host, trouble.text, now)
        return True

    async def quarantine(self, job: Job, envelope: Envelope) -> None:
        """A scanner finds it bad: it is kept, and goes nowhere until an operator has looked at it."""
        before, claim = job.envelope, job.claim

        async def move() -> None:
            if claim.state != "quarantine":  # the rename may have worked, and what came after it not
                await self._committer.move(claim, "quarantine", envelope)

        durable = await self._durably(job.id, move)
        claim.release()
        if not durable:
            return  # we are stopping: it is scanned again
        self._stock.left(job, before)
        self._log("quarantined", "warning", id=job.id, why=envelope.why)
        for follower in self._followers:
            follower.put_off(job.id, f"in quarantine: {envelope.why}", self._clock(), untried=True)

    def untried(self, host: Host, ids: Iterable[str]) -> None:
        """Were read ahead, and put back, for their host is left alone."""
        for id in ids:  # noqa: A001
            for follower in self._followers:
                follower.put_off_at(id, tuple(host.domains), host.left_for, self._clock())

    def _pause(self, outcome: Sequence[Said]) -> float | None:
        """Seconds until those who were put off are tried again; None is at once."""
        if any(said.fate == "delivered" for said in outcome) and any(said.at_once for said in outcome):
            return None
        attempts = max((said.recipient.attempts + 1 for said in outcome if said.fate == "waiting"), default=0)
        if not attempts:
            return None
        share = 1 + JITTER * (2 * random.random() - 1)
        return share * pause(attempts, self._policy.retry, self._policy.retry_longest)

    async def _record(self, job: Job, judged: Judged, said: Iterable[Said], at: float | None) -> None:
        before, claim = job.envelope, job.claim
        match judged.next:
            case "finish":
                durable = await self._finisher.finish(claim)
                if durable:
                    self._stock.left(job, before)
                    return
            case "record":
                durable = await self._durably(job.id, lambda: self._committer.record(claim, judged.envelope))
            case "fail":
                durable = await self._failed(job, judged)
        claim.release()
        if not durable:
            return  # we are stopping: memory goes, and what is on disk is tried again
        if judged.next == "record":
            tried = {each.recipient.destination for each in said}
            self._stock.settled(job, before, judged.envelope, tried, at)
        else:
            self._stock.left(job, before)

    async def _failed(self, job: Job, judged: Judged) -> bool:
        claim = job.claim
        envelope = judged.envelope if self._returner is None else self._returner.owed(judged.envelope)

        async def move() -> None:
            if claim.state != "failed":  # the rename may have worked, and what came after it not
                await self._committer.move(claim, "failed", envelope)

        durable = await self._durably(job.id, move)
        self._log("failed", "warning", id=job.id, why=envelope.why)
        claim.release()
        if durable and envelope.returning and self._returner is not None:
            self._returner.add(job.id)
        return durable

    async def _durably(self, id: str, write: Callable[[], Awaitable[None]]) -> bool:  # noqa: A002
        """Until it is on disk; False only when we have to stop without. The message is in our hands meanwhile."""
        while True:
            try:
                await write()
            except OSError as error:
                self._log("undurable", "error", id=id, why=str(error))
            else:
                return True
            if self._stopping.is_set():
                return False
            try:
                await asyncio.wait_for(self._stopping.wait(), DISK_PAUSE)
            except TimeoutError:
                continue

    def _tell(self, job: Job, judged: Judged, said: Iterable[Said], peer: str, tls: str) -> None:
        wall = self._clock()
        for each in said:
            self._log(
                "deferred" if each.fate == "waiting" else each.fate,
                "info" if each.fate == "delivered" else "warning",
                id=job.id,
                to=each.recipient.address,
                host=peer,
                tls=tls or None,
                dsn=each.dsn,
                reply=each.text,
                delay=round(max(0.0, wall - judged.envelope.arrival), 2),
                possible_duplicate=each.possible_duplicate or None,
            )
        for follower in self._followers:
            follower.heard(job.id, said, wall)
            if judged.next == "fail" and any(each.fate == "waiting" for each in said):
                follower.given_up(job.id, wall)

    async def _left_alone(self, host: Host, why: str, now: float) -> None:
        wall = self._clock()
        host.left_for = why
        self._log("left_alone", "warning", host=str(host.key), seconds=round(host.resumes - now, 1), why=why)
        here = self._hands(host)
        for follower in self._followers:
            follower.host_down(host.domains, self._stock.in_hand, here, why, wall)
        await self._give_up_old(host, why, wall)

    async def _give_up_old(self, host: Host, why: str, wall: float) -> None:
        """What waits for a host that cannot be reached is not tried; its lifetime ends all the same.

        Looks at what is older than the shortest lifetime seen, so that nothing younger is ever read.
        """
        for domain in tuple(host.domains):
            lifetime = self._stock.shortest_lifetime(domain)
            if lifetime is None:
                continue
            before = f"{max(0, int((wall - lifetime) * 1_000_000)):014x}ffff"
            kept: list[Job] = []
            while picked := self._stock.pick_old(domain, before, SWEEP):
                jobs, _ = await self._stock.take(picked, asyncio.get_running_loop().time())
                for job in jobs:
                    judged = expire(job.envelope, wall, why)
                    if judged is None:
                        job.claim.release()
                        kept.append(replace(job, whole=None))
                    else:
                        await self._record(job, judged, (), None)
                        for follower in self._followers:
                            follower.given_up(job.id, wall)
            await self._stock.put_back(kept)


def _lenient(said: Iterable[Said]) -> list[Said]:
    """As a host is heard that has just come back: its lasting refusals are passing ones."""
    return [each._replace(fate="waiting") if each.fate == "refused" else each for each in said]


def _judge_host(host: Host, outcome: Outcome, now: float, wall: float) -> bool:
    """What the outcome says about the host; whether it has to be left alone now."""
    if outcome.delivered:
        host.took(now, wall, sum(said.fate == "delivered" for said in outcome.said))
        return False
    if outcome.blameless:
        return False
    if outcome.busy:
        return host.refuse_connection(now)
    if outcome.trouble:
        return host.stumble(now)
    if outcome.deferred:
        return host.put_off(now)
    return host.answered(now)
