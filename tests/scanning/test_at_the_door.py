"""`serve` with rspamd and SpamAssassin as Debian ships them."""

import asyncio
import smtplib
import socket
import time
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.scanning.rspamd import Rspamd
from mxtui.scanning.scanner import Scanner
from mxtui.scanning.spamassassin import SpamAssassin
from mxtui.scanning.where import Where
from tests.delivery.spooling import until
from tests.service.test_scanning import Serving
from tests.support.scanners import GTUBE, Running

NOWHERE = Where("127.0.0.1", 9)


@pytest.fixture
def rspamd_at(real_rspamd: Running) -> Where:
    return Where("127.0.0.1", real_rspamd.port)


@pytest.fixture
def spamd_at(real_spamd: Running) -> Where:
    return Where("127.0.0.1", real_spamd.port)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))
    monkeypatch.setattr("mxtui.scanning.gate.REST", 0.0)
    monkeypatch.setattr("mxtui.delivery.screening.FIRST", 0.2)


def letter(body: bytes) -> bytes:
    return (
        b"From: Anna <anna@example.com>\r\nTo: bob@example.org\r\nSubject: The minutes of Tuesday\r\n"
        b"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n\r\n" + body + b"\r\n"
    )


async def send(serving: Serving, body: bytes) -> str:
    def hand_in() -> str:
        with smtplib.SMTP("127.0.0.1", serving.port, "localhost", timeout=60) as client:
            try:
                client.sendmail("anna@example.com", ["bob@example.org"], letter(body))
            except smtplib.SMTPDataError as error:
                return f"{error.smtp_code} {error.smtp_error!r}"
            return "250"

    return await asyncio.to_thread(hand_in)


async def test_rspamd_refuses_at_the_door_what_it_would_refuse_at_the_primary(
    tmp_path: Path, primary: FakePrimary, rspamd_at: Where
) -> None:
    primary.down()
    async with Serving(tmp_path, primary, Rspamd(rspamd_at)).running() as serving:
        assert (await send(serving, GTUBE)).startswith("554 b'5.7.1")
        assert await send(serving, b"The minutes are attached, see you on Thursday.") == "250"
        assert serving.states() == {"deferred": 1}
        (refused,) = serving.log.of("message_refused")
        assert "GTUBE" in str(refused["why"])
        serving.config.write_text(serving.config.read_text() + '[serve.scan.actions]\n"reject" = "quarantine"\n')
        serving.service.reload()
        await until(lambda: serving.log.of("reloaded"))
        assert await send(serving, GTUBE) == "250"
        assert serving.states() == {"deferred": 1, "quarantine": 1}


async def test_spamassassin_tags_and_refuses_from_so_many_points_on(
    tmp_path: Path, primary: FakePrimary, spamd_at: Where
) -> None:
    async with Serving(tmp_path, primary, SpamAssassin(spamd_at)).running() as serving:
        assert await send(serving, GTUBE) == "250"
        await until(lambda: primary.accepted, 40)
        assert primary.accepted[0].content.startswith(
            b"X-Spam-Flag: YES\r\nX-Mxtui-Evidence: mx2.example.net; tag; spamassassin: spam, "
        )
        serving.config.write_text(serving.config.read_text() + "[serve.scan]\nspamassassin_reject = 15\n")
        serving.service.reload()
        await until(lambda: serving.log.of("reloaded"))
        assert (await send(serving, GTUBE)).startswith("554")


@pytest.mark.parametrize("kind", [Rspamd, SpamAssassin])
@pytest.mark.parametrize("trouble", ["down", "hangs"])
async def test_what_a_scanner_could_not_see_it_sees_before_it_goes_on(
    tmp_path: Path, primary: FakePrimary, rspamd_at: Where, spamd_at: Where, kind: type[Scanner], trouble: str
) -> None:
    there = rspamd_at if kind is Rspamd else spamd_at
    rules = '[serve.scan]\ntimeout = "1s"\n[serve.scan.actions]\n"spam" = "quarantine"\n'
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        scanner = kind(NOWHERE if trouble == "down" else Where("127.0.0.1", deaf.getsockname()[1]))
        async with Serving(tmp_path, primary, scanner, settings=rules).running() as serving:
            for body in (GTUBE, b"The minutes are attached."):
                began = time.monotonic()
                assert await send(serving, body) == "250"
                assert time.monotonic() - began < 5
            await until(lambda: len(serving.log.of("waits_for_scan")) >= 2, 40)
            assert not primary.accepted
            scanner.where = there
            await until(lambda: primary.accepted and serving.states() == {"quarantine": 1}, 40)
    assert len(primary.accepted) == 1
    assert b"The minutes" in primary.accepted[0].content
