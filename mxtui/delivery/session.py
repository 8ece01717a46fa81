"""Transactions over one connection: who got what, by evidence (RFC 5321 3.3, RFC 2920, RFC 3461, Postfix's XCLIENT).

What counts is the reply to the final dot. Until it is sent nothing was delivered; after it is sent and until its
answer is there, nobody knows.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from mxtui.delivery import commands
from mxtui.delivery.commands import UnfitError
from mxtui.delivery.connecting import BUSY, Connected, xclient_attributes
from mxtui.delivery.policy import Policy
from mxtui.delivery.replies import Reply
from mxtui.message.sanitize import one_line
from mxtui.model.envelope import Client, Envelope, EnvelopeRecipient
from mxtui.model.offers import Offers
from mxtui.primary.words import explain

Fate = Literal["delivered", "waiting", "refused"]

TOO_MANY: Final = frozenset({452, 552})
"""Of RCPT, after others were accepted: the rest goes in another transaction (RFC 5321 4.5.3.1.10)."""


class Said(NamedTuple):
    """How one recipient fared."""

    recipient: EnvelopeRecipient
    fate: Fate
    code: int | None
    dsn: str
    text: str
    """One clean line."""
    possible_duplicate: bool = False
    at_once: bool = False
    """Not tried at all for lack of room in the transaction: no reason to wait."""
    unreachable: bool = False
    """No connection was to be had: refused, without TLS where that is asked for, or with a wrong certificate."""


@dataclass(frozen=True, slots=True)
class Letter:
    """What one transaction carries."""

    envelope: Envelope
    recipients: tuple[EnvelopeRecipient, ...]
    size: int
    """Bytes on the wire without the final dot."""
    eight_bit: bool
    utf8: bool
    content: "Content"
    header: bytes = b""
    """Fields to go before it, CRLF ends; left out where only they would make it too large for the host."""
    ending: Callable[[], object] = lambda: None
    """Told before its final dot is sent: from then on the host may have it, whatever is heard."""


class UnreadableError(Exception):
    """A message that cannot be read to its end here; the host has no part in it."""


class Content:
    """A message ready for the wire, with its final dot, in pieces."""

    def __init__(self, pieces: Iterator[bytes], *, blocking: bool) -> None:
        self._pieces = pieces
        self._blocking = blocking

    async def piece(self) -> bytes | None:
        """The next; None after the last. Raises UnreadableError."""
        if not self._blocking:
            return next(self._pieces, None)
        try:
            return await asyncio.to_thread(next, self._pieces, None)
        except OSError as error:
            raise UnreadableError(f"the message cannot be read: {error.strerror}") from error


@dataclass(slots=True)
class Outcome:
    """Of one transaction."""

    said: list[Said] = field(default_factory=list)
    trouble: str = ""
    """Why the connection is of no more use; empty while it is."""
    busy: bool = False
    """The host said 421."""
    blameless: bool = False
    """What went wrong is ours; nothing is learned about the host."""
    overlap_failed: bool = False
    """It went wrong where one transaction had begun before the other had ended: perhaps for that reason."""
    again: bool = False
    """The host had done with this connection before it came to this message: nobody was tried, on another one may."""

    @property
    def delivered(self) -> bool:
        """Whether anybody got it."""
        return any(said.fate == "delivered" for said in self.said)

    @property
    def deferred(self) -> bool:
        """Whether everybody was put off."""
        return all(said.fate == "waiting" for said in self.said)


Ahead = Callable[[], Letter | None]
"""Gives the message that will be next on the connection, if there is one already; from then on it is."""


class _Begun(NamedTuple):
    """A transaction whose commands are known, and perhaps sent."""

    attempt: "_Attempt"
    mail: bytes
    recipients: Sequence[tuple[EnvelopeRecipient, bytes]]

    @property
    def commands(self) -> bytes:
        """All of them, as one group (RFC 2920 3.1)."""
        return b"".join((self.mail, *(line for _, line in self.recipients), b"DATA\r\n"))


class Session:
    """One connection, for one transaction after the other."""

    def __init__(self, connected: Connected, peer: str, hello: str, policy: Policy) -> None:
        self.peer = peer
        """`mx1.example.org[192.0.2.1]:25`"""
        self.tls = connected.tls
        self.transactions = 0
        """Brought to an end."""
        self._conversation = connected.conversation
        self._offers = connected.offers
        self._xclient = connected.xclient if policy.xclient else frozenset[str]()
        self._client: Client | None = None
        self._hello = hello
        self._timeouts = policy.timeouts
        self._unfinished = False
        self._begun: _Begun | None = None

    @property
    def offers(self) -> Offers:
        """What the host can do."""
        return self._offers

    @property
    def usable(self) -> bool:
        """Whether another transaction can be tried."""
        # Replies to a transaction that has begun may be there already; any others were not asked for.
        return self._conversation.open if self._begun is not None else self._conversation.quiet

    def fits(self, client: Client) -> bool:
        """Whether a message of this client may go over it.

        After XCLIENT a connection is the client's: Postfix grants another XCLIENT only to those whom it would grant it
        to by their own address (run on 3.7.11). What comes from somebody else needs another connection.
        """
        return self._client is None or bool(self._xclient) or _known(client) == self._client

    def abort(self) -> None:
        """Break off whatever is going on."""
        self._conversation.abort()

    async def leave(self) -> None:
        """Say QUIT and close; never raises."""
        await self._conversation.leave(self._timeouts.quit)

    async def deliver(self, letter: Letter, ahead: Ahead = lambda: None) -> Outcome:
        """One transaction; never raises for what the host or the network does.

        The commands of the next one, if `ahead` gives it, go in one group with the end of this one's content, which
        RFC 2920 3.1 allows by name; its content waits until `deliver` is called for it.
        """
        begun, self._begun = self._begun, None
        overlapped = begun is not None and begun.attempt.letter is letter
        attempt = begun.attempt if begun is not None and overlapped else _Attempt(letter)
        try:
            if begun is not None and overlapped:
                go_ahead = await self._answers(begun)
            else:
                go_ahead = await self._transact(attempt)
            if go_ahead:
                await self._content(attempt, ahead)
        except UnfitError as error:
            attempt.settle("refused", None, error.dsn, str(error))
        except UnreadableError as error:
            attempt.settle("waiting", None, "4.3.0", one_line(str(error)))
            attempt.outcome.blameless = True
            self.abort()
        except (OSError, EOFError) as error:
            self._broken(attempt, error)
        if self.transactions and attempt.first is not None and attempt.first.code == BUSY:
            attempt.outcome.again = True
        if overlapped and attempt.first is not None and attempt.first.code > 500:
            # Perhaps it is only that it came so early: alone it may be welcome.
            attempt.outcome.again = True
            attempt.outcome.trouble = attempt.outcome.trouble or attempt.first.text
        attempt.outcome.overlap_failed = bool(attempt.outcome.trouble) and (overlapped or self._begun is not None)
        if not self.usable and not attempt.outcome.trouble:
            attempt.outcome.trouble = "connection closed by the server"
        self.transactions += 1
        if attempt.outcome.trouble:
            self.abort()
        return attempt.outcome

    def _broken(self, attempt: "_Attempt", error: OSError | EOFError) -> None:
        """The connection ended, or has to, before all was said."""
        why = one_line(explain(error))
        outcome = attempt.outcome
        outcome.trouble = outcome.trouble or why
        if attempt.first is None and self.transactions and not isinstance(error, TimeoutError):
            outcome.again = True
            return
        last = attempt.last
        if attempt.dot_sent:
            text = f"{why}, after the whole message was sent: the host may have it"
            attempt.settle("waiting", None, "4.4.2", text, possible_duplicate=True)
        elif last is not None and last.code == BUSY:
            attempt.settle("waiting", last.code, last.enhanced, last.text)
        else:
            attempt.settle("waiting", None, "4.4.2", f"{why} ({attempt.stage})")

    def _commands(self, attempt: "_Attempt") -> _Begun:
        """What is to be said. Raises UnfitError."""
        letter = attempt.letter
        size = letter.size + len(letter.header)
        if self._offers.size and size > self._offers.size:
            attempt.header, size = b"", letter.size
        mail = commands.mail(letter.envelope, self._offers, size=size, eight_bit=letter.eight_bit, utf8=letter.utf8)
        recipients: list[tuple[EnvelopeRecipient, bytes]] = []
        for recipient in letter.recipients:
            try:
                recipients.append((recipient, commands.rcpt(recipient, self._offers)))
            except UnfitError as error:
                attempt.said(recipient, "refused", None, error.dsn, str(error))
        return _Begun(attempt, mail, recipients)

    async def _transact(self, attempt: "_Attempt") -> bool:
        """Up to the go-ahead for the content; whether there was one. Raises UnfitError."""
        begun = self._commands(attempt)
        if not begun.recipients:
            return False
        await self._introduce(attempt.letter.envelope.client, attempt)
        seconds = self._timeouts.reply
        if self._unfinished:
            attempt.stage = "RSET"
            attempt.hear(await self._conversation.ask(b"RSET\r\n", seconds))
            self._unfinished = False
        if "PIPELINING" not in self._offers.extensions:
            return await self._step_by_step(begun)
        self._conversation.send(begun.commands)
        return await self._answers(begun)

    def _begin(self, ahead: Ahead) -> bytes:
        """The commands of the next transaction, where they may be sent now; nothing where not."""
        if "PIPELINING" not in self._offers.extensions:
            return b""
        letter = ahead()
        if letter is None or not self._needs_no_introduction(letter.envelope.client):
            return b""
        try:
            begun = self._commands(_Attempt(letter))
        except UnfitError:
            return b""  # found again when its turn comes
        if not begun.recipients:
            return b""
        self._begun = begun
        return begun.commands

    def _needs_no_introduction(self, client: Client) -> bool:
        return not self._xclient or _known(client) == self._client

    async def _introduce(self, client: Client, attempt: "_Attempt") -> None:
        """XCLIENT for the message's own client, then EHLO again, as XCLIENT_README asks."""
        if self._needs_no_introduction(client):
            return
        known = _known(client)
        attempt.stage = "XCLIENT"
        seconds = self._timeouts.reply
        reply = attempt.hear(await self._conversation.ask(commands.xclient(known, self._xclient), seconds))
        if reply.code != 220:
            # Not allowed after all, or not with these words: the mail goes all the same, as ours.
            self._xclient = frozenset()
            return
        self._client = known
        self._unfinished = False
        hello = commands.hello_of(known, self._hello)
        reply = attempt.hear(await self._conversation.ask(f"EHLO {hello}\r\n".encode(), seconds))
        if reply.code != 250:
            attempt.refused(reply, lasting=False)
            raise ConnectionResetError("EHLO refused after XCLIENT")
        self._xclient = xclient_attributes(reply.lines)

    async def _answers(self, begun: _Begun) -> bool:
        """To commands that were sent as one group; whether the content may be sent."""
        attempt, seconds = begun.attempt, self._timeouts.reply
        attempt.stage = "MAIL"
        answer = attempt.hear(await self._conversation.reply(seconds))
        self._unfinished = positive(answer)
        if not positive(answer):
            attempt.refused(answer)
        attempt.stage = "RCPT"
        for recipient, _ in begun.recipients:
            answer = attempt.hear(await self._conversation.reply(seconds))
            attempt.answered(recipient, answer)
        attempt.stage = "DATA"
        answer = attempt.hear(await self._conversation.reply(seconds))
        if answer.code == 354 and attempt.accepted:
            return True
        if answer.code == 354:
            # It goes on with nobody to deliver to, as RFC 2920 3.1 warns: nothing is what it gets.
            attempt.hear(await self._conversation.ask(b".\r\n", seconds))
            self._unfinished = False
        elif attempt.accepted:
            attempt.refused(answer)
        return False

    async def _step_by_step(self, begun: _Begun) -> bool:
        """One command after the other; whether the content may be sent."""
        attempt, seconds = begun.attempt, self._timeouts.reply
        attempt.stage = "MAIL"
        answer = attempt.hear(await self._conversation.ask(begun.mail, seconds))
        if not positive(answer):
            attempt.refused(answer)
            return False
        self._unfinished = True
        attempt.stage = "RCPT"
        for recipient, line in begun.recipients:
            answer = attempt.hear(await self._conversation.ask(line, seconds))
            attempt.answered(recipient, answer)
            if answer.code == BUSY:
                break
        if not attempt.accepted or attempt.busy:
            attempt.refused(answer)
            return False
        attempt.stage = "DATA"
        answer = attempt.hear(await self._conversation.ask(b"DATA\r\n", seconds))
        if answer.code == 354:
            return True
        attempt.refused(answer)
        return False

    async def _content(self, attempt: "_Attempt", ahead: Ahead) -> None:
        """The message and its final dot, and what is said to that."""
        attempt.stage = "sending the message"
        content = attempt.letter.content
        piece = await content.piece()
        if piece is not None:
            piece = attempt.header + piece
        while piece is not None:
            following = await content.piece()
            if not self._conversation.quiet:
                # It does not want the rest, or is gone. Half a message must never look whole: no dot, and no more here.
                attempt.refused(attempt.hear(await self._conversation.reply(0)))
                raise ConnectionAbortedError("the host answered before the end of the message")
            attempt.dot_sent = following is None
            if attempt.dot_sent:
                attempt.letter.ending()
            self._conversation.send(piece + self._begin(ahead) if attempt.dot_sent else piece)
            piece = following
            if piece is not None:
                await self._conversation.drained(self._timeouts.block)
        attempt.stage = "end of data"
        answer = attempt.hear(await self._conversation.reply(self._timeouts.final))
        self._unfinished = False
        if positive(answer):
            attempt.settle("delivered", answer.code, answer.enhanced, answer.text)
        else:
            attempt.refused(answer)


class _Attempt:
    """The books of one transaction."""

    def __init__(self, letter: Letter) -> None:
        self.letter = letter
        self.header = letter.header
        self.outcome = Outcome()
        self.stage = "greeting"
        self.dot_sent = False
        self.first: Reply | None = None
        self.last: Reply | None = None
        self.accepted: list[EnvelopeRecipient] = []
        self._open = dict.fromkeys(recipient.address for recipient in letter.recipients)

    @property
    def busy(self) -> bool:
        """The host is closing the connection."""
        return self.outcome.busy

    def hear(self, reply: Reply) -> Reply:
        """Note what was said."""
        self.first = self.first or reply
        self.last = reply
        if reply.code == BUSY:
            self.outcome.busy = True
            self.outcome.trouble = self.outcome.trouble or reply.text
        return reply

    def answered(self, recipient: EnvelopeRecipient, reply: Reply) -> None:
        """To RCPT."""
        if recipient.address not in self._open:
            return
        if positive(reply):
            self.accepted.append(recipient)
        elif reply.code in TOO_MANY and self.accepted:
            self.said(recipient, "waiting", reply.code, reply.enhanced, reply.text, at_once=True)
        else:
            self.said(recipient, *_negative(reply))

    def refused(self, reply: Reply, *, lasting: bool = True) -> None:
        """A reply that is about everybody not settled yet."""
        fate, code, dsn, text = _negative(reply)
        self.settle(fate if lasting else "waiting", code, dsn, text)

    def settle(self, fate: Fate, code: int | None, dsn: str, text: str, *, possible_duplicate: bool = False) -> None:
        """Everybody else."""
        for recipient in self.letter.recipients:
            if recipient.address in self._open:
                doubtful = possible_duplicate and recipient in self.accepted
                self.said(recipient, fate, code, dsn, text, possible_duplicate=doubtful)

    def said(
        self,
        recipient: EnvelopeRecipient,
        fate: Fate,
        code: int | None,
        dsn: str,
        text: str,
        *,
        possible_duplicate: bool = False,
        at_once: bool = False,
    ) -> None:
        """One recipient's result; the first counts."""
        if recipient.address in self._open:
            del self._open[recipient.address]
            self.outcome.said.append(Said(recipient, fate, code, dsn, text, possible_duplicate, at_once))


def _known(client: Client) -> Client | None:
    """Who there is to tell of; None for mail that nobody handed in (a restored copy, a notice)."""
    return client if client.address else None


def positive(reply: Reply) -> bool:
    """Done as asked."""
    return 200 <= reply.code < 300


def _negative(reply: Reply) -> tuple[Fate, int, str, str]:
    """5yz is lasting. Everything else that is not what was asked for is put off: nothing is given up for a riddle."""
    if reply.code >= 500:
        return "refused", reply.code, reply.enhanced, reply.text
    dsn = reply.enhanced
    return "waiting", reply.code, dsn if dsn[0] == "4" else "4.5.0", reply.text
