"""Scanned between the last byte and the answer: what a scanner says decides; what it fails to say loses nothing."""

import asyncio
import socket
import struct

import pytest

from mxtui.model.screening import Rules
from mxtui.receiver.settings import Limits
from tests.receiver.conftest import Serve
from tests.receiver.serving import Running, settled
from tests.scanning.scripted import Scripted, gate


def saying(action: str) -> bytes:
    return f"Subject: x\r\nX-Action: {action}\r\n\r\nHello".encode()


@pytest.mark.parametrize(
    ("action", "reply", "state", "done"),
    [
        ("no action", "250 2.0.0", "deferred", "accept"),
        ("greylist", "250 2.0.0", "deferred", "accept"),
        ("an action of 2031", "250 2.0.0", "deferred", "accept"),
        ("add header", "250 2.0.0", "deferred", "tag"),
        ("rewrite subject", "250 2.0.0", "deferred", "tag"),
        ("quarantine", "250 2.0.0", "quarantine", "quarantine"),
        ("discard", "250 2.0.0", "quarantine", "quarantine"),
        ("soft reject", "451 4.7.1", None, None),
        ("reject", "554 5.7.1", None, None),
    ],
)
async def test_each_verdict_has_its_answer(
    serve: Serve, action: str, reply: str, state: str | None, done: str | None
) -> None:
    running = await serve(gate=gate(Scripted()))
    client = await running.greeted()
    assert (await client.mail(saying(action))).startswith(reply)
    assert running.kept.states == ([state] if state else [])
    assert [each.screened.action for each in running.kept.envelopes if each.screened] == ([done] if done else [])
    assert action in running.events[-1][1]["why" if state is None else "said"]
    assert (await client.mail(b"Subject: next\r\n\r\n")).startswith("250"), "the session goes on"


async def test_an_operator_says_what_is_done_for_a_verdict(serve: Serve) -> None:
    rules = Rules({"reject": "quarantine", "spam": "defer", "no action": "tag"}, spam_rejected=15.0)
    running = await serve(gate=gate(Scripted(), rules=rules))
    client = await running.greeted()
    for action in ("reject", "no action"):
        assert (await client.mail(saying(action))).startswith("250")
    assert running.kept.states == ["quarantine", "deferred"]
    running = await serve(gate=gate(Scripted("spamassassin"), rules=rules))
    client = await running.greeted()
    assert (await client.mail(saying("spam"))).startswith("554 5.7.1"), "16 points"


async def test_the_gravest_of_two_verdicts_counts(serve: Serve) -> None:
    rules = Rules({"spam": "quarantine"})
    running = await serve(gate=gate(Scripted(), Scripted("spamassassin"), rules=rules))
    client = await running.greeted()
    assert (await client.mail(saying("spam"))).startswith("250")
    (kept,) = running.kept.envelopes
    assert running.kept.states == ["quarantine"]
    assert kept.why == ("rspamd: spam, 16.0 of 15 (BAYES_SPAM 5.1); spamassassin: spam, 16.0 of 15 (BAYES_SPAM 5.1)")
    assert kept.screened is not None
    assert not kept.screened.unscanned


async def test_the_scanner_is_shown_what_is_stored(serve: Serve) -> None:
    scanner = Scripted()
    running = await serve(gate=gate(scanner))
    client = await running.greeted()
    await client.mail(b"Subject: x\r\n\r\n..dots\r\n" + b"x" * 900 + b"\r\n" + b"y\r\n" * 100_000)
    (seen,) = scanner.seen
    assert seen.raw == running.kept.contents[0]
    assert (seen.sender, tuple(seen.recipients)) == ("a@example.com", ("b@example.org",))
    assert seen.client is None, "it came from this host"
    assert seen.queue_id == running.kept.envelopes[0].id


async def test_a_scanner_that_is_down_costs_no_message(serve: Serve) -> None:
    scanner = Scripted(fault="connection refused")
    running = await serve(gate=gate(scanner))
    client = await running.greeted()
    for _ in range(5):
        assert (await client.mail(saying("reject"))).startswith("250")
    for kept in running.kept.envelopes:
        assert kept.screened is not None
        assert (kept.screened.action, kept.screened.pending) == ("accept", True)
        assert kept.screened.unscanned == "rspamd: connection refused"
    assert running.kept.states == ["deferred"] * 5
    assert len(scanner.seen) == 3, "then it is left alone for a while"


async def test_one_scanner_that_answers_is_heard_though_the_other_is_down(serve: Serve) -> None:
    running = await serve(gate=gate(Scripted(), Scripted("spamassassin", fault="down")))
    client = await running.greeted()
    assert (await client.mail(saying("reject"))).startswith("554")
    assert (await client.mail(saying("add header"))).startswith("250")
    (kept,) = running.kept.envelopes
    assert kept.screened is not None
    assert (kept.screened.action, kept.screened.unscanned) == ("tag", "spamassassin: down")
    assert kept.screened.pending


async def test_a_scanner_that_hangs_is_waited_for_only_so_long(serve: Serve) -> None:
    scanner = Scripted()
    scanner.open.clear()
    running = await serve(gate=gate(scanner, timeout=0.05))
    client = await running.greeted()
    assert (await client.mail(saying("reject"))).startswith("250")
    assert running.kept.envelopes[0].screened is not None
    assert running.kept.envelopes[0].screened.unscanned == "rspamd: no verdict within 0.05 s"
    assert scanner.at_once == 0


async def test_what_is_too_large_is_taken_as_it_is_and_not_for_later(serve: Serve) -> None:
    scanner = Scripted()
    running = await serve(gate=gate(scanner, largest=1000))
    client = await running.greeted()
    assert (await client.mail(b"x\r\n" * 1000)).startswith("250")
    assert not scanner.seen
    (kept,) = running.kept.envelopes
    assert kept.screened is not None
    assert kept.screened.unscanned.startswith("too large to be scanned")
    assert not kept.screened.pending


async def test_so_many_are_scanned_at_once_and_the_rest_waits(serve: Serve) -> None:
    scanner = Scripted()
    scanner.open.clear()
    made = gate(scanner, at_once=3)
    running = await serve(gate=made)
    clients = [await running.greeted() for _ in range(8)]
    asked = [asyncio.create_task(client.mail(saying("no action"))) for client in clients]
    await settled(lambda: scanner.at_once == 3)
    scanner.open.set()
    assert all(reply.startswith("250") for reply in await asyncio.gather(*asked))
    assert (scanner.most, len(scanner.seen)) == (3, 8)
    assert made.counts == {"scanned": 8, "clean": 8}


async def test_where_all_places_stay_taken_a_message_goes_unscanned(serve: Serve) -> None:
    scanner = Scripted()
    scanner.open.clear()
    running = await serve(gate=gate(scanner, at_once=1, timeout=0.3))
    one, other = await running.greeted(), await running.greeted()
    replies = await asyncio.gather(one.mail(saying("reject")), other.mail(saying("reject")))
    assert all(reply.startswith("250") for reply in replies)
    assert all(each.screened is not None and each.screened.pending for each in running.kept.envelopes)


async def test_memory_for_the_scan_is_part_of_the_bound(serve: Serve) -> None:
    scanner = Scripted()
    running = await serve(gate=gate(scanner), limits=Limits(memory=300_000, memory_per_client=300_000))
    client = await running.greeted()
    assert (await client.mail(b"x" * 998 + b"\r\n" + b"y\r\n" * 50_000)).startswith("250")
    assert not scanner.seen
    assert running.kept.envelopes[0].screened is not None
    assert running.kept.envelopes[0].screened.unscanned == "no memory to have it scanned"
    assert (await client.mail(b"y\r\n" * 1000)).startswith("250")
    assert len(scanner.seen) == 1
    assert running.receiver.snapshot().memory == 0


async def test_a_client_that_leaves_while_its_message_is_scanned_has_not_left_it(serve: Serve) -> None:
    scanner = Scripted()
    scanner.open.clear()
    running = await serve(gate=gate(scanner))
    client = await running.begun()
    await client.send(saying("no action") + b"\r\n.\r\n")
    await settled(lambda: scanner.at_once)
    lingering = struct.pack("ii", 1, 0)
    client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
    client.close()
    await settled(lambda: running.receiver.snapshot().sessions == 0)
    scanner.open.set()
    await settled(lambda: not scanner.at_once and running.receiver.snapshot().memory == 0)
    assert not running.kept.envelopes, "it was told nothing, and sends it again"


async def test_a_stop_waits_for_a_scan_and_answers(serve: Serve) -> None:
    scanner = Scripted()
    scanner.open.clear()
    running = await serve(gate=gate(scanner))
    client = await running.begun()
    await client.send(saying("no action") + b"\r\n.\r\n")
    await settled(lambda: scanner.at_once)
    stopping = asyncio.create_task(running.receiver.stop(30.0))
    scanner.open.set()
    assert (await client.reply()).startswith("250")
    assert (await client.reply()).startswith("421")
    await stopping
    assert len(running.kept.envelopes) == 1


async def test_a_stop_without_time_breaks_a_scan_off_before_anything_is_promised(serve: Serve) -> None:
    scanner = Scripted()
    scanner.open.clear()
    running = await serve(gate=gate(scanner))
    client = await running.begun()
    await client.send(saying("no action") + b"\r\n.\r\n")
    await settled(lambda: scanner.at_once)
    await running.receiver.stop(0)
    assert await client.reply() == ""
    assert not running.kept.envelopes
    assert running.receiver.snapshot().memory == 0


async def test_held_mail_that_is_spam_is_in_quarantine_and_not_released_with_the_rest(serve: Serve) -> None:
    running = await serve(gate=gate(Scripted()), note=lambda domain: f"migration of {domain}: moves")
    client = await running.greeted()
    assert (await client.mail(saying("quarantine"))).startswith("250")
    assert (await client.mail(saying("no action"))).startswith("250")
    assert running.kept.states == ["quarantine", "hold"]
    assert running.kept.envelopes[0].why.startswith("rspamd: quarantine")
    assert running.kept.envelopes[1].why == "migration of example.org: moves"


async def test_without_a_scanner_nothing_is_said_of_one(running: Running) -> None:
    client = await running.greeted()
    await client.mail()
    assert running.kept.envelopes[0].screened is None
