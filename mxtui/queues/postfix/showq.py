"""The second road to a queue: the showq(8) service's socket, for root, the postfix user and members of postdrop.

`name\\0value\\0 … \\0`: an empty name ends a list, an empty list ends the stream; since 3.6 it begins with a list that
says hello. Source: Postfix, src/showq/showq.c, src/util/attr_scan0.c.
"""

import socket
from collections.abc import Iterator

from mxtui.errors import NotPermitted, Unreachable
from mxtui.model.message import QueuedMessage
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.listed import listed_message

SOCKET = "public/showq"

HELLO = "mail_queue_list_protocol"

TIMEOUT = 30.0
"""Seconds of silence after which showq is taken for dead; on a busy host it takes a few to start."""

LONGEST = 1024 * 1024
"""Bytes of one string: a thousand times the longest address or reason."""

MOST = 1_000_000
"""Recipients of one message that are kept."""

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
    first = True
    while True:
        fields = _list(strings)
        if first and fields.get("protocol") == HELLO:
            fields = _list(strings)
        first = False
        if not fields:
            return
        try:
            message = listed_message(
                fields["queue_name"],
                fields["queue_id"],
                float(fields["time"]),
                int(fields["size"]),
                fields.get("forced_expire", "0") != "0",
                fields["sender"],
                _recipients(strings),
                lifetimes,
            )
        except (KeyError, ValueError) as error:
            raise Unreachable(
                f"showq's answer makes no sense: {error!r}", "Is this a Postfix of 3.5 or later?"
            ) from error
        if message is not None:
            yield message


def _recipients(strings: Iterator[bytes]) -> Iterator[tuple[str, str | None]]:
    count = 0
    while fields := _list(strings):
        count += 1
        if count <= MOST:
            yield fields["recipient"], fields.get("reason") or None


def _list(strings: Iterator[bytes]) -> dict[str, str]:
    """One list of attributes; empty at the end of the lists."""
    fields: dict[str, str] = {}
    for name in strings:
        if not name:
            return fields
        value = next(strings, None)
        if value is None:
            break
        if len(fields) < 32:
            fields[name.decode("ascii", "replace")] = value.decode("utf-8", "replace")
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
