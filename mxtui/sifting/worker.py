"""The process that reads messages for sifting: with the least priority, bounded memory, and nothing to lose.

What hostile mail does to it, it does to nobody else. It ends with its input, however its parent ended.
"""

import gc
import hashlib
import os
import resource
import sqlite3
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from mxtui.message.differences import Envelope
from mxtui.message.inspect import inspect
from mxtui.model.campaign import Judged
from mxtui.queues.frames import receive
from mxtui.scanning.signals import Facts, signals
from mxtui.sifting.features import LIMITS, READ, seen_traits
from mxtui.sifting.grouping import Grouping
from mxtui.sifting.store import Known, Store, is_campaign

NICE: Final = 15
MEMORY: Final = 2 << 30
"""Bytes of address space."""

WHOLE: Final = 256 << 20
"""Bytes of a message that are hashed."""

AGAIN: Final = 50
"""One in so many that are remembered is read again: what is remembered is not trusted blindly."""

_LENGTH: Final = struct.Struct("!Q")


class Settings(msgspec.Struct, array_like=True):
    """What a worker has to know."""

    module: str
    """Of the queue's reader (see `queues.queue.Contents`)."""
    arguments: list[Any]
    path: str
    """Of the file of what is remembered; empty: nothing is."""
    relayed: list[str] = []
    """Domains that mail is taken for, lower case."""


class Message(msgspec.Struct, array_like=True):
    """What the queue tells of a message."""

    queue_id: str
    inode: int
    arrival: float
    size: int
    sender: str
    recipients: list[str]
    client: str | None


class Verdict(msgspec.Struct, array_like=True):
    """`model.campaign.Judged` on its way."""

    queue_id: str
    inode: int
    arrival: float
    points: float
    campaign: str
    backscatter: bool


class Answer(msgspec.Struct, array_like=True):
    """What became of a batch."""

    judged: list[Verdict]
    """Also of messages before, which turned out to be a campaign's."""
    read: int
    """Messages that were opened; others were remembered."""
    gone: int
    """Messages that left meanwhile, or could not be read."""


def transmit(stream: IO[bytes], message: msgspec.Struct) -> None:
    """Write one frame. Raises BrokenPipeError."""
    frame = msgspec.msgpack.encode(message)
    stream.write(_LENGTH.pack(len(frame)) + frame)
    stream.flush()


class Reader:
    """Reads, remembers and groups."""

    def __init__(
        self, read: Callable[[str, int], Iterable[bytes]], store: Store, relayed: frozenset[str] = frozenset()
    ) -> None:
        self._read = read
        self._store = store
        self._relayed = relayed
        self._grouping = Grouping()
        self._names = store.names()
        self._asked = 0
        for known, cluster in store.all():
            self._grouping.restore(known.traits, cluster)

    def answer(self, batch: Sequence[Message]) -> Answer:
        """What became of these."""
        judged: dict[str, Judged] = {}
        opened = gone = 0
        with self._store.writing():
            remembered = self._store.find_each([message.queue_id for message in batch])
            for message in batch:
                found = self._remembered(message, remembered.get(message.queue_id))
                if found is None:
                    opened += 1
                    known = self._look(message)
                    if known is None:
                        gone += 1
                        continue
                    found = self._place(known)
                judged.update((each.identity.queue_id, each) for each in found)
        verdicts = [Verdict(*each.identity, each.points, each.campaign, each.backscatter) for each in judged.values()]
        return Answer(verdicts, opened, gone)

    def _remembered(self, message: Message, found: tuple[Known, int] | None) -> list[Judged] | None:
        if found is None:
            return None
        known, cluster = found
        self._asked += 1
        if (known.inode, known.arrival, known.size) != (message.inode, message.arrival, message.size):
            return None
        if not self._asked % AGAIN and self._digest(message) != known.sha256:
            return None
        return [self._judged(known, self._grouping.root(cluster))]

    def _digest(self, message: Message) -> bytes:
        try:
            return self._content(message)[1]
        except OSError:
            return b""

    def _content(self, message: Message) -> tuple[bytes, bytes]:
        """The beginning of a message, and the hash of all of it."""
        head, digest, length = bytearray(), hashlib.sha256(), 0
        for block in self._read(message.queue_id, message.inode):
            digest.update(block)
            length += len(block)
            if len(head) < READ:
                head += block[: READ - len(head)]
            if length >= WHOLE:
                break
        return bytes(head), digest.digest()

    def _look(self, message: Message) -> Known | None:
        try:
            raw, digest = self._content(message)
        except OSError:
            return None
        seen = inspect(raw, truncated=len(raw) >= READ, limits=LIMITS)
        traits = seen_traits(raw, seen, message.sender, message.recipients, message.client)
        # Of who handed it in only the address is known here: what speaks of its name waits for the inspector.
        facts = Facts(Envelope(message.sender, message.arrival), relayed=self._relayed)
        odd = signals(seen, facts)
        points, reasons = round(sum(each.points for each in odd), 1), tuple(each.title for each in odd)
        return Known(message.queue_id, message.inode, message.arrival, message.size, digest, traits, points, reasons)

    def _place(self, known: Known) -> list[Judged]:
        """The cluster of a message; what else is to be told because of it."""
        cluster, absorbed = self._grouping.place(known.traits)
        moved = [each.identity.queue_id for other in absorbed for each in self._store.named(other)]
        self._store.merge(cluster, absorbed)
        self._store.put(known, cluster)
        taken = [name for each in absorbed if (name := self._names.pop(each, ""))]
        if cluster not in self._names and is_campaign(self._grouping.size(cluster)):
            self._names[cluster] = self._store.name(cluster, _seed(known), taken)
            return self._store.named(cluster)
        # Not all of it: a campaign of 20,000 takes in stragglers all the time.
        return [self._judged(known, cluster), *(self._store.judged_as(each) for each in moved)]

    def _judged(self, known: Known, cluster: int) -> Judged:
        name = self._names.get(cluster, "")
        return Judged(known.identity, known.points, name, backscatter=bool(name) and not known.traits.sender)


def _seed(known: Known) -> bytes:
    """What a campaign is named by: it has the same name where its messages are read again in another order."""
    return known.traits.sketch + known.traits.subject.encode("utf-8", "replace")


def serve() -> None:
    """A worker's life: settings, then batches on stdin until it ends, an answer to each."""
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.set_threshold(100_000)  # little of what is made here has cycles
    batches, answers = sys.stdin.fileno(), sys.stdout.buffer
    frame = receive(batches)
    if frame is None:
        return
    settings = msgspec.msgpack.decode(frame, type=Settings)
    read = import_module(settings.module).reader(*settings.arguments)
    reader = Reader(read, _store(settings.path), frozenset(settings.relayed))
    decoder = msgspec.msgpack.Decoder(list[Message])
    try:
        for batch in _frames(batches):
            transmit(answers, reader.answer(decoder.decode(batch)))
    except BrokenPipeError:  # the parent has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def _frames(fd: int) -> Iterator[bytes]:
    while (frame := receive(fd)) is not None:
        yield frame


def _store(path: str) -> Store:
    """What is remembered; nothing beyond this process where there is no room for it, or no right."""
    with suppress(sqlite3.Error, OSError):
        return Store(Path(path) if path else None, writing=True)
    return Store(None, writing=True)
