"""The kept copy of a deleted message: its name, and the line of JSON that goes before the message itself.

Whatever the kind of queue, a copy is one file: this header, a line feed, then the message as that kind stores it.
"""

import json
from typing import Final, NamedTuple

from mxtui.model.message import Identity
from mxtui.model.plan import Target

HEADER_LIMIT: Final = 2_000_000
"""Bytes; a message with 10,000 recipients in as many domains needs about 300,000."""

FORMAT: Final = 1


class KeptHeader(NamedTuple):
    """What a kept copy says of itself."""

    kind: str
    """Of queue: `postfix`, `spool`."""
    target: Target
    kept_at: float
    queue: str = ""
    """Its path; empty in copies of a time when that was not noted."""


def kept_name(identity: Identity) -> str:
    """The file name of a copy: the queue ID alone may be re-used while the copy is kept.

    >>> kept_name(Identity("4jXzq", 77, 1700000000.25))
    '4jXzq-77-1700000000250000'
    """
    return f"{identity.queue_id}-{identity.inode}-{round(identity.arrival * 1_000_000)}"


def encode_header(header: KeptHeader) -> bytes:
    """One line of JSON with its line feed."""
    target = header.target
    fields = {
        "format": FORMAT,
        "kind": header.kind,
        "queue": header.queue,
        "kept_at": header.kept_at,
        "queue_id": target.queue_id,
        "inode": target.identity.inode,
        "arrival": target.identity.arrival,
        "state": target.state,
        "size": target.size,
        "sender": target.sender,
        "domains": target.domains,
        "recipients": target.recipients,
        "expires": target.expires,
    }
    return json.dumps(fields).encode() + b"\n"


def decode_header(line: bytes) -> KeptHeader:
    """Raises ValueError when the line is not such a header."""
    try:
        fields = json.loads(line)
        if fields["format"] != FORMAT:
            raise ValueError(f"kept copy in format {fields['format']!r}")
        target = Target(
            Identity(str(fields["queue_id"]), int(fields["inode"]), float(fields["arrival"])),
            fields["state"],
            int(fields["size"]),
            str(fields["sender"]),
            tuple(map(str, fields["domains"])),
            int(fields["recipients"]),
            None if fields["expires"] is None else float(fields["expires"]),
        )
        return KeptHeader(str(fields["kind"]), target, float(fields["kept_at"]), str(fields.get("queue", "")))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a kept copy: {error!r}") from error
