"""Messages for a spool, and what is in one."""

import hashlib
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mxtui.model.envelope import Client, Envelope, EnvelopeRecipient, SpoolState
from mxtui.queues.spool.ids import new_id
from mxtui.queues.spool.store import Spool

TEXT = b"From: a@example.com\nSubject: Hello\n\nSome text.\n.\n..\n\xe4\n"

DAY = 86400.0


def envelope(text: bytes = TEXT, *, to: Iterable[str] = ("info@example.org",), **others: Any) -> Envelope:
    """The envelope of a message that arrived just now."""
    arrival = others.pop("arrival", time.time())
    fields: dict[str, Any] = {
        "id": new_id(arrival),
        "arrival": arrival,
        "expires": arrival + 5 * DAY,
        "sender": "sender@example.com",
        "recipients": tuple(EnvelopeRecipient(each) for each in to),
        "size": len(text),
        "sha256": hashlib.sha256(text).hexdigest(),
        "client": Client("192.0.2.7", "client.example.com", "client.example.com"),
        "subject": "Hello",
    }
    return Envelope(**fields | others)


def put(spool: Spool, made: Envelope | None = None, state: SpoolState = "deferred", text: bytes = TEXT) -> Envelope:
    """A message in the spool."""
    made = made or envelope(text)
    assert spool.commit([(made, [text])], state) == [None]
    return made


def place(spool: Spool, made: Envelope, state: SpoolState = "deferred") -> Path:
    """Where its envelope is in this state."""
    return Path(spool.places.envelope(state, made.id))


def state_of(spool: Spool, made: Envelope) -> str:
    """Empty when it is gone."""
    found = spool.find(made.id)
    return found[0] if found else ""


def queued(spool: Spool) -> dict[str, str]:
    """The state of every message."""
    found: dict[str, str] = {queue_id: state for state, ids in spool.names().items() for queue_id in ids}
    assert len(found) == sum(len(ids) for ids in spool.names().values()), "no message in two states"
    return found


def files(spool: Spool) -> set[str]:
    """Every file but what makes it a spool."""
    return {
        str(path.relative_to(spool.path))
        for path in spool.path.rglob("*")
        if path.is_file() and path.parent != spool.path
    }
