"""Names of clients, by their addresses: for Received fields, logs and XCLIENT, so that the primary's filters judge
the real client by its name, too.

A PTR record is whatever the owner of the address likes, so a name counts only if it has that address (RFC 8601 2.7.3).
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from mxtui.receiver.trace import safe_name

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

PATIENCE: Final = 2.0
"""Seconds that all questions about one client may take, from its connecting on."""

KEPT: Final = 3600.0
KEPT_UNKNOWN: Final = 300.0
"""Seconds that an answer, or having none, is remembered."""

MOST: Final = 10_000
"""Addresses remembered; the oldest go first."""

AT_ONCE: Final = 100
"""Look-ups side by side; clients past that have no name this time."""

CANDIDATES: Final = 3
"""Names of one address that are confirmed; some have hundreds."""


class Names:
    """Looks up while the client says its greetings; nobody waits for longer than `patience`."""

    def __init__(
        self,
        resolver: "Callable[[], Resolver] | None" = None,
        *,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make_resolver = resolver or _system_resolver
        self._patience = patience
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()
        """By address: until when, and the name or nothing."""
        self._looking: dict[str, asyncio.Task[str]] = {}

    def begin(self, address: str) -> None:
        """Somebody connects; returns at once. Our own host is asked nobody about."""
        known = self._known.get(address)
        if (known is not None and self._clock() < known[0]) or address in self._looking:
            return
        if len(self._looking) < AT_ONCE and not _is_local(address):
            task = self._looking[address] = asyncio.create_task(self._look_up(address))
            task.add_done_callback(lambda _: self._looking.pop(address, None))

    async def name(self, address: str) -> str:
        """The confirmed name; empty where there is none, or none was found in time."""
        looking = self._looking.get(address)
        if looking is not None:
            # Shielded: other sessions of the same client wait for it, too.
            return await asyncio.shield(looking)
        return self._known.get(address, (0.0, ""))[1]

    async def close(self) -> None:
        """Ask nothing more."""
        looking = list(self._looking.values())
        for task in looking:
            task.cancel()
        await asyncio.gather(*looking, return_exceptions=True)

    async def _look_up(self, address: str) -> str:
        import dns.exception

        name = ""
        try:
            async with asyncio.timeout(self._patience):
                name = await self._confirmed(address)
        except (TimeoutError, dns.exception.DNSException, ValueError, OSError):
            pass  # no name, which is what nine of ten spammers have
        self._known.pop(address, None)
        self._known[address] = (self._clock() + (KEPT if name else KEPT_UNKNOWN), name)
        if len(self._known) > MOST:
            self._known.popitem(last=False)
        return name

    async def _confirmed(self, address: str) -> str:
        import dns.resolver

        resolver = self._make_resolver()
        kind = "AAAA" if ":" in address else "A"
        wanted = ip_address(address)
        answer = await resolver.resolve_address(address, lifetime=self._patience)
        for record in list(answer)[:CANDIDATES]:
            target = record.target
            name: str = target.to_text(omit_final_dot=True).lower()
            if safe_name(name) != name:
                continue
            try:
                addresses = await resolver.resolve(target, kind, lifetime=self._patience)
            except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
                continue
            if any(ip_address(found.address) == wanted for found in addresses):
                return name
        return ""


def _is_local(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return True  # a socket without addresses


def _system_resolver() -> "Resolver":
    from dns.asyncresolver import Resolver

    return Resolver()
