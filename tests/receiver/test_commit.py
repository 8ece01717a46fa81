"""A 250 after the final dot means: it is on the disk. Nothing else does, and a 5yz is never about our own trouble."""

import asyncio
import errno
import socket
import struct
from dataclasses import replace

import pytest

from mxtui.receiver.recipients.verdict import Verdict
from tests.receiver.conftest import Serve
from tests.receiver.serving import SETTINGS, Client, Running, settled


async def test_the_answer_waits_for_the_disk(client: Client, running: Running) -> None:
    running.kept.gate.clear()
    await client.all_well("MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>")
    await client.say("DATA")
    answer = asyncio.create_task(client.message(b"x"))
    await running.kept.begun.wait()
    assert running.receiver.snapshot().committing == 1
    assert running.receiver.snapshot().memory > 0
    assert not answer.done()
    running.kept.gate.set()
    assert (await answer).startswith("250")
    assert running.receiver.snapshot().memory == 0


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), OSError(errno.EIO, "x"), ValueError("x"), MemoryError()]
)
async def test_whatever_goes_wrong_with_the_disk_the_client_tries_again(
    client: Client, running: Running, error: Exception
) -> None:
    running.kept.error = error
    assert (await client.mail()).startswith("451 4.3.0")
    assert [fields["level"] for _, fields in running.events if fields.get("level") != "info"] == ["error"]
    running.kept.error = None
    assert (await client.mail()).startswith("250")
    assert running.receiver.snapshot().counts["errors"] == 1
    assert len(running.kept.envelopes) == 1


async def test_whatever_goes_wrong_with_a_recipient_the_client_tries_again(client: Client, running: Running) -> None:
    await client.all_well("MAIL FROM:<a@example.com>")
    running.known.error = RuntimeError("secret \x1b[2J")
    reply = await client.say("RCPT TO:<b@example.org>")
    assert reply.startswith("451 4.3.0")
    assert "secret" not in reply
    running.known.error = None
    await client.all_well("RCPT TO:<b@example.org>")
    assert "\x1b" not in running.logged("error")[0]["error"]


async def test_a_message_that_broke_off_is_not_kept(running: Running) -> None:
    client = await running.begun()
    await client.send(b"Subject: half\r\n\r\nof it")
    client.close()
    await settled(lambda: not running.receiver.snapshot().sessions)
    assert running.kept.envelopes == []
    assert running.receiver.snapshot().memory == 0
    assert running.logged("lost_in_data")[0]["received"] == 22
    assert running.logged("error") == []


@pytest.mark.parametrize("reset", [True, False])
async def test_a_message_committed_for_a_client_that_left_stays(running: Running, reset: bool) -> None:
    """The duplicate that RFC 1047 is about: better two than none."""
    client = await running.begun()
    running.kept.gate.clear()
    await client.send(b"x\r\n.\r\n")
    await running.kept.begun.wait()
    if reset:
        lingering = struct.pack("ii", 1, 0)
        client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
    client.close()
    if reset:
        await settled(lambda: not running.receiver.snapshot().sessions)
    await running.greeted()
    running.kept.gate.set()
    await settled(lambda: running.logged("unanswered"))
    assert running.logged("unanswered")[0]["id"] == running.kept.envelopes[0].id
    assert running.receiver.snapshot().counts["unanswered"] == 1


async def test_stopping_finishes_and_answers_a_commit_under_way(running: Running) -> None:
    client = await running.begun()
    running.kept.gate.clear()
    await client.send(b"x\r\n.\r\n")
    await running.kept.begun.wait()
    stopping = asyncio.create_task(running.receiver.stop(grace=0))
    idle = asyncio.create_task(client.reply())
    await settled(lambda: not listening(running.port))
    assert not stopping.done()
    running.kept.gate.set()
    await stopping
    assert (await idle).startswith("250")
    assert (await client.reply()).startswith("421 4.3.2")
    assert await client.closed_by_server()
    assert len(running.kept.envelopes) == 1


async def test_stopping_says_good_bye_to_those_between_messages(running: Running) -> None:
    client = await running.greeted()
    other = await running.greeted()
    await other.all_well("MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>")
    await running.receiver.stop(grace=20)
    for each in (client, other):
        assert (await each.reply()).startswith("421 4.3.2")
        assert await each.closed_by_server()


async def test_stopping_waits_for_a_message_that_is_coming_in(running: Running) -> None:
    client = await running.begun()
    await client.send(b"first half\r\n")
    stopping = asyncio.create_task(running.receiver.stop(grace=20))
    await asyncio.sleep(0)
    assert (await client.message(b"second half")).startswith("250")
    await stopping
    assert running.kept.bodies == [b"first half\nsecond half\n"]


async def test_stopping_does_not_wait_for_ever(running: Running) -> None:
    client = await running.begun()
    await client.send(b"first half\r\n")
    await running.receiver.stop(grace=0)
    assert await client.reply() == ""
    assert running.kept.envelopes == []


async def test_a_recipient_that_the_primary_would_refuse_is_refused(client: Client, running: Running) -> None:
    running.known.verdicts["nobody"] = Verdict("bad", "550 no such user\x1b")
    await client.all_well("MAIL FROM:<a@example.com>")
    assert (await client.say("RCPT TO:<nobody@example.org>")).startswith("550 5.1.1")
    (refused,) = running.logged("recipient_refused")
    assert (refused["recipient"], refused["why"]) == ("nobody@example.org", "550 no such user␛")


async def test_a_recipient_nobody_can_tell_is_deferred(client: Client, running: Running) -> None:
    running.known.verdicts["who"] = Verdict("undecided", "connection refused")
    await client.all_well("MAIL FROM:<a@example.com>")
    assert (await client.say("RCPT TO:<who@example.org>")).startswith("451 4.4.3")


async def test_or_the_message_is_held_where_that_is_chosen(serve: Serve) -> None:
    running = await serve(settings=replace(SETTINGS, undecided="hold"))
    running.known.verdicts["who"] = Verdict("undecided", "connection refused")
    client = await running.greeted()
    await client.mail(recipient="who@example.org")
    await client.mail(recipient="known@example.org")
    assert running.kept.states == ["hold", "deferred"]
    assert running.kept.envelopes[0].why == "recipients could not be verified: connection refused"
    assert running.kept.envelopes[1].why == ""


async def test_while_the_primary_is_up_senders_are_sent_there(client: Client, running: Running) -> None:
    running.standby.health("example.org", "up", "mx1.example.org")
    await client.all_well("MAIL FROM:<a@example.com>")
    assert await client.say("RCPT TO:<b@example.org>") == "451 4.3.2 primary is up, send to mx1.example.org"
    assert (await client.say("RCPT TO:<b@elsewhere.example>")).startswith("550 5.7.1")
    running.standby.health("example.org", "down", "mx1.example.org")
    await client.all_well("RCPT TO:<b@example.org>")
    assert running.receiver.snapshot().counts["standing_by"] == 1
    assert running.known.expected == ["b@example.org"]


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def moving(domain: str) -> str:
    return f"migration of {domain}: new host" if domain == "example.org" else ""


async def test_new_mail_for_a_domain_that_moves_is_held_whatever_its_primary_is_at(serve: Serve) -> None:
    running = await serve(note=moving)
    running.standby.health("example.org", "up", "mx1.example.org")
    running.known.verdicts["who"] = Verdict("bad", "550 no such user")
    client = await running.greeted()
    await client.mail(recipient="who@example.org")
    assert running.kept.states == ["hold"]
    assert running.kept.envelopes[0].why == "migration of example.org: new host"


async def test_a_recipient_file_is_asked_about_it_all_the_same(serve: Serve) -> None:
    running = await serve(note=moving)
    running.known.asks = False
    running.known.verdicts["who"] = Verdict("bad", "not in the list")
    client = await running.greeted()
    await client.all_well("MAIL FROM:<a@example.com>")
    assert (await client.say("RCPT TO:<who@example.org>")).startswith("550 5.1.1")
