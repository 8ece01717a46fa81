"""One message in one pair of hands: who changes an envelope, or delivers it, holds a claim on it.

A claim is an exclusive flock(2) on the envelope's own file, taken without waiting; after a crash the kernel lets go of
it. The lock belongs to a file and not to a name, so a claim holds good only while the name still means that file. An
envelope is never changed in place: what replaces it is locked before it gets the name, and no gap is left in between.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Sequence
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self

from mxtui.errors import InDelivery
from mxtui.model.envelope import Envelope, SpoolState
from mxtui.queues.spool import format as on_disk
from mxtui.queues.spool.layout import DELIVERABLE, READ, Places

LOOKS: Final = 3
"""Times that a message which moves while it is locked is looked for again."""

PASSES: Final = 20
"""Times that every state is looked into for a message that must be somewhere."""


class Damaged(Exception):  # noqa: N818 (named for what happened)
    """An envelope that cannot be read; the text says why. It is not an error of its finder."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(why)
        self.path = path
        self.why = why


class Opened(NamedTuple):
    """An envelope's file."""

    descriptor: int
    state: SpoolState
    path: str


def read_file(descriptor: int, path: str) -> bytes:
    """The whole of an envelope's file. Raises Damaged, OSError."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise Damaged(path, "not a file")
    if status.st_size > on_disk.LIMIT:
        raise Damaged(path, f"{status.st_size} bytes are no envelope")
    data = os.read(descriptor, status.st_size + 1)
    while len(data) < status.st_size and (more := os.read(descriptor, status.st_size - len(data))):
        data += more
    return data


def open_envelope(places: Places, queue_id: str) -> Opened | None:
    """The file of an envelope, wherever it is; None when it is gone. Raises Damaged (what is there is no file)."""
    for turn in range(PASSES):  # it may pass us, against the order of looking
        for state in DELIVERABLE:
            path = places.envelope(state, queue_id)
            try:
                return Opened(os.open(path, READ), state, path)
            except FileNotFoundError:
                continue
            except OSError as error:
                if error.errno != errno.ELOOP:
                    raise
                raise Damaged(path, "a link") from error
        # A message outlives its envelope: while it is there, the envelope was only moved behind our back.
        if turn and not os.path.exists(places.message(queue_id)):  # noqa: PTH110
            return None
    return None


def lock_envelope(places: Places, queue_id: str) -> Opened | None:
    """The same, locked. Raises InDelivery where another has it."""
    for _ in range(LOOKS):
        opened = open_envelope(places, queue_id)
        if opened is None:
            return None
        try:
            fcntl.flock(opened.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if is_at(opened.descriptor, opened.path):
                return opened
        except BlockingIOError as error:
            os.close(opened.descriptor)
            raise InDelivery(f"{queue_id} is in delivery now") from error
        except BaseException:
            os.close(opened.descriptor)
            raise
        os.close(opened.descriptor)
    raise InDelivery(f"{queue_id} is being changed")


def is_at(descriptor: int, path: str) -> bool:
    """Whether the name still means this file."""
    try:
        there = os.stat(path, follow_symlinks=False)  # noqa: PTH116
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


class Claim:
    """A message that nobody else delivers or changes until it is let go. A context manager; for one thread at a time.

    `record`, `move` and `finish` are durable when they return, and raise OSError; see `Spool` for many at once.
    """

    def __init__(self, opened: Opened, envelope: Envelope, writer: "Writer") -> None:
        self.envelope = envelope
        self.state: SpoolState = opened.state
        self.path = opened.path
        self._descriptor: int | None = opened.descriptor
        self._writer = writer

    @property
    def id(self) -> str:
        """The message's name."""
        return self.envelope.id

    @property
    def held(self) -> bool:
        """Whether it is ours still: not let go, not finished."""
        return self._descriptor is not None

    @property
    def in_place(self) -> bool:
        """Whether the name still means the file that is ours: hands know nothing of locks."""
        return self._descriptor is not None and is_at(self._descriptor, self.path)

    def record(self, envelope: Envelope) -> None:
        """Put another envelope in the place of this one."""
        _require(self._writer.record([(self, envelope)]))

    def move(self, state: SpoolState, envelope: Envelope | None = None) -> None:
        """Change the state, and what is recorded with it. To `corrupt` it is set aside with `envelope.why`."""
        _require(self._writer.move([(self, state, envelope)]))

    def finish(self) -> None:
        """Delivered, or deleted: the envelope first, then the message."""
        _require(self._writer.finish([self]))

    def release(self) -> None:
        """Let go; the message stays as it is. That it was let go before is no error."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def became(self, descriptor: int, envelope: Envelope) -> None:
        """The file behind `descriptor`, locked by its maker, has taken the name."""
        self.release()
        self._descriptor = descriptor
        self.envelope = envelope

    def moved(self, state: SpoolState, path: str) -> None:
        """The file has another name."""
        self.state = state
        self.path = path

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class Writer(Protocol):
    """Who changes claimed messages on the disk: an outcome for each."""

    def record(self, changes: Sequence[tuple[Claim, Envelope]]) -> list[OSError | None]:
        """See `Claim.record`."""
        ...

    def move(self, changes: Sequence[tuple[Claim, SpoolState, Envelope | None]]) -> list[OSError | None]:
        """See `Claim.move`."""
        ...

    def finish(self, claims: Sequence[Claim]) -> list[OSError | None]:
        """See `Claim.finish`."""
        ...


def _require(outcomes: Sequence[OSError | None]) -> None:
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
