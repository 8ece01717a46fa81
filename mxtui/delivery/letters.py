"""Taking messages in hand and reading them, many in one go: each hop to a thread costs as much as ten small files."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mxtui.delivery import commands, wire
from mxtui.delivery.session import Content, Letter
from mxtui.errors import InDelivery, NotPermitted, Unreachable
from mxtui.model.envelope import Envelope, EnvelopeRecipient
from mxtui.queues.spool.claim import Claim
from mxtui.queues.spool.layout import READ
from mxtui.queues.spool.store import Spool

PIECE: Final = 256 * 1024
"""Bytes; a message up to this size is read ahead, a larger one while it is sent."""


@dataclass(slots=True)
class Job:
    """One message in our hands, ready to be sent."""

    id: str
    claim: Claim
    path: str
    size: int
    eight_bit: bool
    eight_bit_header: bool
    whole: bytes | None
    """As it goes over the wire, where it is small."""

    @property
    def envelope(self) -> Envelope:
        """As on disk."""
        return self.claim.envelope

    def letter(
        self, recipients: Iterable[EnvelopeRecipient], header: bytes = b"", ending: Callable[[], object] = lambda: None
    ) -> Letter:
        """What one transaction to these recipients carries, `header` before it; each is told once.

        `ending` is called before its final dot is sent.
        """
        envelope = self.envelope
        if self.whole is not None:
            content = Content(iter((self.whole,)), blocking=False)
        else:
            content = Content(wire.on_the_wire(_chunks(self.path)), blocking=True)
        distinct = {(recipient.address, recipient.via): recipient for recipient in recipients}
        utf8 = envelope.smtputf8 and (self.eight_bit_header or not commands.is_ascii(envelope))
        return Letter(envelope, tuple(distinct.values()), self.size, self.eight_bit, utf8, content, header, ending)


@dataclass(frozen=True, slots=True)
class Missed:
    """A message that could not be taken in hand."""

    id: str
    why: str
    """Empty: it is gone, held or otherwise not ours to deliver."""
    again: bool
    """It may be ours later."""


def take_in_hand(spool: Spool, ids: Sequence[str]) -> list[Job | Missed]:
    """Claim and read each. Blocks; raises nothing for one message's sake."""
    return [_take(spool, id) for id in ids]  # noqa: A001


def release(jobs: Iterable[Job]) -> None:
    """Let go of what was not tried."""
    for job in jobs:
        job.claim.release()


def _take(spool: Spool, id: str) -> Job | Missed:  # noqa: A002
    try:
        claim = spool.claim(id)
    except InDelivery as error:
        return Missed(id, str(error), again=True)
    except (OSError, NotPermitted, Unreachable) as error:
        return Missed(id, f"cannot be read: {error}", again=True)
    if claim is None:
        return Missed(id, "", again=False)
    try:
        if claim.state != "deferred" or not claim.envelope.waiting:
            # An operator held it, or somebody else had the last word.
            claim.release()
            return Missed(id, "", again=False)
        return _read(spool, claim)
    except OSError as error:
        claim.release()
        return Missed(id, f"cannot be read: {error}", again=True)
    except BaseException:
        claim.release()
        raise


def _read(spool: Spool, claim: Claim) -> Job | Missed:
    """The message, if it is what was received: nothing else is ever sent in its name."""
    envelope = claim.envelope
    path = spool.places.message(claim.id)
    try:
        small = _small(path, envelope.size) if envelope.size <= PIECE else None
        if small is not None:
            seen, digest = _Seen().over([small]), hashlib.sha256(small).hexdigest()
        else:
            hashed = hashlib.sha256()
            seen = _Seen().over(_hashing(_chunks(path), hashed.update))
            digest = hashed.hexdigest()
    except FileNotFoundError:
        return _set_aside(claim, "its message (.eml) is missing")
    if digest != envelope.sha256:
        return _set_aside(claim, "its message (.eml) is not what was received: the SHA-256 differs")
    whole = b"".join(wire.on_the_wire([small])) if small is not None else None
    return Job(claim.id, claim, path, seen.size, seen.eight_bit, seen.eight_bit_header, whole)


def _set_aside(claim: Claim, why: str) -> Missed:
    claim.move("corrupt", replace(claim.envelope, why=why))
    return Missed(claim.id, why, again=False)


class _Seen:
    """What has to be known of a message before its first command."""

    def __init__(self) -> None:
        self.size = 0
        """On the wire, stuffed dots not counted (RFC 1870 3)."""
        self.eight_bit = False
        self.eight_bit_header = False
        self._in_header = True
        self._last = b""

    def over(self, chunks: Iterable[bytes]) -> "_Seen":
        for chunk in chunks:
            self._size(chunk)
            if self._in_header:
                end = (self._last + chunk).find(b"\n\n")
                header = chunk if end < 0 else chunk[:end]
                self.eight_bit_header = self.eight_bit_header or not header.isascii()
                self._in_header = end < 0
            self.eight_bit = self.eight_bit or not chunk.isascii()
            self._last = chunk[-1:]
        if self._last not in (b"", b"\n", b"\r"):
            self.size += 2
        return self

    def _size(self, chunk: bytes) -> None:
        ends = chunk.count(b"\n")
        if b"\r" in chunk or self._last == b"\r":
            pairs = chunk.count(b"\r\n") + (self._last == b"\r" and chunk.startswith(b"\n"))
            lone = chunk.count(b"\r") + ends - 2 * pairs
            self.size += len(chunk) + lone
        else:
            self.size += len(chunk) + ends


def _small(path: str, size: int) -> bytes | None:
    """The whole file; None when it is larger than it should be."""
    descriptor = os.open(path, READ)
    try:
        data = os.read(descriptor, size + 1)
    finally:
        os.close(descriptor)
    return data if len(data) <= size else None


def _chunks(path: str) -> Iterator[bytes]:
    with os.fdopen(os.open(path, READ), "rb", buffering=0) as file:
        while chunk := file.read(PIECE):
            yield chunk


def _hashing(chunks: Iterable[bytes], update: Callable[[bytes], object]) -> Iterator[bytes]:
    for chunk in chunks:
        update(chunk)
        yield chunk
