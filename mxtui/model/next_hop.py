"""Next hops as Postfix writes them in transport(5), relayhost and its logs."""

import re
from typing import NamedTuple

SMTP_PORT = 25

_SERVICES = {"smtp": 25, "submission": 587, "submissions": 465, "smtps": 465, "lmtp": 24}

_BRACKETED = re.compile(r"\[(?P<host>[^\[\]\s]{1,255})\](?::(?P<port>[0-9a-z-]{1,20}))?")
_PLAIN = re.compile(r"(?P<host>[^\[\]:\s]{1,255})(?::(?P<port>[0-9a-z-]{1,20}))?")
_NAME = re.compile(r"[A-Za-z0-9_.-]+|[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?")


class NextHop(NamedTuple):
    """Where to connect, or whose MX records to follow."""

    host: str
    """A name or an address, without brackets."""
    port: int
    lookup_mx: bool
    """A bare domain: its MX records are to be followed."""

    def __str__(self) -> str:
        host = self.host if self.lookup_mx else f"[{self.host}]"
        return host if self.port == SMTP_PORT else f"{host}:{self.port}"


def parse_next_hop(text: str, default_port: int = SMTP_PORT) -> NextHop:
    """A next hop: `[host]`, `[host]:port`, `domain` or `domain:port`; brackets turn MX lookups off.

    >>> parse_next_hop("[mx1.example.org]:2525")
    NextHop(host='mx1.example.org', port=2525, lookup_mx=False)
    >>> parse_next_hop("example.org")
    NextHop(host='example.org', port=25, lookup_mx=True)

    Raises:
        ValueError: not a next hop.
    """
    found = _BRACKETED.fullmatch(text) or _PLAIN.fullmatch(text)
    if found is None:
        raise ValueError(f"not a host or a host and a port: {text}")
    # Postfix writes [ipv6:2001:db8::1] for an IPv6 address, as RFC 5321 4.1.3 does.
    host = re.sub(r"(?i)\Aipv6:", "", found["host"])
    if not _NAME.fullmatch(host):
        raise ValueError(f"not the name or address of a host: {host}")
    return NextHop(host, _port(found["port"], default_port), not text.startswith("["))


def parse_host(text: str) -> NextHop:
    """As `parse_next_hop`, of a host that somebody names: it is that very host, with or without brackets.

    >>> parse_host("mx1.example.org:2525")
    NextHop(host='mx1.example.org', port=2525, lookup_mx=False)

    Raises:
        ValueError: not a host.
    """
    return parse_next_hop(text)._replace(lookup_mx=False)


def _port(text: str | None, default: int) -> int:
    if text is None:
        return default
    port = _SERVICES.get(text) or (int(text) if text.isdecimal() and len(text) <= 5 else 0)
    if not 0 < port < 65536:
        raise ValueError(f"not a port: {text}")
    return port
