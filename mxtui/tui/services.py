"""What the console is given: everything that does I/O, the settings and the clock. Made by the command line."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from mxtui.holding import Holding
from mxtui.index import Index
from mxtui.model.campaign import Campaign
from mxtui.model.drain.interrupted import Interrupted
from mxtui.model.drain.standing import Standing
from mxtui.model.envelope import Client
from mxtui.model.evidence import CampaignFacts, Judgement
from mxtui.model.history import Point
from mxtui.model.overview import Alert, Overview
from mxtui.model.plan import Plan
from mxtui.operations import Operations

if TYPE_CHECKING:  # no message is opened before the first screen is there
    from mxtui.doctor.finding import Report
    from mxtui.message.inspect import Inspection
    from mxtui.message.parts import Part


class Watching(Protocol):
    """The monitor, as the screens see it."""

    @property
    def index(self) -> Index:
        """Every queued message."""
        ...

    def overviews(self) -> AsyncIterator[Overview]:
        """The latest state of things, whenever it changed; whoever is slow misses the ones between."""
        ...

    def probe_now(self, domain: str) -> None:
        """Check a domain's primary without waiting for its turn."""
        ...

    def nudge(self) -> None:
        """Something was done to the queue: look now."""
        ...

    def give_way(self) -> None:
        """Somebody is at the keys: let what is not urgent rest for a moment."""
        ...


class Draining(Protocol):
    """The drain of this queue, whoever started it: it goes on when the console is left."""

    def standing(self) -> Standing | None:
        """The one that runs, or the last one that did; one small file. Blocks."""
        ...

    def finish_interrupted(self) -> Interrupted:
        """Before anything is planned: bring to its end what a killed run of our own sender had in hold.

        Blocks. Raises MxtuiError.
        """
        ...

    def start(self, plan: Plan, reason: str, ends: str = "") -> None:
        """Have a process of its own drain; once it has begun. It ends the migration of a domain, where one is named.

        Blocks. Raises MxtuiError: another drain is running.
        """
        ...

    def wish(self, wish: Literal["pause", "resume", "stop"]) -> None:
        """Ask whoever drains. Raises MxtuiError."""
        ...


class Campaigns(Protocol):
    """What belongs together in the queue, as far as it has been sifted. Both block."""

    def of(self, queue_id: str) -> CampaignFacts | None:
        """The campaign that a message is part of; None where it is alone, or was not looked at yet."""
        ...

    def members(self, campaign: str) -> Sequence[str]:
        """Queue IDs of all its messages."""
        ...


class Acknowledging(Protocol):
    """What operators know of: on record, and kept for all who watch. Both block. Raise MxtuiError."""

    def acknowledge(self, alerts: Sequence[Alert], reason: str, seconds: float) -> None:
        """Know of these for so long."""
        ...

    def withdraw(self, alerts: Sequence[Alert]) -> None:
        """Know of these no more."""
        ...


class Announcing(Protocol):
    """When primaries are to be back: on record, and kept for all who watch. Both block. Raise MxtuiError."""

    def announce(self, domain: str, reason: str, seconds: float) -> None:
        """In so many seconds."""
        ...

    def withdraw(self, domain: str) -> None:
        """No longer."""
        ...


class Sifting(Protocol):
    """Who judges what is queued, in the background. What was found is in each overview."""

    def clear(self, campaign: Campaign, by: str, reason: str) -> None:
        """It is no spam, from now on and after a restart. Blocks. Raises MxtuiError."""
        ...

    def withdraw(self, campaign: Campaign) -> None:
        """It may be, after all. Blocks. Raises MxtuiError."""
        ...

    def is_cleared(self, queue_id: str) -> bool:
        """Whether somebody said that a message is no spam, or that its campaign is none. Blocks."""
        ...

    def clear_message(self, queue_id: str, by: str, reason: str) -> str:
        """A message is no spam: its campaign, or else its content; which, in words. Blocks. Raises MxtuiError."""
        ...

    def withdraw_message(self, queue_id: str) -> str:
        """It may be, after all. Blocks. Raises MxtuiError."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """How the console looks and listens."""

    theme: str = "auto"
    """A Textual theme; `auto` is `tokyo-night`, or the terminal's own colours where it has no others."""
    ascii: bool = False
    mouse: bool = True
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Command id → keys, comma-separated."""


@dataclass(frozen=True, slots=True)
class Extra:
    """A command that whoever opened the console adds to it, on every screen: the demonstration's outages."""

    label: Callable[[], str]
    """As it reads now."""
    tooltip: str
    """One sentence, for help and palette."""
    run: Callable[[], str]
    """Does it, and tells in a sentence what was done; blocks. Raises MxtuiError."""


def _nothing(domain: str, span: float, now: float) -> Sequence[Point]:  # noqa: ARG001
    """Of a queue that nobody remembers."""
    return ()


@dataclass(frozen=True, slots=True)
class Services:
    """Everything the screens use and do not make."""

    monitor: Watching
    operations: Operations
    inspect: "Callable[[str, int], Inspection]"
    """At most so many bytes of a message by queue ID, laid open in a process of its own; blocks.

    Raises MxtuiError (gone, not permitted, unreadable).
    """
    content: Callable[[str, int], bytes]
    """A message as stored, at most so many bytes; blocks. Raises MxtuiError."""
    save: Callable[[str, Path], int]
    """A message as stored, to a new file that only its owner may read; bytes written. Blocks. Raises MxtuiError."""
    save_part: "Callable[[str, Part, Path], int]"
    """A part of it, decoded, in the same way."""
    draining: Draining
    own_names: frozenset[str] = frozenset()
    """Host names, lower case, that no stranger has a right to: this host's."""
    trusted: frozenset[str] = frozenset()
    """Authentication services, lower case, whose results in mail are believed."""
    client: Callable[[str], Client | None] = lambda _: None
    """Who handed a message in, by queue ID; blocks. Raises MxtuiError."""
    judge: Callable[[str], Judgement] | None = None
    """What speaks for or against a message being spam; blocks, for as long as scanners take. Raises MxtuiError."""
    suspect: float = 10.0
    """Points from which a message is suspect."""
    campaigns: Campaigns | None = None
    settings: Settings = field(default_factory=Settings)
    clock: Callable[[], float] = time.time
    holding: Holding | None = None
    """Holds of domains; None where there can be none."""
    acknowledging: Acknowledging | None = None
    """None where alerts cannot be acknowledged."""
    announcing: Announcing | None = None
    """None where nobody would keep an announcement."""
    examine: "Callable[[], Report] | None" = None
    """Looks whether this backup MX is set up right; blocks for seconds. Raises MxtuiError. None where nobody can."""
    extras: Sequence[Extra] = ()
    """On F2 and the keys after it; at most `tui.extras.MOST`."""
    history: Callable[[str, float, float], Sequence[Point]] = _nothing
    """Samples of a domain (`WHOLE`: of the queue) in the last so many seconds before a moment. Blocks.

    Raises MxtuiError.
    """
    sifting: Sifting | None = None
    """None where nobody judges mail."""
    lag: Callable[[], float | None] = lambda: None
    """Seconds that its host took to answer last; None for a queue on this one."""
    version: Callable[[], str] = lambda: ""
    """Of the mxtui on its host; empty for a queue on this one."""


class Fleet(Protocol):
    """Several queues for one console."""

    @property
    def names(self) -> Sequence[str]:
        """Of their hosts, as they were named."""
        ...

    @property
    def settings(self) -> Settings:
        """Of the console."""
        ...

    def connect(self, name: str) -> Services:
        """Reach one of them. Blocks, for as long as ssh(1) takes. Raises MxtuiError."""
        ...
