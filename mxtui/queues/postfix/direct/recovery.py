"""What an interrupted run left behind, brought to a definite state before anything new is begun.

accepted, not marked        marked, and never sent again
nobody left to do           deleted
refused for good            left in hold
held by the run             released
begun and never answered    left in hold: nobody knows whether it was accepted
"""

import fcntl
import os
from collections.abc import Iterable
from typing import NamedTuple

from mxtui.model.message import Identity
from mxtui.model.planning import same_arrival
from mxtui.model.source import Verb
from mxtui.queues.postfix import queue_file
from mxtui.queues.postfix.direct.custody import OPEN
from mxtui.queues.postfix.direct.journal import Journal, Unfinished, read, replay
from mxtui.queues.postfix.direct.marks import mark_done
from mxtui.queues.postfix.direct.telling import Teller
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.whereabouts import FLOW, locate


class Unknown(NamedTuple):
    """A message in hold that was sent whole, or in part, and never answered: an operator has to decide."""

    identity: Identity
    host: str
    """Whom it was sent to; hostile."""
    at: float
    """Epoch seconds."""
    recipients: tuple[int, ...]
    """Offsets of their records in the queue file."""

    @property
    def queue_id(self) -> str:
        """Its name in the queue."""
        return self.identity.queue_id


class Recovered(NamedTuple):
    """What became of it."""

    unknown: tuple[Unknown, ...] = ()
    released: frozenset[str] = frozenset()
    """IDs that are no longer in hold, where a plan may have seen them."""
    delivered: frozenset[str] = frozenset()
    """IDs that the primary had taken for all who waited, by the journal."""


class _Found(NamedTuple):
    message: Unfinished
    held: bool
    """In hold now."""
    over: bool
    """Nobody is left to deliver it to."""
    marked: bool
    """As the journal says."""

    @property
    def id(self) -> str:
        return self.message.taken.id

    @property
    def unknown(self) -> bool:
        """Released or deleted, an operator has decided."""
        return self.message.begun is not None and self.held

    @property
    def to_be_released(self) -> bool:
        return self.held and self.marked and not (self.over or self.message.taken.held or self.message.refused)

    @property
    def still_open(self) -> bool:
        return self.unknown or not self.marked or self.to_be_released or (self.held and self.over)


def recover(layout: Layout, teller: Teller, journal: Journal) -> Recovered:
    """Finish what the journal says is not done, and begin it anew; what nobody knows of is told.

    Raises MxtuiError: there is no room for a journal.
    """
    left = replay(read(journal.folder))
    journal.begin(left.values())
    found = _look(layout, left.values())
    waits_on = {each.id for each in found if not each.over}
    answered = [each for each in found if not each.unknown]
    teller.tell(Verb.DELETE, [each.id for each in answered if each.held and each.over])
    released, _ = teller.tell(Verb.RELEASE, [each.id for each in answered if each.to_be_released])
    # What could not be done now is tried the next time.
    found = _look(layout, (each.message for each in found))
    left_open = [each.message for each in found if each.still_open]
    journal.begin(left_open)
    delivered = {id for id, each in left.items() if each.accepted and each.begun is None} - waits_on  # noqa: A001
    return Recovered(unknown(left_open), frozenset(released), frozenset(delivered))


def unknown(messages: Iterable[Unfinished]) -> tuple[Unknown, ...]:
    """Those that were begun and never answered."""
    return tuple(
        Unknown(message.taken.identity, message.begun.host, message.begun.at, message.begun.recipients)
        for message in messages
        if message.begun is not None
    )


def _look(layout: Layout, messages: Iterable[Unfinished]) -> list[_Found]:
    """Those that are still there, marked where that can be done."""
    return [found for message in messages if (found := _settle(layout, message)) is not None]


def _settle(layout: Layout, message: Unfinished) -> _Found | None:
    identity = message.taken.identity
    here = locate(layout, identity.queue_id, FLOW[::-1])
    if here is None or (identity.inode and here.inode != identity.inode):
        return None
    held = here.state == "hold"
    try:
        fd = os.open(here.path, OPEN)
    except OSError:  # moved at this moment
        return _Found(message, held, over=False, marked=False)
    try:
        status = os.fstat(fd)
        found = queue_file.envelope(fd, status)
        if status.st_ino != here.inode or found.arrival is None or not same_arrival(found.arrival, identity.arrival):
            return None
        over = all(each.state != "todo" or each.offset in message.accepted for each in found.recipients)
        return _Found(message, held, over, _marked(fd, message.accepted))
    finally:
        os.close(fd)


def _marked(fd: int, accepted: Iterable[int]) -> bool:
    """Mark them; False where Postfix has it locked."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        mark_done(fd, accepted)
        os.fsync(fd)
    except OSError:
        return False
    return True
