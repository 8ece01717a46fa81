"""Macros in SPF records: pure. Source: RFC 7208 section 7."""

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

LONGEST: Final = 253
"""Characters of a name; of a longer one the labels at the left are left out (7.3)."""

_MACRO: Final = re.compile(
    r"%(?:\{(?P<letter>[a-z])(?P<digits>\d{0,3})(?P<reverse>r?)(?P<delimiters>[-.+,/_=]*)\}|(?P<sign>.?))", re.I
)

_SIGNS: Final = {"%": "%", "_": " ", "-": "%20"}


def letters(sender_domain: str, domain: str, address: str, helo: str) -> Mapping[str, str]:
    """What letters stand for where nobody knows who sends: all but those of the local part."""
    host = ipaddress.ip_address(address)
    dotted = address if host.version == 4 else ".".join(host.exploded.replace(":", ""))
    version = "in-addr" if host.version == 4 else "ip6"
    # Whoever checks may take the name of an address for unknown (7.3), and most do.
    return {"o": sender_domain, "d": domain, "i": dotted, "v": version, "h": helo, "p": "unknown"}


def expanded(text: str, known: Mapping[str, str]) -> str:
    """A name with its macros replaced. Raises ValueError: one is no macro, or hangs on who sends.

    >>> expanded("%{ir}.%{v}._spf.%{d2}", letters("example.com", "email.example.com", "192.0.2.3", "h"))
    '3.2.0.192.in-addr._spf.example.com'
    """

    def one(found: re.Match[str]) -> str:
        if found["letter"] is None:
            if found["sign"] not in _SIGNS:
                raise ValueError(f"{found[0]} is not a macro")
            return _SIGNS[found["sign"]]
        letter = found["letter"]
        if letter.lower() in "sl":
            raise ValueError(f"{found[0]} hangs on each sender")
        if letter.lower() not in known or found["digits"].strip("0") == "" != found["digits"]:
            raise ValueError(f"{found[0]} is not a macro")
        parts = re.split(f"[{re.escape(found['delimiters'] or '.')}]", known[letter.lower()])
        if found["reverse"]:
            parts.reverse()
        value = ".".join(parts[-int(found["digits"] or 0) :])
        return quote(value, safe="") if letter.isupper() else value

    name = _MACRO.sub(one, text)
    while len(name) > LONGEST and "." in name:
        name = name.partition(".")[2]
    return name
