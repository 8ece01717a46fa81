"""Where mail of a spool may be redirected: not back to ourselves, and nowhere that nobody knows the way to."""

from collections.abc import Collection
from typing import Final

from mxtui.errors import UsageError
from mxtui.model.next_hop import SMTP_PORT, NextHop
from mxtui.model.redirect import Redirect
from mxtui.model.service import Service

NAMED: Final = 3
"""Domains named in a hint."""

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

_EVERYWHERE: Final = frozenset({"0.0.0.0", "[::]"})  # noqa: S104 (read, not bound)


def vet(where: Redirect, relayed: Collection[str], hostname: str, service: Service | None) -> None:
    """`relayed`: domains that have a primary; `service`: the `serve` that runs. Raises UsageError."""
    if where.host is not None and _is_us(where.host, hostname, service):
        raise UsageError(f"{where.host} is this backup itself", "Mail would go round in circles: name another host.")
    if where.address and where.host is None and where.domain not in relayed:
        known = ", ".join(sorted(relayed)[:NAMED]) or "no domain at all"
        raise UsageError(
            f"nobody knows where mail for {where.domain} goes: it is not relayed here",
            f"Name a host for it as well, or an address in {known}{' …' if len(relayed) > NAMED else ''}.",
        )


def _is_us(hop: NextHop, hostname: str, service: Service | None) -> bool:
    """By name, and by where `serve` says that it listens. Another server on this host has another port."""
    listening = [each.rpartition(":") for each in service.listening] if service is not None else []
    hosts = {host for host, _, port in listening if port == str(hop.port)}
    named = hop.host.lower()
    if named == hostname.lower():
        return bool(hosts) or hop.port == SMTP_PORT
    return (f"[{named}]" if ":" in named else named) in hosts or (named in _LOOPBACK and bool(hosts & _EVERYWHERE))
