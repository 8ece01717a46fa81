"""Figures as operators read them, beside those in `model.words`: pure, and the same on every screen.

Times are seconds, sizes bytes, thousands of them.
"""

import math
from datetime import datetime

MINUTE, HOUR, DAY = 60, 3_600, 86_400

_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def count(number: int) -> str:
    """A whole number with thousands apart.

    >>> count(31207)
    '31,207'
    """
    return f"{number:,}"


def signed(number: int, minus: str = "−") -> str:
    """A change.

    >>> signed(180), signed(-1247), signed(0)
    ('+180', '−1,247', '0')
    """
    if number > 0:
        return f"+{number:,}"
    return f"{minus}{-number:,}" if number < 0 else "0"


def brief(seconds: float) -> str:
    """One unit, for columns of four.

    >>> brief(50), brief(840), brief(7_300), brief(200_000)
    ('50s', '14m', '2h', '2d')
    """
    whole = max(0, int(seconds))
    for unit, letter in ((DAY, "d"), (HOUR, "h"), (MINUTE, "m")):
        if whole >= unit:
            return f"{whole // unit}{letter}"
    return f"{whole}s"


def size(octets: int) -> str:
    """For columns.

    >>> size(38_400), size(1_430_000), size(212), size(9_800)
    ('38 k', '1.4 M', '1 k', '10 k')
    """
    for factor, unit in _UNITS:
        if octets >= factor * (0.9995 if unit != "k" else 1):
            scaled = octets / factor
            return f"{scaled:.1f} {unit}" if unit != "k" and scaled < 99.95 else f"{scaled:.0f} {unit}"
    return "1 k" if octets else "0"


def bytes_(octets: int) -> str:
    """For sentences.

    >>> bytes_(53_100_000), bytes_(412_000_000), bytes_(640)
    ('53.1 MB', '412 MB', '640 bytes')
    """
    for factor, unit in _UNITS:
        if octets >= factor:
            scaled = octets / factor
            return f"{scaled:.1f} {unit}B" if scaled < 99.95 else f"{scaled:.0f} {unit}B"
    return f"{octets} bytes"


def percent(share: float, decimals: int = 0) -> str:
    """A share of 1.

    >>> percent(0.61), percent(0.027, 1)
    ('61 %', '2.7 %')
    """
    return f"{100 * share:.{decimals}f} %"


def time_of_day(at: float) -> str:
    """Local, to the second."""
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S")


def milliseconds(value: float) -> str:
    """How long a reply took.

    >>> milliseconds(0.4), milliseconds(9.3), milliseconds(2340)
    ('<1 ms', '9 ms', '2.3 s')
    """
    if value < 0.95:
        return "<1 ms"
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def roughly(value: float) -> str:
    """The same to half a power of ten, for rows: a figure that another check moves a little says no more by it.

    >>> roughly(0.4), roughly(9.3), roughly(23), roughly(2340)
    ('<10 ms', '<10 ms', '30 ms', '3 s')
    """
    if value < 10:
        return "<10 ms"
    tens, half = divmod(round(2 * math.log10(value)), 2)
    steps = 10**tens * (3 if half else 1)
    return f"{steps} ms" if steps < 1000 else f"{steps // 1000} s"


def eta(low: float, high: float | None) -> str:
    """Time left as a range of seconds, for a single figure would promise too much; None is without an end.

    >>> eta(10, 20), eta(304, 456), eta(7_200, 10_800), eta(600, None)
    ('under a minute', '5–8 min', '2–3 h', 'over 10 min')
    """
    if high is not None and high < MINUTE:
        return "under a minute"
    unit, name = (MINUTE, "min") if (high or low) < 2 * HOUR else (HOUR, "h")
    least = int(low / unit)
    if high is None:
        return f"over {max(1, least)} {name}"
    return f"{least}–{max(least + 1, -int(-high // unit))} {name}"
