"""A receiver on loopback, whatever stands around it replaced, and a client that says exactly what a test wants."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from mxtui.model.envelope import Envelope, SpoolState
from mxtui.model.offers import Offers
from mxtui.model.standby import Standby, StandbyPolicy
from mxtui.receiver.paths import Path
from mxtui.receiver.receiver import Receiver
from mxtui.receiver.recipients.verdict import GOOD, Verdict
from mxtui.receiver.settings import Limits, ReceiverSettings

ALL = Offers(frozenset({"8BITMIME", "SMTPUTF8", "DSN"}))

SETTINGS = ReceiverSettings("mx2.example.net", frozenset({"example.org", "xn--bcher-kva.example"}))


@dataclass
class Kept:
    """A committer: keeps what it is given, fails or waits as told."""

    envelopes: list[Envelope] = field(default_factory=list)
    contents: list[bytes] = field(default_factory=list)
    states: list[SpoolState] = field(default_factory=list)
    error: Exception | None = None
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    async def commit(self, envelope: Envelope, chunks: Sequence[bytes], state: SpoolState = "deferred") -> None:
        self.begun.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.envelopes.append(envelope)
        self.contents.append(b"".join(chunks))
        self.states.append(state)

    @property
    def bodies(self) -> list[bytes]:
        """Without the Received field, which is three or more lines of which all but the first begin with a tab."""
        return [without_trace(content) for content in self.contents]


def without_trace(content: bytes) -> bytes:
    lines = content.split(b"\n")
    assert lines[0].startswith(b"Received: from ")
    end = next(number for number, line in enumerate(lines[1:], 1) if not line.startswith(b"\t"))
    return b"\n".join(lines[end:])


@dataclass
class Known:
    """Recipients: all good until told otherwise, by the part before the @."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    error: Exception | None = None
    expected: list[str] = field(default_factory=list)
    asks: bool = True

    def expect(self, recipient: Path) -> None:
        self.expected.append(recipient.address)

    async def check(self, recipient: Path) -> Verdict:
        if self.error is not None:
            raise self.error
        return self.verdicts.get(recipient.address.partition("@")[0], GOOD)


@dataclass
class Running:
    receiver: Receiver
    port: int
    kept: Kept
    known: Known
    standby: Standby
    events: list[tuple[str, dict[str, Any]]]
    clients: "list[Client]" = field(default_factory=list)

    async def stop(self) -> None:
        """As after a test, whatever it left."""
        self.kept.gate.set()
        await self.receiver.stop(0)
        for client in self.clients:
            client.close()

    def logged(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.events if name == event]

    async def knock(self) -> "Client":
        """A client that heard nothing yet."""
        client = await Client.connect(self.port)
        self.clients.append(client)
        return client

    async def connect(self) -> "Client":
        """A client that was greeted."""
        client = await self.knock()
        assert (await client.reply()).startswith("220 ")
        return client

    async def greeted(self) -> "Client":
        """One that said EHLO too."""
        client = await self.connect()
        assert (await client.say("EHLO client.example.com")).startswith("250")
        return client

    async def begun(self, *, sender: str = "a@example.com", recipient: str = "b@example.org") -> "Client":
        """One whose message may come."""
        client = await self.greeted()
        await client.all_well(f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>")
        assert (await client.say("DATA")).startswith("354 ")
        return client


async def start(
    *,
    settings: ReceiverSettings = SETTINGS,
    limits: Limits | None = None,
    offers: Offers = ALL,
    committer: Any = None,
    recipients: Any = None,
    policy: StandbyPolicy | None = None,
    **options: Any,
) -> Running:
    if limits is not None:
        settings = replace(settings, limits=limits)
    kept = Kept()
    known = Known()
    standby = Standby(policy or StandbyPolicy(), b"secret")
    events: list[tuple[str, dict[str, Any]]] = []
    receiver = Receiver(
        settings,
        committer or kept,
        recipients or known,
        standby,
        offers,
        lambda event, **fields: events.append((event, fields)),
        **options,
    )
    listener = socket.create_server(("127.0.0.1", 0))
    port = int(listener.getsockname()[1])
    await receiver.start([listener])
    return Running(receiver, port, kept, known, standby, events)


class Client:
    """Says bytes, hears replies."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> "Client":
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self) -> str:
        """The next reply, its lines joined by LF; empty when the server closed."""
        lines: list[str] = []
        async with asyncio.timeout(60):
            while True:
                try:
                    line = (await self.reader.readline()).decode()
                except ConnectionError:
                    return ""
                if not line:
                    return ""
                assert line.endswith("\r\n")
                lines.append(line[:-2])
                if line[3] == " ":
                    return "\n".join(lines)

    async def say(self, line: str) -> str:
        await self.send(line.encode("utf-8", "surrogateescape") + b"\r\n")
        return await self.reply()

    async def all_well(self, *lines: str) -> None:
        for line in lines:
            reply = await self.say(line)
            assert reply.startswith("250"), (line, reply)

    async def message(self, content: bytes) -> str:
        """After 354."""
        await self.send(content + b"\r\n.\r\n")
        return await self.reply()

    async def mail(self, content: bytes = b"Subject: x\r\n\r\nx", *, recipient: str = "b@example.org") -> str:
        """A whole transaction; the reply to the message."""
        await self.all_well("MAIL FROM:<a@example.com>", f"RCPT TO:<{recipient}>")
        assert (await self.say("DATA")).startswith("354 ")
        return await self.message(content)

    async def start_tls(self, context: ssl.SSLContext) -> None:
        assert (await self.say("STARTTLS")).startswith("220 2.0.0 ")
        await self.writer.start_tls(context, server_hostname="mx2.example.net")

    def close(self) -> None:
        self.writer.transport.abort()

    async def closed_by_server(self) -> bool:
        """Once everything sent was read."""
        async with asyncio.timeout(60):
            with suppress(ConnectionError):
                while await self.reader.read(65536):
                    pass
        return True


def trusting_nobody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def settled(condition: Callable[[], object], pause: float = 0.0) -> None:
    """Wait until it is so; TimeoutError after 50 seconds."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 (what is waited for is the receiver's own, which has no events)
            await asyncio.sleep(pause)
