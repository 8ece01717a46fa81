"""What a queue is. Screens, commands, index and audit know this and never a kind of queue.

Every method blocks and is called from threads; none may be called from an event loop.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from mxtui.model.message import Changes, Identity, QueuedMessage, State
from mxtui.model.source import Capabilities, Source, Space, Verb
from mxtui.model.tally import Tallies

if TYPE_CHECKING:  # who only looks needs no plans: 12 ms
    from mxtui.model.drain.way import Feed, Settled
    from mxtui.model.envelope import Client
    from mxtui.model.plan import Caution, Plan, Result, Target
    from mxtui.model.redirect import Redirect
    from mxtui.queues.cached import Counted


class Queue(Protocol):
    """A queue that can be read, watched and acted on."""

    @property
    def source(self) -> Source:
        """What this is."""
        ...

    def capabilities(self) -> Capabilities:
        """What this user can do now. Cheap enough to ask every few seconds."""
        ...

    def depth(self) -> Mapping[State, int]:
        """Messages per state from names alone: 0.1 s at 100,000."""
        ...

    def read(self, *, subjects: bool = True) -> Iterator[Changes]:
        """Everything queued, once, in batches, each message at most once per batch order (a later one replaces)."""
        ...

    def watch(self, stop: threading.Event) -> Iterator[Changes]:
        """What changes from the start of `read` on, until `stop`.

        Yields an empty `Changes` at least every 2 s as a sign of life. Call it before `read` has finished: what
        changes meanwhile is not lost.
        """
        ...

    def find(self, queue_id: str) -> QueuedMessage | None:
        """The message under this ID now, wherever it is; None when it is gone. One file read."""
        ...

    def find_all(self, queue_ids: Collection[str]) -> Mapping[str, QueuedMessage]:
        """As `find`, for many at once; those missing are gone. One file read each, or one listing for all."""
        ...

    def content(self, queue_id: str, limit: int) -> bytes:
        """The message as stored (headers, empty line, body; LF line ends), at most `limit` bytes.

        Raises NotPermitted, NoQueue (gone).
        """
        ...

    def client(self, queue_id: str) -> Client | None:
        """Who handed a message in, by the queue's own record; None for mail of this host, or where there is no record.

        Raises NotPermitted, NoQueue (gone).
        """
        ...

    def steps(self, verb: Verb, targets: Sequence[Target], *, keep_copy: bool = False) -> tuple[str, ...]:
        """The very commands that `act` would run, or with `keep_copy` those of `delete`, for the plan."""
        ...

    def act(self, verb: Verb, targets: Sequence[Target]) -> Iterator[Result]:
        """Do it: identity checked again, in bulk through one process, a result per message."""
        ...

    def delete(self, targets: Sequence[Target], folder: Path) -> Iterator[Result]:
        """Delete, with a whole copy of each in `folder` that `restore` can put back: fsynced, mode 0600.

        A copy is what the message was when it was deleted. What cannot be copied stays queued; what was not deleted
        has no copy, but for results that are `unsure`.
        """
        ...

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        """Try delivery now of what the feed gives, by the queue's own engine: a queue is a `Way`."""
        ...

    def restore(self, folder: Path, identity: Identity) -> Result:
        """Put a kept copy back through the mail system; the detail names the new queue ID where known.

        The result is `unsure` where a part of it, or all, may be queued although it failed.
        """
        ...

    def space(self) -> Space:
        """Room on its file system."""
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class Outcome(NamedTuple):
    """How deliveries ended, in recipients."""

    sent: int = 0
    refused: int = 0
    """For good: bounced with 5.y.z."""


@runtime_checkable
class Logged(Protocol):
    """A queue whose log tells how deliveries end."""

    def outcomes(self, stop: threading.Event) -> Iterator[Mapping[str, Outcome]]:
        """By domain, what was logged since the last ones, from now on, until `stop`; at least every few seconds.

        Ends where there is no log that we may read.
        """
        ...


class Contents(NamedTuple):
    """How a process of its own reads messages: `reader(*arguments)` of a module."""

    module: str
    """Its `reader` gives a function from a queue ID and an inode (0: any) to the message as stored, in blocks, which
    raises OSError where it is gone, may not be read, or is another one by now."""
    arguments: tuple[Any, ...]
    """Plain values."""


@runtime_checkable
class Legible(Protocol):
    """A queue whose messages another process can read."""

    def contents(self) -> Contents:
        """How."""
        ...


@runtime_checkable
class Releasing(Protocol):
    """A queue that can let go of held messages without having them tried."""

    def let_go(self, targets: Sequence[Target]) -> Iterator[Result]:
        """Release each, as `act` does; whoever calls has them tried, and follows that."""
        ...


@runtime_checkable
class Holding(Protocol):
    """A queue in which messages may be held past us, and that can tell when one was."""

    def held_since(self, queue_ids: Collection[str]) -> Mapping[str, float]:
        """When each of these that is in hold was put there, epoch seconds; nothing of those of which none can know."""
        ...


@runtime_checkable
class Forewarning(Protocol):
    """A queue that knows what an operator should think of before a verb, here and now."""

    def cautions(self, verb: Verb) -> Sequence[Caution]:
        """Beyond what the messages themselves say."""
        ...


@runtime_checkable
class Countable(Protocol):
    """A queue that can be counted without each message being told, which costs it much less."""

    def count(self, now: float) -> Tallies:
        """Everything queued, once, counted at `now`, seconds since the epoch. Raises what `Queue.read` raises."""
        ...


@runtime_checkable
class Recountable(Protocol):
    """A queue that can be counted again without reading what did not change."""

    def count_again(self, now: float, cache: Path) -> Counted:
        """Everything queued, once, by what a file remembers; and what moved since. Raises what `Queue.read` raises."""
        ...


@runtime_checkable
class Recording(Protocol):
    """A queue on a host with records and kept copies of its own, where plans go whole."""

    def vet(self, where: Redirect) -> None:
        """See `Redirectable.vet`."""
        ...

    def carry_out(
        self, plan: Plan, act: str, *, by: str, reason: str = "", undoes: str = "", stop: threading.Event | None = None
    ) -> Iterator[Sequence[Result]]:
        """Do it there, as `operations.execute` does, and put it on record there as well: under the same name, `act`.

        `by` says who asks. Where the host goes away meanwhile, and does not come back soon, what is not known of is
        `unsure`. Raises what the host says, and then nothing more is done.
        """
        ...


@runtime_checkable
class Redirectable(Protocol):
    """A queue whose messages can be sent elsewhere than they were going."""

    def vet(self, where: Redirect) -> None:
        """Raise UsageError where mail sent there would go round in circles, or where nobody knows the way."""
        ...

    def redirect(self, targets: Sequence[Target], where: Redirect) -> Iterator[Result]:
        """Do it, to who does not have a message: as `Queue.act`."""
        ...
