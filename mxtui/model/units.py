"""Durations and sizes as operators write them: `90s 10m 2h 1h30m 5d 1w`, `512 10k 1.5M 1G`. Whole seconds and bytes."""

import re
from datetime import datetime, time, timedelta

DURATION_EXAMPLES = "30s, 10m, 2h or 5d"
MOMENT_EXAMPLES = "18:30 or 2026-11-28T07:00"
SIZE_EXAMPLES = "500, 10k, 1M or 1G"

_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_BYTES = {"T": 1 << 40, "G": 1 << 30, "M": 1 << 20, "k": 1 << 10, "": 1}

# Digits are bounded so that every value fits SQLite's 64-bit integers.
_PART = re.compile(r"([0-9]{1,10})([smhdw])")
_DURATION = re.compile(r"(?:[0-9]{1,10}[smhdw]){1,5}")
_CLOCK = re.compile(r"[0-2][0-9]:[0-5][0-9]")
_SIZE = re.compile(r"([0-9]{1,15})(\.[0-9]{1,6})?([kKMGT]?)")


def parse_duration(text: str) -> int:
    """Seconds. A bare number is refused: nobody can know whether 5 was meant as seconds or days.

    >>> parse_duration("1h30m")
    5400

    Raises:
        ValueError: not a duration.
    """
    if not _DURATION.fullmatch(text):
        raise ValueError(f"not a duration: {text}")
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def parse_moment(text: str, now: float) -> float:
    """A moment to come, in local time, as seconds since the epoch: `18:30` (today, or tomorrow), `2026-11-28T07:00`.

    Raises:
        ValueError: not a moment, or one that is past.
    """
    here = datetime.fromtimestamp(now).astimezone()
    if _CLOCK.fullmatch(text):
        moment = datetime.combine(here.date(), time.fromisoformat(text)).astimezone()
        if moment <= here:
            moment = datetime.combine(here.date() + timedelta(days=1), time.fromisoformat(text)).astimezone()
    else:
        try:
            moment = datetime.fromisoformat(text).astimezone()
        except ValueError:
            raise ValueError(f"not a moment: {text}") from None
    if moment <= here:
        raise ValueError(f"past already: {text}")
    return moment.timestamp()


def parse_size(text: str) -> int:
    """Bytes; k, M, G and T are powers of 1024.

    >>> parse_size("1.5M")
    1572864

    Raises:
        ValueError: not a size, or one beyond 8 EiB.
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"not a size: {text}")
    whole, fraction, unit = found.groups(default="")
    factor = _BYTES[unit if unit != "K" else "k"]
    size = int(whole) * factor + int(float(fraction or 0) * factor)
    if size >= 1 << 63:
        raise ValueError(f"not a size: {text} is too large")
    return size


def format_duration(seconds: int) -> str:
    """The shortest single-unit spelling that means exactly this many seconds; `parse_duration` reads it back.

    >>> format_duration(7200)
    '2h'
    """
    return _exact(seconds, _SECONDS, "s")


def format_size(size: int) -> str:
    """The shortest spelling that means exactly this many bytes; `parse_size` reads it back.

    >>> format_size(1048576)
    '1M'
    """
    return _exact(size, _BYTES, "")


def _exact(value: int, units: dict[str, int], smallest: str) -> str:
    if value:
        for unit, factor in units.items():
            if value % factor == 0:
                return f"{value // factor}{unit}"
    return f"0{smallest}"
