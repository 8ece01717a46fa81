"""Keeps the health of many primaries current: one series of climbs per next hop, however many domains share it."""

import asyncio
import random
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from mxtui.errors import MxtuiError
from mxtui.model.health import UNKNOWN, Health, Primary
from mxtui.model.hysteresis import Policy, advance, unknown
from mxtui.model.offers import Offers
from mxtui.model.route import Ourselves, Routed, Router
from mxtui.primary.lookup import Lookup
from mxtui.primary.probe import LIMITS, Finding, Limits, climb

AT_ONCE = 20
"""Climbs side by side."""

REROUTE = 300.0
"""Seconds after which routes are asked for again: transport maps are edited, primaries move."""

RETRUST = 3600.0
"""Seconds after which a certificate that could not be verified gets another chance."""

JITTER = 0.1
"""Share by which a pause varies, or primaries that came up together would be checked together for ever."""

_Key = tuple[str, int, bool]

Known = Mapping[str, tuple[Primary | None, Health]]


@dataclass(slots=True)
class _Watched:
    """One next hop."""

    primary: Primary
    domains: Sequence[str] = ()
    """Those whose mail it takes."""
    health: Health = UNKNOWN
    host: str | None = None
    offers: Offers | None = None
    distrust: str = ""
    distrusted_at: float = 0.0
    hurry: asyncio.Event = field(default_factory=asyncio.Event)


class Prober:
    """The primaries of whatever domains it is told to follow. Belongs to one event loop.

    `climbed` is called after each climb with the domains of that primary, when `known` and `offers` tell of it.
    """

    def __init__(
        self,
        router: Router,
        *,
        policy: Policy | None = None,
        limits: Limits = LIMITS,
        lookup: Lookup | None = None,
        at_once: int = AT_ONCE,
        clock: Callable[[], float] = time.time,
        climbed: Callable[[Collection[str]], None] = lambda _: None,
    ) -> None:
        self._router = router
        self._climbed = climbed
        self._policy = policy or Policy()
        self._limits = limits
        self._lookup = lookup or Lookup()
        self._clock = clock
        self._slots = asyncio.Semaphore(at_once)
        self._domains: frozenset[str] = frozenset()
        self._routes: dict[str, Routed] = {}
        self._watched: dict[_Key, _Watched] = {}
        self._tasks: dict[_Key, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._ourselves: Ourselves | None = None

    def follow(self, domains: Iterable[str]) -> None:
        """Take these domains, and no others, into the rounds of checks. Costs nothing when they are the same."""
        wanted = frozenset(domains)
        if wanted != self._domains:
            self._domains = wanted
            self._changed.set()

    def probe_now(self, domain: str) -> None:
        """Check a domain's primary without waiting for its turn."""
        routed = self._routes.get(domain)
        if routed is not None and routed.primary is not None:
            self._watched[_key(routed.primary)].hurry.set()

    def snapshot(self) -> Known:
        """What is known now of each followed domain. Once its MX is known, a primary is that host."""
        return self.known(self._domains)

    def known(self, domains: Iterable[str]) -> Known:
        """The same of some of them."""
        return {domain: self._known(domain) for domain in domains}

    def offers(self, domains: Iterable[str] | None = None) -> Mapping[str, Offers]:
        """What the primaries of some or all domains last said that they can do; without those never heard."""
        found: dict[str, Offers] = {}
        for domain in self._domains if domains is None else domains:
            routed = self._routes.get(domain)
            if routed is not None and routed.primary is not None:
                offers = self._watched[_key(routed.primary)].offers
                if offers is not None:
                    found[domain] = offers
        return found

    def _known(self, domain: str) -> tuple[Primary | None, Health]:
        routed = self._routes.get(domain)
        if routed is None:
            return None, UNKNOWN
        if routed.primary is None:
            return None, unknown(routed.why)
        watched = self._watched[_key(routed.primary)]
        return _shown(routed.primary, watched.host), watched.health

    async def run(self) -> None:
        """Keep checking until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                again = True
                while True:
                    self._changed.clear()
                    await self._route(again=again)
                    self._match_tasks(group)
                    again = False
                    try:
                        await asyncio.wait_for(self._changed.wait(), self._until_rerouted())
                    except TimeoutError:
                        again = True
        finally:
            self._tasks.clear()

    def _until_rerouted(self) -> float:
        # What could not be told may have been a mail system on its way up.
        settled = all(routed.primary is not None for routed in self._routes.values())
        return REROUTE if settled else min(REROUTE, self._policy.interval)

    async def _route(self, *, again: bool) -> None:
        """Routes for domains that have none yet, or for all; the old ones stand while they are asked for."""
        domains = self._domains
        missing = sorted(domains if again else domains - self._routes.keys())
        routes = {domain: routed for domain, routed in self._routes.items() if domain in domains}
        if missing:
            routes |= await asyncio.to_thread(ask, self._router, missing)
        shared: dict[_Key, list[str]] = {}
        for domain, routed in routes.items():
            if routed.primary is not None:
                shared.setdefault(_key(routed.primary), []).append(domain)
                self._watched.setdefault(_key(routed.primary), _Watched(routed.primary))
        for key, watched in self._watched.items():
            watched.domains = shared.get(key, [])
        self._routes = routes

    def _match_tasks(self, group: asyncio.TaskGroup) -> None:
        """One task for each next hop that is routed to, and no others."""
        wanted = {_key(routed.primary) for routed in self._routes.values() if routed.primary is not None}
        for key in self._watched.keys() - wanted:
            self._tasks.pop(key).cancel()
            del self._watched[key]
        for key in wanted - self._tasks.keys():
            self._tasks[key] = group.create_task(self._keep_checking(self._watched[key]))

    async def _keep_checking(self, watched: _Watched) -> None:
        while True:
            watched.hurry.clear()
            async with self._slots:
                finding = await self._climb(watched)
            now = self._clock()
            health = advance(watched.health, finding.climb, now, self._policy)
            pause = ((health.next_check or now) - now) * random.uniform(1 - JITTER, 1)
            watched.health = replace(health, next_check=now + pause)
            self._climbed(watched.domains)
            try:
                await asyncio.wait_for(watched.hurry.wait(), pause)
            except TimeoutError:
                continue

    async def _climb(self, watched: _Watched) -> Finding:
        if self._ourselves is None:
            self._ourselves = await asyncio.to_thread(self._router.ourselves)
        now = self._clock()
        distrust = watched.distrust if now - watched.distrusted_at < RETRUST else ""
        finding = await climb(
            watched.primary, self._ourselves, self._lookup, self._limits, distrust=distrust, clock=self._clock
        )
        if finding.distrust != distrust:
            watched.distrust, watched.distrusted_at = finding.distrust, now
        watched.host = finding.host or watched.host
        watched.offers = finding.offers or watched.offers
        return finding


def ask(router: Router, domains: Sequence[str]) -> dict[str, Routed]:
    """Every domain's route; where the router fails or says nothing, why."""
    try:
        routes = router.route(domains)
    except MxtuiError as error:
        return dict.fromkeys(domains, Routed(None, error.message))
    return {domain: routes.get(domain, Routed(None, "no route is known")) for domain in domains}


BESIDE: Final = 0.2
"""Seconds that a second climb, for the certificate's sake, leaves the first one to be told in time."""


def probe_once(
    domains: Sequence[str],
    router: Router,
    timeout: float,
    *,
    lookup: Lookup | None = None,
    limits: Limits = LIMITS,
    at_once: int = AT_ONCE,
    recipients: Mapping[str, str] = MappingProxyType({}),
    clock: Callable[[], float] = time.time,
) -> Known:
    """One climb for each next hop of these domains, all of them within `timeout` seconds; blocks.

    `recipients` that are known to exist, by domain, are asked for on top; one for each next hop.

    A primary whose climb had to be left is unknown, and says so; one that takes no connection for half the time, down.
    """
    limits = replace(limits, connect=min(limits.connect, timeout / 2))
    routes = ask(router, domains)
    primaries = {_key(routed.primary): routed.primary for routed in routes.values() if routed.primary is not None}
    if not primaries:
        return {domain: (None, unknown(routed.why)) for domain, routed in routes.items()}
    ourselves = router.ourselves()
    asked = lookup or Lookup()

    testers = {
        _key(routed.primary): recipients[domain]
        for domain, routed in routes.items()
        if routed.primary is not None and domain in recipients
    }

    async def climb_all() -> dict[_Key, Finding]:
        until = time.monotonic() + timeout
        slots = asyncio.Semaphore(at_once)

        async def one(primary: Primary) -> Finding:
            async with slots:
                tester = testers.get(_key(primary), "")
                finding = await climb(primary, ourselves, asked, limits, recipient=tester, clock=clock)
                if finding.distrust:  # broken off over the certificate, before it was seen, or anybody asked for
                    distrust, left = finding.distrust, until - time.monotonic() - BESIDE
                    again = climb(primary, ourselves, asked, limits, distrust=distrust, recipient=tester, clock=clock)
                    if tester:
                        return await again
                    with suppress(TimeoutError):
                        return await asyncio.wait_for(again, left)
                return finding

        tasks = {key: asyncio.create_task(one(primary)) for key, primary in primaries.items()}
        _, late = await asyncio.wait(tasks.values(), timeout=timeout)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        return {key: task.result() for key, task in tasks.items() if task not in late}

    found = asyncio.run(climb_all())

    def known(routed: Routed) -> tuple[Primary | None, Health]:
        if routed.primary is None:
            return None, unknown(routed.why)
        finding = found.get(_key(routed.primary))
        if finding is None:
            return routed.primary, unknown(f"not checked within {timeout:g} s")
        health = advance(UNKNOWN, finding.climb, finding.climb.taken_at, Policy())
        return _shown(routed.primary, finding.host), replace(health, next_check=None)

    return {domain: known(routed) for domain, routed in routes.items()}


def _key(primary: Primary) -> _Key:
    return primary.host.lower(), primary.port, primary.lookup_mx


def _shown(primary: Primary, host: str | None) -> Primary:
    return replace(primary, host=host, lookup_mx=False) if primary.lookup_mx and host else primary
