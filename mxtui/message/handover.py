"""Whether a message was handed in encrypted. Postfix notes it nowhere but in the Received field that it writes itself,
which has to be told from those that came with the message.
"""

import re
from collections.abc import Collection
from contextlib import suppress
from ipaddress import ip_address
from typing import Final, Literal, NamedTuple

from mxtui.message.inspect import Inspection
from mxtui.message.sanitize import one_line
from mxtui.model.envelope import Client

# By lines of the field as it was folded: a client has its say in the first alone (`EHLO x by us with ESMTPS id y`), and
# that one ends with its address.
_FROM: Final = re.compile(rb"\A[^\n]*\[(?:IPv6:)?([0-9A-Fa-f.:]{2,45})\]\)\n")
_BY: Final = re.compile(
    rb"^[ \t]+by ([^\s()]{1,255}) \([^()\n]{1,100}\) with (?:E|UTF8)?SMTP(S?)A? id ([0-9A-Za-z]{1,60})(?:[;\s]|\Z)",
    re.MULTILINE,
)
_USING: Final = re.compile(rb"^[ \t]+\(using ([^\s()]{1,40} with cipher [^\s()]{1,80})", re.MULTILINE)


class Encryption(NamedTuple):
    """Of the connection that a message came by."""

    tls: str | None
    """Protocol and cipher, or only `TLS`, sanitised; empty where there was none, None where that is not known."""
    source: Literal["record", "received", ""]
    """Who says so: the queue's own record, or the Received field of this host; empty where nobody does."""

    @property
    def words(self) -> str:
        """For a screen."""
        return "not known" if self.tls is None else self.tls or "not encrypted"

    @property
    def beside(self) -> str:
        """Where that was read, if it has to be said."""
        return "by our own Received header" if self.source == "received" else ""


def encryption(client: Client, seen: Inspection, own_names: Collection[str], queue_id: str) -> Encryption:
    """By the record, else by the topmost Received field, if that is this host's: by one of `own_names` (lower case),
    under this queue ID, from this client. After a filter, or once Postfix queued it anew, it is not.
    """
    if client.tls is not None:
        return Encryption(one_line(client.tls, 120), "record")
    received = seen.named("received")
    found = _ours(received[0].raw, client, own_names, queue_id) if received else None
    return Encryption(found, "" if found is None else "received")


def _ours(raw: bytes, client: Client, own_names: Collection[str], queue_id: str) -> str | None:
    start, by = _FROM.search(raw), _BY.search(raw)
    if start is None or by is None or by[3].decode("ascii") != queue_id:
        return None
    if by[1].decode("latin-1").lower() not in own_names or not _same(start[1].decode("ascii"), client.address):
        return None
    if not by[2]:
        return ""
    using = _USING.search(raw)
    return one_line(using[1].decode("latin-1"), 120) if using is not None else "TLS"


def _same(one: str, other: str) -> bool:
    with suppress(ValueError):
        return ip_address(one) == ip_address(other)
    return False
