"""Notices of non-delivery (RFC 3464, RFC 3462), for the few cases in which somebody decided that one is sent.

A backup that returns what its primary refuses returns spam to people who never sent it. So nothing here happens by
itself: an operator rejects a message, or has configured a relay for notices. Never to the null sender, never for what
is in quarantine or suspect.
"""

import os
import quopri
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from email.utils import formatdate
from typing import Final

from mxtui.delivery import commands, wire
from mxtui.delivery.connecting import TroubleError
from mxtui.delivery.host import HostKey
from mxtui.delivery.policy import Policy
from mxtui.delivery.routes import Dialer
from mxtui.delivery.session import Content, Letter
from mxtui.errors import Guarded, Unreachable
from mxtui.message.sanitize import one_line
from mxtui.model.envelope import Client, Envelope, EnvelopeRecipient, SpoolState
from mxtui.model.next_hop import NextHop
from mxtui.model.route import Ourselves
from mxtui.primary.lookup import Lookup
from mxtui.queues.spool.claim import Claim
from mxtui.queues.spool.layout import READ
from mxtui.queues.spool.store import Spool

HEADER_LIMIT: Final = 64 * 1024
"""Bytes of the original's header that go back; its body never does."""

LINE_LIMIT: Final = 998
"""Characters (RFC 5322 2.1.1)."""

REJECTED: Final = "returned by the operator of the backup mail server"


class NotTakenError(Unreachable):
    """The relay answered, and did not take this notice; `lasting` where it never will."""

    def __init__(self, message: str, *, lasting: bool) -> None:
        super().__init__(message)
        self.lasting = lasting


def why_not(envelope: Envelope, state: SpoolState, *, suspect: bool = False) -> str:
    """Why no notice may be sent, as a sentence; empty when one may."""
    if not envelope.sender:
        return "It has the null sender: nobody is told about a notice (RFC 5321 6.1)."
    if state == "quarantine" or suspect or (envelope.screened is not None and envelope.screened.action != "accept"):
        return "It is suspected spam: its sender is likely to be forged, and a notice would hit a stranger."
    return ""


def concerned(envelope: Envelope) -> tuple[EnvelopeRecipient, ...]:
    """Whom a notice is about: did not get it, and the sender did not ask for silence (NOTIFY=NEVER, RFC 3461 4.1)."""
    return tuple(
        recipient
        for recipient in envelope.recipients
        if recipient.fate != "delivered" and recipient.notify.upper() != "NEVER"
    )


def compose(
    envelope: Envelope,
    recipients: Sequence[EnvelopeRecipient],
    header: bytes,
    *,
    hostname: str,
    now: float,
    token: str,
) -> bytes:
    """The notice, with LF line ends. `token` makes Message-ID and boundary unique.

    All of it is 7-bit, but for the To line where the sender's own address is not: addresses beyond ASCII are written as
    RFC 6533 section 3 says.
    """
    boundary = f"=_{token}"
    fields = (
        f"From: Mail Delivery System <MAILER-DAEMON@{hostname}>",
        f"To: <{envelope.sender}>",
        "Subject: Undelivered mail returned to sender",
        f"Date: {formatdate(now)}",
        f"Message-ID: <{token}@{hostname}>",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
    )
    parts = (
        _part("text/plain; charset=utf-8", "Notification", _words(envelope, recipients, hostname).encode()),
        _part("message/delivery-status", "Delivery report", _status(envelope, recipients, hostname).encode("ascii")),
        _part("text/rfc822-headers", "Header of the message", header[:HEADER_LIMIT]),
    )
    body = b"".join(b"--%b\n%b\n" % (boundary.encode(), part) for part in parts)
    return "\n".join((*fields, "", "")).encode("utf-8", "surrogateescape") + body + f"--{boundary}--\n".encode()


def _part(kind: str, description: str, content: bytes) -> bytes:
    encoding = ""
    content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if not content.endswith(b"\n"):
        content += b"\n"
    if not content.isascii() or any(len(line) > LINE_LIMIT for line in content.split(b"\n")):
        content = quopri.encodestring(content)
        encoding = "Content-Transfer-Encoding: quoted-printable\n"
    return f"Content-Type: {kind}\nContent-Description: {description}\n{encoding}\n".encode() + content


def _words(envelope: Envelope, recipients: Iterable[EnvelopeRecipient], hostname: str) -> str:
    lines = [
        f"This is the backup mail server {hostname}.",
        "",
        f"Your message of {formatdate(envelope.arrival)} could not be delivered to:",
        "",
    ]
    for recipient in recipients:
        origin = f" (redirected from <{one_line(recipient.original, 320)}>)" if recipient.original else ""
        lines.append(f"<{one_line(recipient.address, 320)}>{origin}")
        lines.append(f"    {one_line(recipient.text, 500) or REJECTED}")
    return "\n".join((*lines, "", "It is not tried again. The header of the message is attached.", ""))


def _status(envelope: Envelope, recipients: Iterable[EnvelopeRecipient], hostname: str) -> str:
    """message/delivery-status (RFC 3464 2)."""
    blocks = [[f"Reporting-MTA: dns; {hostname}", f"Arrival-Date: {formatdate(envelope.arrival)}"]]
    if envelope.envid:
        blocks[0].insert(0, f"Original-Envelope-Id: {_ascii(_unxtext(envelope.envid))}")
    for recipient in recipients:
        block = [f"Final-Recipient: {_typed(recipient.address)}", "Action: failed"]
        block.append(f"Status: {_lasting(recipient.dsn)}")
        kind, semicolon, original = (recipient.orcpt or commands.original_recipient(recipient)).partition(";")
        if semicolon:
            block.insert(0, f"Original-Recipient: {_ascii(kind)}; {_ascii(_unxtext(original))}")
        if recipient.host:
            block.append(f"Remote-MTA: dns; {_ascii(recipient.host.partition('[')[0])}")
        if recipient.code is not None:
            block.append(f"Diagnostic-Code: smtp; {_ascii(recipient.text)}")
        if recipient.at is not None:
            block.append(f"Last-Attempt-Date: {formatdate(recipient.at)}")
        blocks.append(block)
    return "\n".join(line for block in blocks for line in (*block, ""))


def _lasting(dsn: str) -> str:
    """Delivery has failed for good, whatever was thought of the last attempt: 5.x.x (RFC 3464 2.3.4)."""
    return f"5{dsn[1:]}" if dsn[:2] in ("4.", "5.") else "5.0.0"


def _typed(address: str) -> str:
    if address.isascii():
        return f"rfc822; {_ascii(address)}"
    return f"utf-8; {_ascii(commands.utf8_address(address))}"


def _ascii(text: str) -> str:
    """One line that fits into a header field; nothing in it ends the field or begins another."""
    return one_line(text, 900).encode("ascii", "backslashreplace").decode("ascii")[:900]


def _unxtext(text: str) -> str:
    """RFC 3461 section 4, undone; what is not well formed stays as it is."""
    pieces = text.split("+")
    decoded = [pieces[0]]
    for piece in pieces[1:]:
        try:
            decoded.append(chr(int(piece[:2], 16)) + piece[2:] if len(piece) >= 2 else f"+{piece}")
        except ValueError:
            decoded.append(f"+{piece}")
    return "".join(decoded)


class Notifier:
    """Sends notices through the configured relay, and nowhere else. Belongs to one event loop."""

    def __init__(
        self,
        spool: Spool,
        relay: NextHop,
        *,
        ourselves: Ourselves,
        lookup: Lookup,
        policy: Policy,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._spool = spool
        self._relay = HostKey(relay.host, relay.port, relay.lookup_mx)
        self._dialer = Dialer(ourselves, lookup, policy)
        self._hostname = ourselves.hostname
        self._clock = clock

    async def notify(self, claim: Claim, *, suspect: bool = False) -> bool:
        """Tell the sender of a claimed message that it is given up; whether a notice was due at all.

        When this returns the relay has the notice, or the sender wanted none: the message may be removed. It is not
        removed here. Raises Guarded (no notice may be sent), Unreachable (the relay did not take it), OSError.
        """
        envelope = claim.envelope
        if reason := why_not(envelope, claim.state, suspect=suspect):
            raise Guarded(f"no notice may be sent for {claim.id}", reason)
        recipients = concerned(envelope)
        if not recipients:
            return False
        content = compose(
            envelope,
            recipients,
            header_of(self._spool, claim.id),
            hostname=self._hostname,
            now=self._clock(),
            token=secrets.token_hex(12),
        )
        await self._send(envelope.sender, content)
        return True

    async def _send(self, to: str, content: bytes) -> None:
        now = self._clock()
        notice = Envelope(
            id="",
            arrival=now,
            expires=now,
            sender="",
            recipients=(EnvelopeRecipient(to),),
            size=len(content),
            sha256="",
            client=Client(""),
        )
        body = b"".join(wire.on_the_wire([content]))
        letter = Letter(
            notice,
            notice.recipients,
            len(body) - len(wire.END),
            eight_bit=not content.isascii(),
            utf8=not commands.is_ascii(notice),
            content=Content(iter((body,)), blocking=False),
        )
        try:
            session = await self._dialer.open(self._relay)
        except TroubleError as error:
            raise Unreachable(f"the relay for notices cannot be reached: {error.text}") from error
        outcome = await session.deliver(letter)
        await session.leave()
        if not outcome.delivered:
            said = outcome.said[0]
            if outcome.trouble:
                raise Unreachable(f"the relay did not take the notice: {said.text}")
            raise NotTakenError(f"the relay did not take the notice: {said.text}", lasting=said.fate == "refused")


def header_of(spool: Spool, id: str) -> bytes:  # noqa: A002 (the field's own word)
    """A message's header, as far as it goes back; with LF line ends. Raises OSError."""
    descriptor = os.open(spool.content_path(id), READ)
    try:
        start = os.read(descriptor, HEADER_LIMIT)
    finally:
        os.close(descriptor)
    header, end, _ = start.partition(b"\n\n")
    if end:
        return header + b"\n"
    return header[: header.rfind(b"\n") + 1]  # no half line of one that is too long
