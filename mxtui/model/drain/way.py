"""How a drain and a way of delivering talk: the drain says what may go, the way says what became of it.

    drain ─ Feed.take ─► way (Postfix's own engine, the spool's forwarder, our sender) ─ Settled ─► drain

The drain owns order, pace and guard; the way owns evidence and definite states. Neither knows the other's inside.
"""

import threading
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from mxtui.model.plan import Fate, Target, Verdict


class Settled(NamedTuple):
    """One message that was taken from a feed and is out of our hands again: in a definite state, with its evidence."""

    queue_id: str
    fate: Fate
    """Of the recipient that decides what became of the message."""
    verdicts: tuple[Verdict, ...] = ()
    """Of the recipients that something was heard of; replies are hostile text."""
    seconds: float | None = None
    """From its turn to its verdict; None where that was not seen, and of one that vanished before its turn."""
    busy: bool = False
    """The primary said 421, or had no room for another connection."""
    possible_duplicate: bool = False
    """The connection was lost after the whole message was sent: the primary may have it, and it is still queued."""
    untried: bool = False
    """Somebody else's doing kept it from its turn (Postfix delivers it just now): that says nothing of the primary."""
    unreachable: bool = False
    """There was no connection to be had for it, for whatever reason: the primary's doing, and not this message's."""
    sent_before: bool = False
    """Sent whole before this drain, and never answered: whatever became of it now, the primary may have two of it."""


class Feed(Protocol):
    """What may be tried now. Called from the way's thread only."""

    def take(self, most: int) -> Sequence[Target]:
        """The next messages, each once; none while the pace, a pause or the guard says so."""
        ...

    @property
    def over(self) -> bool:
        """No more will come: what is in hand is brought to its end, and that is all."""
        ...

    @property
    def stopped(self) -> bool:
        """It is over before its end: what is in hand and was not begun is to be put back as it was."""
        ...

    @property
    def connections(self) -> int:
        """Connections that all primaries together are trusted with now; an engine of its own may pass it over."""
        ...

    def connections_to(self, host: str) -> int:
        """Of those, to one host (`mx1.example.org:25`).

        None where it was stopped: what waits for it is to be put back as it was, though the others go on.
        """
        ...

    def connections_for(self, target: Target) -> int:
        """Of those, to the primary of a message that was just taken."""
        ...


class Way(Protocol):
    """One way of delivering queued mail, in a thread."""

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        """Take from the feed and tell what was settled since the last time, perhaps nothing, four times a second or
        more often; over when the feed is over and nothing is in hand.

        After `stop` nothing more is taken; what is in hand is brought to a definite state first. Closing the iterator
        early does the same. Raises Unreachable, NotPermitted, and MxtuiError for what makes going on impossible (no
        room for a journal): then, too, nothing is left in between.
        """
        ...
