"""A small world on loopback: nsd, primaries, our own server, and a web server for policies. Only addresses are made up:
127.0.0.11 is a primary's, .12 ours, .13 the web's; 10/8 is what cannot be reached from outside.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import trustme

from mxtui.doctor.examine import Asked, examine
from mxtui.doctor.facts import Disk, SpoolFacts
from mxtui.doctor.finding import Finding, Report
from mxtui.doctor.gather.means import Means
from mxtui.model.drill import Drill
from mxtui.model.health import Primary
from mxtui.model.route import Ourselves, Routed
from mxtui.model.source import Space
from mxtui.primary.lookup import Lookup
from tests.doctor.authority import Authority
from tests.primary.servers import Script, listening

US = "mx2.example.net"
PRIMARY, OURS, WEB = "127.0.0.11", "127.0.0.12", "127.0.0.13"
DAY = 86400.0

ZONE = f"""\
{US}. IN A {OURS}
12.0.0.127.in-addr.arpa. IN PTR {US}.
11.0.0.127.in-addr.arpa. IN PTR mx1.example.org.
"""

EHLO = "250-{name}\n250-SIZE {size}\n250-8BITMIME\n250-SMTPUTF8\n250 STARTTLS"
PLAIN = "250-{name}\n250-SIZE {size}\n250 8BITMIME"


def usual(domain: str) -> str:
    """Records of a domain that is set up right."""
    return f"{domain}. IN MX 10 mx1.{domain}.\n{domain}. IN MX 20 {US}.\nmx1.{domain}. IN A {PRIMARY}\n"


def policy(domain: str, mx: str = US, mode: str = "enforce") -> str:
    return f"version: STSv1\r\nmode: {mode}\r\nmx: mx1.{domain}\r\nmx: {mx}\r\nmax_age: 86400\r\n"


def sts_records(domain: str) -> str:
    return f'_mta-sts.{domain}. IN TXT "v=STSv1; id=20261127"\nmta-sts.{domain}. IN A {WEB}\n'


class Authorities:
    """Certificates of one authority that is trusted, and of one that is not."""

    def __init__(self) -> None:
        self.known = trustme.CA()
        self.unknown = trustme.CA()

    def server(self, *names: str, known: bool = True, days: float = 60) -> ssl.SSLContext:
        """A server's context, with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.certificate(*names, known=known, days=days).configure_cert(context)
        return context

    def certificate(self, *names: str, known: bool = True, days: float = 60) -> trustme.LeafCert:
        authority = self.known if known else self.unknown
        until = datetime.now(UTC) + timedelta(days=days)
        return authority.issue_cert(*names, not_before=until - timedelta(days=90), not_after=until)

    def trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        self.known.configure_trust(context)
        return context


class Server(Script):
    """A mail server that is well, but for what it is told."""

    def __init__(
        self,
        name: str,
        context: ssl.SSLContext | None,
        *,
        size: int = 10_240_000,
        ehlo: str = "",
        refuses: Callable[[str, str], str | None] = lambda sender, recipient: None,
        replies: Mapping[str, str] | None = None,
    ) -> None:
        offered = ehlo or (EHLO if context is not None else PLAIN)
        super().__init__(
            {
                "": f"220 {name} ESMTP",
                "EHLO": offered.format(name=name, size=size),
                "STARTTLS": "220 go ahead",
                "MAIL": "250 ok",
                "RCPT": "250 ok",
                "RSET": "250 ok",
                **(replies or {}),
            },
            context,
        )
        self._refuses = refuses
        self._sender = ""

    def reply(self, line: str, word: str) -> str:
        if word == "MAIL":
            self._sender = line.partition("<")[2].partition(">")[0]
        if word == "RCPT" and (said := self._refuses(self._sender, line.partition(":")[2])):
            return said
        return super().reply(line, word)


def no_relay(sender: str, recipient: str) -> str | None:
    return "554 5.7.1 Relay access denied"


@dataclass
class Case:
    """One domain: its records, where its mail goes, what its servers say, and what is to be found."""

    zone: str
    found: Mapping[str, str] = field(default_factory=dict)
    """Check → verdict of all that is not well."""
    server: Callable[[Authorities], Server] | None = None
    routed: Callable[[int], Routed] | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    """Of the web server, by host; a text that begins with HTTP/ is a whole answer."""


class Told:
    """A mail system that is set up right, and is what it is told to be."""

    path = "/var/spool/mxtui"

    def __init__(self, routes: Mapping[str, Routed], port: int, ourselves: Ourselves) -> None:
        self._routes = routes
        self._port = port
        self._ourselves = ourselves
        self.facts_told = SpoolFacts(
            Path(self.path), True, True, "callout", 7, None, 5 * DAY, 300, 3600, "defer"
        )  # fmt: skip
        self.certificates: tuple[bytes, ...] = ()

    def domains(self) -> Sequence[str]:
        return list(self._routes)

    def router(self) -> "Told":
        return self

    def ourselves(self) -> Ourselves:
        return self._ourselves

    def route(self, domains: Sequence[str]) -> Mapping[str, Routed]:
        return {domain: self._routes[domain] for domain in domains}

    def facts(self, domains: Sequence[str]) -> SpoolFacts:
        return self.facts_told

    def listening(self) -> tuple[str, int]:
        return OURS, self._port

    def disk(self) -> Disk:
        return Disk(self.path, Space(100 << 30, 60 << 30, 1000, 900), "ext4", read_only=False, writable=True)

    def chain(self) -> tuple[bytes, ...]:
        return self.certificates


@asynccontextmanager
async def web(context: ssl.SSLContext, files: Mapping[str, str]) -> AsyncIterator[int]:
    """A web server with one file for each host."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host = ""
        while line := (await reader.readline()).decode().strip():
            if line.lower().startswith("host:"):
                host = line.partition(":")[2].strip().partition(":")[0]
        answer = files.get(host, "HTTP/1.1 404 Not Found\r\n\r\n")
        if not answer.startswith("HTTP/"):
            answer = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(answer)}\r\n\r\n{answer}"
        writer.write(answer.encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, WEB, 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def examined(
    cases: Mapping[str, Case],
    authority: Authority,
    authorities: Authorities,
    *,
    here: Server | None = None,
    ourselves: Ourselves = Ourselves(US),  # noqa: B008 (frozen)
    drills: Mapping[str, Drill] = MappingProxyType({}),
    senders: Sequence[str] = (),
    change: Callable[[Told], None] = lambda system: None,
) -> Report:
    """All of them at once, each with a primary of its own."""
    files = {host: text for case in cases.values() for host, text in case.files.items()}
    trusted = [host for host in files if not host.startswith("mta-sts.untrusted")]
    async with AsyncExitStack() as stack:
        routes = {}
        for domain, case in cases.items():
            name = f"mx1.{domain}"
            server = case.server(authorities) if case.server else Server(name, authorities.server(name))
            port = (await stack.enter_async_context(listening(server, PRIMARY))).port
            routes[domain] = case.routed(port) if case.routed else Routed(Primary(name, port, "config"))
        ours = here or Server(ourselves.hostname, authorities.server(ourselves.hostname), refuses=no_relay)
        port = (await stack.enter_async_context(listening(ours, OURS))).port
        https = await stack.enter_async_context(web(authorities.server(*trusted or ["nothing.example"]), files))
        system = Told(routes, port, ourselves)
        change(system)
        means = Means(
            lookup=Lookup(authority.resolver, own_address=OURS.__eq__, lifetime=4.0),
            public=lambda address: not address.startswith("10."),
            own=OURS.__eq__,
            context=authorities.trusting,
            https_port=https,
        )
        asked = Asked(
            list(cases), senders=senders, drills=lambda: drills, drilled=list(cases), synchronised=lambda: True
        )
        return await examine(system, asked, means)


def wrong(report: Report, subject: str | None = None) -> dict[str, str]:
    """Check → verdict of what is not well, about one subject or about all."""
    about = [each for each in report.wrong if subject is None or each.subject == subject]
    return {each.check: each.verdict for each in about}


def of(report: Report, check: str, subject: str | None = None) -> Finding:
    """The finding of a check."""
    return next(each for each in report.findings if each.check == check and subject in (None, each.subject))
