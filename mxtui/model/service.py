"""How the embedded backup MX stands, as console and commands see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mxtui.model.recovery import Recovery
from mxtui.model.standby import StandbyState
from mxtui.model.words import span

ServiceWord = StandbyState | Literal["settling", "drain stopped", "suspended", "stopping"]
"""As `model.standby` says, or: a primary is back, and is given time before it is drained to; the drain to it was
stopped, and what waits for it is left alone; suspended, for an operator said that nothing is to be delivered; on its
way out."""


@dataclass(frozen=True, slots=True)
class Service:
    """One running `serve`."""

    state: ServiceWord
    since: float
    """Epoch seconds."""
    heartbeat: float
    """When its forwarder last went round; epoch seconds."""
    process: int
    version: str = ""
    hostname: str = ""
    listening: tuple[str, ...] = ()
    clients: int = 0
    """Connections of senders now."""
    queued: int = 0
    """Messages that the forwarder knows to wait."""
    delivering: int = 0
    """Transactions under way."""
    recovering: tuple[Recovery, ...] = ()
    """Primaries that were down and are not trusted yet."""
    screened: Mapping[str, int] = field(default_factory=dict)
    """Messages since the start, by what scanning made of them: `scanned` (there was a verdict); each as `clean`,
    `unscanned` (taken so), `tagged`, `quarantined`, `deferred` or `rejected`; what was taken unscanned once more when
    its turn has come, or as `went_unscanned`: no scanner was to be had for it."""

    def words(self, now: float) -> str:
        """Its state, with the time that is left of it: `settling, 1m 20s left`."""
        if self.state != "settling":
            return self.state
        until = min((each.until for each in self.recovering if each.word == "settling" and each.until), default=now)
        return f"{self.state}, {span(until - now)} left" if until - now >= 1 else f"{self.state}, its drain is due"
