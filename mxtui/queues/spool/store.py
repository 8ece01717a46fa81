"""A spool directory: what is in it, and the way to change it. Everything blocks; all of it is for any thread."""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from mxtui.errors import Guarded, NoQueue
from mxtui.model.envelope import Envelope, SpoolState
from mxtui.queues.spool.aside import decoded, envelope_aside, of_damaged
from mxtui.queues.spool.claim import Claim, Damaged, lock_envelope, open_envelope, read_file
from mxtui.queues.spool.disk import Disk
from mxtui.queues.spool.ids import FOLDERS, is_id
from mxtui.queues.spool.layout import (
    LOCK,
    READ,
    STATES,
    Places,
    envelope_ids,
    opened,
    set_aside_ids,
    unreadable,
)
from mxtui.queues.spool.reconcile import Reconciled, reconcile
from mxtui.queues.spool.writer import Aside, SpoolWriter

LOCK_BYTES: Final = 64


class Spool:
    """One spool."""

    def __init__(self, path: Path, hostname: str, disk: Disk, told: Aside) -> None:
        self.path = path
        self.hostname = hostname
        """As `serve` was told when it made the spool."""
        self.places = Places(os.fspath(path))
        self.disk = disk
        self.writer = SpoolWriter(self.places, disk, told)
        """Changes claimed messages, many at once."""

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        create: bool = False,
        hostname: str = "",
        disk: Disk | None = None,
        told: Aside = lambda *_: None,
    ) -> "Spool":
        """The spool at `path`, made where it is missing if `create`; `told` is called with whatever is set aside.

        Raises NoQueue: nothing there, no spool, of a newer version; NotPermitted.
        """
        path = path.absolute()
        marker, own = opened(path, create=create, hostname=hostname)
        return cls(path, marker.hostname, disk or own, told)

    def commit(
        self, messages: Sequence[tuple[Envelope, Sequence[bytes]]], state: SpoolState = "deferred"
    ) -> list[OSError | None]:
        """Take responsibility for messages: each is in the spool for good where its outcome is None, else not at all.

        Content comes in pieces, with LF line ends; pieces are not copied.
        """
        return self.writer.commit([(envelope, content, state) for envelope, content in messages])

    def find(self, queue_id: str) -> tuple[SpoolState, Envelope] | None:
        """A message as it is now; None when it is gone. Of what is corrupt, as much as can be told.

        Raises NotPermitted, NoQueue (an input error).
        """
        if not is_id(queue_id):
            return None
        try:
            found = open_envelope(self.places, queue_id)
            if found is None:
                aside = envelope_aside(self.places, queue_id)
                return None if aside is None else ("corrupt", aside)
            try:
                return found.state, decoded(read_file(found.descriptor, found.path), queue_id, found.path)
            finally:
                os.close(found.descriptor)
        except Damaged as error:
            return "corrupt", of_damaged(queue_id, error.why, error.path)
        except OSError as error:
            raise unreadable(queue_id, error, self.path) from error

    def content(self, queue_id: str, limit: int) -> bytes:
        """The message as stored, at most `limit` bytes. Raises NoQueue (gone), NotPermitted."""
        for path in (
            (self.content_path(queue_id), Path(self.places.corrupt(queue_id, "eml"))) if is_id(queue_id) else ()
        ):
            try:
                descriptor = os.open(path, READ)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise unreadable(queue_id, error, self.path) from error
            with os.fdopen(descriptor, "rb") as file:
                return file.read(min(limit, os.fstat(descriptor).st_size))  # which allocates what it is told
        raise NoQueue(f"{queue_id} is no longer queued")

    def content_path(self, queue_id: str) -> Path:
        """Where the message is; it never changes, and goes after its envelope."""
        return Path(self.places.message(queue_id))

    def ids(self, state: SpoolState) -> Iterator[str]:
        """The IDs in a state, from names alone, in no order. Raises NotPermitted."""
        inside = envelope_ids if state != "corrupt" else set_aside_ids
        for name in FOLDERS:
            yield from inside(f"{self.places.root}/queue/{state}/{name}")

    def names(self) -> Mapping[SpoolState, list[str]]:
        """All IDs by state, oldest first, from names alone: 0.1 s at 100,000. Raises NotPermitted."""
        return {state: sorted(self.ids(state)) for state in STATES}

    def envelopes(self, state: SpoolState) -> Iterator[Envelope]:
        """Every envelope in a state, oldest first; what cannot be read is set aside, and not told. One open file."""
        for queue_id in sorted(self.ids(state)):
            found = self.find(queue_id) if state == "corrupt" else self._readable(queue_id)
            if found is not None and found[0] == state:
                yield found[1]

    def claim(self, queue_id: str) -> Claim | None:
        """Take a message in hand; None when it is gone, or was found damaged and set aside.

        Raises InDelivery (somebody else has it), OSError.
        """
        if not is_id(queue_id):
            return None
        try:
            locked = lock_envelope(self.places, queue_id)
        except Damaged as error:
            self.set_aside(error.path, queue_id, error.why)
            return None
        if locked is None:
            return None
        try:
            return Claim(locked, decoded(read_file(locked.descriptor, locked.path), queue_id, locked.path), self.writer)
        except Damaged as error:
            self.set_aside(error.path, queue_id, error.why)
            os.close(locked.descriptor)
            return None
        except BaseException:
            os.close(locked.descriptor)
            raise

    def set_aside(self, path: str, queue_id: str, why: str) -> None:
        """Move what is at `path` to `corrupt`. Raises OSError; that it is gone meanwhile is none."""
        for outcome in self.writer.run([self.writer.setting_aside(path, queue_id, why)]):
            if outcome is not None and not isinstance(outcome, FileNotFoundError):
                raise outcome

    def reconcile(self, now: float) -> Reconciled:
        """Put in order what a crash, a bad disk or a hand left; see `reconcile`. The caller holds the forwarder's lock.

        Raises OSError.
        """
        return reconcile(self.places, self.disk, self.writer, now)

    @contextmanager
    def lock_forwarder(self) -> Iterator[None]:
        """Be the only one who delivers from this spool. Raises Guarded when another is; NotPermitted."""
        path = f"{self.places.root}/{LOCK}"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unreadable(path, error) from error
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.read(descriptor, LOCK_BYTES).decode("ascii", "replace").strip()
                who = f"process {holder}" if holder.isdecimal() else "another process"
                raise Guarded(
                    f"{who} forwards from {self.path} already", "Stop it first, or ask it (mxtui flush)."
                ) from error
            if self.disk.owner is not None:
                os.fchown(descriptor, *self.disk.owner)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def _readable(self, queue_id: str) -> tuple[SpoolState, Envelope] | None:
        found = self.find(queue_id)
        if found is not None and found[0] == "corrupt":
            claim = self.claim(queue_id)  # which sets it aside, unless it was mended meanwhile
            if claim is None:
                return None
            with claim:
                return claim.state, claim.envelope
        return found
