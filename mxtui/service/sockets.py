"""Listening sockets: those that systemd passed, or our own."""

import errno
import os
import socket
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from typing import Any

from mxtui.config.readers import Listen
from mxtui.errors import ConfigError, NotPermitted, Unreachable

BACKLOG = 512
"""Connections that the kernel keeps for us while the loop is busy; a burst of clients is not refused."""


def adopt(descriptors: Iterable[int]) -> list[socket.socket]:
    """Inherited sockets, checked: stream sockets for TCP that listen.

    Raises:
        ConfigError: one is something else.
    """
    with ExitStack() as undo:
        adopted: list[socket.socket] = []
        for descriptor in descriptors:
            try:
                os.set_inheritable(descriptor, False)
                taken = socket.socket(fileno=descriptor)
            except OSError as error:
                raise ConfigError(
                    f"descriptor {descriptor} from systemd is no socket: {error.strerror}", _SOCKET_UNIT
                ) from None
            undo.callback(taken.close)
            listens = taken.family in (socket.AF_INET, socket.AF_INET6) and taken.type == socket.SOCK_STREAM
            if not listens or not taken.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                raise ConfigError(f"descriptor {descriptor} from systemd does not listen for TCP", _SOCKET_UNIT)
            taken.setblocking(False)
            adopted.append(taken)
        undo.pop_all()
        return adopted


_SOCKET_UNIT = "The socket unit needs ListenStream= with an address and a port, and Accept=no."


def bind(listens: Sequence[Listen]) -> list[socket.socket]:
    """Listening sockets, one for each address of each host. All or none.

    Raises:
        NotPermitted: a port below 1024 without the right to it.
        Unreachable: taken, or no address of this host.
    """
    with ExitStack() as undo:
        bound: list[socket.socket] = []
        for listen in listens:
            for family, address in _addresses(listen):
                made = _listening(family, address, listen)
                undo.callback(made.close)
                bound.append(made)
        undo.pop_all()
        return bound


def _addresses(listen: Listen) -> list[tuple[socket.AddressFamily, Any]]:
    if not listen.host:
        every = (socket.AF_INET, ("0.0.0.0", listen.port))  # noqa: S104 (asked for by `*`)
        return [every, (socket.AF_INET6, ("::", listen.port))] if _has_ipv6() else [every]
    try:
        found = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise Unreachable(f"cannot listen on {listen}: {error.strerror}", "Name an address of this host.") from None
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as trial:
            trial.bind(("::1", 0))
    except OSError:
        return False
    return True


def _listening(family: socket.AddressFamily, address: Any, listen: Listen) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(BACKLOG)
        made.setblocking(False)
    except OSError as error:
        made.close()
        if error.errno in (errno.EACCES, errno.EPERM):
            raise NotPermitted(
                f"cannot listen on {listen}: {error.strerror}",
                "Ports below 1024 need root, CAP_NET_BIND_SERVICE, or a socket unit of systemd.",
            ) from None
        hint = (
            "Something listens there already." if error.errno == errno.EADDRINUSE else "Name an address of this host."
        )
        raise Unreachable(f"cannot listen on {listen}: {error.strerror}", hint) from None
    return made
