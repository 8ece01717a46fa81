"""A queued message as every road to a queue tells it.

Named tuples rather than dataclasses: a hundred thousand are built on a cold start, cross a process boundary and go into
SQL, and a tuple does each of these at C speed.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

State = Literal["maildrop", "incoming", "active", "deferred", "hold", "corrupt", "quarantine", "failed"]
"""Which queue a message is in; Postfix's `queue_name`. The last two exist in our own spool only."""

STATES: tuple[State, ...] = ("maildrop", "incoming", "active", "deferred", "hold", "corrupt", "quarantine", "failed")

NULL_SENDER = ""
"""The envelope sender of bounces (RFC 5321 4.5.5), written `<>` on screens and `MAILER-DAEMON` by postqueue."""


class Recipient(NamedTuple):
    """One recipient still to be delivered."""

    address: str
    domain: str
    """As qshape groups: see `recipient_domain`."""
    reason: str | None = None
    """Why the last attempt failed, the delivery agent's own words; hostile text."""
    dsn: str | None = None
    """Enhanced status code of that attempt, `4.4.1` (RFC 3463)."""


class Identity(NamedTuple):
    """What tells a message from a later one that re-uses its queue ID (short IDs are inode numbers)."""

    queue_id: str
    inode: int
    """0 where the road to the queue does not tell inodes (showq, postqueue)."""
    arrival: float


class QueuedMessage(NamedTuple):
    """One message in a queue."""

    queue_id: str
    state: State
    inode: int
    arrival: float
    size: int
    """Bytes, as postqueue counts (queue file's first size field)."""
    sender: str
    """Envelope sender; empty is the null sender, or `unknown_sender`."""
    recipients: tuple[Recipient, ...]
    """To do only; those already delivered are counted in `done`."""
    done: int = 0
    next_retry: float | None = None
    """Earliest next attempt; None where unknown or when it is not waiting for one (held, active)."""
    expires: float | None = None
    """When the queue gives up: arrival + lifetime. Held mail keeps ageing (it bounces after its release)."""
    forced_expire: bool = False
    client_address: str | None = None
    subject: str | None = None
    """First Subject header, decoded (RFC 2047), one line, at most 200 characters; None where it was not read."""
    attempts: int | None = None
    """Delivery attempts so far; None where the queue does not keep count."""
    fault: str | None = None
    """Why this file is not a message that can be delivered (corrupt, half written, unreadable); None when sound."""

    @property
    def unknown_sender(self) -> bool:
        """Nobody can say whom it is from: a damaged file that names no sender is no bounce."""
        return unknown_sender(self.sender, self.fault)

    @property
    def identity(self) -> Identity:
        """What to check again before acting on it."""
        return Identity(self.queue_id, self.inode, self.arrival)


class Changes(NamedTuple):
    """One batch of what happened to a queue."""

    present: Sequence[QueuedMessage] = ()
    """New or changed, each whole; an ID already known is replaced."""
    gone: Sequence[str] = ()
    """Queue IDs that left."""


def unknown_sender(sender: str, fault: str | None) -> bool:
    """`QueuedMessage.unknown_sender`, of the two fields that tell."""
    return sender == NULL_SENDER and fault is not None


def written_sender(sender: str, fault: str | None) -> str:
    """An envelope sender as people read it.

    >>> written_sender("", None), written_sender("", "it is cut short")
    ('<>', 'unknown')
    """
    return "unknown" if unknown_sender(sender, fault) else sender or "<>"


def recipient_domain(address: str) -> str:
    """The domain a recipient counts under, exactly as qshape groups: lower case, no stray dots, no-@ addresses whole.

    >>> recipient_domain("Info@Example.ORG.")
    'example.org'
    >>> recipient_domain("root")
    'root'
    >>> recipient_domain("")
    'mailer-daemon'
    """
    domain = (address or "MAILER-DAEMON").rpartition("@")[2].lower()
    if ".." in domain:
        domain = domain.replace("..", ".")
    if domain and (domain[0] == "." or domain[-1] == "."):
        domain = domain.removeprefix(".").removesuffix(".") or domain
    return domain
