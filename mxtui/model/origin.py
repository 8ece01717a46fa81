"""Where mail comes from, without what tells one message, or one customer of a provider, from another."""

import re
from functools import lru_cache
from ipaddress import IPv6Address

_TAIL = re.compile(r"(?:[+=#].*|[-._]?[0-9a-f]{8,}|[-._]?\d+)$", re.IGNORECASE)

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4 = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")


@lru_cache(maxsize=8192)
def sender_shape(sender: str) -> str:
    """An envelope sender without what tells one message, or one subscriber, from another (VERP).

    >>> sender_shape("bounces+8841-anna=example.org@list.example"), sender_shape("Info@Shop.example")
    ('bounces@list.example', 'info@shop.example')
    """
    local, at, domain = sender.lower().rpartition("@")
    if not at:
        return sender.lower()
    shorter = _TAIL.sub("", local)
    return f"{shorter or '#'}@{domain}"


@lru_cache(maxsize=8192)
def network(address: str | None) -> str:
    """The neighbourhood of a client: its /24, or its /64 (RFC 4291: one customer's). Empty where it tells nothing.

    >>> network("198.51.100.7"), network("2001:db8:0:1::7"), network("127.0.0.1"), network("unknown")
    ('198.51.100', '2001:db8:0:1', '', '')
    >>> network("2001:db8::%eth0")
    '2001:db8:0:0'
    """
    address = address or ""
    if _IPV4.fullmatch(address) is None:  # a tenth of what `ip_address` costs, and most clients'
        return _of_ipv6(address)
    if address.startswith(("127.", "169.254.")) or address == "0.0.0.0":  # noqa: S104 (nothing listens)
        return ""
    return address.rpartition(".")[0]


def _of_ipv6(address: str) -> str:
    try:
        found = IPv6Address(address)
    except ValueError:
        return ""
    if found.is_loopback or found.is_link_local or found.is_unspecified:
        return ""
    groups = found.packed[:8]  # Python 3.11 cannot explode an address with a zone, which a client may have
    return ":".join(f"{groups[at] << 8 | groups[at + 1]:x}" for at in range(0, 8, 2))
