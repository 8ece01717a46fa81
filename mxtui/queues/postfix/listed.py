"""A message as Postfix's own listings (showq, `postqueue -j`) tell it: no inode, subject, next try or status code."""

from collections.abc import Iterable

from mxtui.model.message import STATES, QueuedMessage, Recipient, State, recipient_domain
from mxtui.queues.postfix.queue_id import arrival as made_at

_STATES: dict[str, State] = {state: state for state in STATES}

NULL_SENDER = "MAILER-DAEMON"
"""How listings write the empty sender; nobody else can have it, since any other address has a domain."""


def listed_message(
    queue_name: str,
    queue_id: str,
    arrival: float,
    size: int,
    forced_expire: bool,
    sender: str,
    recipients: Iterable[tuple[str, str | None]],
    lifetimes: tuple[float, float],
) -> QueuedMessage | None:
    """The message, or None where the queue's name is none that we know.

    `recipients` are addresses with their reasons; `lifetimes` are seconds, of ordinary mail and from the null sender.
    """
    state = _STATES.get(queue_name)
    if state is None:
        return None
    sender = "" if sender == NULL_SENDER else sender
    lifetime = lifetimes[0] if sender else lifetimes[1]
    # What was renewed keeps its arrival; when it began to live anew only a long ID tells here.
    began = max(arrival, made_at(queue_id) or 0.0)
    return QueuedMessage(
        queue_id=queue_id,
        state=state,
        inode=0,
        arrival=arrival,
        size=size,
        sender=sender,
        recipients=tuple(_recipients(recipients)),
        expires=None if state == "maildrop" else began + lifetime,
        forced_expire=forced_expire,
    )


def _recipients(listed: Iterable[tuple[str, str | None]]) -> Iterable[Recipient]:
    """Those with a reason come first; showq remembers 1,000 of them, and tells later ones again without it."""
    explained: set[str] = set()
    for address, reason in listed:
        if reason is not None:
            explained.add(address)
        elif address in explained:
            continue
        yield Recipient("" if address == NULL_SENDER else address, recipient_domain(address), reason)
