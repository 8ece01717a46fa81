"""The envelope of a message in our own spool: all that is known of it beside the message itself.

Receiver, spool and delivery share these values; `queues.spool.format` is how they look on disk.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from mxtui.model.message import recipient_domain

SpoolState = Literal["deferred", "hold", "quarantine", "failed", "corrupt"]
"""Which folder of the spool an envelope is in. What is being delivered stays in `deferred`, with a lock."""

Fate = Literal["waiting", "delivered", "refused"]
"""`refused` is lasting (5yz, or the lifetime is over): the operator decides what becomes of it."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who handed a message in; all of it hostile but the address."""

    address: str
    """IPv4 or IPv6, without brackets."""
    name: str = ""
    """By reverse look-up, verified; empty where unknown."""
    helo: str = ""
    protocol: str = "ESMTP"
    """As in `Received: … with` (RFC 3848, RFC 6531): SMTP, ESMTP, ESMTPS, UTF8SMTP, UTF8SMTPS."""
    tls: str | None = ""
    """Protocol and cipher; empty where there was none, None where that is not known."""


@dataclass(frozen=True, slots=True)
class EnvelopeRecipient:
    """One recipient, and how the last attempt ended."""

    address: str
    fate: Fate = "waiting"
    notify: str = ""
    """NOTIFY of RFC 3461, byte for byte; empty where none was given."""
    orcpt: str = ""
    """ORCPT of RFC 3461, byte for byte (xtext)."""
    attempts: int = 0
    at: float | None = None
    """When the last attempt ended; epoch seconds."""
    host: str = ""
    """Whom it was tried at: `mx1.example.org[192.0.2.1]:25`."""
    code: int | None = None
    """SMTP reply code; None where there was no reply."""
    dsn: str = ""
    """Enhanced status code, `4.4.1` (RFC 3463)."""
    text: str = ""
    """The reply, or what went wrong, in one line of at most 500 characters; hostile."""
    possible_duplicate: bool = False
    """An attempt broke off after the final dot: the primary may have it."""
    original: str = ""
    """The address that the message came with, where an operator redirected it; byte for byte."""
    via: str = ""
    """`[host]` or `[host]:port` that an operator has it delivered to; empty: its domain's route."""

    @property
    def destination(self) -> str:
        """What it waits for: its domain, or the host in brackets that it was redirected to."""
        return self.via or recipient_domain(self.address)


@dataclass(frozen=True, slots=True)
class Screened:
    """What scanners made of a message that was taken; texts are of one line, sanitised, and cut at 500 characters."""

    action: Literal["accept", "tag", "quarantine"]
    """What was done for it."""
    at: float
    """Epoch seconds."""
    said: str = ""
    """Their verdicts: `rspamd: add header, 8.2 of 6 (BAYES_SPAM 3.1)`; empty where there is none."""
    unscanned: str = ""
    """Why a scanner has not seen it; then it is unscanned, never clean."""
    pending: bool = False
    """It is to be scanned before it goes on."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message's."""

    id: str
    arrival: float
    """Epoch seconds."""
    expires: float
    """When it is given up (moved to `failed`, never dropped)."""
    sender: str
    """Reverse path; empty is the null sender."""
    recipients: tuple[EnvelopeRecipient, ...]
    size: int
    """Bytes of the message as stored (LF line ends)."""
    sha256: str
    """Of the message as stored, hexadecimal."""
    client: Client
    subject: str = ""
    """Decoded, one line, at most 200 characters."""
    body: Literal["", "7BIT", "8BITMIME"] = ""
    smtputf8: bool = False
    ret: str = ""
    """RET of RFC 3461."""
    envid: str = ""
    """ENVID of RFC 3461, byte for byte (xtext)."""
    attempts: int = 0
    next_retry: float | None = None
    """Earliest next attempt; None: at once."""
    why: str = ""
    """Why it is held, failed, in quarantine or corrupt; empty in `deferred`."""
    returning: bool = False
    """In `failed`: `serve` owes its sender a notice, and tries until the relay takes it."""
    screened: Screened | None = None
    """What scanners made of it; None where none was configured."""
    was: Literal["", "hold", "failed"] = ""
    """In quarantine: where an operator found it, if not in `deferred`. `why` is then still that of there."""

    @property
    def waiting(self) -> tuple[EnvelopeRecipient, ...]:
        """Those still to be delivered."""
        return tuple(recipient for recipient in self.recipients if recipient.fate == "waiting")

    def with_results(self, results: Iterable[EnvelopeRecipient]) -> "Envelope":
        """The same with the results of some recipients.

        Those redirected to one address have one result. Each keeps what it came with; who had the message, has it.
        """
        latest = {(result.address, result.via): result for result in results}
        return replace(self, recipients=tuple(_latest(each, latest) for each in self.recipients))


def _latest(recipient: EnvelopeRecipient, results: Mapping[tuple[str, str], EnvelopeRecipient]) -> EnvelopeRecipient:
    result = results.get((recipient.address, recipient.via))
    if result is None or recipient.fate == "delivered":
        return recipient
    if result.original == recipient.original:
        return result
    return replace(result, notify=recipient.notify, orcpt=recipient.orcpt, original=recipient.original)
