"""How deliveries ended, by domain, since somebody last looked into the mail log: from a place that a command keeps.

Each look reads what was written since; a rotated file is read to its end first. The journal is not looked into here:
it has no place to go on from that costs nothing.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from mxtui.model.message import recipient_domain
from mxtui.queues.postfix.logtail import SYSLOG_FILES, Lines
from mxtui.queues.postfix.maillog import LINE_LIMIT, Attempt, parse_line

MOST: Final = 16 << 20
"""Bytes read at one look, some 100,000 lines in half a second; of more the end is read."""

BLOCK: Final = 1 << 18


class Place(NamedTuple):
    """How far a log was read."""

    inode: int
    offset: int


class Outcome(NamedTuple):
    """Of recipients."""

    sent: int = 0
    refused: int = 0
    """For good: bounced with 5.y.z."""


def outcomes(maillog: Path | None, place: Place | None) -> tuple[Place | None, Mapping[str, Outcome]]:
    """What was logged since `place`, by domain, and where to go on; nothing the first time, or without a log."""
    path = next((each for each in ((maillog,) if maillog else SYSLOG_FILES) if os.access(each, os.R_OK)), None)
    if path is None:
        return None, {}
    counts: dict[str, list[int]] = {}
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return place, {}
    try:
        status = os.fstat(descriptor)
        if place is None:
            return Place(status.st_ino, status.st_size), {}
        start = place.offset
        if place.inode != status.st_ino:
            _rest_of(path.with_name(f"{path.name}.1"), place, counts)
            start = 0
        elif start > status.st_size:  # copytruncate
            start = 0
        offset = _read(descriptor, max(start, status.st_size - MOST), counts)
    finally:
        os.close(descriptor)
    return Place(status.st_ino, offset), {domain: Outcome(*both) for domain, both in counts.items()}


def _rest_of(rotated: Path, place: Place, counts: dict[str, list[int]]) -> None:
    with suppress(OSError):
        descriptor = os.open(rotated, os.O_RDONLY | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if status.st_ino == place.inode:
                _read(descriptor, max(place.offset, status.st_size - MOST), counts)
        finally:
            os.close(descriptor)


def _read(descriptor: int, start: int, counts: dict[str, list[int]]) -> int:
    """Count from here on; where the last whole line ends."""
    offset = start
    lines = Lines(LINE_LIMIT)
    for data in _blocks(descriptor, start):
        for line in lines.feed(data):
            event = parse_line(line)
            if isinstance(event, Attempt) and event.status in ("sent", "bounced"):
                entry = counts.setdefault(recipient_domain(event.recipient), [0, 0])
                if event.status == "sent":
                    entry[0] += 1
                elif event.dsn.startswith("5."):
                    entry[1] += 1
        end = data.rfind(b"\n")
        offset = start + end + 1 if end >= 0 else offset
        start += len(data)
    return offset


def _blocks(descriptor: int, start: int) -> Iterator[bytes]:
    while data := os.pread(descriptor, BLOCK, start):
        yield data
        start += len(data)
