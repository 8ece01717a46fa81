"""What will happen, before it happens; and what happened."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from mxtui.model.message import Identity, State
from mxtui.model.redirect import Redirect
from mxtui.model.source import Verb


class Target(NamedTuple):
    """One message that a plan touches, as it was when the plan was made."""

    identity: Identity
    state: State
    size: int
    sender: str
    domains: tuple[str, ...]
    recipients: int
    expires: float | None
    forced_expire: bool = False
    """Marked to be returned: as soon as it is not held, it is."""
    damaged: bool = False
    """Its file is; where it names no sender, that is not the null sender."""

    @property
    def null_sender(self) -> bool:
        """Nobody can be told about it: it is a bounce, or backscatter."""
        return not self.sender and not self.damaged

    @property
    def queue_id(self) -> str:
        """Its name in the queue."""
        return self.identity.queue_id


@dataclass(frozen=True, slots=True)
class Caution:
    """Something to think about before confirming."""

    title: str
    """One or two words: `Backscatter`."""
    text: str
    safer: Verb | None = None
    """A verb that does less harm here."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Exactly what a verb is about to do."""

    verb: Verb
    targets: tuple[Target, ...]
    made_at: float
    selection: str
    """What the operator asked for: the filter, `3 marked`, `--all`."""
    cautions: tuple[Caution, ...] = ()
    steps: tuple[str, ...] = ()
    """What will run, in order, the very commands."""
    excluded: tuple["Result", ...] = ()
    """Messages that were asked for and cannot be acted on, with the reason (in delivery, already held)."""
    reversible: bool = True
    reason_required: bool = False
    forced: bool = False
    """Past a safeguard the operator was told of: restored a second time, flushed though the primary is unwell."""
    where: Redirect | None = None
    """Of a redirection."""

    @property
    def bytes(self) -> int:
        """Size of all targets."""
        return sum(target.size for target in self.targets)

    @property
    def senders(self) -> int:
        """Different envelope senders, as far as they are known."""
        return len({target.sender for target in self.targets if target.sender or target.null_sender})

    @property
    def null_senders(self) -> int:
        """Messages that nobody can be told about: bounces, or backscatter."""
        return sum(target.null_sender for target in self.targets)

    @property
    def recipients(self) -> int:
        """Recipients still to be delivered, of all targets."""
        return sum(target.recipients for target in self.targets)


Outcome = Literal["done", "failed", "gone", "changed", "refused"]
"""`gone`: no longer queued; `changed`: the ID now names another message; `refused`: not done on purpose."""


class Result(NamedTuple):
    """What a verb did to one message."""

    queue_id: str
    action: Verb
    result: Outcome
    detail: str = ""
    unsure: bool = False
    """Of `failed`: it may have been done all the same, or in part. What would double it needs a look, or force."""
    renewed: bool = False
    """Of a release: it is handed in anew, under another ID and with a lifetime of its own."""


Fate = Literal["delivered", "deferred", "bounced", "expired", "refused", "vanished"]
"""`refused`: for good, by the primary, and kept by us: nobody was told. `vanished` left the queue and no evidence says
how: never counted as delivered."""


class Verdict(NamedTuple):
    """What became of one recipient of a flushed message."""

    queue_id: str
    recipient: str
    fate: Fate
    dsn: str = ""
    reply: str = ""
    """The remote server's words; hostile text."""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class FlushProgress:
    """How a flush stands. Counts are messages; `queued` is what the plan named."""

    queued: int
    delivered: int
    deferred: int
    bounced: int
    left: int
    per_second: float
    eta_seconds: float | None
    phase: Literal["probe", "canary", "ramp", "steady", "backoff", "stopped", "done"]
    unknown: int = 0
    """Left the queue without evidence of a delivery."""
    recent: Sequence[Verdict] = field(default=())
    """Newest last, bounded."""
    closed: Sequence[Verdict] = field(default=())
    """One for each message settled since the last progress, of the recipient that decided it."""
    refused: int = 0
    """For good, and kept."""
    possible_duplicates: int = 0
    """Connection lost after the whole message was sent. Each counts under its fate as well."""
    bytes_delivered: int = 0
    bytes_per_second: float = 0.0
    """Delivered; `per_second` counts every message that was settled, whatever became of it."""
    in_hand: int = 0
    """Being tried now; part of `left`."""
    window: int = 0
    """Messages that may be in hand at once."""
    connections: int = 0
    """That the primary is trusted with."""
    eta_low: float | None = None
    """Seconds, if it goes on as fast as it lately was at its best; None where nothing is known."""
    eta_high: float | None = None
    """Seconds, if as slow; None where no end is in sight at that rate."""
    growing: bool = False
    """More arrives than is settled."""
    paused: bool = False
    why: str = ""
    """Why it stopped or backs off, and what to do, in a sentence; may quote a server, so hostile text."""
