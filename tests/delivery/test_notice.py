"""Notices of non-delivery: well formed, harmless whatever they quote, and sent to nobody who should not get one."""

import email
import email.policy
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.delivery.notice import Notifier, compose, concerned, why_not
from mxtui.demo.primary import FakePrimary
from mxtui.errors import Guarded, Unreachable
from mxtui.model.envelope import EnvelopeRecipient, Screened
from mxtui.model.next_hop import NextHop
from mxtui.model.planning import target_of
from mxtui.model.source import Verb
from mxtui.primary.lookup import Lookup
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from tests.delivery.spooling import OURSELVES, QUICK, at_work, commit, envelope, make_spool, until

REFUSED = EnvelopeRecipient(
    "nobody@example.org",
    "refused",
    orcpt="rfc822;no+2Bbody@example.org",
    at=1_700_000_000.0,
    host="mx1.example.org[192.0.2.1]:25",
    code=550,
    dsn="5.1.1",
    text="550 5.1.1 no such user",
)


def parsed(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)


def notice(*recipients: EnvelopeRecipient, header: bytes = b"Subject: x\n", **more: Any) -> EmailMessage:
    made = envelope(*recipients, **more)
    return parsed(compose(made, recipients, header, hostname="mx2.example.net", now=1_700_000_100.0, token="t0"))


def test_it_is_a_report_as_rfc_3464_has_it() -> None:
    message = notice(REFUSED, envid="QQ+3D1")
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "delivery-status"
    assert message["To"] == "<sender@example.com>" or message["To"] == "sender@example.com"
    assert message["Auto-Submitted"] == "auto-replied"
    text, status, header = message.iter_parts()
    assert [part.get_content_type() for part in (text, status, header)] == [
        "text/plain",
        "message/delivery-status",
        "text/rfc822-headers",
    ]
    about_message, about_recipient = cast("list[EmailMessage]", status.get_payload())
    assert about_message["Reporting-MTA"] == "dns; mx2.example.net"
    assert about_message["Original-Envelope-Id"] == "QQ=1"
    assert about_recipient["Original-Recipient"] == "rfc822; no+body@example.org"
    assert about_recipient["Final-Recipient"] == "rfc822; nobody@example.org"
    assert about_recipient["Action"] == "failed"
    assert about_recipient["Status"] == "5.1.1"
    assert about_recipient["Remote-MTA"] == "dns; mx1.example.org"
    assert about_recipient["Diagnostic-Code"] == "smtp; 550 5.1.1 no such user"
    assert "nobody@example.org" in text.get_content()


def test_only_the_header_goes_back_and_it_stays_7_bit() -> None:
    made = envelope(REFUSED)
    header = "Subject: Gr\u00fc\u00dfe\n".encode() + b"X: " + b"y" * 2000 + b"\n"
    content = compose(made, [REFUSED], header, hostname="mx2.example.net", now=0.0, token="t0")
    assert content.isascii()
    assert all(len(line) <= 998 for line in content.split(b"\n"))
    *_, part = parsed(content).iter_parts()
    assert part.get_payload(decode=True) == header


def test_an_address_beyond_ascii_is_written_as_rfc_6533_says() -> None:
    status = list(notice(replace(REFUSED, address="jos\u00e9@example.org")).iter_parts())[1]
    block = cast("list[EmailMessage]", status.get_payload())[1]
    assert block["Final-Recipient"] == "utf-8; jos\\x{E9}@example.org"


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=40), st.binary(max_size=80))
def test_nothing_quoted_breaks_out_of_its_place(address: str, text: str, orcpt: str, header: bytes) -> None:
    recipient = replace(REFUSED, address=address, text=text, orcpt=f"rfc822;{orcpt}", host=text)
    content = compose(
        envelope(recipient), [recipient], header, hostname="mx2.example.net", now=0.0, token="unguessable"
    )
    parts = list(parsed(content).iter_parts())
    assert len(parts) == 3
    blocks = cast("list[EmailMessage]", parts[1].get_payload())
    assert [block["Action"] for block in blocks if block["Action"]] == ["failed"]
    assert {name for block in blocks for name in block} <= {
        "Reporting-MTA",
        "Arrival-Date",
        "Original-Recipient",
        "Final-Recipient",
        "Action",
        "Status",
        "Remote-MTA",
        "Diagnostic-Code",
        "Last-Attempt-Date",
    }


def test_never_to_the_null_sender_nor_for_suspects() -> None:
    assert why_not(envelope(REFUSED, sender=""), "failed")
    assert why_not(envelope(REFUSED), "quarantine")
    assert why_not(envelope(REFUSED), "failed", suspect=True)
    assert not why_not(envelope(REFUSED), "failed")


def test_whoever_asked_for_silence_is_left_out() -> None:
    silent = replace(REFUSED, address="quiet@example.org", notify="NEVER")
    done = EnvelopeRecipient("done@example.org", "delivered")
    assert concerned(envelope(REFUSED, silent, done)) == (REFUSED,)


# -- sending --------------------------------------------------------------------------------------------------------


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return make_spool(tmp_path)


def notifier(spool: Spool, relay: FakePrimary) -> Notifier:
    hop = NextHop("127.0.0.1", relay.port, lookup_mx=False)
    return Notifier(spool, hop, ourselves=OURSELVES, lookup=Lookup(), policy=QUICK)


async def test_an_operators_reject_is_accepted_by_the_relay_before_anything_is_removed(
    spool: Spool, primary: FakePrimary
) -> None:
    claim = spool.claim(commit(spool, REFUSED).id)
    assert claim is not None
    with claim:
        primary.behave(permanent=".")
        with pytest.raises(Unreachable, match="did not take"):
            await notifier(spool, primary).notify(claim)
        primary.down()
        with pytest.raises(Unreachable, match="connection refused"):
            await notifier(spool, primary).notify(claim)
        primary.up()
        primary.behave(permanent="(?!)")
        assert await notifier(spool, primary).notify(claim)
    (message,) = primary.accepted
    assert message.sender == ""
    assert message.recipients == ("sender@example.com",)
    assert b"Subject: a message" in message.content
    assert b"Hello." not in message.content


async def test_a_bounce_is_never_bounced(spool: Spool, primary: FakePrimary) -> None:
    claim = spool.claim(commit(spool, REFUSED, sender="").id)
    assert claim is not None
    with claim, pytest.raises(Guarded):
        await notifier(spool, primary).notify(claim)
    assert primary.connections == 0


async def test_by_itself_nothing_is_returned(spool: Spool, primary: FakePrimary) -> None:
    primary.behave(permanent="^bad")
    made = commit(spool, "bad@example.org")
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: work.state(made.id) == "failed")
    assert primary.accepted == []


async def test_with_a_relay_failed_mail_is_returned_and_then_gone(spool: Spool, primary: FakePrimary) -> None:
    primary.behave(permanent=".")
    with FakePrimary() as relay:
        made, bounce = commit(spool, "bad@example.org"), commit(spool, "bad@example.org", sender="")
        async with at_work(spool, {"example.org": primary.port}, relay=relay.port) as work:
            await until(lambda: work.state(made.id) == "" and work.events.of("not_returned"))
            assert work.state(bounce.id) == "failed"
        assert [message.recipients for message in relay.accepted] == [("sender@example.com",)]


async def test_nobody_is_told_of_what_is_suspect_or_was_seen_by_no_scanner(spool: Spool, primary: FakePrimary) -> None:
    primary.behave(permanent="^bad")
    unscanned = Screened("accept", 1.0, unscanned="rspamd: down")
    kept = [
        commit(spool, "bad@example.org", screened=each)
        for each in (Screened("tag", 1.0), Screened("quarantine", 1.0), unscanned)
    ]
    clean = commit(spool, "bad@example.org", screened=Screened("accept", 1.0))
    with FakePrimary(hostname="relay.example.net") as relay:
        async with at_work(spool, {"example.org": primary.port}, relay=relay.port) as work:
            await until(lambda: not work.left() and len(relay.accepted) == 1 and not work.state(clean.id))
            assert {work.state(each.id) for each in kept} == {"failed"}
            assert {each["id"] for each in work.events.of("not_returned")} == {each.id for each in kept}


async def test_a_notice_that_the_relay_puts_off_or_cannot_take_is_tried_until_it_is_taken(
    spool: Spool, primary: FakePrimary
) -> None:
    primary.behave(permanent=".")
    with FakePrimary() as relay:
        relay.down()
        made = commit(spool, "bad@example.org")
        async with at_work(spool, {"example.org": primary.port}, relay=relay.port) as work:
            await until(lambda: len(work.events.of("not_returned")) >= 2)
            assert work.state(made.id) == "failed"
            relay.behave(temporary=".")
            relay.up()
            await until(lambda: any("did not take" in str(each["why"]) for each in work.events.of("not_returned")))
            assert work.state(made.id) == "failed"
            relay.behave(temporary="(?!)")
            await until(lambda: work.state(made.id) == "")
        assert [message.recipients for message in relay.accepted] == [("sender@example.com",)]


async def test_a_notice_that_is_owed_is_sent_after_a_restart_and_none_for_what_failed_before_there_was_a_relay(
    spool: Spool, primary: FakePrimary
) -> None:
    primary.behave(permanent=".")
    before = commit(spool, "bad@example.org")
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: work.state(before.id) == "failed")
    with FakePrimary() as relay:
        relay.down()
        made = commit(spool, "bad@example.org", sender="owed@example.com")
        async with at_work(spool, {"example.org": primary.port}, relay=relay.port) as work:
            await until(lambda: work.events.of("not_returned"))
            assert work.stored(made.id).returning
        relay.up()
        async with at_work(spool, {"example.org": primary.port}, relay=relay.port) as work:
            await until(lambda: work.state(made.id) == "")
            assert work.state(before.id) == "failed"
        assert [message.recipients for message in relay.accepted] == [("owed@example.com",)]


async def test_a_notice_that_the_relay_refuses_for_good_is_not_tried_again_and_the_message_is_the_operators(
    spool: Spool, primary: FakePrimary
) -> None:
    primary.behave(permanent=".")
    with FakePrimary() as relay:
        relay.behave(permanent=".")
        made = commit(spool, "bad@example.org")
        async with at_work(spool, {"example.org": primary.port}, relay=relay.port) as work:
            await until(lambda: work.events.of("not_returned") and not work.stored(made.id).returning)
            assert work.state(made.id) == "failed"


async def test_what_an_operator_released_meanwhile_is_not_returned(spool: Spool, primary: FakePrimary) -> None:
    primary.behave(permanent=".")
    with FakePrimary() as relay:
        relay.down()
        made = commit(spool, "bad@example.org")
        async with at_work(spool, {"example.org": primary.port}, relay=relay.port) as work:
            await until(lambda: work.events.of("not_returned"))
            queue = SpoolQueue(spool)
            found = queue.find(made.id)
            assert found is not None
            primary.behave(permanent="(?!)")
            await until(lambda: [each.result for each in queue.act(Verb.RELEASE, [target_of(found)])] == ["done"])
            assert not work.stored(made.id).returning
            work.forwarder.look([made.id])
            relay.up()
            await until(lambda: work.state(made.id) == "")
        assert len(primary.accepted) == 1
        assert relay.accepted == []
