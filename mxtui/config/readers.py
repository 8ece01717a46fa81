"""TOML values to settings. Each raises ValueError saying what it expected, to follow the word `expected`."""

from pathlib import Path

from mxtui.model.next_hop import NextHop, parse_next_hop
from mxtui.model.units import DURATION_EXAMPLES, SIZE_EXAMPLES, parse_duration, parse_size


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


def count(value: object) -> int:
    """A whole number from 1 to 1,000."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1000:
        raise ValueError("a whole number from 1 to 1000")
    return value


def percent(value: object) -> float:
    """A number from 0 to 100, kept as such."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise ValueError("a number from 0 to 100 (percent)")
    return float(value)


def seconds(value: object) -> float:
    """A duration of at least a second; a bare number would leave its unit to guessing."""
    try:
        duration = parse_duration(text(value))
    except ValueError:
        duration = 0
    if duration < 1:
        raise ValueError(f'a duration in quotes, such as "{DURATION_EXAMPLES}"'.replace(", ", '", "'))
    return float(duration)


def size(value: object) -> int:
    """A size in bytes."""
    try:
        return parse_size(text(value))
    except ValueError:
        raise ValueError(f'a size in quotes, such as "{SIZE_EXAMPLES}"'.replace(", ", '", "')) from None


def path(value: object) -> Path:
    """An absolute path; `~` is the home directory."""
    try:
        expanded = Path(text(value)).expanduser()
    except RuntimeError:
        raise ValueError("a path whose home directory exists") from None
    if not expanded.is_absolute() or "\0" in str(expanded):
        raise ValueError("an absolute path in quotes")
    return expanded


def server(value: object) -> NextHop:
    """A primary: `host`, `host:port` or `[address]:port`. A host named here is the host: no MX is looked up."""
    try:
        return parse_next_hop(text(value))._replace(lookup_mx=False)
    except ValueError:
        raise ValueError('a server in quotes, such as "mx1.example.org" or "[192.0.2.1]:2525"') from None
