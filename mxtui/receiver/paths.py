"""Addresses as MAIL and RCPT name them (RFC 5321 4.1.2, RFC 6531 3.3), strictly: attackers write them.

An address that passes holds no control character, no line end and no unquoted space, so it can go into another SMTP
command as it is. Stricter than many: no address without angle brackets. More lenient than the RFC in three points, for
the primary would take such mail: dots anywhere in a local part (`a..b@`, known from mobile phones), underscores in a
domain, and paths of up to 512 bytes (senders with VERP).
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from unicodedata import category

LONGEST_PATH = 512
LONGEST_DOMAIN = 255
LONGEST_LABEL = 63

_WIDE = "\u0080-\U0010ffff"
_DOT_STRING = rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~.{_WIDE}-]+"
_QUOTED = rf'"(?:[ !#-\[\]-~{_WIDE}]|\\[ -~])*"'
_NAME = rf"[A-Za-z0-9_.{_WIDE}-]+"
_LITERAL = r"\[[0-9A-Za-z.:]+\]"
_ROUTE = rf"(?:@{_NAME}(?:,@{_NAME})*:)?"
_PATH = re.compile(rf"<{_ROUTE}(?P<local>{_DOT_STRING}|{_QUOTED})@(?P<domain>{_NAME}|{_LITERAL})>")
_POSTMASTER = re.compile(r"<postmaster>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Path:
    """One address."""

    address: str
    """As the client wrote it, less a source route (RFC 5321 4.1.1.3: ignored); empty for the null sender."""
    domain: str
    """In lower case, as A-labels; empty for the null sender and for `<postmaster>`."""

    @property
    def key(self) -> str:
        """By which addresses are compared: in lower case, as most every server does with local parts too."""
        return f"{self.address.rpartition('@')[0].lower()}@{self.domain}"


NULL = Path("", "")


def reverse_path(text: str) -> tuple[Path, str]:
    """MAIL's path, and what follows it. Raises ValueError."""
    if text.startswith("<>"):
        return NULL, text[2:]
    return _path(text)


def forward_path(text: str) -> tuple[Path, str]:
    """RCPT's path, and what follows it; `<postmaster>` has no domain. Raises ValueError."""
    if found := _POSTMASTER.match(text):
        return Path("postmaster", ""), text[found.end() :]
    return _path(text)


def parse_address(text: str) -> Path:
    """An address alone, as in a list. Raises ValueError."""
    path, rest = _path(f"<{text}>")
    if rest:
        raise ValueError(f"not an address: {text}")
    return path


def canonical_domain(text: str) -> str:
    """A domain in lower case, as A-labels. Raises ValueError (as UnicodeError too).

    >>> canonical_domain("Bücher.Example")
    'xn--bcher-kva.example'
    """
    domain = text.lower() if text.isascii() else text.encode("idna").decode("ascii").lower()
    if len(domain) > LONGEST_DOMAIN:
        raise ValueError("a domain that is too long")
    for label in domain.split("."):
        if not 0 < len(label) <= LONGEST_LABEL or label[0] == "-" or label[-1] == "-":
            raise ValueError("not a domain")
    return domain


def _path(text: str) -> tuple[Path, str]:
    found = _PATH.match(text)
    if found is None or found.end() > LONGEST_PATH:
        raise ValueError("not a path")
    local, domain = found["local"], found["domain"]
    address = f"{local}@{domain}"
    if not address.isascii() and (len(address.encode()) > LONGEST_PATH or any(map(_is_control, address))):
        raise ValueError("not a path")
    return Path(address, _literal(domain) if domain.startswith("[") else canonical_domain(domain)), text[found.end() :]


def _literal(domain: str) -> str:
    inside = domain[1:-1]
    if inside[:5].lower() == "ipv6:":
        IPv6Address(inside[5:])
    else:
        IPv4Address(inside)
    return domain.lower()


def _is_control(character: str) -> bool:
    """C1 controls, and line and paragraph separators: RFC 6531 lets them be, but a terminal or a log does not."""
    return not character.isascii() and category(character) in ("Cc", "Zl", "Zp", "Cs")
