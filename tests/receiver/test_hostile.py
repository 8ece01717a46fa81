"""Clients that mean no good, and crowds."""

import asyncio
import gc
import os
import random
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mxtui.receiver.settings import MB, Limits
from tests.receiver.conftest import Serve
from tests.receiver.serving import Client, Running, settled, start

WORDS = [
    *(b"EHLO x\r\n", b"HELO x\r\n", b"MAIL FROM:<a@example.com>\r\n", b"RCPT TO:<b@example.org>\r\n", b"DATA\r\n"),
    *(b"MAIL FROM:<>", b" SIZE=99999999999999999999", b" NOTIFY=NEVER", b"\r\n", b"\n", b"\r", b".", b"\r\n.\r\n"),
    *(
        b"RSET\r\n",
        b"NOOP\r\n",
        b"VRFY x\r\n",
        b"STARTTLS\r\n",
        b"AUTH PLAIN\r\n",
        b"BDAT 5 LAST\r\n",
        b"\0",
        b"\xff\xfe",
    ),
    *(b"<" * 400, b'"' * 400, b"@a," * 200, b"x" * 5000, b"\x1b]0;x\x07", "ü".encode(), b" ", b"QUIT"),
]


@given(st.lists(st.sampled_from(WORDS) | st.binary(max_size=30), max_size=40), st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_stream_of_bytes_stops_the_server(parts: list[bytes], ends: bool) -> None:
    async def attack() -> None:
        running = await start(limits=Limits(errors=1000))
        try:
            client = await running.knock()
            client.writer.write(b"EHLO x\r\n" + b"".join(parts))
            if ends:
                client.writer.write_eof()
                assert await client.closed_by_server()
            await (await running.greeted()).mail()
            assert running.logged("error") == []
            for content in running.kept.contents:
                assert b"\r" not in content
            for envelope in running.kept.envelopes:
                assert all(each.address.isprintable() for each in envelope.recipients)
        finally:
            await running.stop()

    asyncio.run(attack())


async def test_ten_thousand_connections_one_after_the_other_leave_nothing(serve: Serve) -> None:
    running = await serve()
    chance = random.Random(1)
    gc.collect()
    before = resident()

    async def visit(number: int) -> None:
        client = await Client.connect(running.port)
        if number % 10 == 0:
            await client.reply()
            await client.say("EHLO x")
            assert (await client.mail()).startswith("250")
        elif number % 3 == 0:
            client.writer.write(chance.choice(WORDS))
        client.close()

    for start_at in range(0, 10_000, 20):
        await asyncio.gather(*(visit(number) for number in range(start_at, start_at + 20)))
    await (await running.greeted()).mail()
    assert len(running.kept.envelopes) == 1001
    await settled(lambda: running.receiver.snapshot().sessions == 1)
    gc.collect()
    assert resident() - before < 30 * MB
    assert running.logged("error") == []


@pytest.fixture
def many_files() -> Iterator[None]:
    """Both ends of a thousand connections are in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_thousand_at_once_are_answered_or_turned_away(serve: Serve, many_files: None) -> None:
    running = await serve(limits=Limits(connections=300, connections_per_client=250))
    clients = await asyncio.gather(*(running.knock() for _ in range(1000)))
    greetings = await asyncio.gather(*(client.reply() for client in clients))
    assert sum(greeting.startswith("220 ") for greeting in greetings) == 250
    assert sum(greeting.startswith("421 4.") for greeting in greetings) == 750
    served = [client for client, greeting in zip(clients, greetings, strict=True) if greeting.startswith("220 ")]
    await asyncio.gather(*(client.say("EHLO x") for client in served))
    answers = await asyncio.gather(*(client.mail() for client in served))
    assert all(answer.startswith("250") for answer in answers)
    for client in clients:
        client.close()
    await settled(lambda: not running.receiver.snapshot().sessions)
    await (await running.greeted()).mail()


async def test_large_messages_at_once_stay_within_memory_and_the_rest_is_deferred(serve: Serve) -> None:
    """20 × 25 MB against 256 MB, no sizes announced: what does not fit is let go of as soon as it is seen not to."""
    running = await serve(limits=Limits(memory_per_client=256 * MB))
    piece = (b"x" * 998 + b"\r\n") * 50
    pieces = 25 * MB // len(piece)
    running.kept.gate.clear()
    gc.collect()
    before = resident()
    worst = before

    async def deliver(client: Client) -> str:
        nonlocal worst
        for number in range(pieces):
            await client.send(piece)
            if number % 20 == 0:
                worst = max(worst, resident())
        return await client.message(b"end")

    clients = [await running.begun() for _ in range(20)]
    delivering = [asyncio.create_task(deliver(client)) for client in clients]
    await settled(lambda: sum(task.done() for task in delivering) + running.receiver.snapshot().committing == 20, 0.01)
    worst = max(worst, resident())
    running.kept.gate.set()
    replies = await asyncio.gather(*delivering)
    taken = sum(reply.startswith("250") for reply in replies)
    assert taken >= 8
    assert sum(reply.startswith("452 4.3.1") for reply in replies) == 20 - taken
    assert running.receiver.snapshot().memory_peak <= 256 * MB
    assert running.receiver.snapshot().memory == 0
    print(f"{taken} of 20 taken, {(worst - before) // MB} MB more in use at the worst")
    assert worst - before < 256 * MB + 100 * MB


async def test_large_messages_that_announce_their_size_are_deferred_before_they_are_sent(serve: Serve) -> None:
    running = await serve(limits=Limits(memory=100 * MB, memory_per_client=100 * MB))
    clients = [await running.greeted() for _ in range(20)]
    taken = []
    for client in clients:
        reply = await client.say(f"MAIL FROM:<a@example.com> SIZE={25 * MB}")
        if reply.startswith("250"):
            await client.all_well("RCPT TO:<b@example.org>")
            assert (await client.say("DATA")).startswith("354")
            taken.append(client)
        else:
            assert reply.startswith("452 4.3.1")
    assert len(taken) == 4
    for client in taken:
        assert (await client.message(b"small after all")).startswith("250")
    assert (await clients[-1].say(f"MAIL FROM:<a@example.com> SIZE={25 * MB}")).startswith("250")


async def test_one_client_cannot_take_all_the_memory(serve: Serve) -> None:
    running = await serve(limits=Limits(memory=100 * MB, memory_per_client=50 * MB, message_size=30 * MB))
    client = await running.greeted()
    await client.all_well(f"MAIL FROM:<a@example.com> SIZE={30 * MB}", "RCPT TO:<b@example.org>")
    await client.say("DATA")
    other = await running.greeted()
    assert (await other.say(f"MAIL FROM:<a@example.com> SIZE={30 * MB}")).startswith("452 4.3.1")


async def test_memory_that_runs_out_between_mail_and_data_is_noticed(serve: Serve) -> None:
    running = await serve(limits=Limits(memory=50 * MB, memory_per_client=50 * MB))
    clients = [await running.greeted() for _ in range(2)]
    for client in clients:
        await client.all_well(f"MAIL FROM:<a@example.com> SIZE={30 * MB}", "RCPT TO:<b@example.org>")
    assert (await clients[0].say("DATA")).startswith("354")
    assert (await clients[1].say("DATA")).startswith("452 4.3.1")
    await clients[0].message(b"x")
    assert (await clients[1].say("DATA")).startswith("354")


def resident() -> int:
    """Bytes."""
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize("sequence", [b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\n.\r"])
async def test_a_smuggled_message_stays_part_of_the_one_it_is_in(running: Running, sequence: bytes) -> None:
    client = await running.begun()
    smuggled = b"MAIL FROM:<admin@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
    assert (await client.message(b"Subject: outer\r\n\r\nbody" + sequence + smuggled)).startswith("250")
    assert (await client.say("NOOP")).startswith("250")
    (envelope,) = running.kept.envelopes
    assert envelope.subject == "outer"
    (body,) = running.kept.bodies
    assert b"Subject: smuggled\n" in body
    assert b"\r" not in body
    assert b"\n.\n" not in body
