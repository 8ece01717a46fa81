"""A session, command by command."""

import re
from dataclasses import replace

import pytest

from mxtui.model.offers import Offers
from mxtui.receiver.settings import CONSERVATIVE, Limits
from tests.receiver.conftest import Serve
from tests.receiver.serving import SETTINGS, Client, Running


async def test_a_message_is_taken_and_kept_with_its_envelope(running: Running) -> None:
    client = await running.greeted()
    reply = await client.mail(b"Subject: Hello\r\n\r\nHi\r\n..dot")
    (envelope,) = running.kept.envelopes
    assert reply == f"250 2.0.0 Ok: queued as {envelope.id}"
    assert running.kept.bodies == [b"Subject: Hello\n\nHi\n.dot\n"]
    assert running.kept.states == ["deferred"]
    assert (envelope.sender, [each.address for each in envelope.recipients]) == ("a@example.com", ["b@example.org"])
    assert envelope.subject == "Hello"
    assert envelope.size == len(running.kept.contents[0])
    assert envelope.expires - envelope.arrival == 5 * 86400
    assert (envelope.client.address, envelope.client.helo) == ("127.0.0.1", "client.example.com")
    assert envelope.client.protocol == "ESMTP"
    trace = running.kept.contents[0].decode()
    assert f"with ESMTP id {envelope.id}\n\tfor <b@example.org>;" in trace
    assert "Return-Path" not in trace
    assert (await client.say("QUIT")).startswith("221 2.0.0 ")
    assert await client.closed_by_server()
    (received,) = running.logged("received")
    assert received["id"] == envelope.id


async def test_the_same_session_takes_another_message(client: Client, running: Running) -> None:
    for number in range(3):
        await client.mail(b"Subject: %d\r\n" % number)
    assert [envelope.subject for envelope in running.kept.envelopes] == ["0", "1", "2"]
    assert len({envelope.id for envelope in running.kept.envelopes}) == 3
    assert running.receiver.snapshot().counts["messages"] == 3


async def test_an_old_client_says_helo(running: Running) -> None:
    client = await running.connect()
    assert await client.say("HELO old.example.com") == "250 mx2.example.net"
    assert (await client.say("MAIL FROM:<a@example.com> SIZE=1")).startswith("555 5.5.4")
    await client.mail()
    assert running.kept.envelopes[0].client.protocol == "SMTP"


async def test_ehlo_offers_what_primary_and_we_can(serve: Serve) -> None:
    running = await serve(offers=Offers(frozenset({"8BITMIME", "DSN", "CHUNKING", "XCLIENT"}), 1000))
    client = await running.connect()
    reply = (await client.say("EHLO x")).split("\n")
    assert reply[0] == "250-mx2.example.net"
    assert {line[4:] for line in reply[1:]} == {"PIPELINING", "SIZE 1000", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES"}


async def test_of_an_unknown_primary_little_is_promised(serve: Serve) -> None:
    client = await (await serve(offers=CONSERVATIVE)).connect()
    reply = (await client.say("EHLO x")).split("\n")
    assert {line[4:] for line in reply[1:]} == {"PIPELINING", "SIZE 10240000", "ENHANCEDSTATUSCODES"}
    assert (await client.say("MAIL FROM:<a@example.com> BODY=8BITMIME")).startswith("555 5.5.4")
    assert (await client.say("MAIL FROM:<a@example.com> SMTPUTF8")).startswith("555 5.5.4")
    assert (await client.say("MAIL FROM:<a@example.com> RET=FULL")).startswith("555 5.5.4")


async def test_offers_change_from_the_next_ehlo_on(client: Client, running: Running) -> None:
    running.receiver.set_offers(CONSERVATIVE)
    assert (await client.say("MAIL FROM:<a@example.com> BODY=8BITMIME")).startswith("250 ")
    assert "8BITMIME" not in await client.say("EHLO x")


async def test_dsn_parameters_are_kept_byte_for_byte(client: Client, running: Running) -> None:
    await client.all_well(
        "MAIL FROM:<a@example.com> RET=HDRS ENVID=Ab+3Dc BODY=8BITMIME",
        "RCPT TO:<b@example.org> NOTIFY=Delay,FAILURE ORCPT=rfc822;Bob@Example.org",
        "RCPT TO:<c@example.org>",
    )
    await client.say("DATA")
    await client.message(b"x")
    (envelope,) = running.kept.envelopes
    assert (envelope.ret, envelope.envid, envelope.body) == ("HDRS", "Ab+3Dc", "8BITMIME")
    assert [(each.notify, each.orcpt) for each in envelope.recipients] == [
        ("Delay,FAILURE", "rfc822;Bob@Example.org"),
        ("", ""),
    ]
    assert b"\tfor " not in running.kept.contents[0]


async def test_internationalised_mail_says_so(client: Client, running: Running) -> None:
    assert (await client.say("MAIL FROM:<jörg@example.com>")).startswith("553 5.6.7")
    await client.all_well("MAIL FROM:<jörg@example.com> SMTPUTF8", "RCPT TO:<büro@bücher.example>")
    await client.say("DATA")
    await client.message("Subject: Grüße".encode())
    (envelope,) = running.kept.envelopes
    assert envelope.smtputf8
    assert (envelope.sender, envelope.recipients[0].address) == ("jörg@example.com", "büro@bücher.example")
    assert envelope.client.protocol == "UTF8SMTP"
    await client.all_well("MAIL FROM:<a@example.com>")
    assert (await client.say("RCPT TO:<büro@example.org>")).startswith("553 5.6.7")


async def test_commands_may_be_pipelined(client: Client, running: Running) -> None:
    await client.send(
        b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nRCPT TO:<c@nowhere.example>\r\nDATA\r\n",
    )
    replies = [(await client.reply())[:3] for _ in range(4)]
    assert replies == ["250", "250", "550", "354"]
    await client.send(b"one\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
    assert [(await client.reply())[:3] for _ in range(4)] == ["250", "250", "250", "354"]
    await client.send(b"two\r\n.\r\nQUIT\r\n")
    assert [(await client.reply())[:3] for _ in range(2)] == ["250", "221"]
    assert running.kept.bodies == [b"one\n", b"two\n"]
    assert running.kept.envelopes[1].sender == ""


async def test_a_client_that_closes_its_half_still_gets_its_answers(running: Running) -> None:
    client = await running.connect()
    await client.send(
        b"EHLO x\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n",
    )
    client.writer.write_eof()
    assert [(await client.reply())[:3] for _ in range(6)] == ["250", "250", "250", "354", "250", "221"]
    assert len(running.kept.envelopes) == 1


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("", "500 5.5.2"),
        ("FOO", "500 5.5.2"),
        ("MAIL", "501 5.1.7"),
        ("MAIL TO:<a@example.com>", "501 5.1.7"),
        ("MAIL FROM:a@example.com", "501 5.1.7"),
        ("MAIL FROM:<a@example.com", "501 5.1.7"),
        ("MAIL FROM:<a@example.com>x", "501 5.5.4"),
        ("MAIL FROM:<a@example.com> AUTH=<>", "555 5.5.4"),
        ("MAIL FROM:<a@example.com> BY=120;R", "555 5.5.4"),
        ("MAIL FROM:<a@example.com> REQUIRETLS", "555 5.5.4"),
        ("RCPT TO:<b@example.org>", "503 5.5.1"),
        ("DATA", "503 5.5.1"),
        ("DATA now", "501 5.5.4"),
        ("RSET x", "501 5.5.4"),
        ("QUIT x", "501 5.5.4"),
        ("EHLO", "501 5.5.4"),
        ("HELO", "501 5.5.4"),
        ("VRFY", "501 5.5.4"),
        ("VRFY root", "252 2.0.0"),
        ("VRFY b@example.org", "252 2.0.0"),
        ("EXPN list", "502 5.5.1"),
        ("AUTH PLAIN AGEAYg==", "502 5.5.1"),
        ("STARTTLS", "502 5.5.1"),
        ("BDAT 10 LAST", "500 5.5.2"),
        ("ETRN example.org", "500 5.5.2"),
        ("XCLIENT ADDR=192.0.2.1", "500 5.5.2"),
        ("NOOP anything", "250 2.0.0"),
        ("HELP", "214 2.0.0"),
        ("RSET", "250 2.0.0"),
        ("NOOP \x1b[2J", "500 5.5.2"),
        ("NOOP a\rb", "500 5.5.2"),
        ("NOOP \0", "500 5.5.2"),
        ("NOOP ä", "500 5.5.2"),
        ("ÄÖÜ", "500 5.5.2"),
        ("MAIL FROM:<\udcff@example.com>", "500 5.5.2"),
        ("GET / HTTP/1.1", "421 4.7.0"),
    ],
)
async def test_replies_have_codes_of_both_kinds(client: Client, line: str, reply: str) -> None:
    answered = await client.say(line)
    assert answered.startswith(f"{reply} ")
    assert re.fullmatch(r"\d{3} \d\.\d\.\d [ -~]+", answered)


async def test_nothing_goes_before_the_greeting(running: Running) -> None:
    client = await running.connect()
    assert (await client.say("MAIL FROM:<a@example.com>")).startswith("503 5.5.1")


async def test_a_transaction_is_begun_once_and_forgotten_by_rset_and_ehlo(client: Client) -> None:
    await client.all_well("MAIL FROM:<a@example.com>")
    assert (await client.say("MAIL FROM:<a@example.com>")).startswith("503 5.5.1")
    for forgetting in ("RSET", "EHLO again", "HELO again"):
        await client.all_well(forgetting)
        assert (await client.say("RCPT TO:<b@example.org>")).startswith("503 5.5.1")
        await client.all_well("MAIL FROM:<a@example.com>")


async def test_data_without_a_recipient_is_refused(client: Client) -> None:
    await client.all_well("MAIL FROM:<a@example.com>")
    assert (await client.say("DATA")).startswith("554 5.5.1")


async def test_a_message_sent_on_though_refused_is_never_read_as_commands(client: Client, running: Running) -> None:
    await client.send(
        b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@nowhere.example>\r\nDATA\r\n"
        b"RSET\r\nMAIL FROM:<smuggled@example.com>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nx\r\n.\r\n"
    )
    assert [(await client.reply())[:3] for _ in range(3)] == ["250", "550", "421"]
    assert await client.closed_by_server()
    assert running.kept.envelopes == []


async def test_other_peoples_domains_are_not_relayed_for(client: Client, running: Running) -> None:
    await client.all_well("MAIL FROM:<b@example.org>")
    for other in (
        "c@elsewhere.example",
        "c@sub.example.org",
        "c@[127.0.0.1]",
        '"c@example.org"@elsewhere.example',
        "c%example.org@elsewhere.example",
        "@example.org:c@elsewhere.example",
    ):
        assert (await client.say(f"RCPT TO:<{other}>")).startswith("550 5.7.1"), other
    assert running.receiver.snapshot().counts["recipients_refused"] == 6


@pytest.mark.parametrize("recipient", ["B@EXAMPLE.org", '"b c"@example.org', "@relay.example:b@example.org"])
async def test_ours_are_in_every_spelling(client: Client, running: Running, recipient: str) -> None:
    await client.mail(recipient=recipient)
    assert running.kept.envelopes[0].recipients[0].address == recipient.rpartition(":")[2]


async def test_a_recipient_named_twice_gets_the_message_once(client: Client, running: Running) -> None:
    await client.all_well("MAIL FROM:<a@example.com>", "RCPT TO:<b@example.org>", "RCPT TO:<b@example.org>")
    await client.say("DATA")
    await client.message(b"x")
    assert len(running.kept.envelopes[0].recipients) == 1


async def test_the_postmaster_without_a_domain_is_whom_the_settings_name(serve: Serve) -> None:
    nobody = await (await serve()).greeted()
    await nobody.all_well("MAIL FROM:<a@example.com>")
    assert (await nobody.say("RCPT TO:<Postmaster>")).startswith("550 5.1.1")
    running = await serve(settings=replace(SETTINGS, postmaster="root@example.org"))
    client = await running.greeted()
    await client.mail(recipient="Postmaster")
    assert running.kept.envelopes[0].recipients[0].address == "root@example.org"


async def test_a_size_past_the_limit_is_refused_before_it_is_sent(serve: Serve) -> None:
    client = await (await serve(limits=Limits(message_size=1000))).greeted()
    assert (await client.say("MAIL FROM:<a@example.com> SIZE=1001")).startswith("552 5.3.4")
    assert (await client.say("MAIL FROM:<a@example.com> SIZE=1000")).startswith("250 ")
