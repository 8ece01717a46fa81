"""A queue counted again and again by commands that end in between: what did not change is not read again.

    names ─► stat(2) of each file ─► as remembered? ─► sums
                                        └ no ─► read

A file is as remembered when inode, times of content and of status, and length all are: any write, rename or change of
mode sets the time of status (inode(7)), which nobody can set back, so a queue ID that is re-used is another file. Yet
some of what is remembered is read again each time and compared; where that differs, or where the cache is damaged, of
another version or another queue, all of it is thrown away. It holds no address: domains and reasons in few words.
"""

import hashlib
import os
import random
import time
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from mxtui.folders import make_folder, replace_file
from mxtui.model.age import BUCKET_SECONDS
from mxtui.model.message import Recipient, State
from mxtui.model.reason import Summaries
from mxtui.model.tally import NEVER, Alike, Cause, Tallies
from mxtui.queues.opened import opened

MAGIC: Final = b"mxtui counted 1\n"

DIGEST: Final = 16

LIMIT: Final = 512 << 20
"""Bytes; 100,000 messages take 6 MB."""

CLOCKS: Final = 1.0
"""Seconds by which a file system's clock may be behind ours, with room."""

SAMPLE: Final = 100
"""Messages that are read again though they are as remembered."""

Row = list[Any]


class Listed(Protocol):
    """The messages in one directory."""

    @property
    def state(self) -> State:
        """Which queue it belongs to."""
        ...

    @property
    def path(self) -> str:
        """Relative to the queue."""
        ...

    @property
    def ids(self) -> list[str]:
        """Their queue IDs."""
        ...


class Files(Protocol):
    """A queue's files, as each kind has them."""

    root: str

    @property
    def key(self) -> str:
        """What has to be the same for anything remembered to be of use."""
        ...

    def folders(self, since: float = 0) -> Iterable[Listed]:
        """All directories with their messages; for a second look what may have come since that moment is enough.

        Raises NoQueue, NotPermitted.
        """
        ...

    def file(self, state: State, queue_id: str) -> str:
        """A message's file in its directory; empty where it has to be read each time."""
        ...

    def rows(self, listed: Sequence[Listed]) -> Iterator[Row]:
        """The messages named, wherever they are by now; those that are gone or not finished are left out."""
        ...


class Moved(NamedTuple):
    """What came and went since the cache was written, by domain; messages."""

    arrived: Mapping[str, int]
    left: Mapping[str, int]


class Counted(NamedTuple):
    """A count."""

    tallies: Tallies
    moved: Moved
    read: int
    """Files that were read."""


class _Folder(msgspec.Struct, array_like=True):
    """What is remembered of one directory; columns, for a list of objects takes ten times as long to load."""

    path: str
    state: str
    names: str
    """Separated by line feeds."""
    identities: bytes
    """Four numbers a message: inode, time of status, time of content, length."""
    arrivals: bytes
    expiries: bytes
    sizes: bytes
    groups: bytes
    """Numbers of what its recipients wait for."""


class _File(msgspec.Struct, array_like=True):
    key: str
    groups: list[list[tuple[str, str | None]]]
    folders: list[_Folder]


_decoder = msgspec.msgpack.Decoder(_File)
_encoder = msgspec.msgpack.Encoder()


Identity = tuple[int, int, int, int]
"""Inode, time of status, time of content, length."""

UNKNOWN: Final[Identity] = (0, 0, 0, 0)
"""Of what has to be read again."""

_IDENTITY: Final = 32
"""Bytes of one."""

_UNSIGNED: Final = (1 << 64) - 1

Known = tuple[float, float, int, int]
"""Arrival, expiry, size, and the group of what its recipients wait for."""


class Cache:
    """The count of one queue, in a file."""

    def __init__(self, path: Path, files: Files) -> None:
        self._path = path
        self._files = files
        self._summaries = Summaries()
        self._numbers: dict[tuple[Cause, ...], int] = {}
        self._causes: list[tuple[Cause, ...]] = []

    def count(self, now: float) -> Counted:
        """Everything queued, once; ages at `now`. Raises NoQueue, NotPermitted."""
        before = self._load()
        counted = self._count(before, now)
        if counted is None:  # the cache lied: nothing of it is believed
            self._numbers.clear()
            self._causes.clear()
            counted = self._count(None, now)
            assert counted is not None
        return counted

    # -- counting -----------------------------------------------------------------------------------------------

    def _count(self, before: "_File | None", now: float) -> Counted | None:
        """None: what was remembered is not what is there."""
        remembered = {folder.path: folder for folder in before.folders} if before is not None else {}
        kept: dict[str, _Kept] = {}
        seen: set[str] = set()
        fresh: list[_Missing] = []
        for listed in self._twice(seen):
            here = kept.get(listed.path) or kept.setdefault(listed.path, _Kept(listed.path, listed.state))
            missing = self._compare(listed, remembered.get(listed.path), here)
            if missing.ids:
                fresh.append(missing)
        if not self._as_remembered(kept):
            return None
        read = self._read(fresh, kept)
        tallies = self._sum(kept, now)
        moved = self._moved(before, kept, read)
        if before is None or read or any(moved):
            self._save(kept)
        return Counted(tallies, moved, read)

    def _twice(self, seen: set[str]) -> Iterator[Listed]:
        """All directories, twice: what moves against the order of the first look is found in the second."""
        began = time.time()
        for since in (0.0, began - CLOCKS):
            for listed in self._files.folders(since):
                ids = listed.ids if seen.isdisjoint(listed.ids) else [each for each in listed.ids if each not in seen]
                seen.update(ids)
                yield _Missing(listed.state, listed.path, ids, [])

    def _compare(self, listed: Listed, folder: _Folder | None, here: "_Kept") -> "_Missing":
        if not listed.ids:
            return _Missing(listed.state, listed.path, [], [])
        old = folder if folder is not None and folder.state == listed.state else _NOTHING
        found = self._identities(listed)
        if found.tobytes() == old.identities and UNKNOWN[0] not in found[::4] and listed.ids == old.names.split("\n"):
            here.keep(old, listed.ids)  # nothing happened in there
            return _Missing(listed.state, listed.path, [], [])
        return here.keep_same(old, listed, found)

    def _identities(self, listed: Listed) -> "array[int]":
        """Of each message in a directory, one behind the other."""
        found = array("Q")
        stat, file, state, add = os.stat, self._files.file, listed.state, found.extend
        with opened(f"{self._files.root}/{listed.path}") as descriptor:
            for queue_id in listed.ids:
                name = file(state, queue_id)
                if not name or descriptor is None:
                    add(UNKNOWN)
                    continue
                try:
                    here = stat(name, dir_fd=descriptor, follow_symlinks=False)
                except OSError:  # it moved on: whoever reads it finds it
                    add(UNKNOWN)
                else:
                    # A time of content before 1970 is as good as any other; whoever may write the file sets it.
                    add((here.st_ino, here.st_ctime_ns, here.st_mtime_ns & _UNSIGNED, here.st_size))
        return found

    def _as_remembered(self, kept: Mapping[str, "_Kept"]) -> bool:
        """Whether some messages, chosen by chance, are what is remembered of them."""
        folders = [here for here in kept.values() if here.names]
        sizes = [len(here.names) for here in folders]
        for here in random.choices(folders, sizes, k=min(SAMPLE, sum(sizes))) if folders else ():
            place = random.randrange(len(here.names))
            queue_id = here.names[place]
            listed = _Missing(here.state, here.path, [queue_id], [])
            for row in self._files.rows([listed]):
                if row[1] == here.state and self._known(row) != here.known(place):
                    return False
        return True

    def _read(self, fresh: Sequence["_Missing"], kept: dict[str, "_Kept"]) -> int:
        where = {
            queue_id: (each.path, each.state, identity)
            for each in fresh
            for queue_id, identity in zip(each.ids, each.identities, strict=True)
        }
        read = 0
        for row in self._files.rows(fresh) if fresh else ():
            path, state, identity = where.pop(row[0], ("", "", UNKNOWN))
            if not path:
                continue  # told twice: it moved while it was read
            read += 1
            if row[14] is not None:  # of a file that cannot be read nobody can say that it is the same
                identity = UNKNOWN
            if row[1] != state:  # where it is by now is not where it was looked at
                path, identity = f"*{row[1]}", UNKNOWN
            here = kept.get(path) or kept.setdefault(path, _Kept(path, row[1]))
            here.add(row[0], identity, self._known(row))
        return read

    def _known(self, row: Row) -> Known:
        recipients: Sequence[tuple[str, str, str | None, str | None] | Recipient] = row[6]
        summaries = self._summaries
        causes = tuple((each[1], None if each[2] is None else summaries[each[2]]) for each in recipients)
        number = self._numbers.get(causes)
        if number is None:
            number = self._numbers[causes] = len(self._causes)
            self._causes.append(causes)
        return row[3], NEVER if row[9] is None else row[9], row[4], number

    def _sum(self, kept: Mapping[str, "_Kept"], now: float) -> Tallies:
        sums: dict[State, dict[int, Alike]] = {}
        for here in kept.values():
            here.count(sums.setdefault(here.state, {}), now)
        tallies = Tallies(now)
        for of_state in sums.values():
            for group, alike in of_state.items():
                tallies.count_alike(alike, self._causes[group])
        return tallies

    def _moved(self, before: "_File | None", kept: Mapping[str, "_Kept"], read: int) -> Moved:
        if before is None:
            return Moved({}, {})
        if not read and sum(len(here.names) for here in kept.values()) == sum(map(_size, before.folders)):
            return Moved({}, {})  # all that is there was there, and nothing else was
        was = {(name, arrival): group for folder in before.folders for name, arrival, group in _everything(folder)}
        arrived: Counter[str] = Counter()
        for here in kept.values():
            for name, arrival, group in zip(here.names, here.arrivals, here.groups, strict=True):
                if was.pop((name, arrival), None) is None:
                    arrived.update({domain for domain, _ in self._causes[group]})
        left: Counter[str] = Counter()
        for group in was.values():
            left.update({domain for domain, _ in self._causes[group]})
        return Moved(arrived, left)

    # -- the file -----------------------------------------------------------------------------------------------

    def _load(self) -> "_File | None":
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            with os.fdopen(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                ours = status.st_uid in (0, os.geteuid(), os.stat(self._files.root).st_uid)  # noqa: PTH116
                if not ours or status.st_mode & 0o022 or status.st_size > LIMIT:
                    return None  # somebody could have written it who could not write to the queue
                data = file.read(LIMIT)
        except OSError:
            return None
        head, body = data[: len(MAGIC) + DIGEST], data[len(MAGIC) + DIGEST :]
        if head != MAGIC + _digest(body):
            return None
        try:
            found = _decoder.decode(body)
            if found.key != self._files.key or any(not _sound(folder, len(found.groups)) for folder in found.folders):
                return None
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None
        for group in found.groups:
            causes = tuple((domain, reason) for domain, reason in group)
            self._numbers[causes] = len(self._causes)
            self._causes.append(causes)
        return found

    def _save(self, kept: Mapping[str, "_Kept"]) -> None:
        used: dict[int, int] = {}
        folders = [here.packed(used) for here in kept.values() if here.names]
        groups = [list(self._causes[number]) for number in used]
        body = _encoder.encode(_File(self._files.key, groups, folders))
        # A disk that is full, or a folder that is not ours, makes the next count slower and nothing else.
        with suppress(OSError):
            make_folder(self._path.parent)
            replace_file(self._path, MAGIC + _digest(body) + body, durable=False)


class _Missing(NamedTuple):
    """Messages that have to be read, with what stat(2) said before."""

    state: State
    path: str
    ids: list[str]
    identities: list[Identity]


class _Kept:
    """A directory as it is now, in the columns of the file: what did not change is never a Python object."""

    __slots__ = ("arrivals", "expiries", "groups", "identities", "names", "path", "sizes", "state")

    def __init__(self, path: str, state: State) -> None:
        self.path, self.state = path, state
        self.names: list[str] = []
        self.identities = array("Q")
        self.arrivals, self.expiries, self.sizes, self.groups = array("d"), array("d"), array("q"), array("I")

    def known(self, place: int) -> Known:
        """One message."""
        return self.arrivals[place], self.expiries[place], self.sizes[place], self.groups[place]

    def add(self, name: str, identity: Identity, known: Known) -> None:
        """One more."""
        self.names.append(name)
        self.identities.extend(identity)
        for column, value in zip((self.arrivals, self.expiries, self.sizes, self.groups), known, strict=True):
            column.append(value)  # type: ignore[attr-defined]

    def keep(self, old: _Folder, names: Sequence[str]) -> None:
        """All that was there; `names` are those of the directory, laid open."""
        self.names += names
        self.identities.frombytes(old.identities)
        self.arrivals.frombytes(old.arrivals)
        self.expiries.frombytes(old.expiries)
        self.sizes.frombytes(old.sizes)
        self.groups.frombytes(old.groups)

    def keep_same(self, old: _Folder, listed: Listed, found: "array[int]") -> _Missing:
        """What is as it was; the others."""
        missing = _Missing(listed.state, listed.path, [], [])
        was, identities = old.identities, found.tobytes()
        places = {name: place for place, name in enumerate(old.names.split("\n"))} if old.names else {}
        same: list[int] = []
        for at, queue_id in enumerate(listed.ids):
            place = places.get(queue_id, -1)
            identity = identities[at * _IDENTITY : (at + 1) * _IDENTITY]
            if place >= 0 and found[4 * at] and was[place * _IDENTITY : (place + 1) * _IDENTITY] == identity:
                same.append(place)
                self.names.append(queue_id)
                self.identities.frombytes(identity)
            else:
                missing.ids.append(queue_id)
                missing.identities.append((found[4 * at], found[4 * at + 1], found[4 * at + 2], found[4 * at + 3]))
        for column, before in (
            (self.arrivals, array("d", old.arrivals)), (self.expiries, array("d", old.expiries)),
            (self.sizes, array("q", old.sizes)), (self.groups, array("I", old.groups)),
        ):  # fmt: skip
            column.extend(map(before.__getitem__, same))  # type: ignore[arg-type]
        return missing

    def count(self, sums: dict[int, Alike], now: float) -> None:
        """Add what is here to the sums of its groups."""
        bounds = BUCKET_SECONDS
        for group, arrival, expires, size in zip(self.groups, self.arrivals, self.expiries, self.sizes, strict=True):
            alike = sums.get(group)
            if alike is None:
                alike = sums[group] = Alike(self.state)
            alike.messages += 1
            alike.bytes += size
            if arrival < alike.oldest:
                alike.oldest = arrival
            if expires < alike.expires:
                alike.expires = expires
            alike.ages[bisect_right(bounds, now - arrival)] += 1  # as `age.bucket` has it

    def packed(self, used: dict[int, int]) -> _Folder:
        """For the file. What has no identity is remembered too: that it left is seen by its being gone."""
        numbers = array("I", [used.setdefault(group, len(used)) for group in self.groups])
        return _Folder(
            self.path,
            self.state,
            "\n".join(self.names),
            self.identities.tobytes(),
            self.arrivals.tobytes(),
            self.expiries.tobytes(),
            self.sizes.tobytes(),
            numbers.tobytes(),
        )


_NOTHING: Final = _Folder("", "", "", b"", b"", b"", b"", b"")


def _sound(folder: _Folder, groups: int) -> bool:
    """Whether the columns of a directory are of one length, and name groups that there are."""
    count = folder.names.count("\n") + 1
    lengths = (len(folder.arrivals), len(folder.expiries), len(folder.sizes))
    if lengths != (8 * count,) * 3 or len(folder.identities) != 32 * count or len(folder.groups) != 4 * count:
        return False
    return max(array("I", folder.groups), default=0) < groups


def _everything(folder: _Folder) -> Iterator[tuple[str, float, int]]:
    """Each message's name, arrival and group."""
    names = folder.names.split("\n") if folder.names else []
    return zip(names, array("d", folder.arrivals), array("I", folder.groups), strict=True)


def _size(folder: _Folder) -> int:
    return len(folder.sizes) // 8


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=DIGEST).digest()
