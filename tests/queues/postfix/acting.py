"""What tests of acting on a real Postfix share."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from mxtui.demo.postfix import PrivatePostfix
from mxtui.model.message import Identity, QueuedMessage, Recipient
from mxtui.model.plan import Target
from mxtui.queues.postfix.layout import Layout, read_layout
from mxtui.queues.postfix.queue_file import read_envelope
from mxtui.queues.postfix.whereabouts import locate
from tests.support.waiting import wait_until

QUIET = {"minimal_backoff_time": "1h", "maximal_backoff_time": "1h", "queue_run_delay": "1h"}
"""Nothing is tried again unless it is asked for."""


def layout_of(instance: PrivatePostfix) -> Layout:
    return read_layout(instance.config_directory)


def state(layout: Layout, queue_id: str) -> str:
    """Which queue a message is in; empty when it is gone."""
    here = locate(layout, queue_id)
    return here.state if here else ""


def settled(layout: Layout, queue_ids: Iterable[str], wanted: str) -> None:
    """Wait until every message is in the queue `wanted` (empty: gone)."""
    for queue_id in queue_ids:
        wait_until(partial(_is_in, layout, queue_id, wanted), what=f"{queue_id} in {wanted or 'no queue'}")


def _is_in(layout: Layout, queue_id: str, wanted: str) -> bool:
    return state(layout, queue_id) == wanted


def targets(layout: Layout, queue_ids: Sequence[str], *, lifetime: float = 5 * 86400.0) -> list[Target]:
    """Targets as a reader would make them."""
    return [_target(layout, queue_id, lifetime) for queue_id in queue_ids]


def _target(layout: Layout, queue_id: str, lifetime: float) -> Target:
    here = locate(layout, queue_id)
    assert here is not None
    found = read_envelope(str(here.path))
    assert found.arrival is not None
    assert found.sender is not None
    assert found.sizes is not None
    todo = [recipient for recipient in found.recipients if recipient.state == "todo"]
    domains = tuple(sorted({recipient.address.rpartition("@")[2] for recipient in todo}))
    return Target(
        Identity(queue_id, here.inode, found.arrival),
        here.state,
        found.sizes.data,
        found.sender,
        domains,
        len(todo),
        found.arrival + lifetime,
    )


def log_of(instance: PrivatePostfix) -> str:
    return instance.log.read_text(errors="replace")


def found_message(layout: Layout) -> Callable[[str], QueuedMessage | None]:
    """A `find` as a reader has it: the message, with its reasons from the defer log."""

    def find(queue_id: str) -> QueuedMessage | None:
        here = locate(layout, queue_id)
        if here is None:
            return None
        found = read_envelope(str(here.path))
        log = layout.queue_directory / layout.hashing.folder("defer", queue_id) / queue_id
        reason = log.read_text() if log.exists() else ""
        recipients = tuple(
            Recipient(each.address, each.address.rpartition("@")[2], reason)
            for each in found.recipients
            if each.state == "todo"
        )
        return QueuedMessage(queue_id, here.state, here.inode, found.arrival or 0.0, 0, found.sender or "", recipients)

    return find
