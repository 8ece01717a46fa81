"""Scanners as Debian ships them, and what becomes of a scan when they are not as they should be."""

import asyncio
import json
import os
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mxtui.config.readers import Scanning as Address
from mxtui.config.settings import Spam
from mxtui.model.envelope import Client
from mxtui.model.evidence import Submitted
from mxtui.scanning.pulse import Pulse, silent
from mxtui.scanning.rspamd import Rspamd
from mxtui.scanning.scanner import Scanner
from mxtui.scanning.spamassassin import SpamAssassin
from mxtui.scanning.where import Where
from tests.support.scanners import GTUBE, PASSWORD, Running, rspamd, sample, spamd
from tests.support.waiting import PATIENCE, wait_until

CLIENT = Client("203.0.113.7", "", "helo.example.net")
LETTER = b"From: ann@example.net\nTo: bob@example.org\nSubject: Friday\nMIME-Version: 1.0\n\nAt noon, as last week.\n"
JUNK = LETTER + b"\n" + GTUBE + b"\n"


def submitted(raw: bytes, *, sender: str = "ann@example.net") -> Submitted:
    return Submitted(raw, False, sender, ["bob@example.org"], CLIENT, 1_790_000_000.0, "4dKq7P2GzHz9xK")


def rspamd_at(running: Running, *, timeout: float = 30.0) -> Rspamd:
    controller = Where("127.0.0.1", running.controller)
    return Rspamd(Where("127.0.0.1", running.port), controller=controller, password=PASSWORD, timeout=timeout)


def spamassassin_at(running: Running, *, timeout: float = 30.0) -> SpamAssassin:
    return SpamAssassin(Where("127.0.0.1", running.port), timeout=timeout)


# -- as they are ------------------------------------------------------------------------------------------------------


async def test_rspamd_rejects_what_every_scanner_takes_for_spam(real_rspamd: Running) -> None:
    scan = await rspamd_at(real_rspamd).scan(submitted(JUNK))
    assert (scan.fault, scan.action) == ("", "reject")
    assert scan.score >= scan.required
    assert "GTUBE" in [each.name for each in scan.symbols]


@pytest.mark.parametrize("raw", [LETTER, JUNK, "spam", "nonspam"], ids=["letter", "gtube", "spam", "nonspam"])
async def test_rspamd_says_the_same_as_to_its_own_client(real_rspamd: Running, raw: bytes | str) -> None:
    message = sample(raw) if isinstance(raw, str) else raw
    scan = await rspamd_at(real_rspamd).scan(submitted(message))
    said = await asyncio.to_thread(
        subprocess.run,
        ["rspamc", "-h", f"127.0.0.1:{real_rspamd.port}", "--ip", CLIENT.address, "--helo", CLIENT.helo, "--from",
         "<ann@example.net>", "--rcpt", "<bob@example.org>"],
        input=message, capture_output=True, check=True, timeout=60,
    )  # fmt: skip
    told = said.stdout.decode()
    score = re.search(r"^Score: (\S+) / (\S+)$", told, re.MULTILINE)
    assert score is not None, told
    assert f"Action: {scan.action}\n" in told
    assert scan.score == pytest.approx(float(score[1]), abs=0.01)
    assert scan.required == float(score[2])
    theirs = dict(re.findall(r"^Symbol: (\w+) \((-?[\d.]+)\)", told, re.MULTILINE))
    assert {each.name for each in scan.symbols} == set(theirs)


async def test_spamassassin_tells_spam_from_ham(real_spamd: Running) -> None:
    scanner = spamassassin_at(real_spamd)
    spam, ham = await scanner.scan(submitted(sample("spam"))), await scanner.scan(submitted(sample("nonspam")))
    assert (spam.fault, spam.action, spam.required) == ("", "spam", 5.0)
    assert spam.score >= 1000
    assert (spam.symbols[0].name, spam.symbols[0].points) == ("GTUBE", 1000.0)
    assert (ham.fault, ham.action) == ("", "ham")


async def test_a_message_writes_no_rules_into_spamassassins_report() -> None:
    report = (
        b"Content preview:  hello\n---- ---------------------- ------\n-99 GOOD_NAME  of the message\n\n"
        b" pts rule name              description\n---- ---------------------- --------------------------------\n"
        b" 2.5 RULE_A                 BODY: \x1b[31mred\n-0.1 RULE_B                 words\n"
        b"                            [score: 1.0]\n1e5 NOT_ONE  x\n"
    )
    head = b"SPAMD/1.1 0 EX_OK\r\nContent-length: %d\r\nSpam: True ; 12.4 / 5.0\r\n\r\n" % len(report)
    async with behaving(answering(head + report)) as where:
        scan = await SpamAssassin(where).scan(submitted(LETTER))
    assert [(each.name, each.points) for each in scan.symbols] == [("RULE_A", 2.5), ("RULE_B", -0.1)]
    assert scan.symbols[0].detail.isprintable()


async def test_spamassassin_learns(real_spamd: Running) -> None:
    assert await spamassassin_at(real_spamd).learn(submitted(sample("spam")), spam=True) == ""
    assert await spamassassin_at(real_spamd).learn(submitted(sample("nonspam")), spam=False) == ""


def learns(running: Running) -> int:
    argv = ["rspamc", "-h", f"127.0.0.1:{running.controller}", "-P", PASSWORD, "stat"]
    told = subprocess.run(argv, capture_output=True, check=True, timeout=60).stdout.decode()
    return int(re.findall(r"^Total learns: (\d+)", told, re.MULTILINE)[0])


async def test_rspamd_learns_each_message_once(real_rspamd: Running) -> None:
    before = await asyncio.to_thread(learns, real_rspamd)
    prizes = b"".join(
        b"Claim prize number %d today: pills and casino credits for lucky winners.\n" % n for n in range(9)
    )
    for raw, spam in ((LETTER + prizes, True), (LETTER + prizes, True), (sample("nonspam"), False)):
        said = locked = "database is locked"
        async with asyncio.timeout(PATIENCE):
            while locked in said:  # Bayes in SQLite files, while rspamd itself tidies them
                said = await rspamd_at(real_rspamd).learn(submitted(raw), spam=spam)
        assert said == ""
    assert await asyncio.to_thread(learns, real_rspamd) == before + 2
    assert "learned nothing" in await rspamd_at(real_rspamd).learn(submitted(LETTER), spam=False)


async def test_a_message_is_taught_again_where_rspamd_was_busy_and_the_last_word_is_told() -> None:
    locked, learned = http({"error": "it is locked"}, "500 Fault"), http({})
    answers = iter([locked, learned, locked, locked, locked])

    async def busy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answering(next(answers))(reader, writer)

    async with behaving(busy) as where:
        assert await Rspamd(where).learn(submitted(LETTER), spam=True) == ""
        assert await Rspamd(where).learn(submitted(LETTER), spam=True) == "it answers 500: it is locked"
    assert next(answers, None) is None


async def test_rspamd_says_why_it_learns_nothing(real_rspamd: Running) -> None:
    stranger = Rspamd(Where("127.0.0.1", real_rspamd.controller), password="wrong", timeout=30)
    assert "it answers 401" in await stranger.learn(submitted(JUNK), spam=True)


@pytest.mark.parametrize(
    "sender", ["", "a\r\nQuit: now@example.net", "ö@example.net", "x" * 5000 + "@example.net", "\x1b[2J@example.net"]
)
async def test_no_envelope_makes_a_request_of_its_own(real_rspamd: Running, sender: str) -> None:
    assert (await rspamd_at(real_rspamd).scan(submitted(JUNK, sender=sender))).action == "reject"


async def test_scanners_that_run_answer_a_ping(real_rspamd: Running, real_spamd: Running) -> None:
    wanted = Spam(
        rspamd=Address("127.0.0.1", real_rspamd.port), spamassassin=Address("127.0.0.1", real_spamd.port)
    )  # fmt: skip
    assert await asyncio.to_thread(silent, wanted, 60.0) == ()


# -- as they are not to be --------------------------------------------------------------------------------------------

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def behaving(behaviour: Behaviour) -> AsyncIterator[Where]:
    tasks: set[asyncio.Task[None]] = set()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await behaviour(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield Where("127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(data: bytes) -> Behaviour:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1 << 16)
        writer.write(data)
        await writer.drain()
        writer.write_eof()
        await reader.read()

    return answer


async def hanging(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1 << 16)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b" " * 65536 + b"\r\n")
        await writer.drain()


async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"S")
        await writer.drain()
        await asyncio.sleep(0.01)


def http(body: object, status: str = "200 OK") -> bytes:
    return http_raw(json.dumps(body).encode(), status)


def http_raw(text: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text


KINDS: list[Callable[..., Scanner]] = [Rspamd, SpamAssassin]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (hanging, "no answer within"),
        (dripping, "no answer within"),
        (endless, ""),
        (answering(b""), "closed"),
        (answering(b"220 mail.example.org ESMTP\r\n"), "does not speak"),
        (answering(b"\x00\xff" * 500), "does not speak"),
        (answering(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\x1b[2J"), ""),
        (answering(http({"action": "no action"})), ""),
        (answering(http({"score": "a", "required_score": 1, "action": "reject"})), ""),
        (answering(http({"score": float("nan"), "required_score": 1, "action": "reject"})), ""),
        (answering(http({"score": 1e999, "required_score": 1, "action": "reject"})), ""),
        (answering(http({"error": "too \x1b[31mmany"}, "500 Trouble")), ""),
        (answering(b"SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\n\r\n"), ""),
        (answering(b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; inf / 5.0\r\n\r\n"), ""),
        (answering(http_raw(b'{"symbols": ' + b"[" * 200_000)), ""),
        (answering(http_raw(b'{"error": ' + b"[" * 4000, "500 Trouble")), ""),
        (answering(b"SPAMD/1.1 0 EX_OK\r\n" + b"a: b\r\n" * 150_000 + b"\r\n"), "does not speak"),
        (answering(b"SPAMD/1.1 75 EX_TEMPFAIL\r\n\r\n"), ""),
    ],
)
async def test_whatever_answers_there_mail_is_unscanned_and_never_clean(
    kind: Callable[..., Scanner], behaviour: Behaviour, said: str
) -> None:
    async with behaving(behaviour) as where:
        scan = await kind(where, timeout=0.5).scan(submitted(LETTER))
    assert not scan.scanned
    assert said in scan.fault
    assert scan.fault.isprintable()


@pytest.mark.parametrize("kind", KINDS)
async def test_one_that_is_down_is_named_with_its_address(kind: Callable[..., Scanner]) -> None:
    async with behaving(hanging) as where:
        pass
    scan = await kind(where).scan(submitted(LETTER))
    assert scan.fault == f"{scan.scanner} at {where}: connection refused"


async def test_a_name_that_is_no_hosts_is_a_fault_in_words() -> None:
    fault = (await Rspamd(Where("x" * 70 + ".example", 11333)).scan(submitted(LETTER))).fault
    assert "is no host's name" in fault


async def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    scan = await Rspamd(Where(path=str(tmp_path / "rspamd.sock"))).scan(submitted(LETTER))
    assert "no such file" in scan.fault


async def test_a_scanner_killed_in_the_middle_leaves_mail_unscanned() -> None:
    for start, make in ((rspamd, rspamd_at), (spamd, spamassassin_at)):
        with start() as running:
            scanner = make(running)
            assert (await scanner.scan(submitted(JUNK))).scanned
            os.killpg(running.process.pid, signal.SIGKILL)  # its workers, too
            running.process.wait()
            assert not (await scanner.scan(submitted(JUNK))).scanned


async def test_what_is_too_large_or_cut_short_is_not_sent() -> None:
    nowhere = Where("127.0.0.1", 1)
    assert "too large" in (await Rspamd(nowhere, largest=10).scan(submitted(LETTER))).fault
    cut = Submitted(LETTER, True, "", (), None, 0.0)
    assert "too large" in (await Rspamd(nowhere).scan(cut)).fault


async def test_hostile_words_of_a_scanner_are_made_safe() -> None:
    answer = {
        "score": 20.0, "required_score": 15.0, "action": "reject\x1b]0;x\x07",
        "symbols": {
            "A\x1b[31m": {"name": "A", "score": 3, "description": "[link=x]\u202e", "options": ["\x9b2J", {"a": 1}]}
        },
    }  # fmt: skip
    async with behaving(answering(http(answer))) as where:
        scan = await Rspamd(where).scan(submitted(LETTER))
    assert scan.scanned
    (symbol,) = scan.symbols
    assert all(text.isprintable() for text in (scan.action, symbol.name, symbol.title, symbol.detail))


# -- whether they answer at all ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (hanging, "no answer within 0.2 s"),
        (dripping, "no answer within 0.2 s"),
        (answering(b""), "does not speak"),
        (answering(b"220 mail.example.org ESMTP\r\n"), "does not speak"),
        (answering(b"HTTP/1.1 500 PONG\r\n\r\n"), "does not speak"),
        (answering(b"\x00" * 5000), "does not speak"),
    ],
)
async def test_what_does_not_answer_a_ping_as_a_scanner_does_is_silent(behaviour: Behaviour, said: str) -> None:
    async with behaving(behaviour) as where:
        wanted = Spam(rspamd=Address(where.host, where.port), spamassassin=Address(where.host, where.port))
        found = await asyncio.to_thread(silent, wanted, 0.2 if "within" in said else 60.0)
    assert [each.split(" at ")[0] for each in found] == ["rspamd", "spamassassin"]
    assert all(said in each for each in found)


async def test_one_that_is_down_is_silent_and_the_other_is_not() -> None:
    async with behaving(answering(b"SPAMD/1.5 0 PONG\r\n")) as there:
        wanted = Spam(rspamd=Address(path="/nowhere/rspamd.sock", host="", port=0), spamassassin=Address(*there[:2]))
        assert await asyncio.to_thread(silent, wanted, 60.0) == (
            "rspamd at /nowhere/rspamd.sock: no such file or directory",
        )


def test_where_no_scanner_is_configured_nobody_is_asked() -> None:
    assert silent(Spam()) == ()


async def test_who_watches_is_told_without_waiting() -> None:
    async with behaving(hanging) as where:
        pulse = Pulse(Spam(rspamd=Address(where.host, where.port), timeout=0.2), every=0.05)
        try:
            await asyncio.to_thread(wait_until, lambda: pulse.silent)
            assert pulse.silent == (f"rspamd at {where}: no answer within 0.2 s",)
        finally:
            pulse.close()
