"""What is in quarantine on a Postfix queue: in hold, and on record with us. Postfix has no state of its own for it.

The record is one file beside the holds of the instance's domains, a line of JSON for each message that came or left,
only ever appended to, and written anew once most of it is past. What changes costs a line, and who follows it reads
what is new. Queue IDs, times and domains are in it, no addresses.

A message is in quarantine while it is the one on record (queue ID, inode, arrival), and in hold since it was put there:
rename(2) sets the time of change, so what somebody released with postsuper(1) and held again is held, no more.
"""

import errno
import json
import os
import stat
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from mxtui.folders import alone, make_folder, replace_file
from mxtui.model.message import Changes, Identity, QueuedMessage, State
from mxtui.model.plan import Target
from mxtui.model.planning import same_arrival, same_message
from mxtui.model.tally import Tallies
from mxtui.queues.postfix import queue_id as ids
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.whereabouts import arrival

FILE: Final = "quarantine"
"""No domain is named so: those have `.json` behind them (`holds`)."""

HOLDING_NS: Final = 60_000_000_000
EACH_NS: Final = 20_000_000
"""From the word that messages are about to be held until they are, and more for each of them."""

SLACK: Final = 1_000
"""Lines that may be past before the record is written anew."""

_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Entry(NamedTuple):
    """One message on record."""

    queue_id: str
    inode: int
    """0 where whoever put it there could not look at queue files."""
    arrival: float
    changed: int
    """Nanoseconds since the epoch: its file's time of change in hold."""
    until: int
    """The latest such time that counts, of one that was about to be held when this was written; else 0."""
    held: bool
    """It was in hold before."""
    domains: tuple[str, ...]

    @property
    def identity(self) -> Identity:
        """Of the message that is meant."""
        return Identity(self.queue_id, self.inode, self.arrival)


def about(target: Target, *, changed: int, until: int = 0) -> Entry:
    """What is put on record of a message."""
    identity = target.identity
    held = target.state == "hold"
    return Entry(identity.queue_id, identity.inode, identity.arrival, changed, until, held, target.domains)


class Quarantine:
    """The record of one Postfix instance, and what it says of messages. For several threads."""

    def __init__(self, layout: Layout, folder: Path) -> None:
        self._layout = layout
        self.path = folder / FILE
        self._lock = threading.Lock()
        self._known: dict[str, Entry] = {}
        self._read = (0, 0)
        """Inode of the file that was read, and how far."""
        self._stamp = (0, 0, 0)
        """Inode, size and time of it when it was last looked at."""
        self._lines = 0

    # -- what it says ---------------------------------------------------------------------------------------------

    def known(self) -> Mapping[str, Entry]:
        """Everything on record now, by queue ID. A stat(2), and what is new."""
        self.refresh()
        return self._known

    def refresh(self) -> Collection[str]:
        """Read what is new; the queue IDs that it is about. What cannot be read says nothing."""
        with self._lock:
            try:
                status = os.lstat(self.path)
                stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
                new = self._catch_up() if stamp != self._stamp else ()
                self._stamp = stamp
            except OSError:
                new = tuple(self._known)
                self._known, self._read, self._stamp, self._lines = {}, (0, 0), (0, 0, 0), 0
            return new

    def _catch_up(self) -> Collection[str]:
        before: Mapping[str, Entry] = {}
        descriptor = os.open(self.path, _READ)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, "not a plain file")
            if status.st_ino != self._read[0] or status.st_size < self._read[1]:
                before, self._known, self._read, self._lines = self._known, {}, (status.st_ino, 0), 0
            file.seek(self._read[1])
            data = file.read(status.st_size - self._read[1])
        whole = data[: data.rfind(b"\n") + 1]  # the rest is being written, or was cut short
        known, new = dict(self._known), set[str]()
        for line in whole.splitlines():
            self._lines += 1
            entry = _entry(line)
            if entry is None:
                continue
            new.add(entry[0])
            if isinstance(entry, Entry):
                known[entry.queue_id] = entry
            else:
                known.pop(entry[0], None)
        self._known = known
        self._read = (status.st_ino, self._read[1] + len(whole))
        if before:
            new = {each for each in new | before.keys() if known.get(each) != before.get(each)}
        return new

    def shown(self, changes: Changes) -> Changes:
        """The same, with what is in quarantine in that state."""
        known = self._known
        if not known or not any(message.state == "hold" for message in changes.present):
            return changes
        return Changes([self.seen(message) for message in changes.present], changes.gone)

    def seen(self, message: QueuedMessage) -> QueuedMessage:
        """A message with its state as it is to be shown."""
        entry = self._known.get(message.queue_id) if message.state == "hold" else None
        if entry is None or not same_message(entry.identity, message.identity) or not self._since(entry):
            return message
        return message._replace(state="quarantine")

    def here(self) -> Iterator[Entry]:
        """What is in quarantine at this moment: 10 µs each."""
        for entry in self.known().values():
            if self.holds(entry):
                yield entry

    def holds(self, entry: Entry) -> bool:
        """Whether what is on record is in hold, and the same as then. Who may not look at its file takes it for so."""
        path = self._path(entry.queue_id)
        try:
            status = os.lstat(path)
            if entry.inode:  # with the time of change it can be no other
                return status.st_ino == entry.inode and self._since(entry, status)
            arrived = arrival(path)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return arrived is not None and same_arrival(arrived, entry.arrival) and self._since(entry, status)

    def keeps(self, target: Target) -> bool:
        """Whether a message is in quarantine now. What is on record has to be up to date (`refresh`)."""
        entry = self._known.get(target.queue_id)
        return entry is not None and same_message(entry.identity, target.identity) and self.holds(entry)

    def _since(self, entry: Entry, status: os.stat_result | None = None) -> bool:
        """Whether it has been in hold since it was put there. Who may not look at its file takes it for so."""
        try:
            status = status or os.lstat(self._path(entry.queue_id))
        except FileNotFoundError:
            return False
        except OSError:
            return True
        if status.st_mode & stat.S_IXGRP:  # marked to be returned by postsuper -f or -e, which sets that time, too
            return True
        return status.st_ctime_ns <= entry.until if entry.until else status.st_ctime_ns == entry.changed

    def _path(self, queue_id: str) -> str:
        return f"{self._layout.queue_directory}/{self._layout.hashing.folder('hold', queue_id)}/{queue_id}"

    def depth(self, depth: Mapping[State, int]) -> Mapping[State, int]:
        """Messages per state, with those in quarantine counted apart."""
        number = sum(1 for _ in self.here()) if depth.get("hold") else 0
        return {**depth, "hold": max(0, depth["hold"] - number), "quarantine": number} if number else depth

    def set_apart(self, tallies: Tallies) -> Tallies:
        """Counts with those in quarantine counted as such. The oldest in hold may still be one of them."""
        here = list(self.here())
        domains = Counter(domain for entry in here for domain in entry.domains)
        tallies.recount("hold", "quarantine", len(here), domains)
        return tallies

    # -- writing --------------------------------------------------------------------------------------------------

    def add(self, entries: Sequence[Entry]) -> None:
        """These are in quarantine, or about to be: durable when this returns. Raises OSError."""
        self._append([json.dumps(entry) for entry in entries])

    def forget(self, queue_ids: Collection[str]) -> None:
        """These are not any more. Raises OSError."""
        known = self.known()
        self._append([json.dumps([each]) for each in queue_ids if each in known])

    def _append(self, lines: Sequence[str]) -> None:
        if not lines:
            return
        make_folder(self.path.parent, 0o755)
        with alone(self.path.with_name(f".{FILE}.lock")):
            if not self.path.exists():
                replace_file(self.path, b"", 0o644)  # everybody who looks at the queue sees it
            flags = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(self.path, flags), "ab") as file:
                if file.tell() and not self._ends_whole():
                    file.write(b"\n")
                file.write("".join(f"{line}\n" for line in lines).encode())
                file.flush()
                os.fsync(file.fileno())
            self.refresh()
            if self._lines > 2 * len(self._known) + SLACK:
                self._renew()

    def _ends_whole(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"

    def _renew(self) -> None:
        """Without what is past: left, or deleted past us. Where there is no room the old one stays."""
        lines = [json.dumps(entry) + "\n" for entry in self.here()]
        with suppress(OSError):
            replace_file(self.path, "".join(lines).encode(), 0o644)


def _entry(line: bytes) -> Entry | tuple[str] | None:
    """What a line says: a message that came, or an ID that left; None where nobody of ours wrote it."""
    try:
        match json.loads(line):
            case [str(queue_id)] if ids.valid(queue_id):
                return (queue_id,)
            case [
                str(queue_id),
                int(inode),
                float() | int() as at,
                int(changed),
                int(until),
                bool(held),
                list(domains),
            ]:
                if ids.valid(queue_id) and all(isinstance(each, str) for each in domains):
                    return Entry(queue_id, inode, at, changed, until, held, tuple(domains))
    except (ValueError, RecursionError):
        pass
    return None
