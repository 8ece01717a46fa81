"""Header blocks, split without ever copying more of a field than is kept.

The standard library's header parser took minutes and all memory over one megabyte of encoded words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mxtui.message.encoded_words import decode_words, unfold
from mxtui.message.limits import Budget, amount
from mxtui.message.sanitize import one_line

# RFC 5322 section 2.2, with the white space before the colon that section 4.5 still allows. Possessive throughout:
# a value of continuation lines only is passed in one go and never tried again.
_FIELD = re.compile(rb"([!-9;-~]{1,200}+)[ \t]*+:((?:[^\n]*+\n[ \t])*+[^\n]*+)\n?")
_EMPTY_LINE = re.compile(rb"\n\r?\n")

_NAME_LENGTH = 100


class Field(NamedTuple):
    """One header field as stored."""

    name: str
    """As written."""
    raw: bytes
    """The value, folded as stored, cut to the limit."""
    size: int
    """Bytes of the whole value."""


@dataclass(frozen=True, slots=True)
class Header:
    """One header field, fit for a screen."""

    name: str
    value: str
    """Decoded, on one line, sanitised."""
    raw: bytes
    """As stored, cut to `Limits.value_bytes`; hostile."""
    size: int
    """Bytes of the whole value as stored."""


def split(raw: bytes, start: int, end: int, budget: Budget) -> tuple[list[Field], int]:
    """The fields of the header block at `raw[start:end]`, and where the body begins.

    A line that is no field ends the block and belongs to the body, as for Postfix's cleanup(8).
    """
    limits = budget.limits
    fields: list[Field] = []
    position = start
    while position < end:
        if raw.startswith((b"\n", b"\r\n"), position, end):
            return fields, raw.index(b"\n", position) + 1
        match = _FIELD.match(raw, position, end)
        if match is None:
            return fields, position
        if len(fields) == limits.headers or position - start > limits.header_block_bytes:
            budget.note(f"{len(fields)} headers of one part are listed; {amount(end - position)} follow")
            empty = _EMPTY_LINE.search(raw, position - 1, end)
            return fields, end if empty is None else empty.end()
        value_start, value_end = match.span(2)
        value = raw[value_start : min(value_end, value_start + limits.value_bytes)]
        fields.append(Field(match[1].decode("ascii"), value, value_end - value_start))
        position = match.end()
    return fields, end


def show(fields: Sequence[Field], budget: Budget) -> tuple[Header, ...]:
    """Fields decoded and sanitised, in their order: those that are wanted (`Limits.only`)."""
    headers = []
    only = budget.limits.only
    for field in fields:
        if only is not None and field.name.lower() not in only:
            continue
        text = decode_words(unfold(field.raw)).strip()
        name = one_line(field.name, _NAME_LENGTH)
        cut = field.size - len(field.raw)
        if cut > 0:
            budget.note(f"{name}: … {cut:,} bytes more")
        headers.append(Header(name, one_line(text, budget.limits.value_bytes), field.raw, field.size))
    return tuple(headers)
