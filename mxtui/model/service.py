"""How the embedded backup MX stands, as console and commands see it."""

from dataclasses import dataclass
from typing import Literal

from mxtui.model.standby import StandbyState

ServiceWord = StandbyState | Literal["suspended", "stopping"]
"""As `model.standby` says, or: suspended, for an operator said that nothing is to be delivered; on its way out."""


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
