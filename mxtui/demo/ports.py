"""Ports on loopback for servers of demonstrations and tests."""

import random
import socket
from typing import Final

PORTS = range(20_000, 30_000)
"""Below those that Linux gives to outgoing connections (32768 to 60999, ip(7)): a server that is down for a while, or
not up yet, would lose one of those to any client of anything."""

TRIES: Final = 100

_given: set[int] = set()

_CHANCE: Final = random.SystemRandom()
"""Not the shared generator: tests that seed it, side by side, would all be led to the same port."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on just now. Raises OSError when none is found.

    No process gets one twice: whoever has it may be down for a while, and want it again.
    """
    for _ in range(TRIES):
        port = _CHANCE.choice(PORTS)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise OSError(f"no free port on 127.0.0.1 in {TRIES} tries")
