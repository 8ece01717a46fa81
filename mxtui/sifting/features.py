"""What is kept of a message: enough to group it by, and nothing that could be read."""

import hashlib
from collections.abc import Sequence
from typing import Final

from mxtui.message.inspect import Inspection, inspect
from mxtui.message.limits import Limits
from mxtui.message.parts import Part
from mxtui.message.transfer import decode
from mxtui.model.origin import network, sender_shape
from mxtui.sifting.grouping import Traits
from mxtui.sifting.shapes import names_of, subject_shape, words
from mxtui.sifting.sketch import sketch

READ: Final = 64 << 10
"""Bytes of a message that are looked at."""

ASKED_FOR: Final = frozenset(("from", "reply-to", "return-path", "to", "date", "subject", "message-id"))
"""Header fields that signals and traits go by; nobody sees the others, so that they are not made fit to be shown."""

LIMITS: Final = Limits(
    header_block_bytes=READ, headers=100, only=ASKED_FOR, value_bytes=1024, depth=8, parts=30, hops=0,
    text_bytes=16 << 10, text_lines=200, html_bytes=32 << 10, links=20, seconds=0.5,
)  # fmt: skip

ATTACHED: Final = 4
"""Attachments that are hashed."""

LEAST: Final = 64
"""Bytes of one that tells anything: empty ones are alike."""


def traits_of(raw: bytes, sender: str, recipients: Sequence[str], client: str | None) -> Traits:
    """What a message is grouped by, from its beginning. Raises nothing, whatever the bytes.

    A bounce is grouped by what it returns: who did not write that is hit by one letter from a hundred servers, each
    with words of its own; and a bounce of mail that was really sent comes with that.
    """
    return seen_traits(raw, inspect(raw, truncated=len(raw) >= READ, limits=LIMITS), sender, recipients, client)


def seen_traits(raw: bytes, seen: Inspection, sender: str, recipients: Sequence[str], client: str | None) -> Traits:
    """The same of what was laid open."""
    if not sender and (returned := _returned(raw, seen.parts)):
        raw, seen = returned, inspect(returned, limits=LIMITS)
    names = names_of(recipients)
    said = words("\n".join(seen.text.lines), names)
    return Traits(
        sketch(said),
        len(said),
        subject_shape(seen.value("subject"), names),
        sender_shape(sender),
        network(client),
        tuple(_attached(raw, seen.parts)),
    )


def _returned(raw: bytes, parts: Sequence[Part]) -> bytes:
    """The letter, or its header, that a delivery report returns (RFC 3462)."""
    for part in parts:
        if part.depth and part.media_type in ("message/rfc822", "text/rfc822-headers", "message/global"):
            return raw[part.start : part.end]
    return b""


def _attached(raw: bytes, parts: Sequence[Part]) -> list[bytes]:
    """Hashes of the first attachments that were read whole. Pictures are logos: everybody's at a company."""
    found: list[bytes] = []
    for part in parts:
        if part.disposition != "attachment" and not part.filename:
            continue
        if part.media_type.startswith(("text/", "image/", "multipart/", "message/")) or part.decoded_size < LEAST:
            continue
        if part.end < len(raw) or len(raw) < READ:
            data = decode(raw[part.start : part.end], part.encoding)
            found.append(hashlib.blake2b(data, digest_size=8).digest())
        if len(found) == ATTACHED:
            break
    return found
