"""Content-Transfer-Encoding (RFC 2045 section 6), decoded as far as it goes: nothing here refuses its input."""

import binascii
import string
from collections.abc import Iterator

_ALPHABET = (string.ascii_letters + string.digits + "+/").encode()
_NOT_BASE64 = bytes(set(range(256)) - set(_ALPHABET))

_PIECE = 1 << 20
"""Stored bytes decoded at a time: memory stays bounded, whatever a part's size."""


def base64(data: bytes) -> bytes:
    """Decode, passing over everything outside the alphabet; an incomplete last group gives what it holds."""
    letters = data.translate(None, _NOT_BASE64)
    spare = len(letters) % 4
    # One letter left over holds six bits, less than a byte.
    letters = letters[:-1] if spare == 1 else letters + b"=" * (-spare % 4)
    return binascii.a2b_base64(letters)


def quoted_printable(data: bytes, *, header: bool = False) -> bytes:
    """Decode; a `=` that introduces nothing stays. With `header`, `_` is a space (RFC 2047 section 4.2)."""
    return binascii.a2b_qp(data, header=header)


def decode(data: bytes, encoding: str) -> bytes:
    """Decode a body by the name of its encoding; an unknown one leaves it as it is."""
    if encoding == "base64":
        return base64(data)
    if encoding == "quoted-printable":
        return quoted_printable(data)
    return data


def pieces(raw: bytes, start: int, end: int, encoding: str) -> Iterator[bytes]:
    """`raw[start:end]` decoded exactly as `decode` does, a megabyte of it at a time."""
    left = b""
    while start < end:
        stop = min(end, start + _PIECE)
        stored = left + raw[start:stop]
        if encoding == "base64":
            stored = stored.translate(None, _NOT_BASE64)
            whole = len(stored) if stop == end else len(stored) // 4 * 4
        elif encoding == "quoted-printable" and stop < end:
            # No escape and no white space before a line end is torn apart behind a line end, or else before a `=`.
            whole = stored.rfind(b"\n") + 1 or max(stored.rfind(b"=", -2), 0) or len(stored)
        else:
            whole = len(stored)
        yield decode(stored[:whole], encoding)
        left = stored[whole:]
        start = stop


def decoded_size(raw: bytes, start: int, end: int, encoding: str) -> int:
    """About how many bytes `raw[start:end]` decodes to, by counting alone: 10 MB cost 10 ms and no memory."""
    size = end - start
    if encoding == "base64":
        breaks = sum(raw.count(octet, start, end) for octet in (b"\n", b"\r", b" ", b"="))
        return (size - breaks) * 3 // 4
    if encoding == "quoted-printable":
        # Both `=3D` and a soft line break stand for two bytes less than they take.
        return max(0, size - 2 * raw.count(b"=", start, end))
    return size
