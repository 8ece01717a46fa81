"""The messages that wait, and those in our hands: what is picked, taken, put back and settled.

A message is in one pair of hands at a time, though it may stand in the lines of several domains. Whoever picks one that
is in hand leaves a note, and it comes back to that line when it is let go.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final, TypeVar

from mxtui.delivery.host import Host
from mxtui.delivery.letters import Job, Missed, release, take_in_hand
from mxtui.delivery.schedule import Schedule
from mxtui.model.envelope import Envelope
from mxtui.queues.spool.store import Spool

T = TypeVar("T")

IN_OTHER_HANDS: Final = 5.0
"""Seconds until a message is looked at again that somebody else had in hand; a verb takes milliseconds."""


NOT_OURS: Final = "gone, held or set aside meanwhile"
ELSEWHERE: Final = "in other hands just now"


def domains_of(envelope: Envelope) -> tuple[str, ...]:
    """What its recipients that wait, wait for: domains, or hosts in brackets (`EnvelopeRecipient.destination`)."""
    return tuple(dict.fromkeys(recipient.destination for recipient in envelope.waiting))


class Stock:
    """Belongs to the event loop; threads only read files."""

    def __init__(
        self,
        spool: Spool,
        threads: ThreadPoolExecutor,
        ring: Callable[[str], None],
        lost: Callable[[str, str], None],
    ) -> None:
        """`ring` is told of domains that mail came for, `lost` of messages that are not ours to deliver, and why."""
        self.schedule = Schedule()
        self._spool = spool
        self._threads = threads
        self._ring = ring
        self._lost = lost
        self._in_hand: dict[str, set[str]] = {}
        """By ID, the domains that asked for it meanwhile."""
        self._urged: set[str] = set()
        """IDs that somebody waits for: put back untried, they are first again."""
        self._shortest: dict[str, float] = {}
        """By domain, the shortest lifetime of a message seen so far; seconds."""

    @property
    def in_hand(self) -> Collection[str]:
        """IDs, also of what was only read ahead."""
        return self._in_hand.keys()

    @property
    def in_hand_count(self) -> int:
        """How many that are."""
        return len(self._in_hand)

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """In a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *arguments))

    def enter(self, envelope: Envelope, at: float | None) -> None:
        """A message waits; `at` is monotonic, None is at once. One that is in hand is left to whoever has it."""
        lifetime = envelope.expires - envelope.arrival
        for domain in domains_of(envelope):
            self._shortest[domain] = min(lifetime, self._shortest.get(domain, lifetime))
            if envelope.id in self._in_hand:
                self._in_hand[envelope.id].add(domain)
                continue
            self.schedule.add(envelope.id, domain, at)
            if at is None:
                self._ring(domain)

    def urge(self, id: str, domains: Iterable[str]) -> None:  # noqa: A002 (the field's own word)
        """To be tried now, before all others; what is in hand when that is let go of."""
        self._urged.add(id)
        for domain in domains:
            if id not in self._in_hand:
                self.schedule.urge(id, domain)
                self._ring(domain)

    def calm(self, domains: Iterable[str], in_hand: Iterable[str]) -> None:
        """Nobody waits for what these domains have in line, nor for those that are in hand."""
        self._urged.difference_update(in_hand)
        for domain in domains:
            self._urged.difference_update(self.schedule.calm(domain))

    def calm_these(self, domain: str, ids: Iterable[str]) -> None:
        """Nobody waits for these of a domain, in line or in hand."""
        for each in ids:
            self._urged.discard(each)
            self.schedule.calm_one(each, domain)

    def is_urged(self, id: str) -> bool:  # noqa: A002
        """Whether somebody waits for it."""
        return id in self._urged

    def waits_for(self, host: Host) -> bool:
        """Whether anything may be picked."""
        return any(self._has(host, domain) for domain in host.domains)

    def pick(self, host: Host, most: int) -> dict[str, str]:
        """IDs for a host, each with the domain whose turn it was: one from each domain, then again."""
        picked: dict[str, str] = {}
        empty = 0
        while len(picked) < most and empty < len(host.domains):
            domain = host.next_domain()
            found = self.schedule.take(domain) if self._has(host, domain) else None
            if found is None:
                empty += 1
                continue
            empty = 0
            if found in self._in_hand:
                self._in_hand[found].add(domain)
            else:
                self._in_hand[found] = set()
                picked[found] = domain
        return picked

    def _has(self, host: Host, domain: str) -> bool:
        return self.schedule.urgent(domain) if host.only_urgent else self.schedule.ready(domain)

    def pick_old(self, domain: str, before: str, most: int) -> dict[str, str]:
        """IDs of a domain that are older than another."""
        picked: dict[str, str] = {}
        while len(picked) < most and (found := self.schedule.take_before(domain, before)) is not None:
            if found in self._in_hand:
                self._in_hand[found].add(domain)
            else:
                self._in_hand[found] = set()
                picked[found] = domain
        return picked

    async def take(self, picked: dict[str, str], now: float) -> tuple[Sequence[Job], Sequence[Missed]]:
        """What could be taken in hand, and what not; of the latter nothing is left to do."""
        jobs: list[Job] = []
        missed: list[Missed] = []
        for each in await self.run(take_in_hand, self._spool, list(picked)):
            if isinstance(each, Job):
                jobs.append(each)
                continue
            missed.append(each)
            asked = self._in_hand.pop(each.id)
            self._urged.discard(each.id)
            if each.again:
                self._again(each.id, (*asked, picked[each.id]), now + IN_OTHER_HANDS)
            self._lost(each.id, each.why or (ELSEWHERE if each.again else NOT_OURS))
        return jobs, missed

    async def put_back(self, jobs: Sequence[Job]) -> None:
        """Nothing came of it: they wait as before."""
        await self.run(release, jobs)
        for job in jobs:
            self._in_hand.pop(job.id, None)
            if job.id in self._urged:
                self.urge(job.id, domains_of(job.envelope))
            else:
                self._again(job.id, domains_of(job.envelope), None)

    async def put_off(self, job: Job, at: float) -> None:
        """Nothing came of it, and will not before then (monotonic)."""
        await self.run(release, [job])
        self._in_hand.pop(job.id, None)
        self._urged.discard(job.id)
        self._again(job.id, domains_of(job.envelope), at)

    def hurry(self, id: str, domains: Iterable[str]) -> None:  # noqa: A002
        """What was put off may be tried now."""
        if id not in self._in_hand:
            self._again(id, domains, None)

    def settled(self, job: Job, before: Envelope, after: Envelope, tried: Iterable[str], at: float | None) -> None:
        """An attempt is over and on record: the domains `tried` wait until `at`, or are done with."""
        asked = self._in_hand.pop(job.id)
        left = set(domains_of(after))
        of_now = set(tried)
        for domain in domains_of(before):
            if domain not in left:
                self.schedule.discard(job.id, domain)
        self._again(job.id, left & of_now, at)
        if job.id in self._urged and left - of_now:
            self.urge(job.id, left - of_now)  # whoever waits for it waits for those, too
        else:
            self._urged.discard(job.id)
            self._again(job.id, left & asked - of_now, None)

    def left(self, job: Job, envelope: Envelope) -> None:
        """The message is no longer ours to deliver."""
        self._in_hand.pop(job.id, None)
        self._urged.discard(job.id)
        for domain in domains_of(envelope):
            self.schedule.discard(job.id, domain)

    def ids(self, domains: Iterable[str]) -> list[str]:
        """All that waits for some domains, in line or in hand for others."""
        asked = set(domains)
        found = {each for domain in asked for each in self.schedule.ids(domain)}
        found.update(each for each, noted in self._in_hand.items() if not asked.isdisjoint(noted))
        return list(found)

    def shortest_lifetime(self, domain: str) -> float | None:
        """Seconds; None of a domain that nothing has waited for."""
        return self._shortest.get(domain)

    def _again(self, id: str, domains: Iterable[str], at: float | None) -> None:  # noqa: A002
        for domain in domains:
            self.schedule.add(id, domain, at)
            if at is None:
                self._ring(domain)
