"""A primary mail server that does as told: accepts, dawdles, refuses, is busy or is down.

A real SMTP server on loopback (RFC 5321, with PIPELINING, SIZE, 8BITMIME, SMTPUTF8 and DSN) that keeps what it
accepted. Standard library only: `mxtui demo` starts it on the operator's machine.
"""

import asyncio
import hashlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Final, Self

from mxtui.demo.ports import free_port

LINE_LIMIT: Final = 8192
BACKLOG: Final = 128
MESSAGE_LIMIT: Final = 64 * 1024 * 1024
PATH: Final = re.compile(r"(?:FROM|TO):\s*<([^>]*)>\s*(.*)", re.IGNORECASE | re.DOTALL)
NEVER: Final = r"(?!)"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What the primary does, from the next command on."""

    busy: bool = False
    """421 at connect."""
    room: int = 0
    """Connections at once, then 421 at connect; 0 is any number."""
    delay: float = 0.0
    """Seconds before the reply to the end of data."""
    banner_delay: float = 0.0
    """Seconds before the greeting."""
    temporary: str = NEVER
    """Regular expression: recipients that match get 450."""
    permanent: str = NEVER
    """Regular expression: recipients that match get 550."""
    replies: Mapping[str, str] = field(default_factory=dict)
    """What is said instead, by stage: `banner`, `dot`, or a command (`MAIL`). A reply of several lines has CRLF."""
    hang: str = ""
    """Stage at which nothing is said any more."""
    close: str = ""
    """Stage at which the connection is closed without a word. `dot` is after the end of data, when the message is not
    kept; `accepted` is after it was kept; `content` is after the first line of a message."""
    extensions: tuple[str, ...] = (
        "PIPELINING",
        f"SIZE {MESSAGE_LIMIT}",
        "8BITMIME",
        "ENHANCEDSTATUSCODES",
        "SMTPUTF8",
        "DSN",
    )
    """What EHLO offers. XCLIENT and STARTTLS work where they are named here (`XCLIENT NAME ADDR PROTO HELO`)."""
    tls: ssl.SSLContext | None = None
    """For STARTTLS."""
    recipients: int = 0
    """Recipients of one message, then RCPT gets 452; 0 is any number."""
    messages: int = 0
    """Messages that one connection may bring, then MAIL gets 421; 0 is any number."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message answered with 250."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    """With CRLF line ends, dots unstuffed."""
    mail_parameters: str
    recipient_parameters: tuple[str, ...]
    at: float
    connection: int = 0
    """Which connection brought it, counted from 1."""
    client: str = ""
    """What XCLIENT told."""
    tls: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 of the body: what follows the header, which every hop changes."""
        return hashlib.sha256(self.content.partition(b"\r\n\r\n")[2]).hexdigest()


class FakePrimary:
    """An SMTP server on 127.0.0.1, in a thread of its own, running between `__enter__` and `__exit__`."""

    def __init__(self, port: int | None = None, *, hostname: str = "mx1.example.org") -> None:
        self.port = free_port() if port is None else port
        self.hostname = hostname
        self.behaviour = Behaviour()
        self.connections = 0
        """Made so far, refused ones included."""
        self.busiest = 0
        """The most connections that were open at once."""
        self.hanging = 0
        """Times that nothing was said any more, as `hang` asks."""
        self._accepted: list[Accepted] = []
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-primary", daemon=True)
        self._listener: socket.socket | None = None
        self._sessions: dict[asyncio.Task[None], socket.socket] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self.up()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving for good."""
        self.down()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def up(self) -> None:
        """Listen (again), on the same port."""
        self._run(self._listen())

    def down(self) -> None:
        """Close the listener and drop every connection; a message not yet answered is not accepted."""
        self._run(self._close())

    def behave(self, **changes: Any) -> None:
        """Change some of the behaviour: `behave(busy=True)`, `behave(permanent="^spam")`."""
        self.behaviour = replace(self.behaviour, **changes)

    @property
    def accepted(self) -> list[Accepted]:
        """What was accepted, oldest first."""
        with self._lock:
            return list(self._accepted)

    @property
    def open_connections(self) -> int:
        """How many there are now, those that are about to be refused included."""
        return len(self._sessions)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=BACKLOG)
            self._listener.setblocking(False)
            self._loop.add_reader(self._listener, self._accept, self._listener)

    async def _close(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        for session in list(self._sessions):
            session.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)

    def _accept(self, listener: socket.socket) -> None:
        """Take one connection. asyncio's own server loses those it was taking when it is closed: they would hang."""
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, ConnectionError):
            return
        connection.setblocking(False)
        self.connections += 1
        session = self._loop.create_task(self._serve(connection, self.connections))
        self._sessions[session] = connection
        self.busiest = max(self.busiest, len(self._sessions))
        session.add_done_callback(self._ended)

    def _ended(self, session: asyncio.Task[None]) -> None:
        self._sessions.pop(session).close()  # also of one cancelled before it began

    async def _serve(self, connection: socket.socket, number: int) -> None:
        streams: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = self._loop.create_future()

        def ready(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            streams.set_result((reader, writer))

        # As a server does it: streams made by open_connection would take the client's part in TLS.
        await self._loop.connect_accepted_socket(
            lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader(limit=LINE_LIMIT), ready), connection
        )
        reader, writer = await streams
        try:
            with suppress(OSError, EOFError, ValueError):  # the client went away, or sent a line past every limit
                with suppress(EOFError):
                    await _Session(self, reader, writer, number).run()
                writer.close()
                await writer.wait_closed()
        finally:
            writer.transport.abort()

    def keep(self, message: Accepted) -> None:
        """Record a message that is about to be answered with 250."""
        with self._lock:
            self._accepted.append(message)


class _Session:
    """One client's connection."""

    def __init__(
        self, primary: FakePrimary, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        self.primary = primary
        self.reader = reader
        self.writer = writer
        self.number = number
        self.messages = 0
        self.client = ""
        self.tls = False
        self.reset()

    def reset(self) -> None:
        self.sender: str | None = None
        self.mail_parameters = ""
        self.recipients: list[str] = []
        self.recipient_parameters: list[str] = []

    async def reply(self, text: str, stage: str = "") -> None:
        """Say it, or whatever is to be said or done at this stage instead. Raises EOFError: the connection ends."""
        behaviour = self.primary.behaviour
        if stage and stage == behaviour.hang:
            self.primary.hanging += 1
            await asyncio.Event().wait()
        if stage and stage == behaviour.close:
            raise EOFError
        text = behaviour.replies.get(stage, text)
        if text.startswith("421"):
            self.writer.write(text.encode() + b"\r\n")
            raise EOFError  # the service is closing (RFC 5321 3.8)
        self.writer.write(text.encode("utf-8", "replace") + b"\r\n")
        await self.writer.drain()

    async def run(self) -> None:
        behaviour = self.primary.behaviour
        await asyncio.sleep(behaviour.banner_delay)
        if behaviour.busy or 0 < behaviour.room < self.primary.open_connections:
            await self.reply(f"421 4.3.2 {self.primary.hostname} too busy, try again later")
        await self.reply(f"220 {self.primary.hostname} ESMTP", "banner")
        while line := await self.reader.readline():
            verb, _, argument = line.decode("utf-8", "replace").strip().partition(" ")
            if not await self.command(verb.upper(), argument):
                return

    async def command(self, verb: str, argument: str) -> bool:
        """Answer one command; False ends the session."""
        match verb:
            case "EHLO":
                self.reset()
                lines = [self.primary.hostname, *self.offered()]
                last = len(lines) - 1
                text = "\r\n".join(f"250{' ' if n == last else '-'}{line}" for n, line in enumerate(lines))
                await self.reply(text, "EHLO")
            case "HELO":
                self.reset()
                await self.reply(f"250 {self.primary.hostname}", "HELO")
            case "MAIL":
                await self.mail(argument)
            case "RCPT":
                await self.rcpt(argument)
            case "DATA":
                await self.data()
            case "RSET" | "NOOP":
                if verb == "RSET":
                    self.reset()
                await self.reply("250 2.0.0 Ok")
            case "XCLIENT" if self.offers("XCLIENT"):
                self.reset()
                self.client = argument
                await self.reply(f"220 {self.primary.hostname} ESMTP", "XCLIENT")
            case "STARTTLS" if self.offers("STARTTLS"):
                await self.start_tls()
            case "QUIT":
                await self.reply("221 2.0.0 Bye")
                return False
            case _:
                await self.reply("502 5.5.2 Command not recognised")
        return True

    def offered(self) -> tuple[str, ...]:
        """The extensions, of which STARTTLS is none once TLS is there (RFC 3207 4.2)."""
        offered = self.primary.behaviour.extensions
        return tuple(each for each in offered if each != "STARTTLS") if self.tls else offered

    def offers(self, keyword: str) -> bool:
        return any(each.split(" ")[0] == keyword for each in self.offered())

    async def start_tls(self) -> None:
        await self.reply("220 2.0.0 Go ahead", "STARTTLS")
        context = self.primary.behaviour.tls
        if context is not None and "STARTTLS" not in self.primary.behaviour.replies:
            await self.writer.start_tls(context)
            self.tls = True

    async def mail(self, argument: str) -> None:
        path = PATH.match(argument)
        limit = self.primary.behaviour.messages
        if limit and self.messages >= limit:
            await self.reply("421 4.7.0 Enough for one connection")
        if path is None or self.sender is not None:
            await self.reply("503 5.5.1 Out of order, or not an address")
            return
        answer = self.primary.behaviour.replies.get("MAIL", "250")
        if answer.startswith("250"):
            self.sender, self.mail_parameters = path[1], path[2]
        await self.reply("250 2.1.0 Ok", "MAIL")

    async def rcpt(self, argument: str) -> None:
        path = PATH.match(argument)
        behaviour = self.primary.behaviour
        if path is None or self.sender is None:
            await self.reply("503 5.5.1 Out of order, or not an address")
        elif re.search(behaviour.permanent, path[1]):
            await self.reply(f"550 5.1.1 <{path[1]}>: Recipient address rejected: User unknown")
        elif re.search(behaviour.temporary, path[1]):
            await self.reply(f"450 4.2.0 <{path[1]}>: Recipient address rejected: Greylisted")
        elif 0 < behaviour.recipients <= len(self.recipients):
            await self.reply("452 4.5.3 Too many recipients")
        else:
            answer = behaviour.replies.get("RCPT", "250")
            if answer.startswith("250"):
                self.recipients.append(path[1])
                self.recipient_parameters.append(path[2])
            await self.reply("250 2.1.5 Ok", "RCPT")

    async def data(self) -> None:
        if not self.recipients or self.sender is None:
            await self.reply("554 5.5.1 No valid recipients")
            return
        await self.reply("354 End data with <CR><LF>.<CR><LF>", "DATA")
        if "DATA" in self.primary.behaviour.replies:
            return
        content = await self.content()
        await asyncio.sleep(self.primary.behaviour.delay)
        if len(content) > MESSAGE_LIMIT:
            await self.reply("552 5.3.4 Message too big")
        elif self.refuses_at_dot():
            await self.reply("", "dot")
        elif not self.writer.is_closing():
            self.messages += 1
            self.primary.keep(
                Accepted(
                    self.sender,
                    tuple(self.recipients),
                    content,
                    self.mail_parameters,
                    tuple(self.recipient_parameters),
                    time.time(),
                    self.number,
                    self.client,
                    self.tls,
                )
            )
            await self.reply("250 2.0.0 Ok: queued", "accepted")
        self.reset()

    def refuses_at_dot(self) -> bool:
        behaviour = self.primary.behaviour
        return "dot" in behaviour.replies or "dot" in (behaviour.hang, behaviour.close)

    async def content(self) -> bytes:
        """The message up to the line with a single dot; no more than a byte over the limit is kept."""
        lines: list[bytes] = []
        size = 0
        while True:
            line = await self.reader.readline()
            if not line or self.primary.behaviour.close == "content":
                raise EOFError
            if line == b".\r\n":
                return b"".join(lines)
            line = line.removeprefix(b".")
            if size <= MESSAGE_LIMIT:
                lines.append(line)
                size += len(line)
