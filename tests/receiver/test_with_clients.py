"""Clients that others wrote, and the real spool: smtplib, swaks, and Postfix's smtp-source."""

import asyncio
import hashlib
import smtplib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from mxtui.queues.spool.committer import Committer
from mxtui.queues.spool.store import Spool
from tests.receiver.conftest import Serve
from tests.receiver.serving import SETTINGS, Running, without_trace
from tests.receiver.test_starttls import make_certificate

pytestmark = pytest.mark.postfix  # they come from Debian, as Postfix does


@dataclass
class Spooling:
    running: Running
    spool: Spool

    @property
    def port(self) -> int:
        return self.running.port


@pytest.fixture
async def spooling(serve: Serve, tmp_path: Path) -> AsyncIterator[Spooling]:
    """A receiver with a certificate, on a spool."""
    spool = Spool.open(tmp_path / "spool", create=True, hostname="mx2.example.net")
    committer = Committer(spool)
    settings = replace(SETTINGS, certificate=make_certificate(tmp_path, "mx2.example.net"))
    running = await serve(settings=settings, committer=committer)
    yield Spooling(running, spool)
    await running.stop()
    await committer.close()


@pytest.fixture
def program(need_postfix: None) -> None:
    """Debian's postfix and swaks are there, or the test skips (and fails in CI)."""


async def run(*argv: str, data: bytes = b"") -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate(data)
    assert process.returncode is not None
    return process.returncode, output.decode(errors="replace")


async def test_smtplib_delivers_into_the_spool(spooling: Spooling) -> None:
    message = EmailMessage()
    message["Subject"] = "Grüße"
    message.set_content("Hallo\n.\nWelt\n")

    def deliver() -> None:
        with smtplib.SMTP("127.0.0.1", spooling.port, "localhost") as client:
            client.send_message(message, "a@example.com", ["b@example.org", "c@example.org"])

    await asyncio.to_thread(deliver)
    (envelope,) = spooling.spool.envelopes("deferred")
    stored = spooling.spool.content(envelope.id, 10**6)
    assert without_trace(stored) == message.as_bytes()
    assert hashlib.sha256(stored).hexdigest() == envelope.sha256
    assert envelope.size == len(stored)
    assert envelope.subject == "Grüße"
    assert [each.address for each in envelope.recipients] == ["b@example.org", "c@example.org"]


async def test_swaks_delivers_over_tls_with_pipelining(spooling: Spooling, program: None) -> None:
    status, said = await run(
        *("swaks", "--server", f"127.0.0.1:{spooling.port}", "--tls", "--pipeline", "--ehlo", "client.example.com"),
        *("--from", "a@example.com", "--to", "b@example.org,c@example.org", "--header", "Subject: from swaks"),
    )
    assert status == 0, said
    (envelope,) = spooling.spool.envelopes("deferred")
    assert envelope.subject == "from swaks"
    assert envelope.client.protocol == "ESMTPS"
    assert envelope.client.tls
    status, said = await run("swaks", "--server", f"127.0.0.1:{spooling.port}", "--to", "x@elsewhere.example")
    assert status == 24, said  # no recipient was taken
    assert "550 5.7.1" in said


async def test_smtp_source_delivers_a_flood_and_every_message_is_there(spooling: Spooling, program: None) -> None:
    argv = ("smtp-source", "-s", "20", "-l", "4096", "-m", "500", "-f", "a@example.com", "-t", "b@example.org")
    status, said = await run(*argv, f"127.0.0.1:{spooling.port}")
    assert (status, said) == (0, "")
    envelopes = list(spooling.spool.envelopes("deferred"))
    assert len({envelope.id for envelope in envelopes}) == 500
    for envelope in envelopes[::50]:
        content = spooling.spool.content(envelope.id, 10**6)
        assert hashlib.sha256(content).hexdigest() == envelope.sha256


async def test_a_session_of_many_messages_is_taken(spooling: Spooling, program: None) -> None:
    argv = (
        "smtp-source",
        "-d",
        "-s",
        "5",
        "-r",
        "3",
        "-l",
        "1000000",
        "-m",
        "30",
        "-f",
        "a@b.example",
        "-t",
        "b@example.org",
    )
    status, said = await run(*argv, f"127.0.0.1:{spooling.port}")
    assert (status, said) == (0, "")
    assert sum(1 for _ in spooling.spool.ids("deferred")) == 30
