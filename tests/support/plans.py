"""Targets without a queue."""

from mxtui.model.message import Identity, State
from mxtui.model.plan import Target


def target(
    queue_id: str = "A00000000",
    *,
    state: State = "deferred",
    sender: str = "sender@example.com",
    domains: tuple[str, ...] = ("example.org",),
    recipients: int = 1,
    expires: float | None = None,
    size: int = 1000,
    inode: int = 7,
    arrival: float = 1000.0,
    damaged: bool = False,
) -> Target:
    identity = Identity(queue_id, inode, arrival)
    return Target(identity, state, size, sender, domains, recipients, expires, damaged=damaged)
