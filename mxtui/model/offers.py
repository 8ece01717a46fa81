"""What a mail server says that it can do (EHLO, RFC 5321 4.1.1.1): a backup must promise no more than its primary."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MOST = 64
"""Extensions of one server that are kept; real ones have up to 25."""

_KEYWORD = re.compile(r"[A-Z0-9][A-Z0-9-]{0,31}")
_SIZE = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Offers:
    """One server's extensions."""

    extensions: frozenset[str] = frozenset()
    """Keywords in upper case, without parameters: `8BITMIME`, `SMTPUTF8`, `XCLIENT`."""
    size: int = 0
    """Bytes of a message (RFC 1870); 0 where no limit was said."""


def read_offers(lines: Iterable[str]) -> Offers:
    """From the lines of an EHLO reply after the first; what is no keyword is passed over, for a stranger writes it.

    >>> read_offers(["size 10240000", "8BITMIME", "\\x1b[2J"])
    Offers(extensions=frozenset({'8BITMIME', 'SIZE'}), size=10240000)
    """
    extensions: set[str] = set()
    size = 0
    for line in lines:
        keyword, _, parameters = line.strip().upper().partition(" ")
        if _KEYWORD.fullmatch(keyword) and len(extensions) < MOST:
            extensions.add(keyword)
            if keyword == "SIZE" and _SIZE.fullmatch(parameters.strip()):
                size = int(parameters)
    return Offers(frozenset(extensions), size)


def least(offers: Iterable[Offers]) -> Offers | None:
    """What all of several servers offer, with the smallest limit; None of no server."""
    known = list(offers)
    if not known:
        return None
    limits = [each.size for each in known if each.size]
    return Offers(frozenset.intersection(*(each.extensions for each in known)), min(limits, default=0))
