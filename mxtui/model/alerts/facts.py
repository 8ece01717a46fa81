"""What alerts go by that no queue tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from mxtui.model.campaign import Suspects
from mxtui.model.drill import Drill


class StoppedDrain(NamedTuple):
    """What guards of drains have stopped short of, and held."""

    at: float
    """When they last did; epoch seconds."""
    messages: int
    why: str
    """The last one's. Hostile text: it quotes a server. Empty where another drain has ended since."""
    several: bool = False
    """Guards stopped more than once; the others may have had other reasons."""


class KilledDrain(NamedTuple):
    """What a drain by our own sender has in hold since it was killed, on a queue that is not ours."""

    at: float
    """When it last wrote something down; epoch seconds."""
    messages: int
    """That the next act puts back where they were."""
    unanswered: tuple[str, ...]
    """IDs of what was sent and never answered: it stays in hold until an operator decides."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Known from files, looked at now and then."""

    drilled: tuple[str, ...] = ()
    """Domains that have an address for drills."""
    drills: Mapping[str, Drill] = field(default_factory=dict)
    """The last of each domain."""
    certificate: float | None = None
    """When our own certificate expires, seconds since the epoch; None where there is none or it cannot be read."""
    stopped: StoppedDrain | None = None
    """None where nothing is left of any."""
    killed: KilledDrain | None = None
    """None where nothing is left of any."""
    suspects: int = 0
    """Messages that are suspected spam, as far as they were judged."""
    campaigns: int = 0
    """Campaigns that those are of."""
    silent: tuple[str, ...] = ()
    """Configured scanners that do not answer: which and why, a sentence each without its full stop."""
    untold: str = ""
    """Why nobody could be told of alerts the last time; empty when all is well."""

    def with_suspects(self, known: Suspects | None) -> "Facts":
        """By who judges mail here, once everything has been looked at; until then by what was written down last."""
        if known is None or not known.whole:
            return self
        return replace(self, suspects=known.found.messages, campaigns=known.found.campaigns)


NO_FACTS = Facts()
