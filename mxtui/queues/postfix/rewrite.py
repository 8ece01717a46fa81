"""Postfix's address resolver, asked directly: the very answer that qmgr gets for a recipient.

One connection takes any number of requests, 0.2 ms each. Since 3.6 the server greets with `protocol=…` first.

Source: Postfix, src/global/resolve_clnt.c, resolve_clnt.h, attr_print0.c; verified on 3.7.11.
"""

import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from mxtui.errors import NotPermitted, Unreachable

TIMEOUT: Final = 5.0
"""Seconds for one reply; a reply takes 0.2 ms, and waits for a table that is a slow database."""

REPLY_LIMIT: Final = 16384

ERROR: Final = 1 << 2
FAIL: Final = 1 << 3


class Resolved(NamedTuple):
    """What a recipient resolves to."""

    transport: str
    """Name of a service in master.cf."""
    nexthop: str
    flags: int
    """`ERROR`: not an address. `FAIL`: a table could not be read."""


def resolve(queue_directory: Path, addresses: Sequence[str]) -> Iterator[Resolved]:
    """Each recipient's transport and next hop, in order.

    Raises NotPermitted (only root and postfix may connect), Unreachable (not running, or no sensible answer).
    """
    path = queue_directory / "private" / "rewrite"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT)
        try:
            connection.connect(str(path))
            replies = _Replies(connection)
            for address in addresses:
                connection.sendall(f"request\0resolve\0sender\0\0address\0{address}\0\0".encode())
                yield _resolved(replies.next_but_greeting())
        except PermissionError as error:
            raise NotPermitted(f"{path}: not permitted", "Only root and postfix may ask Postfix for routes.") from error
        except OSError as error:
            raise Unreachable(f"Postfix does not answer on {path}: {error}", "Is it running?") from error


class _Replies:
    """Attribute lists: `name\\0value\\0 … \\0`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""

    def next_but_greeting(self) -> list[bytes]:
        reply = self._next()
        return self._next() if reply[0] == b"protocol" else reply

    def _next(self) -> list[bytes]:
        fields: list[bytes] = []
        while True:
            field, found, rest = self._buffer.partition(b"\0")
            if found:
                self._buffer = rest
                # An empty name ends the list; an empty value does not.
                if not field and len(fields) % 2 == 0:
                    return fields or [b""]
                fields.append(field)
                continue
            if len(self._buffer) > REPLY_LIMIT:
                raise ConnectionError("the reply is too long")
            more = self._connection.recv(REPLY_LIMIT)
            if not more:
                raise ConnectionError("it closed the connection")
            self._buffer += more


def _resolved(fields: Sequence[bytes]) -> Resolved:
    names, values = fields[::2], [field.decode("utf-8", "replace") for field in fields[1::2]]
    if list(names) != [b"flags", b"transport", b"nexthop", b"recipient", b"flags"] or not values[4].isdecimal():
        raise ConnectionError("the reply makes no sense")
    return Resolved(values[1], values[2], int(values[4]))
