"""The drain of each queue, on disk: who drains it, how it stands, and what anybody wants of it.

One folder a queue, named by a digest of its path:

    lock        held (flock(2)) by whoever drains; the kernel lets go of it, however the process ends
    state.json  how it stands, replaced twice a second; it stays when the drain is over
    wish        `pause`, `resume` or `stop`, by whoever may write here; read and removed by whoever drains
    report.json, report.txt   of the last drain that ended

So a drain outlives the terminal it was started from, a second operator meets the first one's, and a console finds it.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal, get_args

import msgspec

from mxtui.errors import Guarded, MxtuiError
from mxtui.folders import give_away, is_locked, make_folder, queue_digest, replace_file, writable_folder
from mxtui.model.drain.standing import Standing

SYSTEM_FOLDER: Final = Path("/var/lib/mxtui/drains")

FOLDER: Final = "drains"
"""Of a spool, which has its own register."""

LOOKS: Final = 10

ROOM: Final = 65_536
"""Bytes: a state, a wish and the words of one that ends early."""

WHERE: Final = "what was in hand is where the queue says it is, and mxtui flush goes on with what is left"

SOMEBODY_ELSES: Final = "Somebody else's would not be seen from here: sudo mxtui drain status."

Wish = Literal["pause", "resume", "stop"]


class Drains:
    """One queue's. `folder` is where all queues' are kept."""

    def __init__(self, queue: str, folder: Path | None = None) -> None:
        self._named = folder is not None
        base = folder or writable_folder(SYSTEM_FOLDER, "drains")
        self.folder = base / queue_digest(queue)
        self.queue = queue

    @property
    def others(self) -> str:
        """A hint, where somebody else's drains may be that we may not see: then none known is not none there."""
        hidden = not self._named and self.folder.parent != SYSTEM_FOLDER
        try:
            next(self.folder.iterdir(), None)
        except FileNotFoundError:
            pass
        except OSError:
            hidden = True
        return SOMEBODY_ELSES if hidden else ""

    def standing(self) -> Standing | None:
        """The drain that runs, or the last one that did; None before the first, or where one may not look.

        One that was killed says why it is over.
        """
        try:
            data = (self.folder / "state.json").read_bytes()
        except OSError:
            return None
        try:
            standing = _standing.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if standing.running and not self.busy:
            what = "what it had in hold goes back before the next act" if standing.direct else WHERE
            fault = f"process {standing.process} ended without a word: {what}"
            return replace(standing, ended=standing.at, fault=fault)
        return standing

    def ended_at(self) -> float | None:
        """When its state was last written, if nobody drains now. Cheap: another figure says that something is new."""
        try:
            written = (self.folder / "state.json").stat().st_mtime
        except OSError:
            return None
        return None if self.busy else written

    def report(self, *, as_json: bool) -> str:
        """The report of the last drain that ended; while one runs, of the one before.

        Raises MxtuiError: there is none, or the last one left none, and another's would be taken for it.
        """
        path = self.folder / ("report.json" if as_json else "report.txt")
        last = self.standing()
        if last is not None and not last.running and not last.report:
            before = f"; that of the one before is {path}" if path.exists() else ""
            raise MxtuiError(
                f"the last drain left no report: {last.fault or 'there was no room for one'}{before}",
                "mxtui drain status tells how far it came, mxtui audit what it did.",
            )
        try:
            return path.read_text("utf-8", "replace").rstrip("\n")
        except FileNotFoundError:
            none = "no drain of this queue has ended yet: there is no report"
            raise MxtuiError(none, self.others or "A drain writes one when it ends.") from None
        except OSError as error:
            raise MxtuiError(f"no report: {path}: {error.strerror}", "A drain writes one when it ends.") from None

    def wish(self, wish: Wish) -> None:
        """Ask whoever drains. Raises MxtuiError: nobody does, or one may not ask."""
        if not self.busy:
            raise MxtuiError(f"no drain of {self.queue} is running", self.others or "mxtui flush starts one.")
        try:
            replace_file(self.folder / "wish", wish.encode(), durable=False)
        except OSError as error:
            raise MxtuiError(f"the drain cannot be asked: {self.folder}: {error.strerror}", "Run as root.") from None

    def require_free(self) -> None:
        """Raises Guarded: somebody drains. Only `running` can be relied on; this is for whoever would ask first."""
        if self.busy:
            raise self._taken_by_other()

    def require_room(self) -> None:
        """Raises Guarded: nothing can be written here, and a drain left running could be neither seen nor stopped."""
        try:
            replace_file(self.folder / "room", bytes(ROOM), durable=False)
            (self.folder / "room").unlink()
        except OSError as error:
            raise Guarded(
                f"a drain left running could not be followed: {self.folder} cannot be written: {error.strerror}",
                "Free some space there, or leave out --detach and watch it.",
            ) from None

    @contextmanager
    def running(self, standing: Standing) -> Iterator["Running"]:
        """Be the one who drains. Raises Guarded: somebody does; MxtuiError: there is no place to say so."""
        try:
            self.make()
            lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            give_away(lock, self.folder)
        except OSError as error:
            raise MxtuiError(f"no drain can be registered in {self.folder}: {error.strerror}", "Run as root.") from None
        try:
            if not _taken(lock):
                raise self._taken_by_other()
            with suppress(FileNotFoundError):
                (self.folder / "wish").unlink()
            running = Running(self.folder, standing)
            running.publish()
            yield running
        finally:
            os.close(lock)

    def make(self) -> None:
        """The folder, if it is missing: what root makes in a spool is its user's. Raises OSError."""
        if not self.folder.is_dir():
            make_folder(self.folder.parent.parent, 0o755)
            make_folder(self.folder)

    def _taken_by_other(self) -> Guarded:
        other = self.standing()
        who = f", started by {other.operator} (process {other.process})" if other is not None else ""
        return Guarded(
            f"a drain of this queue is running already{who}",
            "Follow it: mxtui drain status, or screen 4 of the console.",
        )

    @property
    def busy(self) -> bool:
        """Whether somebody drains."""
        return is_locked(self.folder / "lock")


class Running:
    """The side of whoever drains."""

    def __init__(self, folder: Path, standing: Standing) -> None:
        self.standing = standing
        self._folder = folder

    def publish(self) -> None:
        """Let everybody see how it stands. A disk that is full hides the progress, and stops nothing."""
        with suppress(OSError):
            replace_file(self._folder / "state.json", msgspec.json.encode(self.standing), durable=False)

    def wished(self) -> Wish | None:
        """What somebody wants, once."""
        path = self._folder / "wish"
        try:
            wish = path.read_text("ascii", "replace")[:10]
        except OSError:
            return None
        with suppress(OSError):
            path.unlink()
        return wish if wish in get_args(Wish) else None  # type: ignore[return-value]

    def report(self, text: str, data: object) -> str:
        """Keep the final report; where it is. Raises OSError."""
        path = self._folder / "report.txt"
        replace_file(path, text.encode("utf-8", "backslashreplace"))
        replace_file(path.with_suffix(".json"), msgspec.json.encode(data))
        return str(path)


def _taken(lock: int) -> bool:
    """Whether the lock is ours now. Tried more than once: whoever looks whether it is held has it for a moment."""
    for _ in range(LOOKS):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        else:
            return True
    return False


_standing: msgspec.json.Decoder[Standing] = msgspec.json.Decoder(Standing)
