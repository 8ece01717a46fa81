"""What can be asked of an agent: each question with the types of what is asked, of its parts, and of each answer.

Whoever changes what is said here, or a value that is said, raises the version of that side. A field appended to a
dataclass with a default needs no new version, one appended to a named tuple does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeVar

from mxtui.model.drain.rate import Rate
from mxtui.model.drain.standing import Standing
from mxtui.model.envelope import Client
from mxtui.model.health import Health, Primary
from mxtui.model.holds import DomainHold
from mxtui.model.message import Changes, QueuedMessage, State
from mxtui.model.plan import Caution, Plan, Result, Target
from mxtui.model.redirect import Redirect
from mxtui.model.source import Capabilities, Space, Verb
from mxtui.model.tally import Plain

READS: Final = 1
"""Of frames, and of all that only looks."""

ACTS: Final = 2
"""Of all that changes something. Where only this differs, a queue can be looked at."""

PART: Final = 1_000
"""Messages named in one part of a question: 100 kB."""

Asked = TypeVar("Asked")
Piece = TypeVar("Piece")
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Call(Generic[Asked, Piece, Answer]):
    """One question."""

    name: str
    asked: type[Asked]
    piece: type[Piece]
    """Of which there may be many parts."""
    answer: type[Answer]
    to_the_end: bool = False
    """Answers are told even when asked to stop: each is what became of something."""


class Nothing(NamedTuple):
    """Nothing more is to be said."""


class Facts(NamedTuple):
    """What changes rarely."""

    capabilities: Capabilities
    space: Space
    holds: dict[str, DomainHold]
    """By domain."""


class Primaries(NamedTuple):
    """What is new of primaries: one value for all the domains that share it."""

    known: list[tuple[Primary | None, Health, list[str]]]


class Reading(NamedTuple):
    """What is to be read."""

    subjects: bool
    buckets: list[int] | None
    """Those messages only (see `sums`); None: all."""


class Wanted(NamedTuple):
    """One message, or the beginning of it."""

    queue_id: str
    limit: int


class Done(NamedTuple):
    """Who asks to have a plan carried out."""

    plan: Plan
    """Without its targets, which are the parts."""
    act: str
    """The name that the act has in the audit of whoever asks, and will have there."""
    reason: str
    by: str
    """Who asks, and where: as they say themselves."""
    undoes: str = ""


class HandedIn(NamedTuple):
    """Who handed a message in."""

    client: Client | None


class Steps(NamedTuple):
    """Of what the commands are asked for."""

    verb: Verb
    keep_copy: bool


class Kept(NamedTuple):
    """A kept copy of a deleted message (see `vault.KeptCopy`)."""

    path: str
    target: Target
    kept_at: float
    audit_id: str
    kind: str
    queue: str
    restored: str | None


class Copies(NamedTuple):
    """Which copies are asked for."""

    audit_id: str | None
    queue_id: str | None


class Recorded(NamedTuple):
    """What the audit there has of an act."""

    results: list[Result]
    """Of those messages of which something is recorded."""
    ended: bool
    """Whether nobody is at it any more."""


class Drained(NamedTuple):
    """A drain that is to be left running."""

    plan: Plan
    reason: str
    rate: Rate | None


class Seen(NamedTuple):
    """How a drain stood when last told."""

    at: float
    running: bool


class Stood(NamedTuple):
    """How the drain stands that runs, or the last one that did."""

    standing: Standing | None
    """None: there is none, or nothing is new of it."""
    as_seen: bool = False
    """Nothing is new."""


_T = TypeVar("_T")


def _unary(name: str, answer: type[_T]) -> "Call[Nothing, Nothing, _T]":
    return Call(name, Nothing, Nothing, answer)


DEPTH: Final[Call[Nothing, Nothing, dict[State, int]]] = _unary("depth", dict[State, int])
FACTS: Final = _unary("facts", Facts)
SUMS: Final[Call[bytes, Nothing, list[int]]] = Call("sums", bytes, Nothing, list[int])
"""Which buckets are not as they are summed up here (see `sums`)."""
READ: Final = Call("read", Reading, Nothing, Changes)
WATCH: Final = _unary("watch", Changes)
COUNT: Final[Call[float, Nothing, tuple[Plain, dict[str, Plain]]]] = Call(
    "count", float, Nothing, tuple[Plain, dict[str, Plain]]
)
FIND: Final[Call[Nothing, list[str], list[QueuedMessage]]] = Call("find", Nothing, list[str], list[QueuedMessage])
CONTENT: Final = Call("content", Wanted, Nothing, bytes)
CLIENT: Final = Call("client", str, Nothing, HandedIn)
PROBE: Final[Call[float, list[str], Primaries]] = Call("probe", float, list[str], Primaries)
FOLLOW: Final[Call[Nothing, list[str], Primaries]] = Call("follow", Nothing, list[str], Primaries)
PROBE_NOW: Final = Call("probe_now", str, Nothing, Nothing)
STANDING: Final = Call("standing", Seen, Nothing, Stood)
REPORT: Final = Call("report", bool, Nothing, bytes)

CAUTIONS: Final[Call[Verb, Nothing, list[Caution]]] = Call("cautions", Verb, Nothing, list[Caution])
STEPS: Final[Call[Steps, list[Target], tuple[str, ...]]] = Call("steps", Steps, list[Target], tuple[str, ...])
VET: Final = Call("vet", Redirect, Nothing, Nothing)
CARRY_OUT: Final[Call[Done, list[Target], list[Result]]] = Call(
    "carry_out", Done, list[Target], list[Result], to_the_end=True
)
RECORDED: Final = Call("recorded", str, Nothing, Recorded)
COPIES: Final[Call[Copies, Nothing, list[Kept]]] = Call("copies", Copies, Nothing, list[Kept])
LEFT: Final[Call[Nothing, Nothing, dict[str, tuple[int, float, float]]]] = _unary(
    "left", dict[str, tuple[int, float, float]]
)
"""What guards of drains have held, by queue ID: inode, arrival, and when (see `left.Left`)."""
DRAIN: Final[Call[Drained, list[Target], Standing]] = Call("drain", Drained, list[Target], Standing)
WISH: Final = Call("wish", str, Nothing, Nothing)

READING: Final[Mapping[str, Call[Any, Any, Any]]] = {
    call.name: call
    for call in (
        DEPTH,
        FACTS,
        SUMS,
        READ,
        WATCH,
        COUNT,
        FIND,
        CONTENT,
        CLIENT,
        PROBE,
        FOLLOW,
        PROBE_NOW,
        STANDING,
        REPORT,
    )
}
ACTING: Final[Mapping[str, Call[Any, Any, Any]]] = {
    call.name: call for call in (CAUTIONS, STEPS, VET, CARRY_OUT, RECORDED, COPIES, LEFT, DRAIN, WISH)
}
