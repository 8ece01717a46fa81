"""DNS, mail servers and web servers on their worst days: shown, bounded, harmless."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import dns.asyncresolver
import dns.message
import pytest

from mxtui.doctor.examine import Asked, examine
from mxtui.doctor.facts import Disk, Unknown
from mxtui.doctor.finding import Report
from mxtui.doctor.gather import smtp, sts
from mxtui.doctor.gather.https import fetch
from mxtui.doctor.gather.limited import in_thread, limited
from mxtui.doctor.gather.means import Means
from mxtui.errors import Unreachable
from mxtui.model.health import Primary
from mxtui.model.route import Ourselves, Routed
from mxtui.primary.lookup import Lookup
from mxtui.primary.words import GarbledError
from tests.doctor.world import US, Authorities, Server, Told, of, wrong
from tests.primary.servers import NameServer, Zone, listening, name_server, says_nothing

DOMAINS = [f"d{number}.example" for number in range(10)]
QUICK = 0.3
"""Seconds, for what is to be waited for in vain."""

PATIENT = 30.0
"""For what comes, however loaded the machine."""

Resolver = Callable[[], dns.asyncresolver.Resolver]


async def looked_at(resolver: Resolver, port: int = 9, *, limit: float = PATIENT, total: float = 60) -> Report:
    """Ten domains, asked of a name server; their primary is on a port of 127.0.0.1."""
    routes = {domain: Routed(Primary("127.0.0.1", port, "config")) for domain in DOMAINS}
    system = Told(routes, port, Ourselves(US))
    means = Means(
        lookup=Lookup(resolver, lifetime=limit), public=lambda address: True, own=lambda address: False,
        dns=20 * limit, conversation=limit, total=total,
    )  # fmt: skip
    return await examine(system, Asked(DOMAINS, synchronised=lambda: True), means)


class Liar(NameServer):
    """Answers another question than was asked, with another number, in another name."""

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        reply = super()._answer(query)
        reply.id ^= 1
        return reply


@asynccontextmanager
async def lying() -> AsyncIterator[Resolver]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Liar({}), local_addr=("127.0.0.1", 0)
    )

    def resolver() -> dns.asyncresolver.Resolver:
        made = dns.asyncresolver.Resolver(configure=False)
        made.nameservers, made.port = ["127.0.0.1"], transport.get_extra_info("sockname")[1]
        return made

    try:
        yield resolver
    finally:
        transport.close()


async def test_dns_that_does_not_answer_is_said_so_for_each_domain_at_once() -> None:
    async with name_server({}) as (server, resolver):
        server.silent = True
        started = time.monotonic()
        report = await looked_at(resolver, limit=QUICK)
        took = time.monotonic() - started
    for domain in DOMAINS:
        assert of(report, "dns_answers", domain).evidence == f"DNS does not answer for {domain}"
        assert of(report, "mx_order", domain).verdict == "skipped"
        assert of(report, "sts_policy", domain).verdict == "skipped"
    assert of(report, "name_address").evidence == f"DNS does not answer for {US}"
    assert of(report, "name_address").fix == (f"getent ahosts {US}",), "no record is to be added for that"
    # Side by side: one after the other, 70 questions of 0.3 s would take 21 s.
    assert took < 15


async def test_dns_that_lies_is_not_believed() -> None:
    async with lying() as resolver:
        report = await looked_at(resolver, limit=QUICK)
    assert {of(report, "dns_answers", domain).verdict for domain in DOMAINS} == {"fail"}
    assert all(each.evidence.isprintable() for each in report.findings)


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        ("10 .", "skipped"),
        ("10 \\000\\255\\..example.", "fail"),
        ("65535 " + "x" * 63 + ".example.", "pass"),
        ("0 localhost.", "fail"),
        ("10 *.example.", "fail"),
    ],
)
async def test_whatever_an_mx_record_holds_is_text_in_the_end(data: str, verdict: str) -> None:
    zone: Zone = {(domain, "MX"): [data] for domain in DOMAINS}
    async with name_server(zone) as (_, resolver):
        report = await looked_at(resolver)
    about = [each for each in report.findings if each.subject == DOMAINS[0]]
    assert all(each.evidence.isprintable() and len(each.evidence) < 600 for each in about)
    assert of(report, "mx_hosts", DOMAINS[0]).verdict == verdict


async def test_no_domain_is_begun_when_time_is_up() -> None:
    async with name_server({}) as (_, resolver):
        report = await looked_at(resolver, total=0.0)
    assert {of(report, "dns_answers", domain).evidence for domain in DOMAINS} == {"not reached within 0 s"}
    assert not [each for each in report.findings if each.verdict == "pass" and each.subject in DOMAINS
                and each.check.startswith("mx_")]  # fmt: skip


# -- mail servers -----------------------------------------------------------------------------------------------------


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while True:
            writer.write(b"220-" + b"x" * 70 + b"\r\n")
            await writer.drain()


async def one_long_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 " + b"\x1b" * 100_000)
    await reader.read()


async def binary(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(range(256)) + b"\r\n")
    await reader.read()


async def goes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (endless, "a reply of more than 100 lines"),
        (one_long_line, "a line of more than 2048 bytes"),
        (binary, "not an SMTP reply"),
        (goes, "connection closed by the server"),
    ],
)
async def test_a_server_that_speaks_no_smtp_is_said_to(
    server: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], words: str
) -> None:
    async with listening(server) as primary:
        heard = await limited(smtp.hear("mx1.example.org", ["127.0.0.1"], primary.port, US), PATIENT)
    assert isinstance(heard, Unknown)
    assert words in heard.why


async def test_a_server_that_says_nothing_is_left() -> None:
    async with listening(says_nothing) as primary:
        heard = await limited(smtp.hear("mx1.example.org", ["127.0.0.1"], primary.port, US), QUICK)
    assert heard == Unknown("no answer within 0.3 s")


async def test_a_broken_handshake_is_a_fact_about_the_certificate() -> None:
    server = Server("mx1.example.org", None, ehlo="250-{name}\n250 STARTTLS")
    async with listening(server) as primary:
        heard = await smtp.hear("mx1.example.org", ["127.0.0.1"], primary.port, US)
    assert isinstance(heard.certificate, Unknown)
    assert heard.offers.extensions == {"STARTTLS"}


async def test_one_conversation_with_a_primary_is_enough_for_all_its_domains() -> None:
    server = Server("mx1.example.org", None)
    async with name_server({}) as (_, resolver), listening(server) as primary:
        await looked_at(resolver, primary.port)
    assert server.connections == 1
    assert server.heard == [f"EHLO {US}", "QUIT"]


# -- web servers ------------------------------------------------------------------------------------------------------

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def web(authorities: Authorities, answer: Answer) -> AsyncIterator[Means]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await answer(writer)
        writer.close()

    zone: Zone = {
        ("mta-sts.example.org", "A"): ["127.0.0.1"],
        ("_mta-sts.example.org", "TXT"): ['"v=STSv1; id=1"'],
    }
    context = authorities.server("mta-sts.example.org")
    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    async with name_server(zone) as (_, resolver), server:
        yield Means(
            lookup=Lookup(resolver), context=authorities.trusting, https_port=server.sockets[0].getsockname()[1]
        )


async def drip(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"H")
        await writer.drain()
        await asyncio.sleep(0.02)


def says(answer: bytes) -> Answer:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()

    return say


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
POLICY = b"version: STSv1\nmode: testing\nmx: mx2.example.net\nmax_age: 86400\n"


async def test_a_web_server_that_drips_is_left(authorities: Authorities) -> None:
    async with web(authorities, drip) as means:
        assert await limited(sts.policy("example.org", means), QUICK) == Unknown("no answer within 0.3 s")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000,
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000,
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000,
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n" + b"x" * 100_000,
        CHUNKED + b"ffffffff\r\n",
        CHUNKED + b"rubbish\r\n",
        CHUNKED + b"5\r\nab",
        b"HTTP/1.1 200 OK\r\nDate: yesterday\r\n\r\nversion: \x1b[2J\n",
    ],
)
async def test_a_policy_that_cannot_be_read_is_a_problem_in_words(answer: bytes, authorities: Authorities) -> None:
    async with web(authorities, says(answer)) as means:
        found = await sts.policy("example.org", means)
    assert found.record
    assert found.problem
    assert len(found.problem) < 300


async def test_a_policy_in_pieces_is_put_together_and_the_clock_compared(authorities: Authorities) -> None:
    pieces = b"".join(
        b"%x;x=y\r\n%s\r\n" % (len(POLICY[at : at + 7]), POLICY[at : at + 7]) for at in range(0, len(POLICY), 7)
    )
    head = CHUNKED.replace(b"\r\n\r\n", b"\r\nDate: Fri, 27 Nov 2026 10:00:00 GMT\r\n\r\n")
    async with web(authorities, says(head + pieces + b"0\r\n\r\n")) as means:
        found = await sts.policy("example.org", means)
        assert (found.mode, found.patterns, found.problem) == ("testing", (US,), "")
        assert found.offset is not None
        fetched = await fetch("mta-sts.example.org", sts.PATH, means, 1000)
    assert fetched.body == POLICY


async def test_a_file_one_byte_too_large_is_not_taken(authorities: Authorities) -> None:
    async with web(authorities, says(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 11)) as means:
        assert len((await fetch("mta-sts.example.org", "/", means, 11)).body) == 11
        with pytest.raises(GarbledError, match="more than 10 bytes"):
            await fetch("mta-sts.example.org", "/", means, 10)


# -- this host --------------------------------------------------------------------------------------------------------


async def test_what_raises_or_hangs_here_is_unknown_with_the_reason() -> None:
    def fails() -> int:
        raise Unreachable("postconf gave 1", "")

    def denied() -> int:
        raise PermissionError(13, "Permission denied")

    assert await in_thread(fails, 5) == Unknown("postconf gave 1")
    assert await in_thread(denied, 5) == Unknown("Permission denied")
    assert await in_thread(lambda: 7, 5) == 7


async def test_a_spool_that_cannot_be_reached_leaves_the_rest_to_be_judged() -> None:
    class Unlistening(Told):
        def listening(self) -> tuple[str, int]:
            raise Unreachable("nobody said where", "")

        def disk(self) -> Disk:
            raise OSError(5, "Input/output error")

    system = Unlistening({}, 0, Ourselves(US))
    async with name_server({(US, "A"): ["192.0.2.1"], ("1.2.0.192.in-addr.arpa", "PTR"): [f"{US}."]}) as (_, resolver):
        means = Means(lookup=Lookup(resolver), public=lambda address: True, own=lambda address: True)
        report = await examine(system, Asked(synchronised=lambda: None), means)
        assert wrong(report) == {"answers": "fail"}
        assert of(report, "disk_room").evidence == "Input/output error"
        system.facts_told = replace(system.facts_told, configured=False)
        report = await examine(system, Asked(synchronised=lambda: None), means)
    assert wrong(report) == {}
    assert of(report, "lifetimes").verdict == "skipped"


HANGS = """
import asyncio, os, sys
from mxtui.doctor.gather.limited import in_thread
print(asyncio.run(in_thread(lambda: os.open(sys.argv[1], os.O_RDONLY), 0.2)).why)
"""


async def test_a_disk_that_hangs_keeps_nobody_from_ending(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "nobody-writes")
    argv = [sys.executable, "-c", HANGS, str(tmp_path / "nobody-writes")]
    done = await asyncio.to_thread(
        lambda: subprocess.run(argv, capture_output=True, text=True, timeout=PATIENT, check=True)
    )
    assert done.stdout == "no answer within 0.2 s\n"


@pytest.mark.parametrize("question", ["facts", "ourselves"])
async def test_a_system_whose_settings_do_not_come_is_an_error_in_time(
    question: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(Told, question, lambda self, *domains: let_go.wait())
    with pytest.raises(Unreachable, match=r"/var/spool/mxtui cannot be examined: no answer within 0\.3 s"):
        await examine(Told({}, 0, Ourselves(US)), Asked(), Means(setup=QUICK))
    let_go.set()


async def test_routes_that_do_not_come_leave_the_rest_to_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(Told, "route", lambda self, domains: let_go.wait())
    async with name_server({}) as (_, resolver):
        means = Means(lookup=Lookup(resolver), public=lambda address: True, own=lambda address: False, setup=QUICK)
        system = Told({}, 0, Ourselves(US))
        report = await examine(system, Asked(["example.org"], synchronised=lambda: True), means)
    let_go.set()
    assert of(report, "primary_answers").evidence == "its route is not known: no answer within 0.3 s"
    assert of(report, "lifetimes").verdict == "pass"
