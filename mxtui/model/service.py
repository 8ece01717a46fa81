"""How the embedded backup MX stands, as console and commands see it."""

from dataclasses import dataclass
from typing import Literal

ServiceWord = Literal["standing by", "accepting", "draining", "suspended", "stopping"]
"""Standing by: every primary is up, and senders are told so. Accepting: mail is taken, for a primary is not up or
standby is off. Draining: what waits goes out. Suspended: an operator said that nothing is to be delivered."""


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


def word(*, standby: bool, well: bool, waiting: bool, suspended: bool) -> ServiceWord:
    """The state in one word.

    Args:
        standby: senders are told to use the primary while it is up.
        well: every primary is up.
        waiting: messages wait for a primary that is up.
        suspended: nothing is to be delivered.

    >>> word(standby=True, well=True, waiting=False, suspended=False)
    'standing by'
    >>> word(standby=True, well=True, waiting=True, suspended=False)
    'draining'
    >>> word(standby=True, well=False, waiting=False, suspended=False)
    'accepting'
    """
    if suspended:
        return "suspended"
    if waiting:
        return "draining"
    return "standing by" if standby and well else "accepting"
