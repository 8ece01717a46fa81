"""Dates in mail (RFC 5322 section 3.3), as moments."""

from datetime import UTC, datetime
from email.utils import parsedate_tz
from functools import lru_cache

_LENGTH = 100


@lru_cache(maxsize=64)
def moment(text: str) -> float | None:
    """Epoch seconds of a date as mail writes it; None where it is none. A missing zone counts as UTC."""
    try:
        parsed = parsedate_tz(text[:_LENGTH])
        if parsed is None:
            return None
        year, month, day, hour, minute, second = parsed[:6]
        # Not `mktime_tz`: it takes 99:99:99 on the 99th for a time.
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() - (parsed[9] or 0)
    except (ValueError, OverflowError, IndexError, TypeError):
        # The standard library checks neither the number of words nor their size.
        return None
