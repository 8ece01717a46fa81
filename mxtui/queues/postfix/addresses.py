"""Addresses as Postfix's own listings spell them: queue files hold them raw, postqueue and defer logs quote them.

Source: Postfix, src/global/quote_822_local.c.
"""

import re

_ATOMS = rb'[^\x00-\x20\x7f-\xff()<>@,;:\\".\[\]]+'
_plain = re.compile(rb"%b(?:\.%b)*(?:@[!-?A-~]*)?" % (_ATOMS, _ATOMS)).fullmatch
"""An ASCII address that needs no quotes: nearly all do not."""

_dotted = re.compile(r'[^\x00-\x20\x7f()<>@,;:\\".\[\]]+(?:\.[^\x00-\x20\x7f()<>@,;:\\".\[\]]+)*').fullmatch

_NEEDS_BACKSLASH = re.compile(r'(["\\\r])')


def decoded(raw: bytes) -> str:
    """An address from a queue file as text; what is not UTF-8 becomes U+FFFD.

    >>> decoded(b"info@example.org"), decoded(b'a b@example.org')
    ('info@example.org', '"a b"@example.org')
    """
    if _plain(raw):
        return raw.decode("ascii")
    address = raw.decode("utf-8", "replace")
    if not address:
        return address
    route, colon, mailbox = address.partition(":") if address[0] == "@" else ("", "", address)
    if route and not colon:
        route, mailbox = "", address
    local, at, domain = mailbox.rpartition("@")
    if not at:
        local, domain = domain, ""
    if not _dotted(local):
        local = _quoted(local)
    return f"{route}{colon}{local}{at}{domain}"


def _quoted(local: str) -> str:
    escaped = _NEEDS_BACKSLASH.sub(r"\\\1", local)
    return f'"{escaped}"'
