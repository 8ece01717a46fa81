import asyncio
import errno
import os
import re
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mxtui.certificates import expiry_of
from mxtui.demo.ports import free_port
from mxtui.model.health import RUNGS, Primary
from mxtui.model.hysteresis import outcome
from mxtui.model.route import Ourselves
from mxtui.primary import tls
from mxtui.primary.lookup import Lookup
from mxtui.primary.probe import LIMITS, Finding, Limits, climb
from mxtui.primary.words import LIMIT, GarbledError, UnresolvedError, explain
from tests.primary.servers import OURSELVES, Handler, Script, certificate, listening, name_server, says_nothing

SOON = Limits(rung=0.5, total=1.0)
"""For servers that leave one waiting."""


async def probe(
    primary: Primary, *, distrust: str = "", lookup: Lookup | None = None, limits: Limits = LIMITS
) -> Finding:
    return await climb(primary, OURSELVES, lookup or Lookup(), limits, distrust=distrust)


async def climbed(handler: Handler, *, distrust: str = "", limits: Limits = LIMITS) -> Finding:
    async with listening(handler) as primary:
        return await probe(primary, distrust=distrust, limits=limits)


def outcomes(finding: Finding) -> dict[str, str]:
    return {rung.name: rung.outcome for rung in finding.climb.rungs}


def detail(finding: Finding, name: str) -> str:
    return next(rung.detail for rung in finding.climb.rungs if rung.name == name)


async def test_a_good_server_passes_every_rung_and_is_taken_leave_of() -> None:
    server = Script({})
    started = time.monotonic()
    finding = await climbed(server)
    took = (time.monotonic() - started) * 1000
    assert tuple(outcomes(finding)) == RUNGS
    assert outcomes(finding) == {**dict.fromkeys(RUNGS, "passed"), "starttls": "skipped"}
    assert outcome(finding.climb) == "up"
    assert server.heard == ["EHLO mx2.example.net", "QUIT"]
    assert sum(rung.milliseconds or 0.0 for rung in finding.climb.rungs) <= took
    assert all(rung.milliseconds is not None for rung in finding.climb.rungs)
    assert detail(finding, "starttls") == "not offered"
    assert detail(finding, "ehlo") == "250 mx1.example.org"


class Recipients(Script):
    """A server that knows some recipients."""

    def __init__(self, known: str, refusal: str = "550 5.1.1 unknown") -> None:
        super().__init__({"MAIL": "250 Ok", "RSET": "250 Ok"})
        self._known, self._refusal = known, refusal

    def reply(self, line: str, word: str) -> str:
        if word == "RCPT":
            return "250 Ok" if re.search(self._known, line) else self._refusal
        return super().reply(line, word)


async def asked(handler: Handler) -> Finding:
    async with listening(handler) as primary:
        return await climb(primary, OURSELVES, Lookup(), LIMITS, recipient="postmaster@example.org")


async def test_a_known_recipient_has_to_be_accepted_and_a_made_up_one_refused() -> None:
    server = Recipients("postmaster@")
    finding = await asked(server)
    assert outcomes(finding)["rcpt"] == "passed"
    assert outcome(finding.climb) == "up"
    assert server.heard[1:3] == ["MAIL FROM:<>", "RCPT TO:<postmaster@example.org>"]
    assert server.heard[-2:] == ["RSET", "QUIT"]


async def test_a_primary_with_half_its_users_is_down() -> None:
    finding = await asked(Recipients("nobody"))
    assert outcomes(finding)["rcpt"] == "failed"
    assert detail(finding, "rcpt") == "postmaster@example.org is refused: 550 5.1.1 unknown"
    assert outcome(finding.climb) == "down"


async def test_a_primary_that_accepts_anybody_says_nothing_of_its_users() -> None:
    finding = await asked(Recipients("."))
    assert outcomes(finding)["rcpt"] == "warning"
    assert "anybody" in detail(finding, "rcpt")
    assert outcome(finding.climb) != "down"


async def test_nobody_listening_is_down_in_plain_words() -> None:
    finding = await probe(Primary("127.0.0.1", free_port(), "config"))
    assert outcomes(finding)["tcp"] == "failed"
    assert outcomes(finding)["banner"] == "skipped"
    assert detail(finding, "tcp") == "connection refused"
    assert outcome(finding.climb) == "down"


@pytest.mark.parametrize("word", ["", "EHLO"])
async def test_421_is_busy_and_not_down(word: str) -> None:
    finding = await climbed(Script({word: "421 4.7.0 too many connections"}))
    assert outcome(finding.climb) == "degraded"
    failed = finding.climb.failed
    assert failed is not None
    assert (failed.outcome, failed.detail) == ("busy", "421 4.7.0 too many connections")


@pytest.mark.parametrize(
    ("replies", "rung", "words"),
    [
        ({"": "554-no\n554 service"}, "banner", "554 no service"),
        ({"": "450 4.3.2 not now"}, "banner", "450 4.3.2 not now"),
        ({"": "HTTP/1.1 400 Bad Request"}, "banner", "not an SMTP reply: HTTP/1.1 400 Bad Request"),
        ({"": "999 what"}, "banner", "not an SMTP reply: 999 what"),
        ({"": ""}, "banner", "not an SMTP reply:"),
        ({"": "220 " + "x" * 3000}, "banner", "a line of more than 2048 bytes"),
        ({"": "\n".join(["220-x"] * 200)}, "banner", "a reply of more than 100 lines"),
        ({"EHLO": "550 5.7.1 you are listed"}, "ehlo", "550 5.7.1 you are listed"),
        ({"EHLO": "\n".join(["250-X"] * 5000)}, "ehlo", "a reply of more than 100 lines"),
        ({"EHLO": "500 what?", "HELO": "550 no"}, "ehlo", "550 no"),
    ],
)
async def test_a_server_that_does_not_serve_is_down_with_its_own_words(
    replies: dict[str, str], rung: str, words: str
) -> None:
    finding = await climbed(Script(replies))
    failed = finding.climb.failed
    assert failed is not None
    assert (failed.name, failed.outcome) == (rung, "failed")
    assert failed.detail.startswith(words)
    assert len(failed.detail) <= LIMIT
    assert outcome(finding.climb) == "down"


async def test_an_old_server_that_knows_only_helo_is_up() -> None:
    assert outcome((await climbed(Script({"EHLO": "502 what?", "HELO": "250 hello"}))).climb) == "up"


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return


async def closes_in_a_line(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mx1.exa")
    await writer.drain()
    writer.write_eof()
    await reader.read()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"2")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drips_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"220-wait\r\n")
        await writer.drain()
        await asyncio.sleep(0.02)


async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"220-" + b"x" * 1000 + b"\r\n")
        await writer.drain()


async def floods_without_lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"\x00\xff\x1b" * 1000)
        await writer.drain()


async def never_ends_ehlo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello\r\n")
    await reader.readline()
    await says_nothing(reader, writer)


@pytest.mark.parametrize(
    "handler",
    [closes, closes_in_a_line, says_nothing, drips, drips_lines, floods, floods_without_lines, never_ends_ehlo],
)
async def test_whatever_a_server_does_the_climb_ends_in_time_and_is_down(handler: Handler) -> None:
    started = time.monotonic()
    finding = await climbed(handler, limits=SOON)
    assert time.monotonic() - started < SOON.total + 20, "and not for ever"
    assert outcome(finding.climb) == "down"
    assert tuple(outcomes(finding)) == RUNGS


async def test_a_server_that_says_nothing_is_told_so() -> None:
    assert detail(await climbed(says_nothing, limits=SOON), "banner") == "no answer within 0.5 s"
    assert detail(await climbed(closes), "banner") == "connection closed by the server"


OFFERS = {"EHLO": "250-mx1.example.org\n250-SIZE 100\n250 STARTTLS", "STARTTLS": "220 go ahead"}


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ssl.SSLContext]:
    """A server context whose certificate, for 127.0.0.1, this process trusts."""
    context, file = certificate(tmp_path, "127.0.0.1")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    tls.context.cache_clear()
    yield context
    tls.context.cache_clear()


async def test_a_verified_certificate_is_described(trusting: ssl.SSLContext) -> None:
    finding = await climbed(Script(OFFERS, trusting))
    assert outcomes(finding)["starttls"] == "passed"
    words = detail(finding, "starttls")
    assert words.startswith("TLSv1.3, certificate for 127.0.0.1, issued by Example Trust, expires ")
    assert finding.distrust == ""
    assert finding.climb.expires == expiry_of(Path(os.environ["SSL_CERT_FILE"]))


async def test_a_certificate_that_cannot_be_verified_is_a_detail_and_no_failure(tmp_path: Path) -> None:
    context, file = certificate(tmp_path, "127.0.0.1")
    server = Script(OFFERS, context)
    first = await climbed(server)
    assert outcome(first.climb) == "up"
    assert detail(first, "starttls") == "certificate not verified: self-signed certificate"
    again = await climbed(server, distrust=first.distrust)
    assert detail(again, "starttls") == "TLSv1.3, certificate not verified: self-signed certificate"
    assert (first.climb.expires, again.climb.expires) == (None, expiry_of(file))
    assert server.heard[-1] == "QUIT"


async def test_of_a_certificate_that_is_not_trusted_it_is_told_that_it_has_expired(tmp_path: Path) -> None:
    context, file = certificate(tmp_path, "127.0.0.1", days=-1)
    found = await climbed(Script(OFFERS, context), distrust="unable to get local issuer certificate")
    words = detail(found, "starttls")
    expired = time.strftime("%Y-%m-%d", time.gmtime(expiry_of(file)))
    assert words.endswith(f"certificate not verified: unable to get local issuer certificate, expired {expired}")


async def test_starttls_that_is_broken_is_degraded() -> None:
    refused = await climbed(Script({**OFFERS, "STARTTLS": "454 4.7.0 TLS not available"}))
    assert outcomes(refused)["starttls"] == "warning"
    assert detail(refused, "starttls") == "454 4.7.0 TLS not available"
    assert outcome(refused.climb) == "degraded"
    clear = await climbed(Script(OFFERS))
    assert outcomes(clear)["starttls"] == "warning"
    assert outcome(clear.climb) == "degraded"


async def test_the_next_exchanger_is_tried_and_said_to_stand_in() -> None:
    port = free_port()
    zone = {
        ("example.org", "MX"): ["10 mx1.example.org.", "20 mx3.example.org."],
        ("mx1.example.org", "A"): ["127.0.0.2"],
        ("mx3.example.org", "A"): ["127.0.0.3"],
    }
    async with name_server(zone) as (_, resolver), listening(Script({}), "127.0.0.3", port):
        lookup = Lookup(resolver, own_address=lambda _: False)
        finding = await probe(Primary("example.org", port, "mx", lookup_mx=True), lookup=lookup)
    assert finding.host == "mx3.example.org"
    assert outcome(finding.climb) == "degraded"
    assert detail(finding, "dns") == "MX 10 mx1.example.org: 127.0.0.2"
    assert (
        detail(finding, "tcp")
        == "mx3.example.org answers, but mx1.example.org (127.0.0.2: connection refused) does not"
    )


async def test_a_name_that_does_not_exist_fails_the_first_rung() -> None:
    async with name_server({}) as (_, resolver):
        finding = await probe(Primary("mx1.example.org", 25, "config"), lookup=Lookup(resolver))
    assert outcomes(finding)["dns"] == "failed"
    assert detail(finding, "dns") == "mx1.example.org does not exist in DNS"
    assert finding.host is None


async def test_names_that_only_dns_could_carry_do_not_break_a_climb(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path, "127.0.0.1")
    zone = {("x", "MX"): [r"10 \000\.\200evil."], (r"\000\.\200evil", "A"): ["127.0.0.1"]}
    async with name_server(zone) as (_, resolver), listening(Script(OFFERS, context)) as primary:
        lookup = Lookup(resolver, own_address=lambda _: False)
        finding = await probe(Primary("x", primary.port, "mx", lookup_mx=True), lookup=lookup)
    assert tuple(outcomes(finding)) == RUNGS
    assert outcomes(finding)["ehlo"] == "passed"


async def test_we_say_ehlo_with_our_own_name_whatever_it_is() -> None:
    server = Script({})
    async with listening(server) as primary:
        await climb(primary, Ourselves("bücher.example"), Lookup(), LIMITS)
    assert server.heard[0] == "EHLO b?cher.example"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection refused"),
        (TimeoutError(), "no answer in time"),
        (TimeoutError(errno.ETIMEDOUT, "x"), "connection timed out"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to the host"),
        (OSError(errno.ENOSPC, "No space left on device"), "no space left on device"),
        (EOFError(), "connection closed by the server"),
        (GarbledError("not an SMTP reply: x"), "not an SMTP reply: x"),
        (UnresolvedError("x does not exist in DNS"), "x does not exist in DNS"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), "TLS failed:"),
        (ValueError("y" * 999), "y" * LIMIT),
    ],
)
def test_failures_are_told_in_plain_words(error: Exception, words: str) -> None:
    assert explain(error).startswith(words)
    assert len(explain(error)) <= LIMIT
