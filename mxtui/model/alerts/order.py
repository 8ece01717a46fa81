"""Which alert comes first."""

from collections.abc import Iterable, Sequence
from typing import Final

from mxtui.model.overview import Alert

GRAVITY: Final[tuple[str, ...]] = (
    "stopped",
    "forwarder",
    "disk",
    "filling",
    "refused",
    "stalled",
    "primary_down",
    "primary_flapping",
    "backlog",
    "primary_degraded",
    "drain_killed",
    "drain_stopped",
    "not_drained",
    "failed",
    "expiry",
    "migration_end",
    "hold_not_ended",
    "suspended",
    "migration",
    "reason_changed",
    "accepting",
    "suspects",
    "scanner",
    "held",
    "certificate",
    "drill",
    "corrupt",
    "figures",
    "notify",
)
"""Every alert there is, gravest first."""

_PLACE = {name: place for place, name in enumerate(GRAVITY)}


def in_order(alerts: Iterable[Alert]) -> Sequence[Alert]:
    """What nobody has acknowledged first, critical before warning, by gravity, then most messages concerned."""
    return tuple(
        sorted(
            alerts,
            key=lambda each: (
                each.acknowledged is not None,
                each.severity != "critical",
                _PLACE[each.name],
                -each.messages,
                each.domain or "",
            ),
        )
    )
