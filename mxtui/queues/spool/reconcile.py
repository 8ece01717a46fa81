"""What a start finds after a crash, a bad disk, or somebody's hand, and puts in order.

Nothing that was acknowledged is lost by it, nothing is deleted but our own unfinished files, and messages that were
delivered to everybody and only not yet removed.

    tmp/…                              ours: removed, unless somebody writes it now; not ours: set aside
    an envelope that cannot be read    set aside
    an envelope without its message, or with one of another size: set aside
    a second envelope of one message   set aside under a new ID; the one that delivers least stays
    nobody left to deliver to          refused by some: `failed`; had by all: removed
    a message without envelope         never acknowledged, or delivered: kept for 36 h, then set aside
    anything else                      set aside under a new ID
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mxtui.errors import InDelivery
from mxtui.folders import is_locked
from mxtui.model.envelope import SpoolState
from mxtui.queues.spool.aside import checked, decoded
from mxtui.queues.spool.claim import Claim, Damaged, lock_envelope, read_file
from mxtui.queues.spool.disk import Disk
from mxtui.queues.spool.ids import FOLDERS, folder_of, is_id, new_id
from mxtui.queues.spool.layout import DELIVERABLE, READ, Places, listed
from mxtui.queues.spool.together import Job
from mxtui.queues.spool.unfinished import follow_through
from mxtui.queues.spool.writer import SpoolWriter

ORPHAN_SECONDS: Final = 36 * 3600.0
"""How long a message without envelope is left where it is: long enough to see what happened."""

ORPHAN: Final = "no envelope for 36 hours: it was never acknowledged, or delivered and not removed"

KEEP_ORDER: Final[tuple[SpoolState, ...]] = ("hold", "quarantine", "failed", "deferred")
"""Which of several envelopes of one message stays: one that somebody wanted kept is never delivered by a copy."""

WHERE: Final = 200
"""Characters shown of where a stranger's file was."""

_UNFINISHED: Final = re.compile(r"[0-9a-f]{18}-[0-9a-f]+-[0-9a-f]+\.(?:eml|json|why)|spool\.json")
"""Our own names in tmp/."""


@dataclass(slots=True)
class Reconciled:
    """What was put in order."""

    messages: int = 0
    """Sound ones, in every state but corrupt."""
    debris: int = 0
    """Unfinished files removed."""
    finished: int = 0
    """Delivered to everybody, and only now removed."""
    orphans: int = 0
    """Messages without envelope that are left for now."""
    aside: list[tuple[str, str]] = field(default_factory=list)
    """ID and reason of what was set aside."""
    left: list[tuple[str, str]] = field(default_factory=list)
    """Path, and why it could not be put in order: it stays where it is."""


def reconcile(places: Places, disk: Disk, writer: SpoolWriter, now: float) -> Reconciled:
    """Look at every file of a spool, once; the content of messages is not read.

    For the one who holds the forwarder's lock. Others may act on messages meanwhile. Raises NotPermitted.
    """
    return _Reconciler(places, disk, writer, now).run()


class _Reconciler:
    def __init__(self, places: Places, disk: Disk, writer: SpoolWriter, now: float) -> None:
        self._places = places
        self._disk = disk
        self._writer = writer
        self._now = now
        self._done = Reconciled()
        self._jobs: list[tuple[str, str, str, Job]] = []
        """Path, ID, reason, and the way to `corrupt`."""

    def run(self) -> Reconciled:
        self._debris()
        for parent in self._places.parents():
            for name in sorted(set(listed(parent)).difference(FOLDERS)):
                self._foreign(f"{parent}/{name}")
        for folder in FOLDERS:
            self._folder(folder)
            self._carry_out()
        return self._done

    def _debris(self) -> None:
        for name in listed(self._places.unfinished_folder):
            path = f"{self._places.unfinished_folder}/{name}"
            if _UNFINISHED.fullmatch(name) is None:
                self._foreign(path)
            elif not is_locked(Path(path)):  # by its writer
                with self._or_left(path):
                    self._disk.unlink(path)
                    self._done.debris += 1

    def _folder(self, folder: str) -> None:
        """One hash folder. Messages are listed first: what is delivered meanwhile is then gone, and no orphan."""
        root = self._places.root
        messages = listed(f"{root}/msg/{folder}")
        known = self._corrupt(f"{root}/queue/corrupt/{folder}")
        for state in KEEP_ORDER:
            path = f"{root}/queue/{state}/{folder}"
            for name in listed(path):
                queue_id = _id(name, folder, ".json")
                if not queue_id:
                    self._foreign(f"{path}/{name}")
                elif queue_id in known:
                    why = f"a second envelope of {queue_id}, found in {state}"
                    self._aside(f"{path}/{name}", new_id(self._now), why)
                else:
                    known.add(queue_id)
                    self._envelope(queue_id, state, f"{path}/{name}")
        for name in messages:
            queue_id = _id(name, folder, ".eml")
            if not queue_id:
                self._foreign(f"{root}/msg/{folder}/{name}")
            elif queue_id not in known:
                self._orphan(queue_id)

    def _corrupt(self, folder: str) -> set[str]:
        """The IDs of envelopes set aside before. A reason without what it is about is of a move that was cut short."""
        stems = [name.partition(".") for name in listed(folder)]
        things = {stem for stem, _, suffix in stems if suffix != "why"}
        for stem, _, suffix in stems:
            if suffix == "why" and stem not in things and is_id(stem):
                with self._or_left(f"{folder}/{stem}.why"):
                    self._disk.unlink(f"{folder}/{stem}.why")
        return {stem for stem, _, suffix in stems if suffix == "json"}

    def _envelope(self, queue_id: str, state: SpoolState, path: str) -> None:
        try:
            descriptor = os.open(path, READ)
        except FileNotFoundError:  # moved meanwhile, by an operator
            return
        except OSError as error:
            self._aside(path, queue_id, f"cannot be opened: {error.strerror}")
            return
        try:
            envelope = checked(read_file(descriptor, path), queue_id, path)
            size = _size(self._places.message(queue_id))
            if size != envelope.size:
                raise Damaged(path, _wrong_size(size, envelope.size))
        except Damaged as error:
            self._aside(path, queue_id, error.why)
            return
        except OSError as error:
            self._done.left.append((path, str(error)))
            return
        finally:
            os.close(descriptor)
        self._done.messages += 1
        if state == "deferred" and not any(each.fate == "waiting" for each in envelope.recipients):
            self._settle(queue_id, path)

    def _settle(self, queue_id: str, path: str) -> None:
        """See `unfinished`."""
        with self._or_left(path):
            locked = lock_envelope(self._places, queue_id)
            if locked is None:
                return
            with Claim(
                locked, decoded(read_file(locked.descriptor, locked.path), queue_id, locked.path), self._writer
            ) as claim:
                if follow_through(claim):
                    self._done.messages -= 1
                    self._done.finished += 1

    def _orphan(self, queue_id: str) -> None:
        path = self._places.message(queue_id)
        try:
            written = os.stat(path, follow_symlinks=False).st_mtime  # noqa: PTH116
            if any(os.path.lexists(self._places.envelope(state, queue_id)) for state in DELIVERABLE * 2):
                return  # it changed its state while we looked
        except FileNotFoundError:
            return
        if self._now - written < ORPHAN_SECONDS:
            self._done.orphans += 1
        else:
            self._aside(path, queue_id, ORPHAN, "eml")

    def _foreign(self, path: str) -> None:
        where = os.path.relpath(path, self._places.root)
        self._aside(path, new_id(self._now), f"no file of ours, found as {where[:WHERE]!r}", "foreign")

    def _aside(self, path: str, queue_id: str, why: str, suffix: str = "json") -> None:
        self._jobs.append((path, queue_id, why, self._writer.setting_aside(path, queue_id, why, suffix)))

    def _carry_out(self) -> None:
        outcomes = self._writer.run(job for *_, job in self._jobs)
        for (path, queue_id, why, _), outcome in zip(self._jobs, outcomes, strict=True):
            if outcome is None:
                self._done.aside.append((queue_id, why))
            elif not isinstance(outcome, FileNotFoundError):
                self._done.left.append((path, str(outcome)))
        self._jobs.clear()

    @contextmanager
    def _or_left(self, path: str) -> Iterator[None]:
        """What fails here concerns one file: a full disk must not keep the others from being delivered."""
        try:
            yield
        except (OSError, Damaged, InDelivery) as error:
            if not isinstance(error, FileNotFoundError):
                self._done.left.append((path, str(error)))


def _id(name: str, folder: str, suffix: str) -> str:
    """The ID that a file of ours has as its name in this hash folder; empty when it is none."""
    queue_id = name.removesuffix(suffix)
    return queue_id if len(queue_id) < len(name) and is_id(queue_id) and folder_of(queue_id) == folder else ""


def _size(path: str) -> int | None:
    """Of a message; None where there is none."""
    try:
        status = os.stat(path, follow_symlinks=False)  # noqa: PTH116
    except FileNotFoundError:
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _wrong_size(size: int | None, expected: int) -> str:
    return "its message is missing" if size is None else f"its message has {size} bytes, and {expected} were received"
