"""Kept copies of deleted messages: our header, the envelope in its line of JSON, the message. And the way back."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from mxtui.errors import MxtuiError
from mxtui.model.envelope import Envelope, SpoolState
from mxtui.model.kept import HEADER_LIMIT, KeptHeader, decode_header, encode_header, kept_name
from mxtui.model.message import Identity
from mxtui.model.plan import Result, Target
from mxtui.model.source import Verb
from mxtui.queues.spool import format as on_disk
from mxtui.queues.spool.claim import Claim
from mxtui.queues.spool.disk import Disk
from mxtui.queues.spool.layout import READ
from mxtui.queues.spool.store import Spool
from mxtui.queues.spool.together import Durable, Job

KIND: Final = "spool"

CHUNK: Final = 1024 * 1024


def removing(spool: Spool, target: Target, claim: Claim, folder: Path, disk: Disk | None = None) -> Job:
    """Copy a claimed message, fsynced, mode 0600, under its final name only once it is whole; then delete it.

    Nobody delivers it meanwhile, so the copy is what is deleted. What is not deleted has no copy afterwards.
    """
    disk = disk or Disk()  # the copy is its maker's, not the spool's user's
    name = kept_name(target.identity)
    unfinished, copy = os.fspath(folder / f".{name}"), os.fspath(folder / name)
    header = encode_header(KeptHeader(KIND, target, time.time(), str(spool.path)))
    files: list[int] = []
    made = unfinished
    try:
        try:
            files.append(disk.create(unfinished, _pieces(spool, claim, header)))
            yield Durable(files)
        finally:
            while files:
                os.close(files.pop())
        disk.rename(unfinished, copy)
        made = copy
        yield Durable(folders=(os.fspath(folder),))
        yield from spool.writer.finishing(claim)
    except BaseException:
        if claim.held:  # not deleted
            _drop(disk, made)
        raise


def restore(
    spool: Spool, folder: Path, identity: Identity, released: Callable[[Envelope], tuple[Envelope, str]]
) -> Result:
    """Put a kept message back as it was, under its own ID, so that twice is once.

    What would expire at once has its lifetime renewed (`released`).
    """
    try:
        with _opened(folder / kept_name(identity)) as copy:
            return _put_back(spool, copy, identity, released)
    except FileNotFoundError:
        return Result(identity.queue_id, Verb.RESTORE, "gone", "the copy is no longer kept")
    except (OSError, ValueError, MxtuiError) as error:
        return Result(identity.queue_id, Verb.RESTORE, "failed", f"the copy cannot be read: {error}")


class _Copy(NamedTuple):
    header: KeptHeader
    envelope: Envelope
    file: BinaryIO
    start: int

    def __enter__(self) -> "_Copy":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


def _opened(path: Path) -> _Copy:
    """Raises OSError, ValueError."""
    file = os.fdopen(os.open(path, READ), "rb")
    try:
        header = decode_header(file.readline(HEADER_LIMIT))
        if header.kind != KIND:
            raise ValueError("kept from another kind of queue")
        envelope = on_disk.decode(file.readline(on_disk.LIMIT))
        copy = _Copy(header, envelope, file, file.tell())
        if envelope.id != header.target.queue_id or not _whole(copy):
            raise ValueError("damaged: it is not the message that was kept")
    except BaseException:
        file.close()
        raise
    return copy


def _whole(copy: _Copy) -> bool:
    digest = hashlib.sha256()
    size = 0
    for piece in _rest(copy):
        digest.update(piece)
        size += len(piece)
    return size == copy.envelope.size and digest.hexdigest() == copy.envelope.sha256


def _rest(copy: _Copy) -> Iterator[bytes]:
    copy.file.seek(copy.start)
    while piece := copy.file.read(CHUNK):
        yield piece


def _put_back(
    spool: Spool, copy: _Copy, identity: Identity, released: Callable[[Envelope], tuple[Envelope, str]]
) -> Result:
    queue_id = identity.queue_id
    if spool.find(queue_id) is not None:
        return Result(queue_id, Verb.RESTORE, "refused", "it is queued already")
    was = copy.header.target.state
    state: SpoolState = was if was in ("hold", "quarantine", "failed") else "deferred"
    envelope, told = copy.envelope, ""
    if state == "deferred":
        again, told = released(envelope)
        envelope = replace(envelope, expires=again.expires)
    orphan = spool.places.message(queue_id)
    if os.path.lexists(orphan):  # the envelope was removed, and the message could not be
        spool.disk.unlink(orphan)
    (outcome,) = spool.writer.run([spool.writer.committing(envelope, _rest(copy), state, lock=True)])
    if outcome is not None:
        return Result(queue_id, Verb.RESTORE, "failed", outcome.strerror or str(outcome))
    return Result(queue_id, Verb.RESTORE, "done", f"queued as {queue_id}, in {state}{told and f'; {told}'}")


def _pieces(spool: Spool, claim: Claim, header: bytes) -> Iterator[bytes]:
    yield header
    yield on_disk.encode(claim.envelope)
    with os.fdopen(os.open(spool.content_path(claim.id), READ), "rb") as message:
        while piece := message.read(CHUNK):
            yield piece


def _drop(disk: Disk, path: str) -> None:
    try:
        disk.unlink(path)
    except FileNotFoundError:
        return
