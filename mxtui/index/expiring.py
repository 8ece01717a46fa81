"""How many messages of a domain expire within some time: along the index, so that only those cost anything."""

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Final

from mxtui.model.forecast import DAY, HALF_DAY, Deadlines, horizon
from mxtui.model.overview import DomainTotals

_COUNT: Final = (
    "SELECT count(*) FILTER (WHERE expires <= ?2), count(*) FILTER (WHERE expires <= ?3), "
    "count(*) FILTER (WHERE expires <= ?4) FROM recipient r WHERE domain = ?1 AND expires <= ?5 "
    # A message counts once in a domain; most have one recipient, and nothing has to be looked up.
    "AND (n = 0 OR NOT EXISTS (SELECT 1 FROM recipient o WHERE o.message = r.message AND o.n < r.n AND o.domain = ?1))"
)


def expiring(
    database: sqlite3.Connection,
    numbers: Mapping[str, int],
    totals: Iterable[DomainTotals],
    returns: Mapping[str, float],
    now: float,
) -> dict[str, Deadlines]:
    """By domain; one whose next expiry is far off is not even asked for."""
    found = {}
    for total in totals:
        until = horizon(total.domain, returns, now)
        if total.next_expire is None or total.next_expire > until:
            continue
        back = returns.get(total.domain)
        parameters = (numbers[total.domain], now + HALF_DAY, now + DAY, back or 0.0, until)
        half, day, before = database.execute(_COUNT, parameters).fetchone()
        found[total.domain] = Deadlines(half, day, before if back is not None else None)
    return found
