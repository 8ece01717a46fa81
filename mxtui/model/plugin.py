"""What a monitoring plugin says: ranges, one line, performance data.

Source: Monitoring Plugins Development Guidelines, "Plugin Output for Nagios", "Threshold and Ranges".
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from mxtui.model.units import parse_duration


class Status(IntEnum):
    """Exit status of a plugin."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


INFINITY: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Range:
    """`10`, `10:`, `~:10`, `10:20`, `@10:20`: an alert outside of it, or with `@` inside."""

    low: float = 0.0
    high: float = INFINITY
    inside: bool = False

    def alerts(self, value: float) -> bool:
        """Whether a value is one to alert on."""
        return (self.low <= value <= self.high) is self.inside

    def __str__(self) -> str:
        low = "~" if self.low == -INFINITY else _number(self.low)
        high = "" if self.high == INFINITY else _number(self.high)
        body = high if low == "0" and high else f"{low}:{high}"
        return f"@{body}" if self.inside else body


_RANGE: Final = re.compile(r"(@?)(?:(~|[^:@~]*)(:))?([^:@~]*)")


def parse_range(text: str, read: Callable[[str], float], *, least: bool = False) -> Range:
    """A range, its ends read by `read`. `least`: a bare value is the least that is well, and not the most.

    Raises ValueError.

    >>> str(parse_range("10", float)), str(parse_range("10:", float)), str(parse_range("@~:20", float))
    ('10', '10:', '@~:20')
    >>> str(parse_range("12", float, least=True))
    '12:'
    """
    found = _RANGE.fullmatch(text.strip())
    if found is None or not (found[2] or found[4]):
        raise ValueError(f"{text!r} is no range")
    inside = bool(found[1])
    if not found[3] and least and not inside:
        return Range(read(found[4]))
    low = -INFINITY if found[2] == "~" else read(found[2]) if found[2] else 0.0
    high = read(found[4]) if found[4] else INFINITY
    if low > high:
        raise ValueError(f"{text!r} ends before it begins")
    return Range(low, high, inside)


def number(text: str) -> float:
    """A number of messages. Raises ValueError."""
    if not re.fullmatch(r"-?\d{1,15}(?:\.\d{1,6})?", text):
        raise ValueError(f"{text!r} is no number")
    return float(text)


def seconds(text: str) -> float:
    """A duration: `2h`, `90m`, or seconds. Raises ValueError."""
    return number(text) if text.lstrip("-").replace(".", "", 1).isdecimal() else float(parse_duration(text))


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a check."""

    label: str
    value: float | None
    """None: it cannot be determined now (`U`)."""
    unit: str = ""
    """`s` or nothing."""
    warning: Range | None = None
    critical: Range | None = None
    least: float | None = 0.0

    @property
    def status(self) -> Status:
        """By its ranges."""
        if self.value is None:
            return Status.OK
        if self.critical is not None and self.critical.alerts(self.value):
            return Status.CRITICAL
        if self.warning is not None and self.warning.alerts(self.value):
            return Status.WARNING
        return Status.OK

    def __str__(self) -> str:
        value = "U" if self.value is None else f"{_number(self.value)}{self.unit}"
        parts = [value, *("" if each is None else str(each) for each in (self.warning, self.critical))]
        parts.append("" if self.least is None else _number(self.least))
        return f"{self.label}={';'.join(parts).rstrip(';')}"


def plugin_line(status: Status, text: str, figures: Sequence[Figure]) -> str:
    """The one line. The text may quote anybody: what would end it or begin the figures is taken out."""
    said = re.sub(r"[|\x00-\x1f]+", " ", text).strip()
    data = " ".join(str(figure) for figure in figures)
    return f"MXTUI {status.name} - {said}" + (f" | {data}" if data else "")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else f"{value:.3f}".rstrip("0")
