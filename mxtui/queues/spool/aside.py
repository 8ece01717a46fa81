"""What was set aside in `corrupt`, or should be: as much as can be told of it."""

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeVar

from mxtui.model.envelope import Client, Envelope
from mxtui.queues.spool import format as on_disk
from mxtui.queues.spool.claim import Damaged, read_file
from mxtui.queues.spool.ids import arrival_of
from mxtui.queues.spool.layout import READ, Places, set_aside_ids

WHY_BYTES: Final = 4096

_Envelope = TypeVar("_Envelope", Envelope, on_disk.EnvelopeOnDisk)

NO_REASON: Final = "set aside by hand: no reason is on record"


def decoded(data: bytes, queue_id: str, path: str) -> Envelope:
    """The envelope of this very message. Raises Damaged."""
    return _own(on_disk.decode, data, queue_id, path)


def checked(data: bytes, queue_id: str, path: str) -> on_disk.EnvelopeOnDisk:
    """The same as it is on disk, at a third of the cost. Raises Damaged."""
    return _own(on_disk.read, data, queue_id, path)


def of_damaged(queue_id: str, why: str, path: str, size: int = 0) -> Envelope:
    """What stands for an envelope that cannot be read, at `path`."""
    arrival = written(path, queue_id)
    return Envelope(queue_id, arrival, arrival, "", (), size, "", Client(""), why=why)


def written(path: str, queue_id: str) -> float:
    """When a file that cannot be read was written; epoch seconds. Its name proves nothing: anyone may have given it.

    Of one that is gone meanwhile, what the name says.
    """
    try:
        return os.stat(path, follow_symlinks=False).st_mtime  # noqa: PTH116
    except OSError:
        return arrival_of(queue_id)


def envelope_aside(places: Places, queue_id: str) -> Envelope | None:
    """What was set aside under this ID, with the reason; None when nothing was. Raises OSError."""
    if queue_id not in set_aside_ids(places.folder("corrupt", queue_id)):
        return None
    why = _read(places.corrupt(queue_id, "why"), queue_id, WHY_BYTES).decode("utf-8", "replace").strip() or NO_REASON
    try:
        return replace(decoded(_read(places.corrupt(queue_id, "json"), queue_id), queue_id, ""), why=why)
    except Damaged:
        return of_damaged(queue_id, why, _thing(places, queue_id), _size(places, queue_id))


def _own(read: Callable[[bytes], _Envelope], data: bytes, queue_id: str, path: str) -> _Envelope:
    try:
        envelope = read(data)
    except ValueError as error:
        raise Damaged(path, str(error)) from error
    if envelope.id != queue_id:
        raise Damaged(path, f"the envelope of another message, {envelope.id}")
    return envelope


def _read(path: str, queue_id: str, limit: int = on_disk.LIMIT) -> bytes:
    """A file's first bytes; nothing where there is none, or no file."""
    try:
        descriptor = os.open(path, READ)
    except OSError as error:
        if isinstance(error, PermissionError):
            raise
        return b""
    try:
        return read_file(descriptor, queue_id)[:limit]
    except IsADirectoryError:
        return b""
    finally:
        os.close(descriptor)


def _thing(places: Places, queue_id: str) -> str:
    """The path of what was set aside."""
    paths = (places.corrupt(queue_id, suffix) for suffix in ("json", "eml", "foreign"))
    return next(filter(os.path.lexists, paths), places.corrupt(queue_id, "why"))


def _size(places: Places, queue_id: str) -> int:
    for path in (places.message(queue_id), places.corrupt(queue_id, "eml")):
        try:
            return os.stat(path, follow_symlinks=False).st_size  # noqa: PTH116
        except FileNotFoundError:
            continue
    return 0
