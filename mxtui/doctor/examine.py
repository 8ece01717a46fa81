"""One examination: everything is asked side by side, each question within its own time; then it is judged."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from mxtui.doctor.facts import (
    Clock,
    DomainFacts,
    Fact,
    Facts,
    Heard,
    OurName,
    RelayProbe,
    Spf,
    Sts,
    Thresholds,
    Unknown,
)
from mxtui.doctor.finding import Report
from mxtui.doctor.gather import dns, host, smtp, spf, sts
from mxtui.doctor.gather.limited import in_thread, limited, required
from mxtui.doctor.gather.means import Means
from mxtui.doctor.gather.system import MailSystem
from mxtui.doctor.judge import judge
from mxtui.model.drill import Drill
from mxtui.model.health import Primary
from mxtui.model.route import Ourselves, Routed
from mxtui.primary.prober import ask
from mxtui.primary.words import UnresolvedError


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator wants looked at."""

    domains: Sequence[str] = ()
    testers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Recipients that exist, by domain; `postmaster@` for the others (RFC 5321 4.5.1)."""
    senders: Sequence[str] = ()
    """Domains with a strict SPF whose mail has to get through us, beside the relayed ones themselves."""
    limits: Thresholds = field(default_factory=Thresholds)
    drilled: Sequence[str] = ()
    """Domains that have an address for drills."""
    drills: Callable[[], Mapping[str, Drill]] = dict
    """The last drill of each domain; blocks. Raises MxtuiError."""
    clock: Callable[[], float] = time.time
    synchronised: Callable[[], bool | None] = host.synchronised


async def examine(system: MailSystem, asked: Asked, means: Means) -> Report:
    """Look at everything. Raises MxtuiError only where the mail system itself cannot be read at all."""
    started = time.monotonic()
    facts = await gather(system, asked, means)
    findings = judge(facts)
    return Report(facts.now, time.monotonic() - started, system.path, findings)


async def gather(system: MailSystem, asked: Asked, means: Means) -> Facts:
    """All facts. Raises MxtuiError as `examine`."""
    router, domains = system.router(), asked.domains
    own, routes, ourselves = await asyncio.gather(
        required(lambda: system.facts(domains), means.setup, system.path),
        in_thread(lambda: ask(router, domains), means.setup),
        required(router.ourselves, means.setup, system.path),
    )
    if isinstance(routes, Unknown):
        routes = dict.fromkeys(domains, Routed(None, f"its route is not known: {routes.why}"))
    async with asyncio.TaskGroup() as group:
        name = group.create_task(limited(dns.our_name(ourselves.hostname, means), means.dns))
        here = group.create_task(_here(system, ourselves, means))
        relay = group.create_task(_relay(system, ourselves, domains, means))
        disk = group.create_task(in_thread(system.disk, means.system))
        drills = group.create_task(in_thread(asked.drills, means.system))
        chain = group.create_task(in_thread(system.chain, means.system))
        primaries = _Primaries(group, ourselves.hostname, means)
        slots, until = asyncio.Semaphore(means.at_once), asyncio.get_running_loop().time() + means.total

        async def one(domain: str) -> DomainFacts:
            async with slots:
                if asyncio.get_running_loop().time() > until:
                    late = Unknown(f"not reached within {means.total:g} s")
                    return DomainFacts(domain, routes[domain], late, late, late, late)
                return await _domain(domain, routes[domain], ourselves, name, asked, means, primaries)

        each = [group.create_task(one(domain)) for domain in domains]
    found = tuple(task.result() for task in each)
    certificates = chain.result()
    offsets = tuple(
        (f"mta-sts.{one.domain}", one.sts.offset)
        for one in found
        if isinstance(one.sts, Sts) and one.sts.offset is not None
    )
    return Facts(
        now=asked.clock(),
        ourselves=ourselves,
        system=own,
        name=name.result(),
        here=here.result(),
        relay=relay.result(),
        disk=disk.result(),
        clock=Clock(asked.synchronised(), offsets),
        drills=drills.result(),
        chain=() if isinstance(certificates, Unknown) else certificates,
        domains=found,
        limits=asked.limits,
        drilled=tuple(asked.drilled),
    )


# -- one domain -------------------------------------------------------------------------------------------------------


async def _domain(
    domain: str,
    routed: Routed,
    ourselves: Ourselves,
    name: "asyncio.Task[Fact[OurName]]",
    asked: Asked,
    means: Means,
    primaries: "_Primaries",
) -> DomainFacts:
    mx, policy, senders, where = await asyncio.gather(
        limited(dns.exchangers(domain, ourselves, means), means.dns),
        limited(sts.policy(domain, means), means.dns),
        limited(_spf(domain, name, asked, means), means.dns),
        limited(_where(routed, ourselves, means), means.dns),
    )
    if isinstance(where, Unknown):
        return DomainFacts(domain, routed, mx, senders, policy, where)
    recipient = asked.testers.get(domain, f"postmaster@{domain}")
    strict = () if isinstance(senders, Unknown) else [each.domain for each in senders if each.result == "fail"]
    heard = await primaries.hear(*where, recipient, strict)
    addresses = where[2]
    here = await in_thread(lambda: next((each for each in addresses if means.own(each)), ""), means.system)
    ours = "" if isinstance(here, Unknown) else here
    return DomainFacts(domain, routed, mx, senders, policy, heard, addresses, ours)


class _Primaries:
    """One conversation with each, however many domains it has; more only where it has to be asked for their mail."""

    def __init__(self, group: asyncio.TaskGroup, hostname: str, means: Means) -> None:
        self._group = group
        self._hostname = hostname
        self._means = means
        self._heard: dict[tuple[str, int], asyncio.Task[Fact[Heard]]] = {}

    async def hear(
        self, host_name: str, port: int, addresses: Sequence[str], recipient: str, strict: Sequence[str]
    ) -> Fact[Heard]:
        """What a primary says, also of mail from domains whose SPF would have it refused from us."""
        if strict:
            return await self._ask(host_name, port, addresses, smtp.Asked(recipient, strict))
        key = host_name, port
        if key not in self._heard:
            self._heard[key] = self._group.create_task(self._ask(host_name, port, addresses, None))
        return await self._heard[key]

    async def _ask(self, host_name: str, port: int, addresses: Sequence[str], asked: smtp.Asked | None) -> Fact[Heard]:
        heard = await limited(smtp.hear(host_name, addresses, port, self._hostname, asked), self._means.conversation)
        return Unknown(f"{host_name}:{port}: {heard.why}") if isinstance(heard, Unknown) else heard


async def _spf(domain: str, name: "asyncio.Task[Fact[OurName]]", asked: Asked, means: Means) -> tuple[Spf, ...]:
    known = await asyncio.shield(name)
    addresses = tuple(each.address.text for each in known.addresses) if isinstance(known, OurName) else ()
    helo = known.hostname if isinstance(known, OurName) else "unknown"
    senders = dict.fromkeys([domain, *asked.senders])
    return tuple(await asyncio.gather(*(spf.judge_sender(each, addresses, means, helo) for each in senders)))


async def _where(routed: Routed, ourselves: Ourselves, means: Means) -> tuple[str, int, tuple[str, ...]]:
    """Host, port and addresses of a primary. Raises UnresolvedError."""
    primary: Primary | None = routed.primary
    if primary is None:
        raise UnresolvedError(routed.why)
    if primary.lookup_mx:
        best = (await means.lookup.exchangers(primary.host, ourselves))[0]
    else:
        best = await means.lookup.host(primary.host)
    return best.host, primary.port, best.addresses


# -- this host --------------------------------------------------------------------------------------------------------


async def _here(system: MailSystem, ourselves: Ourselves, means: Means) -> Fact[Heard]:
    where = await in_thread(system.listening, means.system)
    if isinstance(where, Unknown):
        return where
    host_name, port = where

    async def look() -> Heard:
        address = (await means.lookup.host(host_name)).addresses[0]
        heard = await smtp.hear(ourselves.hostname, [address], port, ourselves.hostname)
        if heard.certificate is None:
            return heard
        why = await smtp.distrust(ourselves.hostname, address, port, ourselves.hostname, means)
        return Heard(heard.host, address, port, heard.greeting, heard.name, heard.offers, heard.certificate, why)

    heard = await limited(look(), means.conversation)
    return Unknown(f"{host_name} port {port}: {heard.why}") if isinstance(heard, Unknown) else heard


async def _relay(system: MailSystem, ourselves: Ourselves, domains: Sequence[str], means: Means) -> Fact[RelayProbe]:
    where = await in_thread(system.listening, means.system)
    if isinstance(where, Unknown):
        return where
    host_name, port = where

    async def look() -> RelayProbe:
        address = (await means.lookup.host(host_name)).addresses[0]
        return await smtp.relays(address, port, ourselves.hostname, domains)

    return await limited(look(), means.conversation)
