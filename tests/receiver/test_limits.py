"""What clients cannot use up."""

import asyncio
from contextlib import suppress

import pytest

from mxtui.model.offers import Offers
from mxtui.receiver.settings import Limits
from tests.receiver.conftest import Serve
from tests.receiver.serving import settled


async def test_connections_past_the_limit_are_told_so_and_others_work_on(serve: Serve) -> None:
    running = await serve(limits=Limits(connections=3, connections_per_client=2))
    first = await running.greeted()
    await running.greeted()
    third = await running.knock()
    assert (await third.reply()).startswith("421 4.7.0")
    assert await third.closed_by_server()
    assert (await first.say("NOOP")).startswith("250")
    assert (await first.say("QUIT")).startswith("221")
    assert await first.closed_by_server()
    await running.greeted()
    counts = running.receiver.snapshot().counts
    assert (counts["connections"], counts["connections_refused"]) == (3, 1)


async def test_commands_that_lead_to_no_mail_are_bounded(serve: Serve) -> None:
    running = await serve(limits=Limits(idle_commands=10))
    client = await running.greeted()
    for _ in range(3):
        await client.mail()
        for _ in range(8):
            await client.all_well("NOOP")
    await client.all_well("RSET")
    await client.all_well("EHLO x")
    assert (await client.say("MAIL FROM:<a@example.com>")).startswith("421 4.7.0")
    assert await client.closed_by_server()


async def test_errors_are_bounded(serve: Serve) -> None:
    client = await (await serve(limits=Limits(errors=5))).greeted()
    await client.all_well("MAIL FROM:<a@example.com>")
    for number in range(5):
        assert (await client.say(f"RCPT TO:<{number}@elsewhere.example>")).startswith("550")
    assert (await client.reply()).startswith("421 4.7.0")
    assert await client.closed_by_server()


async def test_recipients_past_the_limit_are_for_another_message(serve: Serve) -> None:
    running = await serve(limits=Limits(recipients=3))
    client = await running.greeted()
    await client.all_well("MAIL FROM:<a@example.com>", *(f"RCPT TO:<{n}@example.org>" for n in range(3)))
    assert (await client.say("RCPT TO:<3@example.org>")).startswith("452 4.5.3")
    await client.say("DATA")
    assert (await client.message(b"x")).startswith("250")
    assert len(running.kept.envelopes[0].recipients) == 3


async def test_a_message_past_the_limit_is_refused_after_its_end(serve: Serve) -> None:
    running = await serve(limits=Limits(message_size=10_000))
    client = await running.begun()
    assert (await client.message(b"x" * 100 + (b"\r\n" + b"x" * 100) * 1000)).startswith("552 5.3.4")
    await client.mail()
    assert len(running.kept.envelopes) == 1
    assert running.receiver.snapshot().memory == 0


async def test_the_primarys_limit_is_ours(serve: Serve) -> None:
    running = await serve(offers=Offers(size=5000))
    client = await running.begun()
    assert (await client.message(b"x" * 5000)).startswith("552 5.3.4")


async def test_a_line_past_the_limit_in_a_message_is_refused(serve: Serve) -> None:
    running = await serve(limits=Limits(text_line=2000))
    client = await running.begun()
    assert (await client.message(b"x" * 100_000)).startswith("554 5.6.0")
    assert (await client.mail(b"x" * 1990)).startswith("250")


async def test_a_long_command_is_refused_and_an_endless_one_ends_the_session(serve: Serve) -> None:
    running = await serve()
    client = await running.greeted()
    assert (await client.say("NOOP " + "x" * 3000)).startswith("500 5.5.2")
    assert (await client.say("NOOP")).startswith("250")
    await client.send(b"x" * 300_000)
    assert (await client.reply()).startswith("500 5.5.2")
    assert await client.closed_by_server()


async def test_a_client_that_says_nothing_is_told_good_bye(serve: Serve) -> None:
    client = await (await serve(limits=Limits(idle=0.5))).greeted()
    assert (await client.reply()).startswith("421 4.4.2")
    assert await client.closed_by_server()


async def test_half_a_command_is_not_a_sign_of_life(serve: Serve) -> None:
    client = await (await serve(limits=Limits(idle=0.5))).greeted()

    async def drip() -> None:
        while True:
            await client.send(b"x")
            await asyncio.sleep(0.01)  # what is being tested: a byte now and then

    dripping = asyncio.create_task(drip())
    assert (await client.reply()).startswith("421 4.4.2")
    dripping.cancel()


async def test_a_message_that_stops_coming_is_given_up(serve: Serve) -> None:
    running = await serve(limits=Limits(data_idle=0.05))
    client = await running.begun()
    await client.send(b"Subject: x\r\n")
    assert (await client.reply()).startswith("421 4.4.2")
    assert await client.closed_by_server()
    assert running.kept.envelopes == []


async def test_a_message_that_drips_is_given_up(serve: Serve) -> None:
    """Slow-loris: each byte comes in time, and the whole never would."""
    running = await serve(limits=Limits(data_idle=0.3, data_rate=100_000))
    client = await running.begun()

    async def drip() -> None:
        while True:
            await client.send(b"x\r\n")
            await asyncio.sleep(0.01)  # what is being tested: a line now and then

    dripping = asyncio.create_task(drip())
    assert (await client.reply()).startswith("421 4.4.2")
    dripping.cancel()
    assert running.receiver.snapshot().memory == 0


async def test_a_session_ends_however_busy_it_is(serve: Serve) -> None:
    client = await (await serve(limits=Limits(session=0.5, idle_commands=10**6))).greeted()
    async with asyncio.timeout(60):
        while (reply := await client.say("NOOP")).startswith("250"):
            pass
    assert reply.startswith("421 4.4.2")


async def test_a_client_that_does_not_read_is_cut_off(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mxtui.receiver.connection.LINGER", 0.05)
    running = await serve(limits=Limits(idle=0.5, idle_commands=10**9))
    client = await running.greeted()
    client.reader._transport.pause_reading()  # type: ignore[attr-defined]
    noops = b"NOOP\r\n" * 10_000
    with suppress(ConnectionError):
        async with asyncio.timeout(60):
            while True:
                await client.send(noops)
    await settled(lambda: not running.receiver.snapshot().sessions)


async def test_without_room_mail_is_deferred_before_it_is_sent(serve: Serve) -> None:
    asked: list[int] = []

    def room(size: int) -> str:
        asked.append(size)
        return "5 bytes free" if size > 100 else ""

    running = await serve(room=room)
    client = await running.greeted()
    assert (await client.say("MAIL FROM:<a@example.com> SIZE=101")).startswith("452 4.3.1")
    await client.mail()
    assert asked == [101, 0]
    assert running.receiver.snapshot().counts["messages_deferred"] == 1
    assert running.logged("message_refused")[0]["why"] == "5 bytes free"


async def test_a_mail_that_was_in_a_loop_is_refused(serve: Serve) -> None:
    running = await serve(limits=Limits(received=5))
    client = await running.greeted()
    hop = b"Received: from a by b; x\r\n"
    assert (await client.mail(hop * 5)).startswith("250")
    assert (await client.mail(hop * 6)).startswith("554 5.4.6")
    own = b"Received: from a (b [192.0.2.1])\r\n\tby mx2.example.net (mxtui) with ESMTP id 1; x\r\n"
    assert (await client.mail(own * 3)).startswith("250")
    assert (await client.mail(own * 4)).startswith("554 5.4.6")
