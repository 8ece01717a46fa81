"""The ways of messages to the disk: received, changed, moved, finished, set aside. Each is a job of a group commit."""

import errno
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

from mxtui.model.envelope import Envelope, SpoolState
from mxtui.queues.spool import format as on_disk
from mxtui.queues.spool.claim import Claim
from mxtui.queues.spool.disk import Disk
from mxtui.queues.spool.ids import arrival_of, new_id
from mxtui.queues.spool.layout import Places
from mxtui.queues.spool.together import Durable, Job, together

AT_ONCE: Final = 128
"""Messages of a group; each has two files open meanwhile."""

Received = tuple[Envelope, Sequence[bytes], SpoolState]
"""A message to commit: its content in pieces, LF line ends."""

Outcomes = list[OSError | None]


Aside = Callable[[str, str], None]
"""Is told the ID and the reason of what was set aside; from any thread."""


class SpoolWriter:
    """Writes to one spool. Safe to use from several threads: it keeps nothing."""

    def __init__(self, places: Places, disk: Disk, told: Aside) -> None:
        self._places = places
        self._disk = disk
        self._told = told

    def commit(self, messages: Sequence[Received]) -> Outcomes:
        """Take responsibility for each: it is in the spool for good where the outcome is None, else not at all."""
        return self.run([self.committing(*each) for each in messages])

    def record(self, changes: Sequence[tuple[Claim, Envelope]]) -> Outcomes:
        """See `Claim.record`."""
        return self.run([self.recording(*each) for each in changes])

    def move(self, changes: Sequence[tuple[Claim, SpoolState, Envelope | None]]) -> Outcomes:
        """See `Claim.move`."""
        return self.run([self.moving(*each) for each in changes])

    def finish(self, claims: Sequence[Claim]) -> Outcomes:
        """See `Claim.finish`. All at once: no file is open for them, and each group would cost another commit."""
        return together(self._disk, [self.finishing(each) for each in claims])

    def run(self, jobs: Iterable[Job]) -> Outcomes:
        """Drive jobs, of whatever kind, side by side."""
        outcomes: Outcomes = []
        rest = iter(jobs)
        while some := list(islice(rest, AT_ONCE)):
            outcomes += together(self._disk, some)
        return outcomes

    def committing(self, envelope: Envelope, content: Iterable[bytes], state: SpoolState, *, lock: bool = False) -> Job:
        """The message first; the appearance of the envelope is the commit. What fails leaves nothing to be seen.

        `lock` is for those who do not hold the forwarder's lock: a start would take their files for debris.
        """
        places, disk, queue_id = self._places, self._disk, envelope.id
        files: list[int] = []
        made: list[str] = []
        named = ""
        try:
            encoded = _encoded(envelope)
            for suffix, chunks in (("eml", content), ("json", (encoded,))):
                made.append(places.unfinished(queue_id, suffix))
                files.append(disk.create(made[-1], chunks, lock=lock))
            yield Durable(files)
            _close(files)
            disk.link(made[0], places.message(queue_id))
            made.append(places.message(queue_id))
            self._forget(made[0])
            yield Durable(folders=(places.message_folder(queue_id),))
            disk.link(made[1], places.envelope(state, queue_id))
            named = places.envelope(state, queue_id)
            self._forget(made[1])
            yield Durable(folders=(places.folder(state, queue_id),))
        except BaseException:
            _close(files)
            self._withdraw(named, made)
            raise

    def recording(self, claim: Claim, envelope: Envelope) -> Job:
        """A new file, locked by us before it takes the name of the old one."""
        unfinished = self._places.unfinished(claim.id, "json")
        files: list[int] = []
        try:
            files.append(self._disk.create(unfinished, (_encoded(envelope),)))
            yield Durable(files)
            if not claim.in_place:
                raise FileNotFoundError(errno.ENOENT, "its envelope was taken away by hand")
            self._disk.rename(unfinished, claim.path)
        except BaseException:
            _close(files)
            self._forget(unfinished)
            raise
        claim.became(files[0], envelope)
        yield Durable(folders=(self._places.folder(claim.state, claim.id),))

    def moving(self, claim: Claim, state: SpoolState, envelope: Envelope | None) -> Job:
        """One rename. What is to be recorded with it is recorded before."""
        if state == "corrupt":
            yield from self.setting_aside(claim.path, claim.id, (envelope or claim.envelope).why)
            claim.release()
            return
        if envelope is not None:
            yield from self.recording(claim, envelope)
        path = self._places.envelope(state, claim.id)
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, f"there is another envelope in {state}")
        before = self._places.folder(claim.state, claim.id)
        self._disk.rename(claim.path, path)
        claim.moved(state, path)
        yield Durable(folders=(self._places.folder(state, claim.id), before))

    def finishing(self, claim: Claim) -> Job:
        """The envelope goes at once, and for good before the message does: a message alone is no danger."""
        with suppress(FileNotFoundError):  # taken away by hand meanwhile
            self._disk.unlink(claim.path)
        claim.release()
        yield Durable(folders=(self._places.folder(claim.state, claim.id),))
        with suppress(FileNotFoundError):
            self._disk.unlink(self._places.message(claim.id))

    def setting_aside(self, path: str, queue_id: str, why: str, suffix: str = "json") -> Job:
        """Move what cannot be used to `corrupt`, as it is, with the reason beside it."""
        places, disk = self._places, self._disk
        if os.path.lexists(places.corrupt(queue_id, suffix)):
            queue_id = new_id(arrival_of(queue_id))
        unfinished = places.unfinished(queue_id, "why")
        files: list[int] = []
        try:
            files.append(disk.create(unfinished, (why.encode("utf-8", "replace"), b"\n")))
            yield Durable(files)
            _close(files)
            disk.rename(unfinished, places.corrupt(queue_id, "why"))
        except BaseException:
            _close(files)
            self._forget(unfinished)
            raise
        disk.rename(path, places.corrupt(queue_id, suffix))
        yield Durable(folders=(places.folder("corrupt", queue_id), os.path.dirname(path)))  # noqa: PTH120
        self._told(queue_id, why)

    def _withdraw(self, named: str, made: Sequence[str]) -> None:
        """Take back what was to be a commit: the envelope first, and for good, for it is what would be delivered."""
        with suppress(OSError):  # of a disk that fails already; while an envelope stays, so does its message
            if named:
                self._disk.unlink(named)
                self._disk.sync_folder(os.path.dirname(named))  # noqa: PTH120
            for path in made:
                self._forget(path)

    def _forget(self, path: str) -> None:
        """Remove an unfinished file. Where that fails it is debris, and removed at the next start."""
        with suppress(OSError):
            self._disk.unlink(path)


def _encoded(envelope: Envelope) -> bytes:
    try:
        return on_disk.encode(envelope)
    except ValueError as error:
        raise OSError(errno.EINVAL, f"the envelope cannot be written: {error}") from error


def _close(files: list[int]) -> None:
    while files:
        os.close(files.pop())
