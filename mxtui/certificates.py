"""When a certificate in a PEM file expires: the one field of it that mxtui reads.

The standard library loads certificates without telling what is in them, and a whole library for X.509 is not worth one
date. Source: RFC 5280 section 4.1 (TBSCertificate), X.690 (DER).
"""

import ssl
from calendar import timegm
from pathlib import Path
from typing import Final

LIMIT: Final = 1 << 20
"""Bytes; a chain takes a few thousand."""

_SEQUENCE: Final = 0x30
_VERSION: Final = 0xA0
_UTC_TIME: Final = 0x17
_GENERALIZED_TIME: Final = 0x18

_END: Final = "-----END CERTIFICATE-----"


def expiry_of(path: Path) -> float:
    """When the first certificate of a file expires, seconds since the epoch. Raises OSError, ValueError."""
    with path.open("rb") as file:
        text = file.read(LIMIT).decode("ascii", "replace")
    start = text.find("-----BEGIN CERTIFICATE-----")
    end = text.find(_END, start)
    if start < 0 or end < 0:
        raise ValueError("no certificate in it")
    return expiry(ssl.PEM_cert_to_DER_cert(text[start : end + len(_END)]))


def expiry(der: bytes) -> float:
    """When a certificate expires. Raises ValueError."""
    certificate = _inside(der, _SEQUENCE)
    fields = _inside(certificate, _SEQUENCE)
    if fields[:1] == bytes([_VERSION]):
        fields = _after(fields)
    for _ in ("serialNumber", "signature", "issuer"):
        fields = _after(fields)
    after = _after(_inside(fields, _SEQUENCE))
    tag, start, end = _element(after)
    text = after[start:end].decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif tag != _GENERALIZED_TIME:
        raise ValueError("no time where its validity ends")
    if len(text) != 15 or text[-1] != "Z":
        raise ValueError("a time in no form that RFC 5280 allows")
    numbers = [int(text[:4]), *(int(text[at : at + 2]) for at in range(4, 14, 2))]
    return float(timegm((*numbers, 0, 0, 0)))


def _element(data: bytes) -> tuple[int, int, int]:
    """Tag, start and end of the content of the first element."""
    if len(data) < 2:
        raise ValueError("cut short")
    tag, length, start = data[0], data[1], 2
    if length & 0x80:
        count = length & 0x7F
        start += count
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data):
        raise ValueError("cut short")
    return tag, start, start + length


def _inside(data: bytes, wanted: int) -> bytes:
    tag, start, end = _element(data)
    if tag != wanted:
        raise ValueError("not a certificate")
    return data[start:end]


def _after(data: bytes) -> bytes:
    return data[_element(data)[2] :]
