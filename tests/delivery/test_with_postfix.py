"""A real Postfix as primary: every message arrives once, byte for byte as it was but for the line that Postfix adds."""

import re
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.model.envelope import Client
from mxtui.queues.spool.store import Spool
from tests.conftest import PostfixFactory
from tests.delivery.spooling import at_work, commit, make_spool, until

pytestmark = pytest.mark.postfix

LETTERS = {
    "plain": b"Subject: plain\n\nbody\n",
    "dots": b"Subject: dots\n\n.\n..\n...three\n.\n",
    "eight": "Subject: eight bits\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
    "Content-Transfer-Encoding: 8bit\n\nGrüße, ✓\n".encode(),
    "long": b"Subject: long lines\n\n" + b"x" * 900 + b"\n" + b"y" * 997 + b"\n",
    "empty": b"Subject: empty\n\n",
    "spaces": b"Subject: spaces\n folded\n\n\n\n trailing \t\n\n\n",
    "large": b"Subject: large\n\n" + b"0123456789 abcdefghijklmnopqrstuvwxyz .\n.\n" * 50_000,
    "last": b"Subject: ends without a line end\n\nlast",
}


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return make_spool(tmp_path)


async def test_every_message_arrives_byte_for_byte_and_once(
    spool: Spool, postfix: PostfixFactory, primary: FakePrimary
) -> None:
    instance = postfix(
        routes={"example.org": primary.port},
        settings={"myhostname": "mx1.example.org", "message_size_limit": "20000000"},
    )
    for name, content in LETTERS.items():
        for number in range(10):
            commit(spool, f"{name}{number}@example.org", content=content, body="8BITMIME" if name == "eight" else "")
    utf8 = "Subject: Grüße\n\nx\n".encode()
    commit(spool, "jos\u00e9@example.org", content=utf8, smtputf8=True)
    count = 10 * len(LETTERS) + 1
    async with at_work(spool, {"example.org": instance.smtp_port}, retry=600.0) as work:
        await until(lambda: not work.left(), 30.0)
        assert work.events.of("deferred") == []
    await until(lambda: len(primary.accepted) == count, 30.0)
    arrived = {message.recipients[0]: message for message in primary.accepted}
    assert len(arrived) == count
    for address, message in arrived.items():
        received, rest = _without_received(message.content)
        name = re.split(r"[\d@]", address)[0]
        stored = LETTERS.get(name, utf8)
        assert rest == _crlf(stored), name
        assert b"client.example.com" in received, "Postfix was told the real client"
        assert b"192.0.2.9" in received


async def test_each_message_arrives_with_its_own_client(
    spool: Spool, postfix: PostfixFactory, primary: FakePrimary
) -> None:
    settings = {"myhostname": "mx1.example.org", "inet_protocols": "all"}
    instance = postfix(routes={"example.org": primary.port}, settings=settings)
    for number in range(6):
        client = Client(f"192.0.2.{number + 1}", f"c{number}.example.com", f"helo{number}.example.com", "ESMTP")
        commit(spool, f"user{number}@example.org", client=client)
    commit(spool, "v6@example.org", client=Client("2001:db8::5", "", "", "SMTP"))
    commit(spool, "nobody@example.org", client=Client(""))
    async with at_work(spool, {"example.org": instance.smtp_port}, connections=1) as work:
        await until(lambda: not work.left())
    await until(lambda: len(primary.accepted) == 8)
    received = {message.recipients[0]: _without_received(message.content)[0] for message in primary.accepted}
    for number in range(6):
        line = received[f"user{number}@example.org"]
        assert f"helo{number}.example.com (c{number}.example.com [192.0.2.{number + 1}])".encode() in line
    assert b"[IPv6:2001:db8::5]" in received["v6@example.org"]
    assert b"192.0.2." not in received["nobody@example.org"]


async def test_a_postfix_that_knows_no_such_user_has_it_in_failed(
    spool: Spool, postfix: PostfixFactory, primary: FakePrimary
) -> None:
    instance = postfix(routes={"example.org": primary.port}, settings={"myhostname": "mx1.example.org"})
    made = commit(spool, "good@example.org", "bad@elsewhere.example")
    routes = {"example.org": instance.smtp_port, "elsewhere.example": instance.smtp_port}
    async with at_work(spool, routes) as work:
        await until(lambda: work.state(made.id) == "failed")
        good, bad = work.stored(made.id).recipients
    assert (good.fate, bad.fate) == ("delivered", "refused")
    assert bad.text.startswith("554 5.7.1 <bad@elsewhere.example>: Relay access denied")


def _crlf(stored: bytes) -> bytes:
    return stored.replace(b"\n", b"\r\n") + (b"" if stored.endswith(b"\n") else b"\r\n")


def _without_received(content: bytes) -> tuple[bytes, bytes]:
    """The first Received line, unfolded, and the rest."""
    found = re.match(rb"Received: (?:.*\r\n)(?:[ \t].*\r\n)*", content)
    assert found is not None
    return found[0], content[found.end() :]
