"""TLSA records (RFC 6698) as senders with DANE apply them to a mail server (RFC 7672)."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from mxtui.certificates import Certificate, read_certificate

DANE_TA: Final = 2
DANE_EE: Final = 3

_DIGESTS: Final[Mapping[int, Callable[[bytes], bytes]]] = {
    0: lambda data: data,
    1: lambda data: hashlib.sha256(data).digest(),
    2: lambda data: hashlib.sha512(data).digest(),
}


class Tlsa(NamedTuple):
    """One record."""

    usage: int
    selector: int
    """0 the whole certificate, 1 its public key."""
    matching: int
    """0 as it is, 1 SHA-256, 2 SHA-512."""
    data: bytes

    @property
    def usable(self) -> bool:
        """Whether SMTP senders look at it: usages 0 and 1 are not for mail servers (RFC 7672 3.1.3)."""
        return self.usage in (DANE_TA, DANE_EE) and self.selector in (0, 1) and self.matching in _DIGESTS


def matches(record: Tlsa, leaf: Certificate, chain: Sequence[bytes]) -> bool:
    """Whether a record vouches for a server's certificate; `chain` is DER, as far as it is known."""
    if not record.usable:
        return False
    if record.usage == DANE_EE:
        return _same(record, leaf)
    for der in chain[1:]:
        try:
            if _same(record, read_certificate(der)):
                return True
        except ValueError:
            continue
    return False


def record_for(leaf: Certificate) -> str:
    """The data of the record that RFC 7672 3.1.1 recommends for a certificate: `3 1 1 …`."""
    return f"3 1 1 {hashlib.sha256(leaf.public_key).hexdigest()}"


def _same(record: Tlsa, certificate: Certificate) -> bool:
    selected = certificate.der if record.selector == 0 else certificate.public_key
    return _DIGESTS[record.matching](selected) == record.data
