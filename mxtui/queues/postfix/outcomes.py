"""How deliveries ended, by domain, as the mail log tells.

Who watches follows it, a file or the journal. Who looks in now and then goes on from a place that it keeps: each look
reads what was written since, and a rotated file to its end first. The journal has no such place that costs nothing.
"""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from mxtui.model.message import recipient_domain
from mxtui.queues.postfix.logtail import SYSLOG_FILES, Lines, open_tail
from mxtui.queues.postfix.maillog import LINE_LIMIT, Attempt, Event, parse_line
from mxtui.queues.queue import Outcome

MOST: Final = 16 << 20
"""Bytes read at one look, some 100,000 lines in half a second; of more the end is read."""

BLOCK: Final = 1 << 18

EVERY: Final = 2.0
"""Seconds between looks of whoever follows."""

PIECE: Final = 200
"""Events counted at once: 2 ms."""


class Place(NamedTuple):
    """How far a log was read."""

    inode: int
    offset: int


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
    return Place(status.st_ino, offset), _outcomes(counts)


def follow(maillog: Path | None, stop: threading.Event, *, every: float = EVERY) -> Iterator[Mapping[str, Outcome]]:
    """What is logged from now on, until `stop` (see `queues.queue.Logged`)."""
    tail = open_tail(maillog)
    if tail is None:
        return
    with tail:
        while not stop.is_set():
            events = tail.events()
            while piece := list(islice(events, PIECE)):
                counts: dict[str, list[int]] = {}
                for event in piece:
                    _count(event, counts)
                yield _outcomes(counts)
            yield {}
            stop.wait(every)


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
            _count(parse_line(line), counts)
        end = data.rfind(b"\n")
        offset = start + end + 1 if end >= 0 else offset
        start += len(data)
    return offset


def _count(event: Event | None, counts: dict[str, list[int]]) -> None:
    if isinstance(event, Attempt) and event.status in ("sent", "bounced"):
        entry = counts.setdefault(recipient_domain(event.recipient), [0, 0])
        if event.status == "sent":
            entry[0] += 1
        elif event.dsn.startswith("5."):
            entry[1] += 1


def _outcomes(counts: Mapping[str, list[int]]) -> Mapping[str, Outcome]:
    return {domain: Outcome(*both) for domain, both in counts.items()}


def _blocks(descriptor: int, start: int) -> Iterator[bytes]:
    while data := os.pread(descriptor, BLOCK, start):
        yield data
        start += len(data)
