"""How much of a message is looked at: bytes, counts and time, since its sender chooses all of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

WHOLE = 64 << 20
"""Bytes of a message that are laid open: more than servers take (Postfix: 10 MB unless told otherwise)."""

BEGINNING = 256 << 10
"""Bytes that are enough to show how a message begins."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one inspection. Each one that is hit is told in `Inspection.notes`."""

    header_block_bytes: int = 4 << 20
    """Of one header block: fields that begin behind it are skipped, up to the next empty line."""
    headers: int = 300
    """Fields of one header block."""
    only: frozenset[str] | None = None
    """Of the message's own header the fields that are decoded, by name in lower case; None for all of them."""
    value_bytes: int = 4096
    """Of one header's value, kept and decoded; the rest is passed over without being copied."""
    depth: int = 20
    """How deep parts nest. Every level scans its span again, so this bounds the cost per byte too."""
    parts: int = 200
    hops: int = 100
    """RFC 5321 6.3 calls a message with a hundred Received fields a loop."""
    text_bytes: int = 64 << 10
    """Decoded, of the body shown."""
    text_lines: int = 200
    html_bytes: int = 128 << 10
    """Decoded, of the HTML that is rendered into `text_bytes` of text; most of it is styling. Gmail shows 102 kB."""
    html_tags: int = 10_000
    """A parser's time grows with the square of how deep they nest: 50,000 take lexbor 6 s, 10,000 take 0.2 s."""
    links: int = 100
    decoded_bytes: int = 64 << 20
    """Of all parts, decoded for their digests."""
    archive_entries: int = 200
    """Files listed of one archive."""
    archive_depth: int = 2
    """How deep a zip in a zip is listed."""
    archive_bytes: int = 32 << 20
    """Of one file that is looked through, and of all that is unpacked of a message to list a zip in a zip."""
    seconds: float = 3.0
    """Checked between parts and between megabytes of one: a scan at memory speed is not interrupted."""


def amount(size: int) -> str:
    """Bytes in a sentence.

    >>> amount(620), amount(38_000), amount(53_100_000)
    ('620 bytes', '38.0 kB', '53.1 MB')
    """
    if size < 10_000:
        return f"{size:,} bytes"
    return f"{size / 1e3:.1f} kB" if size < 1_000_000 else f"{size / 1e6:,.1f} MB"


class Budget:
    """What is left of the time, and notes of what was left out."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self._clock = clock
        self._deadline = clock() + limits.seconds
        self._notes: dict[str, None] = {}
        self._decoded = self._unpacked = 0

    def note(self, text: str) -> None:
        """Remember a sentence for the operator, once however often it happens."""
        self._notes[text] = None

    @property
    def notes(self) -> tuple[str, ...]:
        """All sentences so far, in their order."""
        return tuple(self._notes)

    def may_decode(self, size: int) -> bool:
        """Whether so many bytes more may be decoded, which are then counted; notes where they may not."""
        if self._decoded + size > self.limits.decoded_bytes:
            self.note(f"no more than {amount(self.limits.decoded_bytes)} are decoded: parts after that have no digest")
            return False
        self._decoded += size
        return True

    def may_unpack(self, size: int) -> bool:
        """Whether so many bytes more may be unpacked, which are then counted; notes where they may not."""
        if self._unpacked + size > self.limits.archive_bytes:
            self.note(f"zip in a zip: no more than {amount(self.limits.archive_bytes)} are unpacked to list it")
            return False
        self._unpacked += size
        return True

    def spent(self) -> bool:
        """Whether time is up; notes it."""
        if self._clock() < self._deadline:
            return False
        self.note(f"inspection stopped after {self.limits.seconds:g} s; what follows is not listed")
        return True
