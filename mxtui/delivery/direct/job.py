"""One message in custody, ready to be sent: who is to get it from which host, and what was said of each."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mxtui.delivery.direct.announced import Announced
from mxtui.delivery.host import HostKey
from mxtui.delivery.session import Letter, Said
from mxtui.model.envelope import Client, Envelope, EnvelopeRecipient
from mxtui.model.message import recipient_domain
from mxtui.model.offers import Offers
from mxtui.queues.postfix import queue_file
from mxtui.queues.postfix.direct.custody import Held
from mxtui.queues.postfix.kept import NOTIFY, RETURN

SMTPUTF8_REQUESTED: Final = 1

UNKNOWN: Final = "unknown"
"""What Postfix writes of a client whose name, or whose address, it could not find out."""

_plain = re.compile(r"[!-*,-<>-~]*").fullmatch
"""ASCII without spaces, `+` and `=`."""

NO_NOTICE: Final = "a notice of the delivery is asked for, and the host offers no DSN: Postfix would send one itself"


@dataclass(slots=True, eq=False)
class Job:
    """One message."""

    held: Held
    envelope: Envelope
    hosts: dict[HostKey, list[EnvelopeRecipient]] = field(default_factory=dict)
    """Who is still to be tried, by host."""
    said: dict[str, Said] = field(default_factory=dict)
    """By address, the latest."""
    peer: str = ""
    """Whom it was last sent to."""
    began: float | None = None
    """When its first transaction did; monotonic."""
    answered: float | None = None
    """When its last transaction was over."""
    busy: bool = False
    """The host had no room for it at first."""
    unanswered: bool = False
    """The journal has a `begun` of it without an answer."""
    unmarked: bool = False
    """Somebody was accepted who could not be marked: only the journal knows."""

    @property
    def queue_id(self) -> str:
        """Its name in the queue."""
        return self.held.queue_id

    @property
    def seconds(self) -> float | None:
        """From its turn to the last that was heard of it; None where it was not tried."""
        return None if self.began is None or self.answered is None else self.answered - self.began

    def offsets(self, addresses: Iterable[str]) -> tuple[int, ...]:
        """Of the records of these recipients; one who is named twice gets it once."""
        wanted = set(addresses)
        return tuple(each.offset for each in self.held.todo if each.address in wanted)

    def letter(self, key: HostKey, offers: Offers, content: Announced) -> Letter:
        """What one transaction with a host that offers this carries; who cannot be served there is said to be unfit."""
        sizes = self.held.envelope.sizes
        assert sizes is not None
        recipients = []
        for each in self.hosts[key]:
            if "SUCCESS" in each.notify and "DSN" not in offers.extensions:
                self.said[each.address] = Said(each, "refused", None, "5.3.3", NO_NOTICE)
            else:
                recipients.append(each)
        needed = sizes.smtputf8 & ~SMTPUTF8_REQUESTED or not all(each.address.isascii() for each in recipients)
        # Asked for, and for nothing that needs it: Postfix goes without where it is not offered.
        utf8 = bool(sizes.smtputf8 & SMTPUTF8_REQUESTED) and bool(needed or "SMTPUTF8" in offers.extensions)
        return Letter(
            self.envelope, tuple(recipients), self.envelope.size, self.envelope.body == "8BITMIME", utf8, content
        )


def routed(held: Held, route: Callable[[str], HostKey]) -> Job:
    """Ask where it goes. May block, and raise MxtuiError, as `route` does."""
    recipients = {each.address: _recipient(each, held.envelope) for each in held.todo}
    hosts: dict[HostKey, list[EnvelopeRecipient]] = {}
    for address, recipient in recipients.items():
        hosts.setdefault(route(recipient_domain(address)), []).append(recipient)
    return Job(held, _envelope(held, tuple(recipients.values())), hosts)


def _envelope(held: Held, recipients: tuple[EnvelopeRecipient, ...]) -> Envelope:
    found = held.envelope
    assert found.sizes is not None
    attributes = found.attributes
    return Envelope(
        id=held.queue_id,
        arrival=found.arrival or 0.0,
        expires=held.target.expires or 0.0,
        sender=found.sender or "",
        recipients=recipients,
        size=found.sizes.content or found.sizes.data,
        sha256="",
        client=_client(attributes),
        body="8BITMIME" if attributes.get("encoding") == "8bit" else "",
        smtputf8=bool(found.sizes.smtputf8 & SMTPUTF8_REQUESTED),
        ret={"full": "FULL", "hdrs": "HDRS"}.get(RETURN.get(attributes.get("ret_flags", ""), ""), ""),
        envid=xtext(attributes.get("envelope_id", "")),
    )


def _client(attributes: Mapping[str, str]) -> Client:
    """Who handed it in, as smtpd(8) saw it; nobody where that was this host (sendmail(1), a notice)."""
    known = {name: value for name, value in attributes.items() if value != UNKNOWN}
    return Client(
        known.get("client_address", ""), known.get("client_name", ""), known.get("helo_name", ""),
        known.get("protocol_name", "ESMTP"), None,
    )  # fmt: skip


def _recipient(found: queue_file.EnvelopeRecipient, envelope: queue_file.Envelope) -> EnvelopeRecipient:
    """With NOTIFY and ORCPT as smtp(8) makes them."""
    bits = int(found.notify) if found.notify and found.notify.isdecimal() else 0
    notify = ",".join(name.upper() for bit, name in NOTIFY if bits & bit)
    original = found.dsn_original or ""
    if not original and found.original:
        utf8 = envelope.sizes is not None and envelope.sizes.smtputf8 and not found.original.isascii()
        original = f"{'utf-8' if utf8 else 'rfc822'};{found.original}"
    orcpt = uxtext(original) if original[:6].lower() == "utf-8;" else xtext(original)
    return EnvelopeRecipient(found.address, notify=notify, orcpt=orcpt)


def xtext(value: str) -> str:
    """As RFC 3461 section 4 encodes, of any length.

    >>> xtext("rfc822;a+b@example.org")
    'rfc822;a+2Bb@example.org'
    """
    if _plain(value):  # nearly all are
        return value
    return "".join(
        chr(byte) if 33 <= byte <= 126 and byte not in b"+=" else f"+{byte:02X}"
        for byte in value.encode("utf-8", "surrogateescape")
    )


def uxtext(value: str) -> str:
    """As RFC 6533 section 3 encodes, in ASCII.

    >>> uxtext("utf-8;jos\\u00e9@example.org")
    'utf-8;jos\\\\x{E9}@example.org'
    """
    return "".join(each if "!" <= each <= "~" and each not in "+=\\" else f"\\x{{{ord(each):02X}}}" for each in value)
