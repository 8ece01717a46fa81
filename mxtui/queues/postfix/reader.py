"""Three roads to one queue, and which of them this user may take."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, Protocol

from mxtui.errors import NotPermitted
from mxtui.model.message import Changes, QueuedMessage, State
from mxtui.model.tally import Tallies, tally
from mxtui.queues.postfix import showq
from mxtui.queues.postfix.files import FileReader
from mxtui.queues.postfix.instances import QUEUE_MARKS
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.listing import Listing
from mxtui.queues.postfix.polling import Poller
from mxtui.queues.postfix.queue_file import Envelope

Road = Literal["files", "showq", "postqueue"]


class Reader(Protocol):
    """What every road offers. Methods block, and raise Unreachable and NotPermitted; see `queues.queue.Queue`."""

    @property
    def road(self) -> Road:
        """Which road this is."""
        ...

    @property
    def warning(self) -> str:
        """What this road cannot show at present, or shows late; empty when all is well."""
        ...

    def depth(self) -> Mapping[State, int]:
        """Messages per state from names alone; empty where names are not to be had."""
        ...

    def read(self, *, subjects: bool = True) -> Iterator[Changes]:
        """Everything queued, once, in batches."""
        ...

    def count(self, now: float) -> Tallies:
        """Everything queued, once, counted at `now`, seconds since the epoch."""
        ...

    def watch(self, stop: threading.Event) -> Iterator[Changes]:
        """What changes from the start of `read` on, an empty change at least every two seconds, until `stop`."""
        ...

    def find(self, queue_id: str) -> QueuedMessage | None:
        """The message under this ID now, wherever it is; None when it is gone."""
        ...

    def content(self, queue_id: str, limit: int) -> bytes:
        """The message as stored, at most `limit` bytes. Raises NoQueue (gone)."""
        ...

    def envelope(self, queue_id: str) -> Envelope:
        """Everything but the message. Raises NoQueue (gone)."""
        ...


class ListingReader:
    """The second and third road: the whole queue or nothing, and no message itself."""

    def __init__(self, road: Road, listing: Callable[[], Iterator[QueuedMessage]], warning: Callable[[], str]) -> None:
        self.road: Road = road
        self._list = listing
        self._warning = warning
        self._poller = Poller(listing)

    @property
    def warning(self) -> str:
        """What could not be read of the last listing."""
        return self._warning()

    def depth(self) -> Mapping[State, int]:
        """Nothing: names alone are not to be had here, and counting would cost as much as reading."""
        return {}

    def read(self, *, subjects: bool = True) -> Iterator[Changes]:  # noqa: ARG002 (no listing tells subjects)
        """Everything queued, once."""
        return self._poller.read()

    def count(self, now: float) -> Tallies:
        """Everything queued, once, counted at `now`."""
        return tally((message for changes in self._poller.read() for message in changes.present), now)

    def watch(self, stop: threading.Event) -> Iterator[Changes]:
        """What changed since the last listing."""
        return self._poller.watch(stop)

    def find(self, queue_id: str) -> QueuedMessage | None:
        """The message under this ID now; costs a listing up to it."""
        return next((message for message in self._list() if message.queue_id == queue_id), None)

    def content(self, queue_id: str, limit: int) -> bytes:  # noqa: ARG002
        """Always raises NotPermitted."""
        raise _closed(queue_id)

    def envelope(self, queue_id: str) -> Envelope:
        """Always raises NotPermitted."""
        raise _closed(queue_id)


def open_reader(layout: Layout) -> Reader:
    """The best road for this user: the files, else showq's socket, else postqueue(1). Nothing is read yet."""
    queue = layout.queue_directory
    if all(os.access(queue / mark, os.R_OK | os.X_OK, effective_ids=True) for mark in QUEUE_MARKS):
        return FileReader(layout)
    if os.access(queue / "public", os.X_OK, effective_ids=True):
        return ListingReader("showq", lambda: showq.list_queue(layout), lambda: "")
    listing = Listing(layout)

    def warning() -> str:
        count = listing.skipped
        return f"{count} messages could not be read: postqueue wrote broken JSON" if count else ""

    return ListingReader("postqueue", listing.messages, warning)


def _closed(queue_id: str) -> NotPermitted:
    return NotPermitted(f"{queue_id} may not be read", "Messages themselves are for root and the postfix user.")
