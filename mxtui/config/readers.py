"""TOML values to settings. Each raises ValueError saying what it expected, to follow the word `expected`."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from mxtui.model.drain.rate import EXAMPLES as RATES
from mxtui.model.drain.rate import UNLIMITED, Rate, parse_rate
from mxtui.model.next_hop import NextHop, parse_host, parse_next_hop
from mxtui.model.units import DURATION_EXAMPLES, SIZE_EXAMPLES, format_size, parse_duration, parse_size


def text(value: object) -> str:
    """A text in quotes."""
    if not isinstance(value, str):
        raise ValueError("a text in quotes")
    return value


def flag(value: object) -> bool:
    """`true` or `false`."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def whole(lowest: int, highest: int) -> Callable[[object], int]:
    """A whole number within bounds."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
            raise ValueError(f"a whole number from {lowest} to {highest}")
        return value

    return read


count = whole(1, 1000)
"""A whole number from 1 to 1,000."""


def choice(*words: str) -> Callable[[object], str]:
    """One of some words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in words:
            raise ValueError(" or ".join(f'"{word}"' for word in words))
        return value

    return read


def percent(value: object) -> float:
    """A number from 0 to 100, kept as such."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise ValueError("a number from 0 to 100 (percent)")
    return float(value)


def points(value: object) -> float:
    """A score above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1000:
        raise ValueError("a number of points above 0, up to 1000")
    return float(value)


LONGEST = 3650 * 86400
"""Seconds of a duration; times much further on fit neither a calendar nor an envelope."""


def seconds(value: object) -> float:
    """A duration from a second to ten years; a bare number would leave its unit to guessing."""
    try:
        duration = parse_duration(text(value))
    except ValueError:
        duration = 0
    if not 1 <= duration <= LONGEST:
        raise ValueError(f"a duration in quotes from 1s to {LONGEST // 86400}d, such as {_quoted(DURATION_EXAMPLES)}")
    return float(duration)


def seconds_to(most: int) -> Callable[[object], float]:
    """As `seconds`, and no more than so many."""

    def read(value: object) -> float:
        try:
            duration = seconds(value)
        except ValueError:
            duration = 0.0
        if not 1 <= duration <= most:
            raise ValueError(f"a duration in quotes from 1s to {most}s")
        return duration

    return read


def pause(value: object) -> float:
    """As `seconds`, or none at all."""
    return 0.0 if value in ("0", "0s") else seconds(value)


def size(value: object) -> int:
    """A size in bytes."""
    return size_from(0)(value)


def size_from(smallest: int) -> Callable[[object], int]:
    """A size in bytes, and not less."""
    least = f" from {format_size(smallest)}" if smallest else ""

    def read(value: object) -> int:
        try:
            found = parse_size(text(value))
        except ValueError:
            found = -1
        if found < smallest:
            raise ValueError(f"a size in quotes{least}, such as {_quoted(SIZE_EXAMPLES)}")
        return found

    return read


def rate(value: object) -> Rate:
    """How fast a drain may go; empty is as fast as it can."""
    try:
        written = text(value)
        return parse_rate(written) if written else UNLIMITED
    except ValueError:
        raise ValueError(f"messages or bytes a second, or both, in quotes, such as {RATES}") from None


def _quoted(examples: str) -> str:
    """As they are written in TOML.

    >>> _quoted("30s, 10m or 5d")
    '"30s", "10m" or "5d"'
    """
    return re.sub(r"\b(?!or\b)\w+", r'"\g<0>"', examples)


def path(value: object) -> Path:
    """An absolute path; `~` is the home directory."""
    try:
        expanded = Path(text(value)).expanduser()
    except RuntimeError:
        raise ValueError("a path whose home directory exists") from None
    if not expanded.is_absolute() or "\0" in str(expanded):
        raise ValueError("an absolute path in quotes")
    return expanded


_ADDRESS = re.compile(r"[!-;=?-~]{1,64}@[A-Za-z0-9.-]{1,253}")


def address(value: object) -> str:
    """A plain address: what goes into an SMTP command as it is."""
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        raise ValueError('an address in quotes, such as "postmaster@example.org"')
    return value


def argv(value: object) -> tuple[str, ...]:
    """A command as a list: a program by its whole path, and its arguments. No shell reads it."""
    if (
        not isinstance(value, list)
        or not value
        or not all(isinstance(word, str) and word and "\0" not in word for word in value)
        or not value[0].startswith("/")
    ):
        raise ValueError('a list of texts, first the program by its whole path, such as ["/usr/local/bin/page", "-q"]')
    return tuple(value)


def server(value: object) -> NextHop:
    """A primary: `host`, `host:port` or `[address]:port`. A host named here is the host: no MX is looked up."""
    try:
        return parse_host(text(value))
    except ValueError:
        raise ValueError('a server in quotes, such as "mx1.example.org" or "[192.0.2.1]:2525"') from None


class Scanning(NamedTuple):
    """Where a scanner listens: a TCP port, or the path of a UNIX socket."""

    host: str
    port: int
    path: str = ""


def scanner(port: int) -> Callable[[object], Scanning]:
    """`host`, `host:port`, `http://host:port`, or the path of a socket; `port` is the usual one."""

    def read(value: object) -> Scanning:
        written = text(value)
        if written.startswith("/"):
            return Scanning("", 0, str(path(written)))
        plain = written.removeprefix("http://").rstrip("/")
        try:
            hop = parse_host(plain)
        except ValueError:
            raise ValueError(f'a scanner in quotes, such as "127.0.0.1:{port}", or the path of its socket') from None
        bare = (plain.startswith("[") and plain.endswith("]")) or ":" not in plain
        return Scanning(hop.host, port if bare else hop.port)

    return read


def weight(value: object) -> float:
    """A factor from 0 to 10."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 10:
        raise ValueError("a factor from 0 to 10")
    return float(value)


def names(value: object) -> tuple[str, ...]:
    """A list of host names, in lower case."""
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise ValueError('a list of names in quotes, such as ["mx1.example.org"]')
    return tuple(each.lower().rstrip(".") for each in value)


class Listen(NamedTuple):
    """Where to listen."""

    host: str
    """A name or an address; empty is every address of this host, IPv4 and IPv6."""
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host or "*"
        return f"{host}:{self.port}"


def nameservers(value: object) -> tuple[NextHop, ...]:
    """A list of DNS servers: `address`, `address:port` or `[address]:port`."""
    values = value if isinstance(value, list) else [value]
    try:
        found = tuple(parse_next_hop(text(each), 53)._replace(lookup_mx=False) for each in values)
        for each in found:
            ip_address(each.host)
    except ValueError:
        raise ValueError('a list of addresses, such as ["192.0.2.53", "[2001:db8::53]:5353"]') from None
    return found


_DOMAIN = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")


def domains(value: object) -> tuple[str, ...]:
    """A list of domains, in lower case."""
    found = tuple(str(each).lower() for each in (value if isinstance(value, list) else [value]))
    if not all(_DOMAIN.fullmatch(each) for each in found):
        raise ValueError('a list of domains, such as ["example.com"]')
    return found


_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.%\w]{2,60})\]|([A-Za-z0-9._-]{1,255}|\*)):([0-9]{1,5})")


def listen(value: object) -> Listen:
    """`host:port`, `[address]:port`, or `*:port` for every address. Port 0 takes a free one."""
    found = _LISTEN.fullmatch(text(value)) if isinstance(value, str) else None
    if found is None or int(found[3]) > 65535:
        raise ValueError('an address and a port, such as "*:25" or "127.0.0.1:2525" or "[::1]:25"')
    host = found[1] or found[2]
    return Listen("" if host == "*" else host, int(found[3]))


def listens(value: object) -> tuple[Listen, ...]:
    """A list of at least one of them; one alone needs no list."""
    values = value if isinstance(value, list) else [value]
    if not values:
        raise ValueError('a list of addresses and ports, such as ["*:25"]')
    return tuple(listen(each) for each in values)


def recipients(value: object) -> str | Path:
    """`callout`, `any`, or the path of a file."""
    if value in ("callout", "any"):
        return str(value)
    try:
        return path(value)
    except ValueError:
        raise ValueError('"callout", "any", or the absolute path of a file with an address a line') from None
