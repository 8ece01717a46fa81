"""The second road to a queue: the showq(8) service's socket, for root, the postfix user and members of postdrop.

One list per message, its recipients in it: `name\\0value\\0 … \\0`. An empty name ends a list, an empty list ends the
stream; since 3.6 it begins with a list that says hello. Source: Postfix, src/showq/showq.c, src/util/attr_scan0.c.
"""

import socket
from collections.abc import Iterator

from mxtui.errors import NotPermitted, Unreachable
from mxtui.model.message import QueuedMessage
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.listed import listed_message

SOCKET = "public/showq"

TIMEOUT = 30.0
"""Seconds of silence after which showq is taken for dead; on a busy host it takes a few to start."""

LONGEST = 1024 * 1024
"""Bytes of one string: a thousand times the longest address or reason."""

MOST = 1_000_000
"""Attributes of one message that are kept, two to four for a recipient."""

_CHUNK = 65536


def list_queue(layout: Layout) -> Iterator[QueuedMessage]:
    """Every message, as showq finds it. Raises Unreachable (Postfix is stopped, a broken answer) and NotPermitted."""
    path = layout.queue_directory / SOCKET
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT)
        try:
            connection.connect(str(path))
        except PermissionError as error:
            raise NotPermitted(
                f"{path} may not be used", "It is for root and members of the postdrop group."
            ) from error
        except OSError as error:
            hint = f"Is Postfix running? postfix -c {layout.config_directory} status"
            raise Unreachable(f"showq does not answer at {path}: {error.strerror}", hint) from error
        yield from parse(_chunks(connection), layout.lifetimes)


def parse(chunks: Iterator[bytes], lifetimes: tuple[float, float]) -> Iterator[QueuedMessage]:
    """The messages in showq's answer. Raises Unreachable where it is broken off or makes no sense."""
    strings = _strings(chunks)
    attributes = list(_list(strings))
    if attributes and attributes[0][0] == "protocol":
        attributes = list(_list(strings))
    while attributes:
        try:
            message = _message(attributes, lifetimes)
        except (KeyError, ValueError) as error:
            raise Unreachable(
                f"showq's answer makes no sense: {error!r}", "Is this a Postfix of 3.5 or later?"
            ) from error
        if message is not None:
            yield message
        attributes = list(_list(strings))


def _message(attributes: list[tuple[str, str]], lifetimes: tuple[float, float]) -> QueuedMessage | None:
    first = next((place for place, (name, _) in enumerate(attributes) if name in _RECIPIENT), len(attributes))
    fields = dict(attributes[:first])
    return listed_message(
        fields["queue_name"],
        fields["queue_id"],
        float(fields["time"]),
        int(fields["size"]),
        fields.get("forced_expire", "0") != "0",
        fields["sender"],
        _recipients(attributes[first:]),
        lifetimes,
    )


_RECIPIENT = frozenset({"recipient", "original_recipient"})
"""What a recipient begins with; the second since 3.11."""


def _recipients(attributes: list[tuple[str, str]]) -> Iterator[tuple[str, str | None]]:
    address: str | None = None
    for name, value in attributes:
        if name == "recipient":
            address = value
        elif name == "reason" and address is not None:  # always there, and empty where there is none
            yield address, value or None


def _list(strings: Iterator[bytes]) -> Iterator[tuple[str, str]]:
    """The attributes of one list."""
    for count, name in enumerate(strings):
        if not name:
            return
        value = next(strings, None)
        if value is None:
            break
        if count < MOST:
            yield name.decode("ascii", "replace"), value.decode("utf-8", "replace")
    raise Unreachable("showq broke off", "Postfix was stopped, or it has trouble of its own: see the mail log.")


def _strings(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        pieces = (rest + chunk).split(b"\0")
        rest = pieces.pop()
        if len(rest) > LONGEST:
            raise Unreachable("showq's answer makes no sense: a string without end")
        yield from pieces


def _chunks(connection: socket.socket) -> Iterator[bytes]:
    try:
        while chunk := connection.recv(_CHUNK):
            yield chunk
    except OSError as error:
        raise Unreachable(f"showq stopped answering: {error}", "See the mail log.") from error
