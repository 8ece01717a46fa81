"""TLS as a mail server's neighbour sees it: whether it works, and what the certificate says. Trust is a detail here:
between mail servers TLS is opportunistic (RFC 7435), and delivery does not depend on it.
"""

import ssl
import time
from functools import lru_cache
from typing import Any

from mxtui.certificates import read_certificate
from mxtui.model.words import some


@lru_cache(maxsize=2)
def context(*, verify: bool) -> ssl.SSLContext:
    """A client context; made once, for reading the system's certificates takes 20 ms."""
    made = ssl.create_default_context()
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    return made


def describe(secured: ssl.SSLObject, distrust: str = "") -> str:
    """Version, and the certificate's names, issuer and expiry; these can be told only of one that was verified.

    They are the server's own words, so hostile.
    """
    version = secured.version() or "TLS"
    if distrust:
        at = expiry(secured)
        expired = (
            f", expired {time.strftime('%Y-%m-%d', time.gmtime(at))}" if at is not None and at < time.time() else ""
        )
        return f"{version}, {not_verified(distrust)}{expired}"
    certificate: Any = secured.getpeercert() or {}
    names = [value for kind, value in certificate.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    issuer = _first(certificate.get("issuer", ()), "organizationName", "commonName")
    return (
        f"{version}, certificate for {some(names)}, issued by {issuer}, expires {certificate.get('notAfter', 'never')}"
    )


def expiry(secured: ssl.SSLObject) -> float | None:
    """When the server's certificate expires, trusted or not; None where it cannot be read."""
    try:
        return read_certificate(secured.getpeercert(binary_form=True) or b"").not_after
    except ValueError:
        return None


def not_verified(distrust: str) -> str:
    """The words for a certificate that could not be verified."""
    return f"certificate not verified: {distrust}"


def _first(name: Any, *keys: str) -> str:
    values = {key: value for part in name for key, value in part}
    return next((values[key] for key in keys if key in values), "nobody")
