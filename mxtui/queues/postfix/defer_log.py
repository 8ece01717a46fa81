"""Defer logs: why each recipient of a message was not delivered at the last attempt.

Blocks with a blank line between them: `<addr>: text`, then `recipient= offset= status= action= … reason=`. bounce(8)
writes them; entries of old are the first line alone. Source: Postfix, src/global/bounce_log.c.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

LONGEST = 4 * 1024 * 1024
"""Bytes of a log that are looked at: 10,000 recipients of one message take 3 MB."""

REASON = 4096
"""Bytes of a reason that are kept; a server chooses its reply."""

_COMPATIBLE = "4.0.0"
"""What Postfix itself assumes for an entry without a status."""


class Deferral(NamedTuple):
    """Why one recipient waits."""

    reason: str
    """Hostile: it quotes a remote server."""
    dsn: str
    """Enhanced status code, RFC 3463."""


DeferLog = Mapping[int | bytes, Deferral]
"""The last deferral of each recipient, under the offset of its record in the queue file and under its address."""

NOTHING: DeferLog = MappingProxyType({})

_ENTRY = (
    rb"\nrecipient=(.*)\n(?:original_recipient=.*\n)?offset=([0-9]{1,15})\n(?:dsn_orig_rcpt=.*\n)?"
    rb"(?:notify_flags=.*\n)?status=(.*)\naction=.*\n(?:[a-qs-z].*\n)*reason=(.+)"
)
_entries = re.compile(_ENTRY).findall
"""Entries as bounce(8) writes them today, at a third of the cost of looking for each field."""

_only = re.compile(rb"\n<.*" + _ENTRY + rb"\n+").fullmatch
"""A log with one such entry, as most are: none has to be counted."""


class Parser:
    """Parses logs, keeping texts that repeat: a primary that is down gives thousands of messages one reason."""

    def __init__(self, remembered: int = 4096) -> None:
        self._remembered = remembered
        self._deferrals: dict[tuple[bytes, bytes], Deferral] = {}

    def parse(self, log: bytes) -> DeferLog:
        """Never fails: lines that make no sense are passed over, a block without a reason says so."""
        if (only := _only(log)) is not None:
            address, offset, status, reason = only.groups()
            deferral = self._deferrals.get((status, reason)) or self._deferral(status, reason)
            return {int(offset): deferral, address: deferral}
        parsed: dict[int | bytes, Deferral] = {}
        entries = _entries(log)
        if len(entries) == log.count(b"\n<"):
            for address, offset, status, reason in entries:
                deferral = self._deferrals.get((status, reason)) or self._deferral(status, reason)
                parsed[int(offset)] = parsed[address] = deferral
            return parsed
        for entry in log.split(b"\n\n"):
            if entry and entry != b"\n":
                self._take(b"\n" + entry.lstrip(b"\n") + b"\n", parsed)
        return parsed

    def _take(self, entry: bytes, parsed: dict[int | bytes, Deferral]) -> None:
        offset = _value(entry, b"\noffset=")
        address = _value(entry, b"\nrecipient=")
        reason = _value(entry, b"\nreason=")
        if not reason or not address:
            old_address, old_reason = _old_style(entry)
            address = address or old_address
            reason = reason or old_reason or b"(description unavailable)"
        deferral = self._deferral(_value(entry, b"\nstatus="), reason)
        if offset.isdigit() and len(offset) < 16:
            parsed[int(offset)] = deferral
        if address:
            parsed[address] = deferral

    def _deferral(self, status: bytes, reason: bytes) -> Deferral:
        key = (status, reason[:REASON])
        known = self._deferrals.get(key)
        if known is None:
            if len(self._deferrals) >= self._remembered:
                self._deferrals.clear()
            dsn = status.decode("ascii", "replace")[:11] or _COMPATIBLE
            known = self._deferrals[key] = Deferral(reason[:REASON].decode("utf-8", "replace"), dsn)
        return known


def _value(block: bytes, name: bytes) -> bytes:
    start = block.find(name)
    if start < 0:
        return b""
    start += len(name)
    return block[start : block.index(b"\n", start)]


def _old_style(block: bytes) -> tuple[bytes, bytes]:
    start = block.find(b"\n<")
    if start < 0:
        return b"", b""
    address, found, reason = block[start + 2 : block.index(b"\n", start + 1)].partition(b">: ")
    return (address, reason.strip()) if found else (b"", b"")
