"""What all sessions of one receiver share, and what is told of it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mxtui.model.envelope import Envelope, SpoolState
from mxtui.model.offers import Offers
from mxtui.model.standby import Standby
from mxtui.receiver.admission import Admission
from mxtui.receiver.certificate import Certificate
from mxtui.receiver.connection import Connection
from mxtui.receiver.memory import Memory
from mxtui.receiver.names import Names
from mxtui.receiver.paths import Path
from mxtui.receiver.recipients.verdict import Recipients
from mxtui.receiver.room import Room
from mxtui.receiver.settings import ReceiverSettings
from mxtui.scanning.gate import Gate

Log = Callable[..., None]
"""`log(event, **fields)`; text from outside is sanitised before it gets here."""


class Commits(Protocol):
    """Makes a message durable (`mxtui.queues.spool.committer`)."""

    async def commit(self, envelope: Envelope, chunks: Sequence[bytes], state: SpoolState = "deferred") -> None:
        """Raises OSError. Once begun, finished even if the caller is cancelled."""
        ...


@dataclass(slots=True)
class Shared:
    """Owned by the receiver, used by its sessions."""

    settings: ReceiverSettings
    committer: Commits
    recipients: Recipients
    standby: Standby
    offers: Offers
    """What the primary can take, which is as much as we may offer: what we take now it has to take later."""
    log: Log
    room: Room
    certificate: Certificate | None
    memory: Memory
    admission: Admission
    clock: Callable[[], float]
    """Epoch seconds."""
    names: Names | None = None
    """Who finds clients' names; None: nobody."""
    note: Callable[[str], str] = lambda _: ""
    """Why mail for a domain is held as it comes in, for its envelope; empty where it is not."""
    gate: Gate | None = None
    """Who has messages scanned; None: nobody."""
    postmaster: Path | None = None
    """Whom `<postmaster>` means here; None: nobody."""
    sessions: set[Connection] = field(default_factory=set)
    """Those with something under way; a message may outlive its connection."""
    counts: Counter[str] = field(default_factory=Counter)
    """By outcome: connections, messages, recipients."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A receiver at one moment."""

    sessions: int
    committing: int
    """Sessions whose message is on its way to the disk."""
    memory: int
    """Bytes held for messages on their way in."""
    memory_peak: int
    counts: Mapping[str, int]
    """Since the start: `connections`, `connections_refused`, `messages` and `bytes` (answered 250), of those
    `messages_held` and `messages_quarantined`, `messages_refused` (5yz), `messages_deferred` (4yz),
    `recipients_refused`, `recipients_deferred`, `standing_by`, `tls`, `unanswered` (committed, and the client was gone
    before it could know), `errors` (of ours)."""
