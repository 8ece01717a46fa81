"""Loopback servers for probes: SMTP servers that misbehave in every way, and a name server."""

import asyncio
import contextlib
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from mxtui.model.health import Primary
from mxtui.model.route import Ourselves

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OURSELVES = Ourselves("mx2.example.net")


@asynccontextmanager
async def listening(handler: Handler, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Primary]:
    """A server that handles each connection so; whatever is still going on at the end is cancelled."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await handler(reader, writer)
        finally:
            writer.transport.abort()
            tasks.discard(task)

    server = await asyncio.start_server(serve, host, port)
    try:
        yield Primary(host, server.sockets[0].getsockname()[1], "config")
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts, and waits."""
    await reader.read()


class Script:
    """An SMTP server that gives these replies, by the first word of what it is sent; "" is the greeting."""

    def __init__(self, replies: Mapping[str, str], context: ssl.SSLContext | None = None) -> None:
        self.replies = {"": "220 mx1.example.org", "EHLO": "250 mx1.example.org", "QUIT": "221 bye", **replies}
        self.context = context
        self.heard: list[str] = []
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await self._say(writer, self.replies[""])
        while line := (await reader.readline()).decode("ascii", "replace").strip():
            self.heard.append(line)
            word = line.split()[0].upper()
            await self._say(writer, self.reply(line, word))
            if word == "QUIT":
                return
            if word == "STARTTLS" and self.context is not None:
                await writer.start_tls(self.context)

    def reply(self, line: str, word: str) -> str:
        """To a line that begins with a word."""
        return self.replies.get(word, "500 what?")

    async def _say(self, writer: asyncio.StreamWriter, reply: str) -> None:
        writer.write(reply.replace("\n", "\r\n").encode() + b"\r\n")
        await writer.drain()


def certificate(folder: Path, name: str, *more: str, days: int = 30) -> tuple[ssl.SSLContext, Path]:
    """A server context with a self-signed certificate for these names, and the file that would make it trusted.

    With fewer than no `days` it has expired.
    """
    folder.mkdir(exist_ok=True)
    key, request, crt = (folder / each for each in ("key.pem", "request.pem", "crt.pem"))
    names = ",".join(f"{'IP' if each[0].isdigit() else 'DNS'}:{each}" for each in (name, *more))
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key)]
    subject = ["-subj", f"/O=Example Trust/CN={name}", "-addext", f"subjectAltName={names}"]
    if days > 0:
        _openssl("req", "-x509", *made, "-out", str(crt), "-days", str(days), *subject)
    else:  # req(1) makes none that is over
        _openssl("req", "-new", *made, "-out", str(request), *subject)
        signed = ["-in", str(request), "-signkey", str(key), "-out", str(crt), "-copy_extensions", "copy"]
        _openssl("x509", "-req", *signed, "-days", str(days))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)
    return context, crt


def _openssl(*argv: str) -> None:
    subprocess.run(["openssl", *argv], check=True, capture_output=True)


Zone = Mapping[tuple[str, str], list[str]]


class NameServer(asyncio.DatagramProtocol):
    """Authoritative for a zone given as {(name, type): [data…]}; names it does not know do not exist."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self.silent = False
        self.rcode = dns.rcode.NOERROR

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.silent:
            return
        with contextlib.suppress(dns.exception.DNSException):
            self.transport.sendto(self._answer(dns.message.from_wire(data)).to_wire(), addr)

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA | dns.flags.AA
        question = query.question[0]
        name = question.name.to_text().rstrip(".").lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        if self.rcode != dns.rcode.NOERROR:
            reply.set_rcode(self.rcode)
        elif data := self.zone.get((name, kind)):
            reply.answer.append(dns.rrset.from_text(question.name, 60, dns.rdataclass.IN, question.rdtype, *data))
        elif not any(known == name for known, _ in self.zone):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply


@asynccontextmanager
async def name_server(zone: Zone) -> AsyncIterator[tuple[NameServer, Callable[[], dns.asyncresolver.Resolver]]]:
    """A running name server, and how to ask it."""
    transport, server = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(zone), local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]

    def resolver() -> dns.asyncresolver.Resolver:
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers = ["127.0.0.1"]
        made.port = port
        return made

    try:
        yield server, resolver
    finally:
        transport.close()
