"""When a primary is to be back, as an operator announced it: nothing is held for it, and it ends by itself."""

from typing import NamedTuple


class Announced(NamedTuple):
    """Of one domain. Times are seconds since the epoch."""

    domain: str
    back: float
    reason: str
    owner: str
    """Who announced it, as the audit names operators."""
    since: float
