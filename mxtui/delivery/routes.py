"""Which host each domain's mail goes to, and where that host is to be found now."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

from mxtui.delivery.connecting import Connected, TroubleError, connect
from mxtui.delivery.host import HostKey
from mxtui.delivery.policy import Policy
from mxtui.delivery.session import Session
from mxtui.errors import MxtuiError
from mxtui.message.sanitize import one_line
from mxtui.model.next_hop import SMTP_PORT, parse_next_hop
from mxtui.model.route import Ourselves, Routed, Router
from mxtui.primary.lookup import MAX_ADDRESSES, Lookup, Server
from mxtui.primary.words import UnresolvedError, explain

KNOWN_LONGEST: Final = 10_000
"""Addresses remembered as dead; more are forgotten together."""


async def routed(router: Router, domains: Collection[str]) -> Mapping[str, HostKey]:
    """Each domain's host; one that is none where there is no route, with the reason.

    A host in brackets, which somebody redirected mail to, is its own route.
    """
    keys = {domain: _named(domain) for domain in domains if domain.startswith("[")}
    wanted = [domain for domain in domains if domain not in keys]
    try:
        routes = await asyncio.to_thread(router.route, wanted) if wanted else {}
    except MxtuiError as error:
        return {**keys, **{domain: _nowhere(domain, error.message) for domain in wanted}}
    return {**keys, **{domain: host_of(domain, routes.get(domain)) for domain in wanted}}


def host_of(domain: str, route: Routed | None) -> HostKey:
    """The host that a route leads to; one that is none, with the reason, where it leads nowhere."""
    if route is None or route.primary is None:
        return _nowhere(domain, route.why if route is not None and route.why else "no route is known")
    return HostKey(route.primary.host.lower(), route.primary.port, route.primary.lookup_mx)


def _named(host: str) -> HostKey:
    try:
        hop = parse_next_hop(host)
    except ValueError as error:  # of an envelope that somebody edited
        return _nowhere(host, str(error))
    return HostKey(hop.host.lower(), hop.port, lookup_mx=False)


def _nowhere(domain: str, why: str) -> HostKey:
    return HostKey("", 0, lookup_mx=False, why=one_line(why), domain=domain)


class _Found(NamedTuple):
    servers: tuple[Server, ...]
    at: float


class Dialer:
    """Opens sessions: best exchanger first, each of its addresses in turn, never ourselves."""

    def __init__(self, ourselves: Ourselves, lookup: Lookup, policy: Policy) -> None:
        self._ourselves = ourselves
        self._lookup = lookup
        self._policy = policy
        self._found: dict[HostKey, _Found] = {}
        self._dead: dict[tuple[str, int], float] = {}

    async def open(self, key: HostKey) -> Session:
        """A session with the host. Raises TroubleError, of the first address that was tried."""
        now = asyncio.get_running_loop().time()
        servers = await self._servers(key, now)
        addresses = [(server, address) for server in servers for address in server.addresses]
        # An address that did not answer a moment ago comes last: it costs half a minute to learn that again.
        addresses.sort(key=lambda each: self._dead.get((each[1], key.port), 0.0) > now)
        first: TroubleError | None = None
        for server, address in addresses[:MAX_ADDRESSES]:
            try:
                connected = await self._connect(server, address, key.port)
            except TroubleError as error:
                self._remember(address, key.port, now)
                first = first or error
                continue
            self._dead.pop((address, key.port), None)
            peer = f"{server.host}[{address}]:{key.port}"
            return Session(connected, peer, self._ourselves.hostname, self._policy)
        raise first or TroubleError(f"{key} has no address", "4.4.4")

    async def _connect(self, server: Server, address: str, port: int) -> Connected:
        return await connect(address, port, host=server.host, hello=self._ourselves.hostname, policy=self._policy)

    async def _servers(self, key: HostKey, now: float) -> tuple[Server, ...]:
        if not key.host:
            raise TroubleError(key.why, "4.4.4")
        if not key.lookup_mx and key.port == SMTP_PORT and self._ourselves.named(key.host):
            raise TroubleError(f"mail loops back: {key.host} is this host", "4.4.6")
        found = self._found.get(key)
        if found is None or now - found.at > self._policy.reroute:
            try:
                if key.lookup_mx:
                    servers = await self._lookup.exchangers(key.host, self._ourselves)
                else:
                    servers = (await self._lookup.host(key.host),)
            except UnresolvedError as error:
                raise TroubleError(one_line(explain(error)), "4.4.3") from error
            found = self._found[key] = _Found(servers, now)
        return found.servers

    def _remember(self, address: str, port: int, now: float) -> None:
        if len(self._dead) >= KNOWN_LONGEST:
            self._dead.clear()
        self._dead[(address, port)] = now + self._policy.retry
