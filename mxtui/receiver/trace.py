"""What a relay adds to a message and reads from its header: the Received field, loops, and the subject."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime

from mxtui.message.encoded_words import decode_subject
from mxtui.model.envelope import Client

HEADER_LIMIT = 256 * 1024
"""Bytes of a header that are looked at; the index of Postfix queues searches as far."""

_RAW_SUBJECT = 2000

_RECEIVED = re.compile(rb"^received[ \t]*:((?:.*\n[ \t])*.*)", re.IGNORECASE | re.MULTILINE)
_SUBJECT = re.compile(rb"^subject[ \t]*:((?:.{0,1000}\n[ \t]){0,20}.{0,1000})", re.IGNORECASE | re.MULTILINE)
_UNSAFE_NAME = re.compile(r"[^A-Za-z0-9._:\[\]-]")


def received_field(hostname: str, client: Client, *, id: str, now: float, recipient: str) -> bytes:  # noqa: A002
    """The field of RFC 5321 4.4, folded, with LF ends.

    `recipient` is named only where it is the only one (7.6: blind copies); what the client says of itself is reduced to
    what a name can hold.
    """
    address = f"IPv6:{client.address}" if ":" in client.address else client.address
    tls = f"\n\t(using {client.tls})" if client.tls else ""
    wanted = f"\n\tfor <{recipient}>" if recipient else ""
    date = format_datetime(datetime.fromtimestamp(int(now), UTC))
    return (
        f"Received: from {safe_name(client.helo)} ({safe_name(client.name)} [{address}]){tls}\n"
        f"\tby {hostname} (mxtui) with {client.protocol} id {id}{wanted};\n"
        f"\t{date}\n"
    ).encode()


def safe_name(name: str) -> str:
    """A name that the client or its DNS chose, in characters of names and address literals; `unknown` for none.

    >>> safe_name("mail.example.org (spoofed by evil)")
    'mail.example.org??spoofed?by?evil?'
    """
    return _UNSAFE_NAME.sub("?", name[:255]) or "unknown"


def is_loop(head: bytes, hostname: str, *, received: int, own: int) -> bool:
    """Whether a message has been through too many hosts, or through this one too often (RFC 5321 6.3)."""
    fields = _RECEIVED.findall(head)
    if len(fields) > received:
        return True
    if len(fields) <= own:
        return False
    by_us = re.compile(rb"\sby\s+" + re.escape(hostname.encode()) + rb"[\s;(]", re.IGNORECASE)
    return sum(by_us.search(field) is not None for field in fields) > own


def subject_of(head: bytes) -> str:
    """Decoded and sanitised, on one line; empty where there is none."""
    found = _SUBJECT.search(head)
    return decode_subject(found[1][:_RAW_SUBJECT]) if found else ""
