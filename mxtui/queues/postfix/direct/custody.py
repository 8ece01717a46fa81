"""Messages in our custody: held, so that Postfix does not deliver them, and locked, so that nobody changes them.

Never out of active: what is taken away from qmgr while it delivers is lost, or sent twice.
"""

import fcntl
import os
import stat
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from mxtui.folders import sync_folder
from mxtui.model.message import Identity
from mxtui.model.plan import Target
from mxtui.model.planning import IN_DELIVERY, same_arrival
from mxtui.model.source import Verb
from mxtui.queues.postfix import queue_file, queue_id
from mxtui.queues.postfix.actions import HELD_BY_OTHERS
from mxtui.queues.postfix.direct.journal import Done, Journal, Taken
from mxtui.queues.postfix.direct.reading import File, Reader
from mxtui.queues.postfix.direct.telling import Teller
from mxtui.queues.postfix.direct.worker import ANOTHER, Read
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.queue_file import Envelope
from mxtui.queues.postfix.whereabouts import locate

OPEN: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

CLOSERS: Final = 8
"""Threads; see `Custodian.let_go`."""

End = Literal["delete", "release", "keep"]
"""`keep` leaves it in hold."""

_VERBS: Final[dict[End, Verb]] = {"delete": Verb.DELETE, "release": Verb.RELEASE}


@dataclass(slots=True)
class Held:
    """One message in our custody."""

    target: Target
    fd: int
    envelope: Envelope
    whole: bytes | None
    """As it goes over the wire, where it is small."""
    was_held: bool
    """By an operator: it is never released by us."""
    accepted: set[int] = field(default_factory=set)
    """Offsets of recipients that were accepted, by us."""

    @property
    def queue_id(self) -> str:
        """Its name in the queue."""
        return self.target.queue_id

    @property
    def todo(self) -> list[queue_file.EnvelopeRecipient]:
        """Still to be delivered."""
        return [each for each in self.envelope.recipients if each.state == "todo" and each.offset not in self.accepted]


class Left(NamedTuple):
    """A message that was left where it is, or put back there."""

    target: Target
    why: str
    gone: bool = False


class Custodian:
    """Takes messages of one queue into custody, and lets go of them. Blocks; for one thread at a time each."""

    def __init__(self, layout: Layout, teller: Teller, journal: Journal) -> None:
        self._layout = layout
        self._teller = teller
        self._journal = journal
        self._reader = Reader()
        self._closing = ThreadPoolExecutor(CLOSERS, thread_name_prefix="close")

    def close(self) -> None:
        """Once all messages were let go of."""
        self._closing.shutdown()
        self._reader.close()

    def take(self, targets: Sequence[Target]) -> list[Held | Left]:
        """Hold, lock and read each. Raises OSError: the journal cannot be written, and nothing was touched."""
        results: list[Held | Left] = []
        wanted: list[Target] = []
        for target in targets:
            if why := self._not_to_be_taken(target):
                results.append(Left(target, why))
            else:
                wanted.append(target)
        if not wanted:
            return results
        self._journal.append([Taken(*target.identity, held=target.state == "hold") for target in wanted])
        waiting = [target.queue_id for target in wanted if target.state != "hold"]
        holding, complaint = self._teller.tell(Verb.HOLD, waiting)
        # Cut short, it may have held more than it came to say. Else what it does not name is not ours, held or not.
        ours = set(waiting) if complaint else holding
        left: list[Left] = []
        locked: list[tuple[Target, File]] = []
        for target in wanted:
            if target.state != "hold" and target.queue_id not in ours:
                left.append(self._left(target, HELD_BY_OTHERS))
                continue
            try:
                locked.append((target, self._lock(target)))
            except OSError as error:
                why = complaint if target.queue_id not in holding and complaint else ""
                left.append(self._left(target, why or error.strerror or str(error)))
        taken: list[Held] = []
        for (target, file), found in zip(locked, self._reader.read([file for _, file in locked]), strict=True):
            judged = self._judge(target, file, found)
            if isinstance(judged, Held):
                taken.append(judged)
            else:
                os.close(file.fd)
                left.append(judged)
        self._put_back([each.target for each in left], ours)
        return [*results, *left, *taken]

    def _put_back(self, targets: Sequence[Target], ours: set[str]) -> None:
        """Release what was held in vain."""
        held = [target for target in targets if target.queue_id in ours]
        self._teller.tell(Verb.RELEASE, [target.queue_id for target in held])
        stuck = {target.queue_id for target in held if self.in_hold(target.identity)}
        self._done(target.queue_id for target in targets if target.queue_id not in stuck)

    def let_go(self, ends: Sequence[tuple[Held, End]]) -> list[str]:
        """Bring each to its end; why that could not be done, or nothing, in their order. Raises OSError (journal).

        What could not be deleted stays in hold with nobody to do, and is deleted by the next run. That a message was
        deleted is durable before it is done in the journal: its marks need not be, and a power cut could bring it back.

        Who is the last to let go of a deleted file frees its blocks, for which a disk that is told of each (`discard`)
        takes up to a millisecond. Our threads do it side by side, each a share: for each hop between them two wait for
        the interpreter. Of its defer log that is postsuper(1), another process, which makes nobody here wait.
        """
        deleted = [held.queue_id for held, end in ends if end == "delete"]
        complaints: dict[End, str] = {}
        try:
            for end, verb in _VERBS.items():
                _, complaints[end] = self._teller.tell(verb, [held.queue_id for held, wanted in ends if wanted == end])
            failures = [self._failure(held, end, complaints.get(end, "")) for held, end in ends]
            for folder in {self._layout.hashing.folder("hold", queue_id) for queue_id in deleted}:
                sync_folder(self._layout.queue_directory / folder)
        finally:
            descriptors = [held.fd for held, _ in ends]
            for hand in range(min(CLOSERS, len(descriptors))):
                self._closing.submit(_close, descriptors[hand::CLOSERS])
        if done := [Done(held.queue_id) for (held, _), why in zip(ends, failures, strict=True) if not why]:
            self._journal.append(done)
        return failures

    def spare(self, held: Sequence[Held]) -> None:
        """Put back what is not to be sent after all. Raises nothing: what the journal misses, the next run finds."""
        with suppress(OSError):
            self.let_go([(each, "keep" if each.was_held else "release") for each in held])

    def leave(self, held: Held) -> None:
        """Let go of a message of which nobody knows whether it was accepted: in hold, and not done in the journal."""
        os.close(held.fd)

    def _done(self, queue_ids: Iterable[str]) -> None:
        """A line that is missing costs the next run a look."""
        if done := [Done(each) for each in queue_ids]:
            with suppress(OSError):
                self._journal.append(done)

    def _failure(self, held: Held, end: End, complaint: str) -> str:
        match end:
            case "delete":
                # Released by somebody meanwhile, it goes by itself: Postfix finds nobody left to deliver it to.
                if os.fstat(held.fd).st_nlink:
                    if self.in_hold(held.target.identity):
                        return complaint or "delivered, and still in hold"
                    os.fdatasync(held.fd)
            case "release":
                if self.in_hold(held.target.identity):
                    return complaint or "still in hold"
        return ""

    def in_hold(self, identity: Identity) -> bool:
        """Whether this very file is in hold; an inode of 0 is any."""
        with suppress(OSError):
            return identity.inode in (0, os.lstat(self._path(identity.queue_id)).st_ino)
        return False

    def _not_to_be_taken(self, target: Target) -> str:
        if not queue_id.valid(target.queue_id):
            return "not a queue ID"
        if target.state == "active":
            return IN_DELIVERY
        if target.state not in ("hold", "deferred", "incoming"):
            return f"in {target.state}"
        # Taken for ours, it would be released after a crash.
        if target.state != "hold" and self.in_hold(target.identity):
            return HELD_BY_OTHERS
        return ""

    def _lock(self, target: Target) -> File:
        """Open and lock what is in hold. Raises OSError: it is not there, not the one that was meant, or locked."""
        path = self._path(target.queue_id)
        fd = os.open(path, OPEN)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode) or status.st_mode & stat.S_IRWXU != stat.S_IRWXU:
                raise OSError(0, "not a complete queue file")
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise OSError(error.errno, "somebody has it locked: it is being delivered") from error
            # Between the two it may have been moved, or deleted and its ID used again.
            inode = os.lstat(path).st_ino
            if inode != status.st_ino or target.identity.inode not in (0, inode):
                raise OSError(0, ANOTHER)
        except BaseException:
            os.close(fd)
            raise
        return File(path, fd, status)

    def _judge(self, target: Target, file: File, found: Read) -> Held | Left:
        """Left is what could not be read, is not the one that was meant, or is Postfix's to do."""
        if found.envelope is None:
            return self._left(target, found.why_not)
        arrival = found.envelope.arrival
        if arrival is None or not same_arrival(arrival, target.identity.arrival):
            return self._left(target, ANOTHER)
        if found.why_not:
            return Left(target, found.why_not)
        return Held(target, file.fd, found.envelope, found.whole, target.state == "hold")

    def _left(self, target: Target, why: str) -> Left:
        here = locate(self._layout, target.queue_id)
        if here is None:
            return Left(target, "no longer queued", gone=True)
        if here.state == "hold":
            return Left(target, why)
        return Left(target, IN_DELIVERY if here.state == "active" else f"in {here.state}: {why}")

    def _path(self, name: str) -> str:
        return f"{self._layout.queue_directory}/{self._layout.hashing.folder('hold', name)}/{name}"


def _close(descriptors: Iterable[int]) -> None:
    for each in descriptors:
        os.close(each)
