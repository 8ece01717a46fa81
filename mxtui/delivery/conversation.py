"""One established connection: commands out, replies in, with limits on size and time.

aiosmtplib reads one reply for each command and drops what comes beside it, so it cannot pipeline (RFC 2920): with it a
message takes four round trips, pipelined it takes one. It makes the connection (`connecting`), then this takes the
transport over.
"""

import asyncio
from contextlib import suppress
from typing import Final, Self, cast

from mxtui.delivery.replies import Replies, Reply
from mxtui.primary.words import GarbledError

AT_ONCE: Final = 8 * 1024
"""Bytes taken from the socket at a time. asyncio by itself would allocate 256 kB for each answer of 30 bytes, which
takes longer than to read it."""


class Conversation(asyncio.BufferedProtocol):
    """For one task at a time. Everything raises OSError (TimeoutError, GarbledError) or EOFError when it breaks."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._replies = Replies()
        self._arriving = memoryview(bytearray(AT_ONCE))
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False

    @classmethod
    def take_over(cls, transport: asyncio.Transport) -> Self:
        """Be the protocol of a transport on which nothing is under way. Raises EOFError: it is closed already."""
        if transport.is_closing():
            raise EOFError
        conversation = cls(transport)
        transport.set_protocol(conversation)
        return conversation

    @property
    def open(self) -> bool:
        """Not known to be broken."""
        return self._failure is None and not self._transport.is_closing()

    @property
    def quiet(self) -> bool:
        """Open, and no reply is there that was not taken."""
        return self.open and not self.answered

    @property
    def answered(self) -> bool:
        """Whether a reply is there to be taken."""
        return bool(self._replies.whole)

    def send(self, data: bytes) -> None:
        """Hand it to the transport. Raises nothing: a connection that is gone tells when a reply is asked for."""
        if self._failure is None:
            self._transport.write(data)

    async def drained(self, seconds: float) -> None:
        """Until the server has taken so much that more may be sent, or has said something."""
        while self._paused and self._failure is None and not self.answered:
            await self._wait(seconds)

    async def reply(self, seconds: float) -> Reply:
        """The next reply."""
        whole = self._replies.whole
        if not whole:
            deadline = self._loop.time() + seconds
            while not whole:
                if self._failure is not None:
                    raise self._failure
                await self._wait(deadline - self._loop.time())
        return whole.popleft()

    async def ask(self, command: bytes, seconds: float) -> Reply:
        """Send one command and take its reply."""
        self.send(command)
        return await self.reply(seconds)

    async def leave(self, seconds: float) -> None:
        """QUIT, and close; never raises."""
        if self.quiet:
            with suppress(OSError, EOFError):
                await self.ask(b"QUIT\r\n", seconds)
        self.abort()

    def abort(self) -> None:
        """Close without a word; whoever waits for a reply is told that the connection is lost."""
        self._transport.abort()
        self._broken(ConnectionAbortedError("given up here"))

    async def _wait(self, seconds: float) -> None:
        """Until something happens. Raises TimeoutError, after which nothing more can be said."""
        self._deadline = self._loop.time() + seconds
        # One timer serves many waits: it looks at the deadline of the moment when it fires.
        if self._timer is None or self._timer.when() > self._deadline:
            self._arm()
        waiter = self._waiter = self._loop.create_future()
        try:
            await waiter
        finally:
            self._waiter = None

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() < self._deadline:
            self._arm()
            return
        self._failure = self._failure or TimeoutError()
        if not self._waiter.done():
            self._waiter.set_exception(TimeoutError())

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _broken(self, error: Exception) -> None:
        self._failure = self._failure or error
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake()

    # -- asyncio.BufferedProtocol

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 (the protocol's signature)
        """Called by the transport."""
        return self._arriving

    def buffer_updated(self, nbytes: int) -> None:
        """Called by the transport."""
        try:
            self._replies.feed(self._arriving[:nbytes])
        except GarbledError as error:
            self._broken(error)
            self._transport.abort()
        else:
            self._wake()

    def eof_received(self) -> bool:
        """Called by the transport: half a connection is no use to us."""
        self._broken(EOFError())
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the transport."""
        self._broken(exc or EOFError())

    def pause_writing(self) -> None:
        """Called by the transport."""
        self._paused = True

    def resume_writing(self) -> None:
        """Called by the transport."""
        self._paused = False
        self._wake()


def transport_of(made: asyncio.BaseTransport | None) -> asyncio.Transport:
    """What aiosmtplib calls a base transport is one for reading and writing."""
    if made is None:
        raise EOFError
    return cast("asyncio.Transport", made)
