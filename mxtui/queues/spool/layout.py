"""Where everything is in a spool directory (SPOOL.md), and the file that says that it is one."""

import errno
import itertools
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from mxtui.errors import NoQueue, NotPermitted
from mxtui.model.envelope import SpoolState
from mxtui.queues.spool.disk import Disk
from mxtui.queues.spool.ids import FOLDERS, folder_of, is_id
from mxtui.users import owner_name

MARKER: Final = "spool.json"
LOCK: Final = "forwarder.lock"
CONTROL: Final = "control.sock"
SCHEMA: Final = 1

DELIVERABLE: Final[tuple[SpoolState, ...]] = ("deferred", "hold", "quarantine", "failed")
"""States whose files are envelopes. `corrupt` holds whatever was set aside."""

STATES: Final[tuple[SpoolState, ...]] = (*DELIVERABLE, "corrupt")

TOP: Final = frozenset({"tmp", "msg", "queue", MARKER, LOCK, CONTROL})

READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""How every file of the spool is opened: no link is followed, and a pipe put there makes nobody wait."""

_count = itertools.count()


class Marker(msgspec.Struct, frozen=True):
    """What `spool.json` says."""

    schema: int
    hostname: str
    made_at: float


class Places(NamedTuple):
    """Paths in one spool, as text: they are made by the hundred thousand."""

    root: str

    @property
    def unfinished_folder(self) -> str:
        """Where files are while they are written."""
        return f"{self.root}/tmp"  # noqa: S108 (ours)

    def unfinished(self, queue_id: str, suffix: str) -> str:
        """A file that is being written; another name each time, so that debris stands in nobody's way."""
        return f"{self.unfinished_folder}/{queue_id}-{os.getpid():x}-{next(_count):x}.{suffix}"

    def message_folder(self, queue_id: str) -> str:
        """Where a message's content is."""
        return f"{self.root}/msg/{folder_of(queue_id)}"

    def message(self, queue_id: str) -> str:
        """A message's content."""
        return f"{self.root}/msg/{folder_of(queue_id)}/{queue_id}.eml"

    def folder(self, state: SpoolState, queue_id: str) -> str:
        """Where a message's envelope is."""
        return f"{self.root}/queue/{state}/{folder_of(queue_id)}"

    def envelope(self, state: SpoolState, queue_id: str) -> str:
        """A message's envelope."""
        return f"{self.root}/queue/{state}/{folder_of(queue_id)}/{queue_id}.json"

    def corrupt(self, queue_id: str, suffix: str) -> str:
        """What was set aside, or (`why`) the reason."""
        return f"{self.root}/queue/corrupt/{folder_of(queue_id)}/{queue_id}.{suffix}"

    def parents(self) -> Iterator[str]:
        """The folders that have 256 hash folders in them."""
        yield f"{self.root}/msg"
        yield from (f"{self.root}/queue/{state}" for state in STATES)


def listed(folder: str) -> list[str]:
    """The names in a folder; none where it is missing. Raises NotPermitted, NoQueue."""
    try:
        return os.listdir(folder)  # noqa: PTH208 (100,000 names: no objects)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(folder, error) from error


def envelope_ids(folder: str) -> list[str]:
    """The IDs of the envelopes in a hash folder, from names alone."""
    here = folder[-2:]
    return [
        name[:18]
        for name in listed(folder)
        if len(name) == 23 and name.endswith(".json") and name[16:18] == here and is_id(name[:18])
    ]


def set_aside_ids(folder: str) -> list[str]:
    """The IDs under which something was set aside in a hash folder of `corrupt`."""
    names = (name.partition(".") for name in listed(folder))
    return list(dict.fromkeys(queue_id for queue_id, _, suffix in names if suffix != "why" and is_id(queue_id)))


def opened(path: Path, *, create: bool, hostname: str) -> tuple[Marker, Disk]:
    """The marker of the spool at `path`, and the disk to write to it with; made first where `create` says so.

    Raises NoQueue: nothing there, no spool, of a newer version; NotPermitted.
    """
    try:
        if create:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
        disk = Disk((status.st_uid, status.st_gid) if os.geteuid() == 0 and status.st_uid else None)
        if not stat.S_ISDIR(status.st_mode):
            raise NoQueue(f"{path} is not a folder")
        if create and not (path / MARKER).exists():
            _make(path, hostname, disk)
        marker = _marker(path)
        if os.access(path / "queue", os.W_OK | os.X_OK):
            _complete(Places(os.fspath(path)), disk)
    except NotPermitted:
        raise
    except OSError as error:
        raise unreadable(path, error) from error
    return marker, disk


def unreadable(path: str | Path, error: OSError, spool: Path | None = None) -> NoQueue | NotPermitted:
    """What to tell of a path that cannot be used, or of a message by its ID in a `spool`."""
    if isinstance(error, PermissionError):
        owner = owner_name(spool or Path(path))
        return NotPermitted(f"{path} may not be used: {error.strerror}", f"Try as root{owner and f' or as {owner}'}.")
    if error.errno == errno.ENOENT:
        return NoQueue(f"{path} is not there", "mxtui serve makes a spool where it is told to.")
    return NoQueue(f"{path} cannot be used: {error.strerror}")


def _marker(path: Path) -> Marker:
    try:
        descriptor = os.open(path / MARKER, READ)
    except FileNotFoundError as error:
        raise NoQueue(f"{path} is no spool: it has no {MARKER}") from error
    try:
        marker = msgspec.json.decode(os.read(descriptor, 65536), type=Marker)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NoQueue(f"{path} is no spool: {MARKER} cannot be understood ({error})") from error
    finally:
        os.close(descriptor)
    if marker.schema > SCHEMA:
        hint = "use the version of mxtui that made it, or a later one"
        raise NoQueue(f"{path} is a spool of a newer version (schema {marker.schema})", hint)
    return marker


def _make(path: Path, hostname: str, disk: Disk) -> None:
    strangers = sorted(set(listed(os.fspath(path))) - TOP)
    if strangers:
        raise NoQueue(f"{path} is no spool, and not empty: {strangers[0]!r}", "Name a folder that is new or empty.")
    places = Places(os.fspath(path))
    _complete(places, disk)
    marker = msgspec.json.encode(Marker(SCHEMA, hostname, round(time.time(), 3))) + b"\n"
    unfinished = f"{places.unfinished_folder}/{MARKER}"
    if os.path.lexists(unfinished):  # of a time when this was cut short
        disk.unlink(unfinished)
    descriptor = disk.create(unfinished, [marker])
    try:
        disk.sync(descriptor)
    finally:
        os.close(descriptor)
    disk.rename(unfinished, f"{places.root}/{MARKER}")
    disk.sync_folder(f"{places.root}/queue")
    disk.sync_folder(places.root)


def _complete(places: Places, disk: Disk) -> None:
    """Make what is missing: a spool brought back from a backup may lack its empty folders."""
    for name in ("tmp", "queue"):
        disk.make_folder(f"{places.root}/{name}")
    for parent in places.parents():
        disk.make_folder(parent)
        if missing := sorted(set(FOLDERS).difference(listed(parent))):
            for name in missing:
                disk.make_folder(f"{parent}/{name}")
            disk.sync_folder(parent)
