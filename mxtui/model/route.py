"""Where the mail of a domain goes when all is well, before any name is looked up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from mxtui.model.health import Primary
from mxtui.model.next_hop import NextHop


class Routed(NamedTuple):
    """How one domain is routed: to a primary, or nowhere that could be checked."""

    primary: Primary | None
    why: str = ""
    """Why there is no primary, in plain words; may quote settings and replies, so hostile."""


@dataclass(frozen=True, slots=True)
class Ourselves:
    """How this host is known: an MX that is us is no primary, nor is any that is worse than us (RFC 5321 5.1)."""

    hostname: str
    """As the mail system calls itself; our EHLO says so too."""
    names: frozenset[str] = frozenset()
    """Lower case, without a final dot."""
    addresses: frozenset[str] = frozenset()
    """Beyond those of our interfaces: outside addresses of a NAT or proxy in front of us."""

    def named(self, host: str) -> bool:
        """Whether a host name is one of ours."""
        return host.lower().rstrip(".") in self.names | {self.hostname.lower()}


class Router(Protocol):
    """Whoever knows the routes: our configuration, or a mail system. Blocks; called from threads."""

    def ourselves(self) -> Ourselves:
        """How this host is known, so that it is never its own primary. Raises nothing: a guess is better than none."""
        ...

    def route(self, domains: Sequence[str]) -> Mapping[str, Routed]:
        """Each domain's route, all asked for at once. Raises Unreachable, NotPermitted."""
        ...


def by_next_hop(hop: NextHop) -> Routed:
    """A route as the mail system told it: a bare domain means that MX records decide."""
    return Routed(Primary(hop.host, hop.port, "mx" if hop.lookup_mx else "transport", hop.lookup_mx))
