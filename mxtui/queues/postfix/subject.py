"""The Subject of a message, found by walking its header records."""

import re
import sys
from collections.abc import Iterable

from mxtui.queues.postfix import records
from mxtui.queues.postfix.records import Record

_RAW = 2000
"""Bytes of an encoded subject that are looked at: more cannot show in 200 characters, and an attacker writes them."""

HEADER_BYTES = 256 * 1024
"""How far a header is searched; Postfix's own header_size_limit is 100 kB for one field."""

_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")


def raw_subject(content: Iterable[Record]) -> bytes | None:
    """The first Subject field's value, unfolded but not decoded; None when the header has none."""
    parts: list[bytes] = []
    found = continued = False
    for record in content:
        data = record.data
        if found:
            if not (continued or data[:1] in (b" ", b"\t")) or sum(map(len, parts)) > _RAW:
                break
            parts.append(data)
        elif not continued:
            if is_subject(data):
                found = True
                parts.append(data[data.index(b":") + 1 :])
            elif not data or not (data[0] in b" \t" or is_field(data)):
                return None  # the header is over
        continued = record.type == records.CHUNK
    return b"".join(parts) if found else None


def is_subject(line: bytes) -> bool:
    """Whether a header line begins the Subject field.

    >>> is_subject(b"SUBJECT: x"), is_subject(b"Subject : x"), is_subject(b"Subjects: x")
    (True, True, False)
    """
    return line[:7].lower() == b"subject" and line[7:].lstrip(b" \t")[:1] == b":"


def is_field(text: bytes, start: int = 0, end: int = sys.maxsize) -> bool:
    """Whether a header field begins at `start` of `text`."""
    return _FIELD.match(text, start, end) is not None
