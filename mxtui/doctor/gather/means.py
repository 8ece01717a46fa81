"""How others are asked: all that a test, or a host with ways of its own, would have otherwise."""

import ipaddress
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mxtui.primary.lookup import Lookup, is_own_address

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver

DNS_SECONDS: Final = 4.0
"""Of one question, over all name servers."""


def is_public(address: str) -> bool:
    """Whether an address can be reached from everywhere (RFC 6890)."""
    return ipaddress.ip_address(address).is_global


def lookup_of(nameservers: Sequence[tuple[str, int]]) -> Lookup:
    """These servers, in turn; without any those of this host (/etc/resolv.conf)."""

    def resolver() -> "Resolver":
        from dns.asyncresolver import Resolver
        from dns.nameserver import Do53Nameserver

        made = Resolver(configure=not nameservers)
        if nameservers:
            made.nameservers = [Do53Nameserver(host, port) for host, port in nameservers]
        # Validating resolvers say so when they are asked to (RFC 6840 5.7): TLSA without DNSSEC is worth nothing.
        from dns.flags import AD, RD

        made.flags = AD | RD
        return made

    return Lookup(resolver, lifetime=DNS_SECONDS)


def verifying() -> ssl.SSLContext:
    """As a sender who follows MTA-STS would look at a certificate."""
    from mxtui.primary.tls import context

    return context(verify=True)


@dataclass(frozen=True, slots=True)
class Means:
    """Ways of asking. Times in seconds."""

    lookup: Lookup = field(default_factory=lambda: lookup_of(()))
    public: Callable[[str], bool] = is_public
    own: Callable[[str], bool] = is_own_address
    context: Callable[[], ssl.SSLContext] = verifying
    https_port: int = 443
    dns: float = 8.0
    """For one domain's records, or one name's."""
    conversation: float = 15.0
    """For one server: some greet strangers after six seconds."""
    system: float = 8.0
    """For what this host knows of itself."""
    setup: float = 30.0
    """For how it is set up: settings, tables, and the routes of all domains."""
    total: float = 120.0
    """After this no further domain is begun."""
    at_once: int = 20
    """Domains side by side."""
