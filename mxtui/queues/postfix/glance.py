"""A message from the first block of its file: the fast path of every scan.

Nine files in ten are laid out as cleanup(8) first wrote them, with the whole envelope in front. For these one read is
enough. Anything else (edits by a milter, recipients behind the content, long envelopes, damage) is answered by None,
and `queue_file` walks the file exactly; both must always agree.

One pass costs 3 µs, half of what opening a file does, so the loops below spell out what `records` does in general.
"""

import sys

from mxtui.queues.postfix import records, subject

_SIZES_LENGTH = 95
"""Six fields of 15 digits and the blanks between them."""

_HEAD = bytes((records.SIZE, _SIZES_LENGTH))
_FIRST = 2 + _SIZES_LENGTH
_TAIL = 4
"""Bytes of the shortest end of a file: an empty extracted segment, `X` and `E`."""

_CLIENT = b"client_address="
_DULL = frozenset(b"AOWKcFI>VL<ionfd")
"""Records of an envelope that a list of messages does not show, but for one attribute: the client's address."""

_CREATED = b"create_time="
"""An attribute behind the time of arrival, in seconds: when the lifetime began, anew where the message was renewed."""

_TODO, _DONE, _CANCELLED = records.TODO, records.DONE, records.CANCELLED
_TIME, _SENDER, _CONTENT, _POINTER = records.TIME, records.SENDER, records.CONTENT, records.POINTER


ANY_SIZE = sys.maxsize
"""For whoever does not care whether a file is cut short behind what is seen of it."""

Glance = tuple[int, int, bytes, bytes, list[tuple[int, bytes]], int, bytes | None, bytes | None]
"""Size, offset of the content, time, sender, recipients to do (offset of the record, address), done, client's address,
and when its lifetime began.

Raw bytes, since most are never needed as text of their own; and no named tuple, which would cost a tenth of the pass.
"""


def client_at(block: bytes) -> int:
    """Where the record of the client's address should be; negative where there is none."""
    found = block.find(_CLIENT)
    if block[found - 4 : found] == b"log_":
        found = block.find(_CLIENT, found + 1)
    return found - 2


def glance(block: bytes, file_size: int, client_at: int = -1) -> Glance | None:
    """The envelope at the head of a file of `file_size` bytes; None when one block does not tell everything.

    The client's address is looked for at `client_at` only: comparing positions is cheaper than comparing 20 names.
    """
    if block[:2] != _HEAD or not block[2:_FIRST].replace(b" ", b"").isdigit():
        return None
    time = sender = client = created = None
    recipients: list[tuple[int, bytes]] = []
    done = cancelled = 0
    position = _FIRST
    try:
        # Each with what should be the blank behind it.
        size = int(block[2:18])
        offset = int(block[18:34])
        count = int(block[34:50])
        while True:
            kind = block[position]
            length = block[position + 1]
            start = position + 2
            if length > 0x7F:
                high = block[start]
                if high > 0x7F:
                    return None
                length = length & 0x7F | high << 7
                start += 1
            following = start + length
            if kind in _DULL:
                if position == client_at:
                    if kind != records.ATTRIBUTE:
                        return None
                    client = block[start + len(_CLIENT) : following]
            elif kind == _TODO:
                recipients.append((position, block[start:following]))
            elif kind == _CONTENT:
                break
            elif kind == _SENDER:
                if sender is not None:
                    return None
                sender = block[start:following]
            elif kind == _TIME:
                if time is not None:
                    return None
                time = block[start:following]
                where = block.find(_CREATED) - 2
                if where == following:
                    created = block[where + 2 + len(_CREATED) : where + 2 + block[where + 1]]
                elif where >= 0:
                    return None
            elif kind == _DONE:
                done += 1
            elif kind == _CANCELLED:
                cancelled += 1
            elif kind != _POINTER or block[start:following].strip() != b"0":
                return None
            position = following
    except (IndexError, ValueError):  # beyond this block, or a field of sizes that is no number
        return None
    if (
        time is None
        or sender is None
        or (client is None) != (client_at < 0)
        or following != offset
        or len(recipients) + done + cancelled != count
        # A file that ends before its extracted segment is cut short.
        or size < 0
        or offset + size + _TAIL > file_size
    ):
        return None
    extracted = offset + size
    if extracted < len(block) and block[extracted] != records.EXTRACTED:
        return None
    return size, offset, time, sender, recipients, done, client, created


def glance_subject(block: bytes, offset: int) -> tuple[bool, bytes | None]:
    """Whether this block settles what the Subject is, and its raw value (None: the message has none)."""
    position = offset
    end = len(block) - 2
    parts: list[bytes] = []
    while position < end:
        kind = block[position]
        length = block[position + 1]
        start = position + 2
        if length & 0x80:
            high = block[start]
            if high & 0x80:
                return False, None
            length = length & 0x7F | high << 7
            start += 1
        following = start + length
        if kind == records.POINTER and block[start:following].strip() == b"0":
            position = following
            continue
        if kind != records.LINE or following > len(block):
            # The extracted segment ends a message that has nothing but a header.
            return (True, b"".join(parts) if parts else None) if kind == records.EXTRACTED else (False, None)
        first = block[start] if length else 0
        if parts:
            if first not in b" \t":
                return True, b"".join(parts)
            parts.append(block[start:following])
        elif (first == 83 or first == 115) and subject.is_subject(block[start:following]):
            parts.append(block[block.index(b":", start) + 1 : following])
        elif length == 0 or (first not in b" \t" and not subject.is_field(block, start, following)):
            return True, None  # the header is over
        position = following
    return False, None
