"""Clients and primaries that are not ours: swaks, smtp-source, and a real Postfix as the primary."""

import hashlib
import random
import re
import subprocess
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from tests.conftest import PostfixFactory
from tests.primary.servers import certificate
from tests.service.serving import HOSTNAME, QUICK, Serve, less_received, marked, numbers
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postfix  # they come from Debian, as Postfix does


def ran(*argv: str) -> str:
    """What a client said; it has to succeed."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_swaks_delivers_over_tls(need_postfix: None, tmp_path: Path, primary: FakePrimary) -> None:
    primary.down()
    certificate(tmp_path, HOSTNAME)
    keys = ("--tls-certificate", str(tmp_path / "crt.pem"), "--tls-key", str(tmp_path / "key.pem"))
    with Serve(tmp_path, {"example.org": primary.port}, *keys) as backup:
        said = ran(
            "swaks", "--server", f"127.0.0.1:{backup.port}", "--tls", "--helo", "client.example",
            "--from", "a@example.com", "--to", "anna@example.org", "--header", "Subject: over TLS", "--body", "hello",
        )  # fmt: skip
        assert "=== TLS started with cipher" in said
        assert "<~  250 2.0.0" in said
        primary.up()
        wait_until(lambda: primary.accepted, what=backup.text)
        received = primary.accepted[0].content.partition(b"Date:")[0]
        assert b"with ESMTPS" in received
        assert b"client.example" in received


def test_smtp_source_sends_many_at_once_and_each_arrives_once(
    need_postfix: None, tmp_path: Path, primary: FakePrimary
) -> None:
    primary.down()
    with Serve(tmp_path, {"example.org": primary.port}) as backup:
        ran(
            "smtp-source", "-s", "20", "-m", "400", "-l", "4096", "-c", "-f", "a@example.com", "-t", "anna@example.org",
            f"inet:127.0.0.1:{backup.port}",
        )  # fmt: skip
        assert len(backup.spooled()["deferred"]) == 400
        primary.up()
        wait_until(lambda: len(primary.accepted) >= 400, what=backup.text[-2000:])
        wait_until(lambda: backup.is_at("standing by"))
    ids = [re.search(rb"\(mxtui\) with E?SMTP\w* id (\w+)", message.content) for message in primary.accepted]
    assert len({found[1] for found in ids if found}) == len(primary.accepted) == 400
    assert backup.spooled() == {}


def varied(chance: random.Random) -> list[bytes]:
    """Messages that a careless relay would change."""
    return [
        marked("dots", b".\r\n..\r\n.leading\r\nend\r\n"),
        marked("eight-bit", "Grüße, Приглашение\r\n".encode()),
        marked("long-line", b"x" * 900 + b"\r\n"),
        marked("no-body", b""),
        marked("large", b"".join(chance.randbytes(48).hex().encode() + b"\r\n" for _ in range(20_000))),
        b"X-Number: folded\r\nSubject: a\r\n b\r\n\tc\r\nX-Empty:\r\n\r\ntrailing  \r\n\r\n\r\n",
        *(marked(f"plain-{number}") for number in range(20)),
    ]


def test_a_real_postfix_as_primary_gets_each_message_once_and_byte_for_byte(
    postfix: PostfixFactory, tmp_path: Path, primary: FakePrimary
) -> None:
    """Behind Postfix a server of ours keeps what arrived: it has one Received field from each hop, and nothing else."""
    real = postfix(routes={"example.org": primary.port}, settings={"message_size_limit": "0"})
    real.stop()
    messages = varied(random.Random(7))
    with Serve(tmp_path, {"example.org": real.smtp_port}) as backup:
        for message in messages:
            with backup.smtp() as client:
                client.sendmail("sender@example.com", ["anna@example.org"], message)
        assert len(backup.spooled()["deferred"]) == len(messages)
        real.start()
        wait_until(lambda: len(primary.accepted) >= len(messages), what=backup.text[-3000:])
        wait_until(lambda: backup.is_at("standing by"), what=backup.text[-3000:])
        assert backup.spooled() == {}
    arrived = {less_received(less_received(each.content)) for each in primary.accepted}
    assert len(primary.accepted) == len(messages)
    assert {digest(each) for each in arrived} == {digest(each) for each in messages}
    assert numbers(primary).count("dots") == 1
    assert {each.sender for each in primary.accepted} == {"sender@example.com"}


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_what_the_real_primary_refuses_is_kept_and_nobody_is_told(postfix: PostfixFactory, tmp_path: Path) -> None:
    real: PrivatePostfix = postfix(routes={"example.org": 1})
    settings = f"{QUICK}\n"
    with Serve(tmp_path, {"refused.example": real.smtp_port}, "--standby", "off", settings=settings) as backup:
        backup.send_mail("anna@refused.example", marked(1))
        wait_until(lambda: backup.events("failed"), what=backup.text)
        assert list(backup.spooled()) == ["failed"]
        assert backup.stop() == 0
