"""One client's connection: what of aiosmtpd's SMTP is kept, and what is guarded.

Kept: the protocol over asyncio's streams, the switch to TLS, commands as `smtp_…` methods. Overridden is everything
that reads, waits, answers and ends: aiosmtpd 1.4.6 times commands but not message data, waits for ever for a client
that reads nothing, cancels whatever runs when a client goes away (a commit too), answers 500 with the text of an
exception, and logs whatever a client says.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, ClassVar, Literal

from aiosmtpd.smtp import SMTP, TLSSetupException

from mxtui.receiver import replies
from mxtui.receiver.replies import RefusedError

READ_AHEAD = 16 * 1024
"""Bytes after which a client is no longer read from until what it sent is used: asyncio pauses at twice as many."""

RECEIVE = 64 * 1024
"""Bytes taken from a socket at once; asyncio's own 256 kB times the number of clients would be too much."""

LINGER = 10.0
"""Seconds that a client has to read our last reply."""

_CONTROLS = bytes(range(32)) + b"\x7f"

_WEB = frozenset({"CONNECT", "GET", "HEAD", "POST", "PUT"})
"""Browsers can be made to send these with mail commands behind them (`smtpd_forbidden_commands` of Postfix)."""

_WITH_CODE = {"220 Ready to start TLS": replies.READY_FOR_TLS}
"""The one reply that is still aiosmtpd's."""

Stage = Literal["waiting", "answering", "data", "scan", "commit"]


class Connection(SMTP):
    """Reads commands, hands them to `smtp_…` methods, and keeps time."""

    _commands: ClassVar[dict[str, Callable[[Any, str], Awaitable[None]]]] = {}

    def __init_subclass__(cls) -> None:
        cls._commands = {name[5:]: getattr(cls, name) for name in dir(cls) if name.startswith("smtp_")}

    def __init__(self, hostname: str, *, idle: float, longest: float, command_line: int, errors: int) -> None:
        loop = asyncio.get_running_loop()
        # Not SMTP's own: that inspects itself for methods, for every connection, in 0.3 ms: as long as a message takes.
        asyncio.StreamReaderProtocol.__init__(
            self, asyncio.StreamReader(limit=READ_AHEAD, loop=loop), self._cb_client_connected, loop=loop
        )
        self.loop = loop
        self.hostname = hostname
        self.session = None
        self.transport = None
        self.tls_context = None
        self._handle_hooks = {}
        self._handler_coroutine = None
        self._timeout_handle = None
        self._tls_protocol = None
        self._original_transport = None
        self.stage: Stage = "waiting"
        self.leaving = False
        """The service stops: the next reply is the last."""
        self._idle = idle
        self._command_line = command_line
        self._error_limit = errors
        self._errors = 0
        self._session_end = loop.time() + longest
        self._deadline = self._session_end
        self._linger: asyncio.TimerHandle | None = None
        self._refused = False
        self._half_closed = False
        self._fed = 0
        self._used = 0
        self._unread = b""
        """Read too far; comes before what the stream holds."""

    # For subclasses.

    def opened(self, peer: object) -> str:
        """A client connects; a reply turns it away, and nothing else is called for it."""
        raise NotImplementedError

    def closed(self) -> None:
        """The connection is gone; a message may be on its way to the disk still."""
        raise NotImplementedError

    def ended(self) -> None:
        """Nothing is under way for this client any more."""
        raise NotImplementedError

    def began(self, verb: str) -> None:
        """A command that exists is about to be carried out. Raises RefusedError."""
        raise NotImplementedError

    def sent_away(self, reply: str) -> None:
        """We end the session, with this reply."""
        raise NotImplementedError

    def failed(self, error: Exception) -> None:
        """Something nobody thought of; the client is told 451."""
        raise NotImplementedError

    # What the service does to a connection.

    @property
    def task(self) -> "asyncio.Task[None] | None":
        """What serves it; None where the client was turned away."""
        return self._handler_coroutine

    def leave(self) -> None:
        """End as soon as no message is under way."""
        self.leaving = True
        if self.stage == "waiting":
            self.hang_up(replies.SHUTTING_DOWN)

    def hang_up(self, reply: str = "") -> None:
        """Close; a client that does not even read the last reply is cut off after a while."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        if reply:
            self.sent_away(reply)
            self._writer.write(reply.encode() + b"\r\n")
        transport.close()
        self._linger = self.loop.call_later(LINGER, self.cut_off)

    async def gone(self) -> None:
        """Wait until the connection is closed."""
        with suppress(OSError):
            await self._writer.wait_closed()

    def cut_off(self) -> None:
        """Close without a word, whatever was not sent yet."""
        for transport in (self.transport, self._original_transport):
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()

    # asyncio's side.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Also called after STARTTLS; aiosmtpd then forgets the state and what came before the handshake."""
        if self._original_transport is not None:
            self._fed = self._used = 0
            self._unread = b""
        elif refusal := self.opened(transport.get_extra_info("peername")):
            self._refused = True
            assert isinstance(transport, asyncio.WriteTransport)
            transport.write(refusal.encode() + b"\r\n")
            transport.close()
            return
        else:
            transport.max_size = RECEIVE  # type: ignore[attr-defined]
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Count, so that `pending` needs no look into asyncio's buffer."""
        self._fed += len(data)
        super().data_received(data)

    @property
    def seems_gone(self) -> bool:
        """The connection is lost, or the client closed its half with nothing left to say, not even QUIT."""
        return self.transport is None or (self._half_closed and not self.pending)

    @property
    def pending(self) -> int:
        """Bytes that came and were not used yet: the client did not wait for the reply."""
        return self._fed - self._used

    def eof_received(self) -> bool | None:
        """The client says no more, and may still want its answers: `printf … | nc` does. Not so under TLS."""
        if self._refused:
            return False
        self._half_closed = True
        asyncio.StreamReaderProtocol.eof_received(self)
        assert self.session is not None
        return self.session.ssl is None

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing is cancelled: whoever reads finds the end, and a commit goes on."""
        if self._refused or self.transport is None:
            return
        for timer in (self._timeout_handle, self._linger):
            if timer is not None:
                timer.cancel()
        if self._original_transport is not None:
            self._original_transport.close()
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self.transport = None
        self.closed()

    # Time. One timer per connection that is seldom set anew: most deadlines are only ever moved on.

    def _reset_timeout(self, duration: float | None = None) -> None:
        self._expect_by(self.loop.time() + (duration or self._idle))

    def _expect_by(self, deadline: float) -> None:
        """Something has to come by then (the loop's clock)."""
        self._deadline = min(deadline, self._session_end)
        timer = self._timeout_handle
        if timer is None or timer.when() > self._deadline:
            if timer is not None:
                timer.cancel()
            self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)

    def _timeout_cb(self) -> None:
        if self.stage in ("scan", "commit"):
            # It ends by itself, and the client is owed the answer.
            self._timeout_handle = self.loop.call_later(self._idle, self._timeout_cb)
        elif self.loop.time() < self._deadline:
            self._timeout_handle = self.loop.call_at(self._deadline, self._timeout_cb)
        else:
            self.hang_up(replies.TIMEOUT)

    # The conversation.

    async def push(self, status: Any) -> None:
        """Send a reply. Raises ConnectionError where the client is gone."""
        reply: str = _WITH_CODE.get(status, status)
        self._writer.write(reply.encode() + b"\r\n")
        await self._writer.drain()
        if reply[0] == "5":
            self._errors += 1
            if self._errors >= self._error_limit:
                self.hang_up(replies.TOO_MANY_ERRORS)
        elif reply.startswith("421"):
            self.hang_up()

    async def _handle_client(self) -> None:
        try:
            await self._converse()
        except ConnectionError:
            pass
        finally:
            self.hang_up()
            self.ended()

    async def _converse(self) -> None:
        await self.push(f"220 {self.hostname} ESMTP mxtui")
        while self.transport is not None and not self.transport.is_closing():
            if self.leaving:
                self.hang_up(replies.SHUTTING_DOWN)
                break
            self.stage = "waiting"
            line = await self._line()
            if line is None:
                break
            self.stage = "answering"
            self._expect_by(self.loop.time() + self._idle)
            await self._answer(line)

    async def _answer(self, line: bytes) -> None:
        try:
            await self._carry_out(line)
        except RefusedError as refused:
            await self.push(refused.reply)
        except TLSSetupException as error:
            self.cut_off()
            self.connection_lost(error)  # which asyncio does not call after half a handshake
        except ConnectionError:
            raise  # the client is gone
        except Exception as error:  # noqa: BLE001 (whatever it is, no mail may be lost for it: the client tries again)
            self.failed(error)
            if self.stage == "data":
                # What comes next is the rest of a message. It must never be read as commands.
                self.hang_up(replies.LOCAL_ERROR)
            else:
                await self.push(replies.LOCAL_ERROR)

    async def _line(self) -> bytes | None:
        """The next line with its end, of at most `READ_AHEAD` bytes; None when the client is gone or will not stop."""
        ahead = self._unread
        if end := ahead.find(b"\n") + 1:
            line, self._unread = ahead[:end], ahead[end:]
        else:
            self._unread = b""
            try:
                line = ahead + await self._reader.readuntil(b"\n")
            except asyncio.IncompleteReadError:
                return None
            except asyncio.LimitOverrunError:
                self.hang_up(replies.LINE_TOO_LONG)
                return None
        self._used += len(line)
        return line

    async def _carry_out(self, line: bytes) -> None:
        if len(line) > self._command_line:
            raise RefusedError(replies.LINE_TOO_LONG)
        line = line[:-2] if line.endswith(b"\r\n") else line[:-1]
        if line.translate(None, _CONTROLS) != line:
            raise RefusedError(replies.BAD_CHARACTERS)
        word, _, rest = line.partition(b" ")
        verb = word.decode("ascii", "replace").upper()
        method = self._commands.get(verb)
        if method is None:
            raise RefusedError(replies.NOT_SMTP if verb in _WEB else replies.UNRECOGNISED)
        try:
            argument = rest.decode("utf-8" if verb in ("MAIL", "RCPT") else "ascii").strip(" ")
        except UnicodeDecodeError:
            raise RefusedError(replies.BAD_CHARACTERS) from None
        self.began(verb)
        await method(self, argument)

    async def _more(self) -> bytes:
        """What came next, at most `RECEIVE` bytes; empty when the client is gone."""
        if self._unread:
            chunk, self._unread = self._unread, b""
        else:
            chunk = await self._reader.read(RECEIVE)
        self._used += len(chunk)
        return chunk

    def _give_back(self, rest: bytes) -> None:
        """Have `rest` be read next."""
        self._unread = rest + self._unread
        self._used -= len(rest)
