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

    def folders(self) -> Iterable[Listed]:
        """All directories with their messages. Raises NoQueue, NotPermitted."""
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


class Known(NamedTuple):
    """One message as remembered."""

    arrival: float
    expires: float
    size: int
    group: int


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
        for _ in range(2):
            for listed in self._files.folders():
                ids = [each for each in listed.ids if each not in seen]
                seen.update(ids)
                yield _Missing(listed.state, listed.path, ids, [])

    def _compare(self, listed: Listed, folder: _Folder | None, here: "_Kept") -> "_Missing":
        missing = _Missing(listed.state, listed.path, [], [])
        if not listed.ids:
            return missing
        old = _Columns(folder if folder is not None and folder.state == listed.state else _NOTHING)
        places, identities, same = old.places, old.identities, list[int]()
        with opened(f"{self._files.root}/{listed.path}") as descriptor:
            stat, file, state = os.stat, self._files.file, listed.state
            for queue_id in listed.ids:
                name = file(state, queue_id)
                identity = (0, 0, 0, 0)
                if name and descriptor is not None:
                    try:
                        found = stat(name, dir_fd=descriptor, follow_symlinks=False)
                    except OSError:  # it moved on: whoever reads it finds it
                        pass
                    else:
                        identity = (found.st_ino, found.st_ctime_ns, found.st_mtime_ns, found.st_size)
                place = places.get(queue_id)
                if place is not None and identity[0] and identities[place] == identity:
                    same.append(place)
                else:
                    missing.ids.append(queue_id)
                    missing.identities.append(identity)
        here.keep(old, same)
        return missing

    def _as_remembered(self, kept: Mapping[str, "_Kept"]) -> bool:
        """Whether some messages, chosen by chance, are what is remembered of them."""
        folders = [here for here in kept.values() if here.names]
        sizes = [len(here.names) for here in folders]
        for here in random.choices(folders, sizes, k=min(SAMPLE, sum(sizes))) if folders else ():
            place = random.randrange(len(here.names))
            queue_id = here.names[place]
            listed = _Missing(here.state, here.path, [queue_id], [])
            for row in self._files.rows([listed]):
                if row[1] == here.state and self._known(row) != here.known[place]:
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
            path, state, identity = where.pop(row[0], ("", "", (0, 0, 0, 0)))
            if not path:
                continue  # told twice: it moved while it was read
            read += 1
            if row[14] is not None:  # of a file that cannot be read nobody can say that it is the same
                identity = (0, 0, 0, 0)
            if row[1] != state:  # where it is by now is not where it was looked at
                path, identity = f"*{row[1]}", (0, 0, 0, 0)
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
        return Known(row[3], NEVER if row[9] is None else row[9], row[4], number)

    def _sum(self, kept: Mapping[str, "_Kept"], now: float) -> Tallies:
        sums: dict[tuple[int, State], Alike] = {}
        bounds = BUCKET_SECONDS
        for here in kept.values():
            state = here.state
            numbers: dict[int, Alike] = {}
            for arrival, expires, size, group in here.known:
                alike = numbers.get(group)
                if alike is None:
                    alike = numbers[group] = sums.setdefault((group, state), Alike(state))
                alike.messages += 1
                alike.bytes += size
                if arrival < alike.oldest:
                    alike.oldest = arrival
                if expires < alike.expires:
                    alike.expires = expires
                alike.ages[bisect_right(bounds, now - arrival)] += 1  # as `age.bucket` has it
        tallies = Tallies(now)
        for (group, _), alike in sums.items():
            tallies.count_alike(alike, self._causes[group])
        return tallies

    def _moved(self, before: "_File | None", kept: Mapping[str, "_Kept"], read: int) -> Moved:
        if before is None:
            return Moved({}, {})
        if not read and sum(len(here.names) for here in kept.values()) == sum(map(_size, before.folders)):
            return Moved({}, {})  # all that is there was there, and nothing else was
        was = {(name, known.arrival): known.group for folder in before.folders for name, known in _everything(folder)}
        arrived: Counter[str] = Counter()
        for here in kept.values():
            for name, known in zip(here.names, here.known, strict=True):
                if was.pop((name, known.arrival), None) is None:
                    arrived.update({domain for domain, _ in self._causes[known.group]})
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
    identities: list[tuple[int, int, int, int]]


class _Kept:
    """A directory as it is now."""

    __slots__ = ("identities", "known", "names", "path", "state")

    def __init__(self, path: str, state: State) -> None:
        self.path, self.state = path, state
        self.names: list[str] = []
        self.identities: list[tuple[int, int, int, int]] = []
        self.known: list[Known] = []

    def add(self, name: str, identity: tuple[int, int, int, int], known: Known) -> None:
        self.names.append(name)
        self.identities.append(identity)
        self.known.append(known)

    def keep(self, old: "_Columns", places: Sequence[int]) -> None:
        """What is as it was."""
        names, identities, known = old.names, old.identities, old.known
        self.names += [names[place] for place in places]
        self.identities += [identities[place] for place in places]
        self.known += [known[place] for place in places]

    def packed(self, used: dict[int, int]) -> _Folder:
        """For the file. What has no identity is remembered too: that it left is seen by its being gone."""
        arrivals, expiries, sizes, groups = (zip(*self.known, strict=True)) if self.known else ((), (), (), ())
        numbers = [used.setdefault(group, len(used)) for group in groups]
        return _Folder(
            self.path,
            self.state,
            "\n".join(self.names),
            array("Q", [number for identity in self.identities for number in identity]).tobytes(),
            array("d", arrivals).tobytes(),
            array("d", expiries).tobytes(),
            array("q", sizes).tobytes(),
            array("I", numbers).tobytes(),
        )


class _Columns:
    """A remembered directory, laid open."""

    def __init__(self, folder: _Folder) -> None:
        self.names = folder.names.split("\n") if folder.names else []
        numbers = iter(array("Q", folder.identities))
        self.identities = list(zip(numbers, numbers, numbers, numbers, strict=True))
        """Inode, time of status, time of content, length."""
        columns = (array("d", folder.arrivals), array("d", folder.expiries), array("q", folder.sizes))
        self.known = list(map(Known._make, zip(*columns, array("I", folder.groups), strict=True)))
        self.places = {name: place for place, name in enumerate(self.names)}


_NOTHING: Final = _Folder("", "", "", b"", b"", b"", b"", b"")


def _sound(folder: _Folder, groups: int) -> bool:
    """Whether the columns of a directory are of one length, and name groups that there are."""
    count = folder.names.count("\n") + 1
    lengths = (len(folder.arrivals), len(folder.expiries), len(folder.sizes))
    if lengths != (8 * count,) * 3 or len(folder.identities) != 32 * count or len(folder.groups) != 4 * count:
        return False
    return max(array("I", folder.groups), default=0) < groups


def _everything(folder: _Folder) -> Iterator[tuple[str, Known]]:
    """Each message."""
    columns = _Columns(folder)
    return zip(columns.names, columns.known, strict=True)


def _size(folder: _Folder) -> int:
    return len(folder.sizes) // 8


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=DIGEST).digest()
