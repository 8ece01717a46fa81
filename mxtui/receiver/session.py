# ruff: noqa: N802 (aiosmtpd finds a command's method by its name)
"""The commands of one SMTP session (RFC 5321 4.1), as a relay for its own domains answers them."""

import time
from dataclasses import dataclass, field
from typing import Any

from mxtui.message.sanitize import one_line
from mxtui.model.envelope import Client, Envelope, EnvelopeRecipient, SpoolState
from mxtui.model.offers import Offers
from mxtui.queues.spool.ids import new_id
from mxtui.receiver import replies
from mxtui.receiver.admission import client_of, plain_address
from mxtui.receiver.connection import RECEIVE, Connection
from mxtui.receiver.content import Content, Fault
from mxtui.receiver.memory import Hold
from mxtui.receiver.parameters import MailParameters, mail_parameters, recipient_parameters
from mxtui.receiver.paths import Path, forward_path, reverse_path
from mxtui.receiver.policy import decide
from mxtui.receiver.replies import RefusedError
from mxtui.receiver.screening import TURNED_AWAY, screen, taken
from mxtui.receiver.settings import Limits
from mxtui.receiver.shared import Shared
from mxtui.receiver.trace import HEADER_LIMIT, is_loop, received_field, subject_of

_OFFERABLE = ("8BITMIME", "SMTPUTF8", "DSN")
"""Extensions that the primary has to have, too. PIPELINING and ENHANCEDSTATUSCODES are between client and us."""

_AFTER_FAULT: dict[Fault, tuple[str, str]] = {
    "too big": (replies.TOO_BIG, "messages_refused"),
    "line too long": (replies.TEXT_LINE_TOO_LONG, "messages_refused"),
    "no memory": (replies.NO_MEMORY, "messages_deferred"),
}


@dataclass(slots=True)
class Transaction:
    """From MAIL to the end of data."""

    sender: Path
    parameters: MailParameters
    recipients: dict[str, EnvelopeRecipient] = field(default_factory=dict)
    asked: int = 0
    held: str = ""
    """Why the message is to be held."""


class SmtpSession(Connection):
    """One client. The 250 after its message is sent when, and only when, the message is on the disk."""

    def __init__(self, shared: Shared) -> None:
        limits = shared.settings.limits
        super().__init__(
            shared.settings.hostname,
            idle=limits.idle,
            longest=limits.session,
            command_line=limits.command_line,
            errors=limits.errors,
        )
        self._shared = shared
        self._limits = limits
        self._address = ""
        self._client = ""
        self._helo = ""
        self._extended = False
        self._offered: frozenset[str] = frozenset()
        self._size_limit = size_limit(shared.offers, limits)
        self._idle_commands = 0
        self._transaction: Transaction | None = None

    # What the connection tells.

    def opened(self, peer: object) -> str:
        """Count the client in."""
        self._address = plain_address(peer)
        self._client = client_of(self._address)
        refusal = self._shared.admission.enter(self._client)
        if refusal:
            self._shared.counts["connections_refused"] += 1
            self._log("connection_refused", "warning", reply=refusal)
        else:
            self._shared.counts["connections"] += 1
            self._shared.sessions.add(self)
            if self._shared.names is not None:
                self._shared.names.begin(self._address)
        return refusal

    def closed(self) -> None:
        """Count the client out."""
        self._shared.admission.leave(self._client)

    def ended(self) -> None:
        """Nothing is under way any more."""
        self._shared.sessions.discard(self)

    def began(self, verb: str) -> None:
        """Bound what a client does without sending mail."""
        if verb not in ("RCPT", "DATA", "QUIT"):
            self._idle_commands += 1
            if self._idle_commands > self._limits.idle_commands:
                raise RefusedError(replies.TOO_MANY_COMMANDS)

    def sent_away(self, reply: str) -> None:
        """Say so, unless the client asked for it."""
        if reply != replies.BYE:
            self._log("sent_away", reply=reply, stage=self.stage)

    def failed(self, error: Exception) -> None:
        """Say so: it is a mistake of ours."""
        self._shared.counts["errors"] += 1
        self._log("error", "error", error=repr(error), stage=self.stage)

    def _set_post_data_state(self) -> None:
        """Reset; aiosmtpd calls it at RSET, EHLO and after STARTTLS."""
        self._transaction = None

    # Greeting.

    async def smtp_HELO(self, hostname: str) -> None:
        """The old greeting: no extensions."""
        self._greet(hostname, extended=False)
        await self.push(f"250 {self.hostname}")

    async def smtp_EHLO(self, hostname: str) -> None:
        """What is offered holds for this session, whatever the primary offers by its end."""
        self._greet(hostname, extended=True)
        offers = self._shared.offers
        self._size_limit = size_limit(offers, self._limits)
        extensions = [name for name in _OFFERABLE if name in offers.extensions]
        self._offered = frozenset({"SIZE", *extensions})
        lines = [self.hostname, "PIPELINING", f"SIZE {self._size_limit}", *extensions, "ENHANCEDSTATUSCODES"]
        if self._shared.certificate is not None and self._tls_protocol is None:
            lines.append("STARTTLS")
        last = lines.pop()
        await self.push("".join(f"250-{line}\r\n" for line in lines) + f"250 {last}")

    def _greet(self, hostname: str, *, extended: bool) -> None:
        if not hostname:
            raise RefusedError(replies.ARGUMENT_EXPECTED)
        self._transaction = None
        self._helo = hostname[:255]
        self._extended = extended
        self._offered = frozenset()

    async def smtp_STARTTLS(self, arg: str) -> None:
        """RFC 3207. Commands sent along in plain text would be taken for the encrypted client's (CVE-2011-0411)."""
        _no_argument(arg)
        if self._tls_protocol is not None:
            raise RefusedError(replies.ALREADY_TLS)
        if self._shared.certificate is None:
            raise RefusedError(replies.NOT_IMPLEMENTED)
        if self.pending:
            raise RefusedError(replies.PLAINTEXT_AFTER_STARTTLS)
        self.tls_context = self._shared.certificate.context()
        await super().smtp_STARTTLS("")
        if self.session is None or self.session.ssl is None:
            raise ConnectionResetError  # the client went away in the middle of the handshake
        self._helo = ""
        self._offered = frozenset()
        self._shared.counts["tls"] += 1

    # A transaction.

    async def smtp_MAIL(self, arg: str | None) -> None:
        """Begin, if there is room for what is announced."""
        if not self._helo:
            raise RefusedError(replies.HELO_FIRST)
        if self._transaction is not None:
            raise RefusedError(replies.NESTED_MAIL)
        text = _after("FROM:", arg, replies.BAD_SENDER)
        try:
            sender, rest = reverse_path(text)
        except ValueError:
            raise RefusedError(replies.BAD_SENDER) from None
        parameters = mail_parameters(rest, self._offered)
        if not (parameters.smtputf8 or sender.address.isascii()):
            raise RefusedError(replies.NO_SMTPUTF8)
        size = parameters.size or 0
        if size > self._size_limit:
            self._turn_away(replies.TOO_BIG, "messages_refused", sender=sender.address, size=size)
        if why := self._shared.room(size):
            self._turn_away(replies.NO_ROOM, "messages_deferred", why=why)
        if not self._shared.memory.fits(self._client, min(size, self._size_limit)):
            self._turn_away(replies.NO_MEMORY, "messages_deferred", size=size)
        self._transaction = Transaction(sender, parameters)
        await self.push(replies.SENDER_OK)

    async def smtp_RCPT(self, arg: str | None) -> None:
        """Add a recipient that the primary would take."""
        transaction = self._transaction
        if transaction is None:
            raise RefusedError(replies.MAIL_FIRST)
        smtputf8 = transaction.parameters.smtputf8
        text = _after("TO:", arg, replies.BAD_RECIPIENT)
        try:
            recipient, rest = forward_path(text)
        except ValueError:
            raise RefusedError(replies.BAD_RECIPIENT) from None
        parameters = recipient_parameters(rest, self._offered, smtputf8=smtputf8)
        if not (smtputf8 or recipient.address.isascii()):
            raise RefusedError(replies.NO_SMTPUTF8)
        if transaction.asked >= self._limits.recipients:
            raise RefusedError(replies.TOO_MANY_RECIPIENTS)
        transaction.asked += 1
        if not recipient.domain:
            if self._shared.postmaster is None:
                raise RefusedError(replies.NO_MAILBOX_HERE)
            recipient = self._shared.postmaster
        decision = await decide(
            self._shared, client=self._address, sender=transaction.sender, recipient=recipient, now=time.monotonic()
        )
        if not decision.taken:
            self._turn_away(
                decision.reply,
                decision.outcome,
                event="recipient",
                sender=transaction.sender.address,
                recipient=recipient.address,
                why=decision.why,
            )
        if decision.held:
            transaction.held = decision.why
        transaction.recipients[recipient.address] = EnvelopeRecipient(
            recipient.address, notify=parameters.notify, orcpt=parameters.orcpt
        )
        await self.push(decision.reply)

    async def smtp_DATA(self, arg: str) -> None:
        """Take the message, and answer for it."""
        transaction = self._transaction
        refusal = ""
        with Hold(self._shared.memory, self._client) as hold:
            if arg:
                refusal = replies.NO_ARGUMENT_EXPECTED
            elif transaction is None:
                refusal = replies.MAIL_FIRST
            elif not transaction.recipients:
                refusal = replies.RECIPIENTS_FIRST
            elif not hold.cover(max(transaction.parameters.size or 0, RECEIVE)):
                refusal = replies.NO_MEMORY
                self._shared.counts["messages_deferred"] += 1
            if transaction is None or refusal:
                # A message that was sent all the same must never be read as commands.
                raise RefusedError(replies.TOO_SOON if self.pending else refusal)
            name = await self._shared.names.name(self._address) if self._shared.names is not None else ""
            await self.push(replies.GO_AHEAD)
            reply = await self._take(transaction, hold, name)
        await self.push(reply)

    async def _take(self, transaction: Transaction, hold: Hold, name: str) -> str:
        """Read the message and commit it; the reply."""
        now = self._shared.clock()
        id = new_id(now)  # noqa: A001 (the field's own word)
        client = self._described(transaction, name)
        only = next(iter(transaction.recipients)) if len(transaction.recipients) == 1 else ""
        content = Content(
            received_field(self.hostname, client, id=id, now=now, recipient=only),
            size_limit=self._size_limit,
            line_limit=self._limits.text_line,
        )
        await self._read_into(content, hold)
        try:
            return await self._keep(transaction, content, client, id, now, hold)
        finally:
            self._transaction = None
            self._idle_commands = 0

    async def _read_into(self, content: Content, hold: Hold) -> None:
        """Read to the end of data, in time and in memory. Raises ConnectionError when the client goes away."""
        self.stage = "data"
        began = self.loop.time()
        patience = self._limits.data_idle
        while True:
            slowest = began + content.received / self._limits.data_rate
            self._expect_by(min(self.loop.time(), slowest) + patience)
            chunk = await self._more()
            if not chunk:
                self._log("lost_in_data", received=content.received)
                raise ConnectionResetError
            ended = content.feed(chunk)
            if not content.fault and not hold.cover(content.held):
                content.discard("no memory")
            if content.fault:
                hold.release()
            if ended:
                self._give_back(content.rest)
                return

    async def _keep(
        self,
        transaction: Transaction,
        content: Content,
        client: Client,
        id: str,  # noqa: A002
        now: float,
        hold: Hold,
    ) -> str:
        shared = self._shared
        said = {"id": id, "sender": transaction.sender.address, "size": content.size}
        if content.fault:
            reply, outcome = _AFTER_FAULT[content.fault]
            return self._refused_message(reply, outcome, **said)
        head = content.head(HEADER_LIMIT)
        if is_loop(head, self.hostname, received=self._limits.received, own=self._limits.own_received):
            return self._refused_message(replies.LOOP, "messages_refused", **said)
        envelope = Envelope(
            id=id,
            arrival=now,
            expires=now + shared.settings.lifetime,
            sender=transaction.sender.address,
            recipients=tuple(transaction.recipients.values()),
            size=content.size,
            sha256=content.sha256,
            client=client,
            subject=subject_of(head),
            body=transaction.parameters.body,
            smtputf8=transaction.parameters.smtputf8,
            ret=transaction.parameters.ret,
            envid=transaction.parameters.envid,
            why=transaction.held,
        )
        state: SpoolState = "hold" if transaction.held else "deferred"
        if shared.gate is not None:
            self.stage = "scan"
            verdict = await screen(shared.gate, envelope, content, hold)
            if verdict.action in TURNED_AWAY:
                reply, outcome = TURNED_AWAY[verdict.action]
                return self._refused_message(reply, outcome, why=verdict.said, **said)
            if self.transport is None:
                raise ConnectionResetError  # it was not told 250, and sends it again: one of the two is enough
            envelope, state = taken(envelope, state, verdict, shared.clock())
        self.stage = "commit"
        try:
            await shared.committer.commit(envelope, content.pieces(), state)
        except OSError as error:
            shared.counts["errors"] += 1
            return self._refused_message(replies.NOT_STORED, "messages_deferred", error=str(error), **said)
        shared.counts["messages"] += 1
        shared.counts["bytes"] += content.size
        if state != "deferred":
            shared.counts["messages_held" if state == "hold" else "messages_quarantined"] += 1
        self._log(
            "received",
            **said,
            recipient=envelope.recipients[0].address,
            recipients=len(envelope.recipients),
            held=transaction.held,
            state=state if state == "quarantine" else "",
            said=envelope.screened.said if envelope.screened is not None else "",
            unscanned=envelope.screened.unscanned if envelope.screened is not None else "",
            normalised=content.normalised,
            tls=client.tls or "",
        )
        if self.seems_gone:
            # Committed stays: the client cannot know, sends again, and there are two (RFC 5321 4.2.5, RFC 1047).
            shared.counts["unanswered"] += 1
            self._log("unanswered", "warning", id=id)
        return f"250 2.0.0 Ok: queued as {id}"

    # The rest.

    async def smtp_RSET(self, arg: str) -> None:
        """Forget the transaction."""
        _no_argument(arg)
        self._transaction = None
        await self.push(replies.OK)

    async def smtp_NOOP(self, arg: str) -> None:  # noqa: ARG002 (RFC 5321 4.1.1.9: ignored)
        """Nothing."""
        await self.push(replies.OK)

    async def smtp_QUIT(self, arg: str) -> None:
        """Good-bye."""
        _no_argument(arg)
        self.hang_up(replies.BYE)

    async def smtp_HELP(self, arg: str) -> None:  # noqa: ARG002
        """A pointer."""
        await self.push(replies.HELP)

    async def smtp_VRFY(self, arg: str) -> None:
        """The same to every address: who exists is asked with RCPT, where it is bounded."""
        if not arg:
            raise RefusedError(replies.ARGUMENT_EXPECTED)
        await self.push(replies.CANNOT_VERIFY)

    async def smtp_EXPN(self, arg: str) -> None:  # noqa: ARG002
        """No lists here."""
        raise RefusedError(replies.NOT_IMPLEMENTED)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: ARG002
        """Nobody logs in at a relay for its own domains."""
        raise RefusedError(replies.NOT_IMPLEMENTED)

    # Helpers.

    def _described(self, transaction: Transaction, name: str) -> Client:
        kind = "SMTP"
        if self._extended:
            kind = ("UTF8SMTP" if transaction.parameters.smtputf8 else "ESMTP") + ("S" if self._tls_protocol else "")
        return Client(self._address, name, one_line(self._helo, 255), kind, self._tls())

    def _tls(self) -> str:
        assert self.session is not None
        cipher: Any = (self.session.ssl or {}).get("cipher")
        return f"{cipher[1]} with cipher {cipher[0]} ({cipher[2]} bits)" if cipher else ""

    def _turn_away(self, reply: str, outcome: str, *, event: str = "message", **fields: object) -> None:
        """Refuse a command; counted and logged. Raises RefusedError, always."""
        self._shared.counts[outcome] += 1
        self._log(f"{event}_refused", _level(outcome), reply=reply, **fields)
        raise RefusedError(reply)

    def _refused_message(self, reply: str, outcome: str, **fields: object) -> str:
        self._shared.counts[outcome] += 1
        self._log("message_refused", "error" if "error" in fields else _level(outcome), reply=reply, **fields)
        return reply

    def _log(self, event: str, level: str = "info", /, **fields: object) -> None:
        """Tell; what is empty says nothing, but for the null sender."""
        clean = {
            name: one_line(value) if isinstance(value, str) else value
            for name, value in fields.items()
            if value != "" or name == "sender"
        }
        self._shared.log(event, level=level, client=self._address, **clean)


def _level(outcome: str) -> str:
    """Of a refusal: what a message meets for want of memory or room is for the operator to look at."""
    return "warning" if outcome == "messages_deferred" else "info"


def size_limit(offers: Offers, limits: Limits) -> int:
    """The largest message to take: what the primary takes, what is configured, what fits in a client's memory."""
    return min(offers.size or limits.message_size, limits.message_size, limits.memory_per_client, limits.memory)


def _after(keyword: str, argument: str | None, reply: str) -> str:
    """What follows `FROM:` or `TO:`; a space behind the colon is against the rule and common."""
    text = argument or ""
    if text[: len(keyword)].upper() != keyword:
        raise RefusedError(reply)
    return text[len(keyword) :].lstrip(" ")


def _no_argument(argument: str) -> None:
    if argument:
        raise RefusedError(replies.NO_ARGUMENT_EXPECTED)
