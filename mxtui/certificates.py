"""A certificate that need not be trusted to be read: who it is for, until when, and its public key.

Python tells nothing of a certificate that it could not verify, and most mail servers have such ones. Of DER (X.690)
and X.509 (RFC 5280 4.1) this reads as much as it needs; a stranger writes the bytes, so every length is checked.
"""

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

LARGEST: Final = 64 * 1024
"""Bytes; real ones have 2 kB."""

MOST_NAMES: Final = 100

PEM_LIMIT: Final = 1 << 20
"""Bytes of a file; a chain takes a few thousand."""

_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_EXTENSIONS: Final = 0xA3
_OCTETS: Final = 0x04
_DNS_NAME: Final = 0x82
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18
_SUBJECT_ALT_NAME: Final = b"\x06\x03\x55\x1d\x11"


@dataclass(frozen=True, slots=True)
class Certificate:
    """What it says. Times are epoch seconds."""

    der: bytes
    not_before: float
    not_after: float
    names: tuple[str, ...]
    """Host names (subjectAltName), lower case; hostile."""
    public_key: bytes
    """SubjectPublicKeyInfo, DER."""


def read_certificate(der: bytes) -> Certificate:
    """Raises ValueError: not a certificate."""
    if len(der) > LARGEST:
        raise ValueError("a certificate of more than 64 kB")
    try:
        tag, outer, _, end = _element(der, 0)
        if tag != _SEQUENCE or end != len(der):
            raise ValueError("not a certificate")
        fields = list(_elements(_only(outer, _SEQUENCE)))
        if fields and fields[0][0] == _VERSION:
            fields = fields[1:]
        # serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo, then optional ones
        _, _, _, validity, _, key, *more = fields
        before, after = [_time(kind, content) for kind, content, _ in _elements(validity[1])]
        extensions = next((content for kind, content, _ in more if kind == _EXTENSIONS), b"")
        return Certificate(der, before, after, tuple(_names(extensions))[:MOST_NAMES], key[2])
    except (ValueError, IndexError, OverflowError) as error:
        raise ValueError(f"not a certificate: {error}" if str(error) else "not a certificate") from None


def expiry_of(path: Path) -> float:
    """When the first certificate of a PEM file expires, seconds since the epoch. Raises OSError, ValueError."""
    with path.open("rb") as file:
        text = file.read(PEM_LIMIT).decode("ascii", "replace")
    start = text.find(_BEGIN)
    end = text.find(_END, start)
    if start < 0 or end < 0:
        raise ValueError("no certificate in it")
    return read_certificate(ssl.PEM_cert_to_DER_cert(text[start : end + len(_END)])).not_after


def _element(data: bytes, at: int) -> tuple[int, bytes, bytes, int]:
    """Tag, content, the whole, and where it ends."""
    start, tag, length = at, data[at], data[at + 1]
    at += 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4 or at + count > len(data):
            raise ValueError("a length that cannot be")
        length = int.from_bytes(data[at : at + count])
        at += count
    if at + length > len(data):
        raise ValueError("cut short")
    return tag, data[at : at + length], data[start : at + length], at + length


def _elements(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    at = 0
    while at < len(data):
        tag, content, whole, at = _element(data, at)
        yield tag, content, whole


def _only(data: bytes, tag: int) -> bytes:
    found, content, _, _ = _element(data, 0)
    if found != tag:
        raise ValueError("not the expected part")
    return content


def _time(kind: int, content: bytes) -> float:
    """UTCTime has two digits of the year, 1950 to 2049 (RFC 5280 4.1.2.5)."""
    text = content.decode("ascii")
    if kind == _UTC_TIME:
        text = ("20" if text[:2] < "50" else "19") + text
    elif kind != _GENERALIZED_TIME:
        raise ValueError("not a time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _names(extensions: bytes) -> Iterator[str]:
    if not extensions:
        return
    for tag, extension, _ in _elements(_only(extensions, _SEQUENCE)):
        if tag == _SEQUENCE and extension.startswith(_SUBJECT_ALT_NAME):
            octets = next((content for kind, content, _ in _elements(extension) if kind == _OCTETS), b"")
            for kind, name, _ in _elements(_only(octets, _SEQUENCE)):
                if kind == _DNS_NAME:
                    yield name.decode("ascii", "backslashreplace").lower()
