"""How the embedded backup MX stands, as console and commands see it."""

from dataclasses import dataclass
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

    def words(self, now: float) -> str:
        """Its state, with the time that is left of it: `settling, 1m 20s left`."""
        if self.state != "settling":
            return self.state
        until = min((each.until for each in self.recovering if each.word == "settling" and each.until), default=now)
        return f"{self.state}, {span(max(0.0, until - now))} left"
