"""Names to servers by DNS, as an SMTP client does (RFC 5321 5.1, RFC 7505), less ourselves."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from mxtui.model.route import Ourselves
from mxtui.primary.words import NoSuchNameError, UnresolvedError

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver
    from dns.resolver import Answer

MAX_EXCHANGERS = 10
MAX_ADDRESSES = 5
"""Tried per climb, as Postfix does (smtp_mx_address_limit)."""

LIFETIME = 8.0
"""Seconds that one question may take, over all name servers."""


class Server(NamedTuple):
    """A host to connect to."""

    host: str
    preference: int
    """0 where no MX record decided."""
    addresses: tuple[str, ...]


def is_own_address(address: str) -> bool:
    """Whether an interface of this host has the address: only then can a socket be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as bound:
            bound.bind((address, 0))
    except OSError:
        return False
    return True


class Lookup:
    """Asks DNS. Nothing is kept between questions: whoever asks wants to know how it is now."""

    def __init__(
        self,
        resolver: "Callable[[], Resolver] | None" = None,
        *,
        own_address: Callable[[str], bool] = is_own_address,
        lifetime: float = LIFETIME,
    ) -> None:
        self._make_resolver = resolver or _system_resolver
        self._own_address = own_address
        self._lifetime = lifetime

    async def host(self, host: str) -> Server:
        """A host's addresses, IPv4 first. Raises UnresolvedError."""
        return Server(host, 0, await self._addresses(host))

    async def exchangers(self, domain: str, ourselves: Ourselves) -> tuple[Server, ...]:
        """Where a domain's mail goes from here, best first: never us, nor what is no better than us.

        A domain without MX records is its own exchanger. Raises UnresolvedError when nothing remains.
        """
        records = await self._mx(domain)
        if records is None:
            return (await self.host(domain),)
        servers = await asyncio.gather(*(self._exchanger(host, preference) for preference, host in records))
        ours = min((s.preference for s in servers if self._is_us(s, ourselves)), default=None)
        left = [server for server in servers if ours is None or server.preference < ours]
        if not left:
            raise UnresolvedError(f"this host is the best MX of {domain} itself")
        reachable = tuple(server for server in left if server.addresses)
        if not reachable:
            raise UnresolvedError(f"no MX of {domain} has an address: {', '.join(server.host for server in left[:3])}")
        return reachable

    def _is_us(self, server: Server, ourselves: Ourselves) -> bool:
        return ourselves.named(server.host) or any(
            address in ourselves.addresses or self._own_address(address) for address in server.addresses
        )

    async def _exchanger(self, host: str, preference: int) -> Server:
        try:
            return Server(host, preference, await self._addresses(host))
        except UnresolvedError:
            return Server(host, preference, ())

    async def _mx(self, domain: str) -> list[tuple[int, str]] | None:
        """Preferences and hosts, best first; None where there is no MX record."""
        answer = await self.ask(domain, "MX")
        if answer is None:
            return None
        records = sorted((int(record.preference), _text(record.exchange)) for record in answer)
        if any(host in ("", ".") for _, host in records):
            raise UnresolvedError(f"{domain} takes no mail at all (null MX)")
        return records[:MAX_EXCHANGERS]

    async def _addresses(self, host: str) -> tuple[str, ...]:
        try:
            return (str(ipaddress.ip_address(host)),)
        except ValueError:
            pass
        if host.lower().rstrip(".") == "localhost":
            return ("127.0.0.1", "::1")
        found = await asyncio.gather(self.ask(host, "A"), self.ask(host, "AAAA"), return_exceptions=True)
        addresses = [str(record.address) for answer in _answers(found) for record in answer]
        if addresses:
            return tuple(addresses[:MAX_ADDRESSES])
        for problem in found:
            if isinstance(problem, BaseException):
                raise problem
        raise UnresolvedError(f"{host} has no address")

    async def ask(self, name: str, kind: str) -> "Answer | None":
        """The answer; None where the name exists without such a record. Raises NoSuchNameError, UnresolvedError."""
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            absolute = dns.name.from_text(name)
            return await self._make_resolver().resolve(absolute, kind, lifetime=self._lifetime)
        except dns.resolver.NoAnswer:
            return None
        except dns.resolver.NXDOMAIN:
            raise NoSuchNameError(f"{name} does not exist in DNS") from None
        except (dns.resolver.LifetimeTimeout, TimeoutError):
            raise UnresolvedError(f"DNS does not answer for {name}") from None
        except dns.resolver.NoNameservers:
            raise UnresolvedError(f"the DNS servers fail for {name}") from None
        except dns.resolver.NoResolverConfiguration:
            raise UnresolvedError("this host has no DNS servers configured (/etc/resolv.conf)") from None
        except (dns.exception.DNSException, UnicodeError, OSError) as error:
            raise UnresolvedError(f"DNS cannot be asked for {name}: {error or type(error).__name__}") from None


def _answers(found: "Iterable[Answer | BaseException | None]") -> "Iterable[Answer]":
    return (answer for answer in found if answer is not None and not isinstance(answer, BaseException))


def _text(name: object) -> str:
    return str(name).rstrip(".").lower()


def _system_resolver() -> "Resolver":
    from dns.asyncresolver import Resolver

    return Resolver()
