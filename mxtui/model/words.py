"""Figures as an operator reads them, the same on screens, in alerts and in commands. Nothing here knows a locale."""

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Final


def span(seconds: float) -> str:
    """A time that is counted down: to the second while that is worth it.

    >>> span(80.4), span(41), span(120), span(22140)
    ('1m20s', '41s', '2m', '6h 09m')
    """
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    return f"{minutes}m{rest:02}s" if 0 < minutes < 60 and rest else duration(whole)


def duration(seconds: float) -> str:
    """Two units, the second of fixed width.

    >>> duration(41), duration(2460), duration(22140), duration(406800)
    ('41s', '41m', '6h 09m', '4d 17h')
    """
    whole = max(0, int(seconds))
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if days:
        return f"{days}d {hours % 24:02}h"
    if hours:
        return f"{hours}h {minutes % 60:02}m"
    return f"{minutes}m" if minutes else f"{whole}s"


NAMED: Final = 3
"""That a list in a sentence names; the rest are counted."""


def some(names: Sequence[str]) -> str:
    """A list in a sentence, however long it is.

    >>> some(["a", "b"]), some(["a", "b", "c", "d", "e"])
    ('a, b', 'a, b, c and 2 more')
    """
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number and its noun.

    >>> counted(1, "message"), counted(31207, "message")
    ('1 message', '31,207 messages')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def enumerated(names: Sequence[str]) -> str:
    """Several in a sentence.

    >>> enumerated(["mx1"]), enumerated(["mx1", "mx2", "mx3"])
    ('mx1', 'mx1, mx2 and mx3')
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def clock(moment: float, now: float) -> str:
    """A moment in local time, as short as it is clear: `14:16` today, `Sat 07:53` this week, `4 Dec` beyond."""
    return _clock(int(moment // 60), int(now // 60))


@lru_cache(maxsize=4096)
def _clock(minute: int, now: int) -> str:
    """Of minutes since the epoch: every tick says the same few thousand again."""
    there, here = time.localtime(minute * 60), time.localtime(now * 60)
    if there[:3] == here[:3]:
        return f"{there.tm_hour:02}:{there.tm_min:02}"
    if abs(minute - now) < 6 * 1440:
        return time.strftime("%a %H:%M", there)
    return f"{there.tm_mday} {time.strftime('%b', there)}"
