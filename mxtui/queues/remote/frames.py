"""What two mxtui say to each other over a pair of pipes: frames of four bytes of length and one message in MessagePack.

    here                                        there
    Ask, Part… (what is asked is whole) ──────► Told… then Over, or Failed
    Granted (so many more may be told)  ──────►
    Enough (stop telling)               ──────►
    Alive                               ◄─────► Alive

The agent begins with a line that nothing else begins with, so that what a login shell prints before it does no harm,
and `Hello`. Nobody believes the other side: each frame is bounded and each message has a type, and what is neither ends
the connection.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from mxtui.errors import Unreachable
from mxtui.model.source import Source

MAGIC: Final = b"\0mxtui agent\n"

LIMIT: Final = 16 << 20
"""Bytes of a frame; a message with 60,000 recipients fits."""

WINDOW: Final = 8
"""Answers that may be under way to one question: what waits here is bounded, and no answer waits behind thousands."""

NOISE: Final = 8192
"""Bytes that a login shell may print before the agent begins."""

_LENGTH: Final = struct.Struct("!I")


class Hello(msgspec.Struct):
    """What an agent says first. Fields may be added: this has to be understood by every version."""

    reads: int
    """The version in which reading is spoken (`calls.READS`)."""
    acts: int
    """And everything else."""
    version: str
    """Of mxtui there."""
    source: Source
    clock: float
    """There, seconds since the epoch."""
    relayed: tuple[str, ...] = ()
    """Domains shown though nothing is queued for them."""


class Ask(msgspec.Struct, tag="ask", array_like=True):
    """A question, to be answered once it is whole."""

    call: int
    name: str
    body: msgspec.Raw
    whole: bool


class Part(msgspec.Struct, tag="part", array_like=True):
    """More of a question."""

    call: int
    body: msgspec.Raw
    whole: bool


class Granted(msgspec.Struct, tag="granted", array_like=True):
    """So many more answers may be told."""

    call: int
    answers: int


class Enough(msgspec.Struct, tag="enough", array_like=True):
    """Come to an end with this one."""

    call: int


class Alive(msgspec.Struct, tag="alive", array_like=True):
    """A sign of life, with the time there; said when nothing else was said for a while."""

    clock: float


class Told(msgspec.Struct, tag="told", array_like=True):
    """One answer."""

    call: int
    body: msgspec.Raw


class Over(msgspec.Struct, tag="over", array_like=True):
    """There are no more answers."""

    call: int


class Failed(msgspec.Struct, tag="failed", array_like=True):
    """Why there are no more answers."""

    call: int
    kind: str
    """The name of an exception in `errors`."""
    message: str
    hint: str


FromAgent = Alive | Told | Over | Failed
ToAgent = Ask | Part | Granted | Enough | Alive

from_agent: Final = msgspec.msgpack.Decoder(FromAgent)
to_agent: Final = msgspec.msgpack.Decoder(ToAgent)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):  # a read-only view of one
        return dict(value)
    raise NotImplementedError(type(value))


encoder: Final = msgspec.msgpack.Encoder(enc_hook=_plain)


def framed(message: msgspec.Struct) -> bytes:
    """As it is sent. Raises Unreachable: nobody would take it."""
    body = encoder.encode(message)
    if len(body) > LIMIT:
        raise Unreachable(f"an answer of {len(body):,} bytes is more than the {LIMIT:,} that a frame may have")
    return _LENGTH.pack(len(body)) + body


class Splitter:
    """Bytes as they come to frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The frames that are complete now. Raises ValueError: a frame larger than any may be."""
        self._buffer += data
        at = 0
        while len(self._buffer) - at >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, at)
            if length > LIMIT:
                raise ValueError(f"a frame of {length:,} bytes")
            end = at + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            yield bytes(self._buffer[at + _LENGTH.size : end])
            at = end
        del self._buffer[:at]
