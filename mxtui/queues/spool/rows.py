"""Envelopes as messages of a queue: from the file straight to what a list of messages shows, 5 µs beside the opening.

A row is a `QueuedMessage` as plain lists and tuples, which `marshal` carries between processes at a third of what
`pickle` costs.
"""

import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any, Final

from mxtui.model.envelope import SpoolState
from mxtui.model.message import QueuedMessage, Recipient, recipient_domain
from mxtui.model.tally import Cause, Tallies
from mxtui.queues.opened import opened
from mxtui.queues.spool.aside import envelope_aside, written
from mxtui.queues.spool.format import LIMIT, EnvelopeOnDisk, Raw, RecipientOnDisk, exact, read
from mxtui.queues.spool.layout import DELIVERABLE, READ, Places

Row = list[Any]
"""The fields of a QueuedMessage, in their order, its recipients plain tuples."""

BLOCK: Final = 65536
"""Bytes of the first read: an envelope of 300 recipients."""

DUPLICATE: Final = "; the connection broke after the final dot, so it may have arrived"

_DOMAINS: Final = 16384
"""Domains remembered; a sender of spam chooses recipients, so there is a bound."""

_message_of = QueuedMessage._make
_recipient_of = Recipient._make


class RowReader:
    """Reads the envelopes of one spool. Not for use from two threads at once."""

    def __init__(self, root: str) -> None:
        self._places = Places(root)
        self._domains: dict[str, str] = {}
        self._flags = READ | os.O_NOATIME
        """Else each first look would write an access time. For the owner and root; others open without."""

    def folder(self, path: str) -> AbstractContextManager[int | None]:
        """An open hash folder, relative to the spool; None where it is missing."""
        return opened(f"{self._places.root}/{path}")

    def read(self, state: SpoolState, queue_id: str, folder: int | None = None) -> Row | None:
        """The envelope in this state, in the open `folder` if it is given; None when it is not there.

        What is there and cannot be read is a row that says so.
        """
        if state == "corrupt":
            return self._aside(queue_id)
        try:
            found = self._found(state, queue_id, folder)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            return self._faulty(state, queue_id, str(error))
        todo = found.recipients
        if len(todo) > 1 or todo[0].fate == "delivered":
            todo = tuple(each for each in todo if each.fate != "delivered")
        return [
            queue_id,
            state,
            0,
            found.arrival,
            found.size,
            _shown(found.sender),
            [self._recipient(each, found.why) for each in todo],
            len(found.recipients) - len(todo),
            found.next_retry if state == "deferred" else None,
            _expires(state, found),
            False,
            found.client.address or None,
            found.subject,
            found.attempts,
            None,
        ]

    def find(self, queue_id: str) -> Row | None:
        """The message wherever it is now; None when it is gone."""
        for _ in range(2):  # it may pass us once, against the order of looking
            for state in DELIVERABLE:
                row = self.read(state, queue_id)
                if row is not None:
                    return row
        return self._aside(queue_id)

    def count(self, tallies: Tallies, state: SpoolState, queue_id: str, folder: int | None = None) -> bool:
        """Count the message instead of telling it, at half the cost; whether it was there."""
        if state != "corrupt":
            try:
                found = self._found(state, queue_id, folder)
            except FileNotFoundError:
                return False
            except (OSError, ValueError):
                tallies.count(1, state, written(self._places.envelope(state, queue_id), queue_id), 0, None, ())
                return True
            causes: list[Cause] = []
            for each in found.recipients:
                if each.fate != "delivered":
                    reason = _reason(each, found.why)
                    causes.append((self._domain(_shown(each.address)), tallies.summary(reason) if reason else None))
            tallies.count(1, state, found.arrival, found.size, _expires(state, found), causes)
            return True
        row = self._aside(queue_id)
        if row is not None:
            for message in messages([row]):
                tallies.add(message)
        return row is not None

    def _found(self, state: SpoolState, queue_id: str, folder: int | None) -> EnvelopeOnDisk:
        """Raises OSError, ValueError."""
        path = self._places.envelope(state, queue_id) if folder is None else f"{queue_id}.json"
        try:
            descriptor = os.open(path, self._flags, dir_fd=folder)
        except PermissionError:
            descriptor = os.open(path, READ, dir_fd=folder)
            self._flags = READ
        try:
            data = os.read(descriptor, BLOCK)
            if len(data) == BLOCK:
                data += _rest(descriptor)
        finally:
            os.close(descriptor)
        found = read(data)
        if found.id != queue_id:
            raise ValueError(f"the envelope of another message, {found.id}")
        return found

    def _recipient(self, found: RecipientOnDisk, why: str) -> tuple[str, str, str | None, str | None]:
        address = _shown(found.address)
        return address, self._domain(address), _reason(found, why) or None, found.dsn or None

    def _domain(self, address: str) -> str:
        local, _, domain = address.rpartition("@")
        # An address without @ is a domain of its own, and not worth remembering.
        known = self._domains.get(domain) if local else None
        if known is None:
            known = recipient_domain(address)
            if len(self._domains) >= _DOMAINS:
                self._domains.clear()
            if local:
                self._domains[domain] = known
        return known

    def _aside(self, queue_id: str) -> Row | None:
        try:
            envelope = envelope_aside(self._places, queue_id)
        except OSError as error:
            return self._faulty("corrupt", queue_id, str(error))
        if envelope is None:
            return None
        todo = [
            (address, self._domain(address), each.text or None, each.dsn or None)
            for each in envelope.recipients
            for address in (visible(each.address),)
            if each.fate != "delivered"
        ]
        return [
            queue_id,
            "corrupt",
            0,
            envelope.arrival,
            envelope.size,
            visible(envelope.sender),
            todo,
            len(envelope.recipients) - len(todo),
            None,
            None,
            False,
            envelope.client.address or None,
            envelope.subject or None,
            envelope.attempts,
            envelope.why,
        ]

    def _faulty(self, state: SpoolState, queue_id: str, fault: str) -> Row:
        suffix = "why" if state == "corrupt" else "json"
        since = written(f"{self._places.folder(state, queue_id)}/{queue_id}.{suffix}", queue_id)
        return [queue_id, state, 0, since, 0, "", (), 0, None, None, False, None, None, None, fault]


def messages(rows: Iterable[Row]) -> list[QueuedMessage]:
    """Rows as the model's own type; the rows themselves are used up."""
    made = []
    for row in rows:
        row[6] = tuple(map(_recipient_of, row[6]))
        made.append(_message_of(row))
    return made


def visible(address: str) -> str:
    """An address as it may be shown and stored: what is not UTF-8 becomes U+FFFD."""
    return address if address.isascii() else address.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _shown(value: str | Raw) -> str:
    return value if isinstance(value, str) else visible(exact(value))


def _expires(state: SpoolState, found: EnvelopeOnDisk) -> float | None:
    """When it is given up; what was given up already waits for an operator as long as it takes."""
    return None if state == "failed" else found.expires


def _reason(found: RecipientOnDisk, why: str) -> str:
    """Why it waits: what the last attempt heard, else why it is held, failed or in quarantine; and what was done."""
    reason = found.text or why
    if found.original or found.via:
        reason = f"{reason}; {_elsewhere(found)}" if reason else _elsewhere(found)
    return reason + DUPLICATE if found.possible_duplicate else reason


def _elsewhere(found: RecipientOnDisk) -> str:
    origin = f" from <{_shown(found.original)}>" if found.original else ""
    return f"redirected{origin}{f' to {found.via}' if found.via else ''}"


def _rest(descriptor: int) -> bytes:
    pieces = bytearray()
    while len(pieces) <= LIMIT and (piece := os.read(descriptor, 1024 * 1024)):
        pieces += piece
    return bytes(pieces)
