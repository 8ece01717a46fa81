"""What comes from another host is checked here before anything of ours sees it: types, sizes, and texts for terminals.

Addresses and reasons are as hostile as those of a queue on this host, and made safe where those are: where they are
drawn. Everything else that a terminal may see passes the sanitizer here.
"""

import math
import re
from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from mxtui.message.sanitize import one_line
from mxtui.model.message import Changes, QueuedMessage, Recipient

TEXT: Final = 2_000
"""Characters of a text; the longest that we say ourselves are hints and commands."""

ADDRESS: Final = 1_000
"""Characters of an address, and of a reason: what a reader of a local queue keeps is shorter."""

LARGEST: Final = 1 << 53
"""Of any number: SQLite and JSON take no larger ones, and no size or inode is."""

LATEST: Final = float(1 << 37)
"""Seconds since the epoch, in the year 6325: a date beyond what `datetime` has would end whoever draws it."""

DEEPEST: Final = 12
"""Levels of anything that is told."""

_ID: Final = re.compile(r"[0-9A-Za-z]{6,100}")

_T = TypeVar("_T")

_changes: Final = msgspec.msgpack.Decoder(Changes)
_messages: Final = msgspec.msgpack.Decoder(list[QueuedMessage])


class Nonsense(Exception):  # noqa: N818 (it is what was said)
    """What was said cannot be meant, in a few words; whoever says that is not believed any further."""


def received(body: msgspec.Raw, kind: type[_T]) -> Any:
    """A small value. Raises Nonsense."""
    if kind is bytes:
        return _decoded(msgspec.msgpack.Decoder(bytes), body)
    if kind is Changes:
        return changes(body)
    if kind == list[QueuedMessage]:
        return [_sound(message) for message in _decoded(_messages, body)]
    plain = _decoded(msgspec.msgpack.Decoder(), body)
    try:
        return msgspec.convert(_clean(plain, 0), kind)
    except (msgspec.ValidationError, ValueError) as error:
        raise Nonsense(str(error)) from None


def changes(body: msgspec.Raw) -> Changes:
    """A batch of messages. Raises Nonsense."""
    told = _decoded(_changes, body)
    return Changes([_sound(message) for message in told.present], identifiers(told.gone))


def identifiers(names: Sequence[str]) -> Sequence[str]:
    """Queue IDs. Raises Nonsense: one that is none."""
    for name in names:
        if not _ID.fullmatch(name):
            raise Nonsense(f"a queue ID {name[:40]!r}")
    return names


def clean(text: str, limit: int = TEXT) -> str:
    """Safe for a terminal, whatever it was, on one line."""
    return text if len(text) <= limit and text.isascii() and text.isprintable() else one_line(text, limit)


def _decoded(decoder: "msgspec.msgpack.Decoder[_T]", body: msgspec.Raw) -> _T:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Nonsense(str(error)) from None


def _sound(message: QueuedMessage) -> QueuedMessage:
    times = (message.arrival, message.next_retry, message.expires)
    numbers = (message.inode, message.size, message.done, message.attempts or 0)
    if not _ID.fullmatch(message.queue_id):
        raise Nonsense(f"a queue ID {message.queue_id[:40]!r}")
    if not all(time is None or 0 <= time < LATEST for time in times) or not all(0 <= n < LARGEST for n in numbers):
        raise Nonsense(f"figures of {message.queue_id}")
    if message.subject is None and message.client_address is None and message.fault is None:
        texts: dict[str, Any] = {}
    else:
        texts = {
            name: value and clean(value, 400)
            for name, value in (
                ("subject", message.subject), ("client_address", message.client_address), ("fault", message.fault)
            )
        }  # fmt: skip
    if len(message.sender) > ADDRESS or any(map(_long, message.recipients)):
        texts["sender"] = message.sender[:ADDRESS]
        texts["recipients"] = tuple(map(_cut, message.recipients))
    return message._replace(**texts) if texts else message


def _long(recipient: Recipient) -> bool:
    return len(recipient.address) > ADDRESS or len(recipient.reason or "") > ADDRESS or len(recipient.dsn or "") > 20


def _cut(recipient: Recipient) -> Recipient:
    address, domain, reason, dsn = recipient
    return Recipient(address[:ADDRESS], domain[:ADDRESS], reason and reason[:ADDRESS], dsn and dsn[:20])


def _clean(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise Nonsense("values within values within values")
    match value:
        case str():
            return clean(value)
        case None | bool():
            return value
        case int() if abs(value) < LARGEST:
            return value
        # What never expires does so at infinity.
        case float() if abs(value) < LARGEST or value == math.inf:
            return value
        case list():
            return [_clean(each, depth + 1) for each in value]
        case dict():
            return {_clean(name, depth + 1): _clean(each, depth + 1) for name, each in value.items()}
        case _:
            raise Nonsense(f"a value {value!r:.40}")
