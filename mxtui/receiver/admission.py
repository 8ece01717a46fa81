"""Who may connect, by the number of those who are: in all, and from one client."""

from collections import Counter
from ipaddress import IPv6Address, ip_address

from mxtui.receiver import replies
from mxtui.receiver.settings import Limits


class Admission:
    """Counts connections."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._clients: Counter[str] = Counter()
        self.open = 0

    def enter(self, client: str) -> str:
        """Count one in; or why not, as a reply, and it is not counted."""
        if self.open >= self._limits.connections:
            return replies.TOO_MANY_CONNECTIONS
        if self._clients[client] >= self._limits.connections_per_client:
            return replies.TOO_MANY_FROM_YOU
        self._clients[client] += 1
        self.open += 1
        return ""

    def leave(self, client: str) -> None:
        """Count one out that was counted in."""
        self.open -= 1
        self._clients[client] -= 1
        if not self._clients[client]:
            del self._clients[client]


def plain_address(peer: object) -> str:
    """The address of a socket's peer: IPv4 as such even on a socket for both; without an IPv6 zone."""
    host = str(peer[0]).partition("%")[0] if isinstance(peer, tuple) and peer else ""
    return host.removeprefix("::ffff:") if "." in host else host or "unknown"


def client_of(address: str) -> str:
    """One client for limits: an IPv4 address, or an IPv6 /64, which is what one host has for itself.

    >>> client_of("192.0.2.1"), client_of("2001:db8:0:1:aa::25")
    ('192.0.2.1', '2001:db8:0:1::/64')
    """
    if ":" not in address:
        return address
    found = ip_address(address)
    assert isinstance(found, IPv6Address)
    return f"{IPv6Address(int(found) >> 64 << 64)}/64"
