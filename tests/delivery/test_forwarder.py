"""What goes over the wire, to whom, and what operators do meanwhile."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.errors import Guarded
from mxtui.model.envelope import Client, EnvelopeRecipient
from mxtui.model.next_hop import NextHop
from mxtui.model.plan import Fate
from mxtui.model.planning import target_of
from mxtui.model.redirect import read_redirect
from mxtui.primary.lookup import Lookup
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from tests.delivery.spooling import Work, at_work, commit, make_spool, until
from tests.primary.servers import name_server


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return make_spool(tmp_path)


async def test_mail_arrives_as_stored_with_crlf_and_its_envelope(spool: Spool, primary: FakePrimary) -> None:
    content = b"Subject: x\n\n.leading dot\n..two\nlast\n"
    commit(spool, "info@example.org", content=content)
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: not work.left())
    (message,) = primary.accepted
    assert message.content == content.replace(b"\n", b"\r\n")
    assert message.sender == "sender@example.com"
    assert f"SIZE={len(message.content)}" in message.mail_parameters
    assert not list(spool.path.rglob("*.eml"))


async def test_one_transaction_carries_all_recipients_at_a_host(spool: Spool, primary: FakePrimary) -> None:
    with FakePrimary() as other:
        made = commit(spool, "a@one.example", "b@two.example", "c@other.example", "d@one.example")
        routes = {"one.example": primary.port, "two.example": primary.port, "other.example": other.port}
        async with at_work(spool, routes) as work:
            await until(lambda: not work.left())
        assert [message.recipients for message in primary.accepted] == [
            ("a@one.example", "b@two.example", "d@one.example")
        ]
        assert [message.recipients for message in other.accepted] == [("c@other.example",)]
        assert work.state(made.id) == ""


async def test_a_host_that_is_down_does_not_keep_a_message_from_its_other_hosts(
    spool: Spool, primary: FakePrimary
) -> None:
    with FakePrimary() as other:
        other.down()
        made = commit(spool, "a@one.example", "c@other.example")
        async with at_work(spool, {"one.example": primary.port, "other.example": other.port}) as work:
            await until(lambda: work.stored(made.id).recipients[0].fate == "delivered")
            other.up()
            await until(lambda: not work.left())
        assert len(primary.accepted) == len(other.accepted) == 1


async def test_a_message_in_several_hosts_lines_is_never_in_two_hands(spool: Spool, primary: FakePrimary) -> None:
    with FakePrimary() as other:
        primary.behave(delay=0.02)
        for _ in range(30):
            commit(spool, "a@one.example", "c@other.example")
        async with at_work(spool, {"one.example": primary.port, "other.example": other.port}) as work:
            await until(lambda: not work.left())
        assert len(primary.accepted) == len(other.accepted) == 30


async def test_large_mail_is_sent_in_pieces_and_whole(spool: Spool, primary: FakePrimary) -> None:
    line = b"." * 30 + b"0123456789abcdefghijklmnopqrstuvwxyz\n"
    content = b"Subject: large\n\n" + line * 40_000
    commit(spool, "info@example.org", content=content)
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: not work.left())
    assert primary.accepted[0].content == content.replace(b"\n", b"\r\n")
    assert f"SIZE={len(primary.accepted[0].content)}" in primary.accepted[0].mail_parameters


async def test_dsn_parameters_pass_byte_for_byte_where_the_host_takes_them(spool: Spool, primary: FakePrimary) -> None:
    recipient = EnvelopeRecipient("info@example.org", notify="SUCCESS,FAILURE", orcpt="rfc822;in+2Bfo@example.org")
    commit(spool, recipient, ret="HDRS", envid="QQ+3D314159")
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: not work.left())
        await until(lambda: not work.forwarder.snapshot().hosts[0].connections)
        primary.behave(extensions=("PIPELINING",))
        work.commit(recipient, ret="HDRS", envid="QQ+3D314159")
        await until(lambda: not work.left())
    message, plain = primary.accepted
    assert (plain.mail_parameters, plain.recipient_parameters) == ("", ("",))
    assert message.mail_parameters.endswith("RET=HDRS ENVID=QQ+3D314159")
    assert message.recipient_parameters == ("NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;in+2Bfo@example.org",)


@pytest.mark.parametrize(
    ("content", "changes", "expected"),
    [
        (b"Subject: x\n\nGr\xc3\xbc\xc3\x9fe\n", {"body": "8BITMIME"}, "5.6.3"),
        (b"Subject: Gr\xc3\xbc\xc3\x9fe\n\nx\n", {"smtputf8": True}, "5.6.9"),
        (b"Subject: x\n\nx\n", {"smtputf8": True, "sender": "jos\u00e9@example.com"}, "5.6.7"),
        (b"Subject: x\n\n" + b"x" * 200 + b"\n", {}, "5.3.4"),
    ],
)
async def test_what_the_host_cannot_carry_is_refused_here_and_kept(
    spool: Spool, primary: FakePrimary, content: bytes, changes: dict[str, object], expected: str
) -> None:
    primary.behave(extensions=("PIPELINING", "SIZE 150"))
    made = commit(spool, "info@example.org", content=content, **changes)
    plain = commit(spool, "info@example.org", smtputf8=True, body="8BITMIME")
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: not work.left())
        assert work.state(made.id) == "failed"
        assert work.stored(made.id).recipients[0].dsn == expected
        assert work.state(plain.id) == "", "what needs no extension after all is sent without"
    assert len(primary.accepted) == 1


async def test_extensions_are_used_where_they_are_needed(spool: Spool, primary: FakePrimary) -> None:
    content = "Subject: Gr\u00fc\u00dfe\n\n\u2713\n".encode()
    commit(spool, "jos\u00e9@example.org", content=content, smtputf8=True, body="8BITMIME")
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: not work.left())
    (message,) = primary.accepted
    assert message.recipients == ("jos\u00e9@example.org",)
    assert message.mail_parameters.endswith("BODY=8BITMIME SMTPUTF8")


@pytest.mark.parametrize("address", ["a@b>\r\nRCPT TO:<x@y", "a b@example.org", "a> NOTIFY=NEVER <@example.org"])
async def test_an_address_that_would_be_a_command_never_gets_on_the_wire(
    spool: Spool, primary: FakePrimary, address: str
) -> None:
    made = commit(spool, address, "good@example.org")
    domain = address.rpartition("@")[2].lower()
    async with at_work(spool, {"example.org": primary.port, domain: primary.port}) as work:
        await until(lambda: work.state(made.id) == "failed")
        assert [each.dsn for each in work.stored(made.id).recipients] == ["5.1.3", "2.0.0"]
    assert [message.recipients for message in primary.accepted] == [("good@example.org",)]


async def test_the_real_client_is_told_to_a_host_that_asks(spool: Spool, primary: FakePrimary) -> None:
    primary.behave(extensions=("PIPELINING", "XCLIENT NAME ADDR PROTO HELO"))
    commit(spool, "a@example.org", client=Client("192.0.2.1", "mail.example.com", "mail one", "ESMTPS"))
    commit(spool, "b@example.org", client=Client("2001:db8::1", "", "[2001:db8::1]", "SMTP"))
    async with at_work(spool, {"example.org": primary.port}, connections=1) as work:
        await until(lambda: not work.left())
    first, second = (set(message.client.split()) for message in primary.accepted)
    assert first == {"NAME=mail.example.com", "ADDR=192.0.2.1", "PROTO=ESMTP", "HELO=mail+20one"}
    assert second == {"NAME=[UNAVAILABLE]", "ADDR=IPV6:2001:db8::1", "PROTO=SMTP", "HELO=[2001:db8::1]"}


async def test_no_client_is_told_where_that_is_not_wanted(spool: Spool, primary: FakePrimary) -> None:
    primary.behave(extensions=("PIPELINING", "XCLIENT NAME ADDR PROTO HELO"))
    for number in range(5):
        commit(spool, f"{number}@example.org", client=Client(f"192.0.2.{number}"))
    async with at_work(spool, {"example.org": primary.port}, connections=1, xclient=False) as work:
        await until(lambda: not work.left())
    assert {message.client for message in primary.accepted} == {""}
    assert len({message.connection for message in primary.accepted}) == 1


async def test_a_host_that_refuses_to_be_told_gets_the_mail_all_the_same(spool: Spool, primary: FakePrimary) -> None:
    primary.behave(extensions=("XCLIENT NAME ADDR",), replies={"XCLIENT": "550 5.7.0 not you"})
    commit(spool, "a@example.org")
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: not work.left())
    assert len(primary.accepted) == 1


async def test_the_next_address_is_tried_and_never_ourselves(spool: Spool, primary: FakePrimary) -> None:
    zone = {
        ("example.org", "MX"): ["5 mx1.example.org.", "10 mx2.example.net.", "20 worse.example.org."],
        ("mx1.example.org", "A"): ["127.0.0.9", "127.0.0.1"],
        ("mx2.example.net", "A"): ["192.0.2.2"],
        ("worse.example.org", "A"): ["127.0.0.1"],
        ("ours.example", "MX"): ["10 mx2.example.net.", "20 worse.example.org."],
    }
    async with name_server(zone) as (_, resolver):
        lookup = Lookup(resolver, own_address=lambda address: False)
        routes = {
            "example.org": NextHop("example.org", primary.port, lookup_mx=True),
            "ours.example": NextHop("ours.example", primary.port, lookup_mx=True),
        }
        commit(spool, "a@example.org")
        ours = commit(spool, "a@ours.example")
        async with at_work(spool, routes, lookup=lookup) as work:
            await until(lambda: len(primary.accepted) == 1)
            await until(lambda: work.stored(ours.id).recipients[0].attempts >= 1)
            recipient = work.stored(ours.id).recipients[0]
    assert recipient.fate == "waiting"
    assert recipient.text == "this host is the best MX of ours.example itself"
    assert primary.accepted[0].recipients == ("a@example.org",)


async def test_a_host_that_answers_with_our_name_is_no_primary(spool: Spool) -> None:
    with FakePrimary(hostname="mx2.example.net") as mirror:
        made = commit(spool, "a@example.org")
        async with at_work(spool, {"example.org": mirror.port}) as work:
            await until(lambda: work.stored(made.id).recipients[0].attempts >= 1)
            assert "our own name" in work.stored(made.id).recipients[0].text
        assert mirror.accepted == []


async def test_a_domain_without_a_route_waits_and_says_why(spool: Spool) -> None:
    made = commit(spool, "a@nowhere.example")
    async with name_server({}) as (_, resolver), at_work(spool, {}, lookup=Lookup(resolver)) as work:
        await until(lambda: work.stored(made.id).recipients[0].attempts >= 1)
        assert work.stored(made.id).recipients[0].text == "nowhere.example does not exist in DNS"


async def test_mail_whose_lifetime_is_over_fails_after_a_last_try(spool: Spool, primary: FakePrimary) -> None:
    primary.behave(temporary=".")
    made = commit(spool, "a@example.org", lifetime=-1.0)
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: work.state(made.id) == "failed")
        after = work.stored(made.id).recipients[0]
    assert after.dsn == "5.4.7"
    assert "not delivered within its lifetime; last: 450 4.2.0" in after.text


async def test_mail_for_a_dead_host_expires_too_and_the_younger_waits_on(spool: Spool, primary: FakePrimary) -> None:
    primary.down()
    old = [commit(spool, f"old{number}@example.org", lifetime=0.5) for number in range(120)]
    renewed = commit(spool, "renewed@example.org")
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: all(work.state(each.id) == "failed" for each in old))
        assert work.state(renewed.id) == "deferred"
        assert "connection refused" in work.stored(old[-1].id).why
        primary.up()
        await until(lambda: not work.left())
    assert [message.recipients for message in primary.accepted] == [("renewed@example.org",)]


async def test_a_clock_set_back_an_hour_delays_nothing(spool: Spool, primary: FakePrimary) -> None:
    offset = 0.0
    primary.behave(temporary=".")
    made = commit(spool, "a@example.org")
    async with at_work(spool, {"example.org": primary.port}, clock=lambda: time.time() + offset) as work:
        await until(lambda: work.stored(made.id).attempts >= 1)
        offset = -3600.0
        primary.behave(temporary="(?!)")
        await until(lambda: not work.left(), 5.0)


async def test_a_retry_time_written_by_a_clock_far_ahead_is_not_believed(spool: Spool, primary: FakePrimary) -> None:
    commit(spool, "a@example.org", next_retry=time.time() + 30 * 86400)
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: not work.left(), 5.0)


async def test_what_is_not_what_was_received_is_set_aside_and_not_sent(spool: Spool, primary: FakePrimary) -> None:
    edited = commit(spool, "edited@example.org")
    missing = commit(spool, "missing@example.org")
    spool.content_path(edited.id).write_bytes(b"Subject: other\n\nedited\n")
    spool.content_path(missing.id).unlink()
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: not work.left())
        assert work.state(edited.id) == work.state(missing.id) == "corrupt"
        assert "SHA-256" in work.stored(edited.id).why
    assert primary.accepted == []


# -- operators ----------------------------------------------------------------------------------------------------


async def test_a_message_held_or_claimed_meanwhile_is_passed_over(
    spool: Spool, primary: FakePrimary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mxtui.delivery.stock.IN_OTHER_HANDS", 0.1)
    primary.down()
    held, claimed, free = (commit(spool, f"{name}@example.org") for name in ("held", "claimed", "free"))
    async with at_work(spool, {"example.org": primary.port}, retry=600.0, retry_longest=600.0) as work:
        await until(lambda: work.events.of("left_alone") and not work.forwarder.snapshot().in_hand)
        claim = spool.claim(held.id)
        kept = spool.claim(claimed.id)
        assert claim is not None
        assert kept is not None
        with claim:
            claim.move("hold")
        primary.up()
        assert await flushed(work, [free.id]) == {"delivered": 1}
        assert primary.accepted[0].recipients == ("free@example.org",)
        assert work.state(free.id) == ""
        assert work.state(held.id) == "hold"
        with kept:
            assert work.state(claimed.id) == "deferred", "it is in other hands"
        await until(lambda: len(primary.accepted) == 2)
        claim = spool.claim(held.id)
        assert claim is not None
        with claim:
            claim.move("deferred")
        work.forwarder.look([held.id])
        await until(lambda: not work.left())
    assert len(primary.accepted) == 3


async def left_alone(work: Work) -> None:
    """Its host is, and what was in line is back: of that a flush would be told what became of it, and not try it."""
    await until(lambda: work.events.of("left_alone") and not work.forwarder.snapshot().in_hand)


async def flushed(work: Work, ids: list[str]) -> Counter[Fate]:
    fates: Counter[Fate] = Counter()
    async with work.forwarder.errand() as errand:
        await errand.add(ids, 20)
        while not errand.done:
            fates.update(settled.fate for settled in await errand.settled(1.0))
        fates.update(settled.fate for settled in await errand.settled(0))
    return fates


async def test_a_flush_tries_what_was_to_wait_and_tells_each_verdict(spool: Spool, primary: FakePrimary) -> None:
    primary.behave(temporary="^grey", permanent="^bad")
    good, grey, bad, other = (commit(spool, f"{name}@example.org", next_retry=time.time() + 500) for name in NAMES)
    held = commit(spool, "held@example.org")
    claim = spool.claim(held.id)
    assert claim is not None
    with claim:
        claim.move("hold")
    async with at_work(spool, {"example.org": primary.port}, retry=600.0, retry_longest=600.0) as work:
        await until(lambda: work.forwarder.snapshot().loaded)
        assert primary.accepted == []
        fates = await flushed(work, [good.id, grey.id, bad.id, held.id, "06412ab34cd5ef9c1f"])
        assert fates == {"delivered": 1, "deferred": 2, "refused": 1, "vanished": 1}
        assert work.state(other.id) == "deferred", "it was not asked for"
        assert await flushed(work, [other.id]) == {"delivered": 1}
        assert [work.state(each.id) for each in (good, grey, bad, other)] == ["", "deferred", "failed", ""]


NAMES = ("good", "grey", "bad", "other")


async def test_a_flush_of_a_dead_host_ends_with_the_reason(spool: Spool, primary: FakePrimary) -> None:
    primary.down()
    ids = [commit(spool, f"user{number}@example.org").id for number in range(30)]
    async with at_work(spool, {"example.org": primary.port}, retry=600.0, retry_longest=600.0) as work:
        await left_alone(work)
        assert await flushed(work, ids) == {"deferred": 30}
        primary.up()
        assert await flushed(work, ids) == {"delivered": 30}


async def test_while_somebody_drains_to_a_host_nothing_else_goes_there_but_what_is_new(
    spool: Spool, primary: FakePrimary
) -> None:
    primary.down()
    ids = [commit(spool, f"user{number}@example.org").id for number in range(20)]
    async with at_work(spool, {"example.org": primary.port}, retry=600.0, retry_longest=600.0) as work:
        await left_alone(work)
        primary.up()
        async with work.forwarder.errand() as errand:
            await errand.add(ids[-1:], 1)
            await until(lambda: errand.done)
            new = work.commit("new@example.org")
            await until(lambda: not work.state(new.id))
            assert received(primary) == ["user19@example.org", "new@example.org"]
        await until(lambda: not work.left())
    assert len(primary.accepted) == 21, "the host took mail, so the rest follows"


async def test_a_host_that_needs_no_drain_any_more_gets_all_of_its_mail_while_the_errand_goes_on(
    spool: Spool, primary: FakePrimary
) -> None:
    primary.down()
    ids = [commit(spool, f"user{number}@example.org").id for number in range(20)]
    name = f"127.0.0.1:{primary.port}"
    async with at_work(spool, {"example.org": primary.port}, retry=600.0, retry_longest=600.0) as work:
        await left_alone(work)
        primary.up()
        work.forwarder.guard({name: "fed"})
        async with work.forwarder.errand(alone=False) as errand:
            await errand.add(ids[-1:], 1)
            await until(lambda: errand.done)
            assert received(primary) == ["user19@example.org"]
            work.forwarder.guard({name: "open"})
            await until(lambda: not work.left())
            (host,) = work.forwarder.snapshot().hosts
            assert host.allowed > 1, "and over as many connections as it bears"


async def test_what_a_broken_off_drain_had_put_first_is_put_off_and_does_not_go_along_with_the_next_canary(
    spool: Spool, primary: FakePrimary
) -> None:
    ids = [commit(spool, f"user{number}@example.org").id for number in range(20)]
    primary.behave(hang="dot")
    name = f"127.0.0.1:{primary.port}"
    async with at_work(spool, {"example.org": primary.port}, retry=600.0, retry_longest=600.0) as work:
        work.forwarder.guard({name: "guarded"})
        await until(lambda: work.forwarder.snapshot().loaded)
        assert set(work.forwarder.ids(["example.org", "elsewhere.example"])) == set(ids)
        work.forwarder.guard({name: "fed"})
        async with work.forwarder.errand(alone=False) as errand:
            await errand.add(ids[10:], 1)
            await until(lambda: primary.hanging == 1)
            work.forwarder.guard({name: "sampled"})
            put_off = await errand.settled(5.0)
            assert len(put_off) == 9
            assert {each.fate for each in put_off} == {"deferred"}
            work.forwarder.guard({name: "guarded"})
            primary.down()
            await until(lambda: errand.done)
            primary.behave(hang="")
            primary.up()
            work.forwarder.guard({name: "fed"})
            await errand.add(ids[:1], 1)
            await until(lambda: errand.done)
            assert received(primary) == ["user0@example.org"]


async def test_what_a_stopped_errand_had_put_first_and_nobody_has_begun_is_untried_and_waits_as_before(
    spool: Spool, primary: FakePrimary
) -> None:
    primary.down()
    ids = [commit(spool, f"user{number}@example.org").id for number in range(20)]
    async with at_work(spool, {"example.org": primary.port}, retry=600.0, retry_longest=600.0) as work:
        await left_alone(work)
        primary.behave(hang="dot")
        primary.up()
        async with work.forwarder.errand() as errand, work.forwarder.errand() as another:
            await errand.add(ids[:10], 1)
            await another.add([*ids[8:10], *ids[18:]], 1)
            await until(lambda: primary.hanging == 1)
            errand.stop()
            put_back = await errand.settled(5.0)
            assert {each.queue_id for each in put_back} == set(ids[2:10]), "one was sent, and the next was begun"
            assert {(each.fate, each.untried, each.seconds) for each in put_back} == {("deferred", True, None)}
            assert not errand.done
            primary.behave(hang="")
            primary.down()
            await until(lambda: errand.done and another.done)
            primary.up()
            await another.add([*ids[8:10], *ids[18:]], 1)
            await until(lambda: another.done)
            assert received(primary) == [f"user{number}@example.org" for number in (8, 9, 18, 19)]
        assert {work.state(each) for each in ids[:8]} == {"deferred"}


async def test_a_host_that_took_nothing_of_a_drain_is_left_alone_as_before(spool: Spool, primary: FakePrimary) -> None:
    primary.down()
    ids = [commit(spool, f"user{number}@example.org").id for number in range(20)]
    async with at_work(spool, {"example.org": primary.port}, retry=600.0, retry_longest=600.0) as work:
        await left_alone(work)
        primary.behave(permanent=".")
        primary.up()
        assert await flushed(work, ids[:1]) == {"refused": 1}
        (host,) = work.forwarder.snapshot().hosts
        assert host.resumes is not None
        assert (host.refused, host.delivered) == (1, 0)


def received(primary: FakePrimary) -> list[str]:
    return [name for message in primary.accepted for name in message.recipients]


async def test_a_host_that_has_just_come_back_refuses_nothing_for_good(spool: Spool, primary: FakePrimary) -> None:
    """Half its users may not be there yet."""
    primary.down()
    ids = [commit(spool, f"user{number}@example.org").id for number in range(4)]
    async with at_work(spool, {"example.org": primary.port}, retry=600.0, retry_longest=600.0, trial=1) as work:
        await left_alone(work)
        primary.behave(permanent=".")
        primary.up()
        assert await flushed(work, ids[:2]) == {"refused": 2}
        assert [work.state(each) for each in ids] == ["deferred"] * 4, "the refusals are told, and the mail is kept"
        primary.behave(permanent="(?!)")
        assert await flushed(work, ids[:1]) == {"delivered": 1}
        primary.behave(permanent=".")
        assert await flushed(work, ids[1:2]) == {"refused": 1}
        assert work.state(ids[1]) == "failed", "it has been believed since"


async def test_a_host_that_is_back_and_refuses_one_after_the_other_is_left_alone_again(
    spool: Spool, primary: FakePrimary
) -> None:
    primary.down()
    for number in range(20):
        commit(spool, f"user{number}@example.org")
    async with at_work(spool, {"example.org": primary.port}, retry=600.0, retry_longest=600.0) as work:
        await left_alone(work)
        primary.behave(permanent=".")
        primary.up()
        work.forwarder.primary_up(["example.org"])
        await until(lambda: len(work.events.of("left_alone")) == 2)
        assert len(work.events.of("refused")) == 3, "and the others are not tried"
        assert work.left() == 20
        assert SpoolQueue(spool).depth()["deferred"] == 20


async def test_nothing_begins_while_suspended(spool: Spool, primary: FakePrimary) -> None:
    async with at_work(spool, {"example.org": primary.port}) as work:
        work.forwarder.suspend()
        made = work.commit("a@example.org")
        with pytest.raises(Guarded):
            await flushed(work, [made.id])
        assert work.forwarder.snapshot().suspended
        await asyncio.sleep(0.2)
        assert primary.connections == 0
        work.forwarder.resume()
        await until(lambda: not work.left())


async def test_a_domain_that_is_left_alone_gets_nothing_and_its_neighbour_at_the_same_host_everything(
    spool: Spool, primary: FakePrimary
) -> None:
    routes = {"example.org": primary.port, "free.example": primary.port}
    async with at_work(spool, routes) as work:
        work.forwarder.leave_alone(["example.org"])
        for number in range(20):
            work.commit(f"a{number}@example.org")
            work.commit(f"a{number}@free.example")
        both = work.commit("b@example.org", "b@free.example")
        await until(lambda: sum("free.example" in str(one.recipients) for one in primary.accepted) == 21)
        assert not any("example.org" in str(one.recipients) for one in primary.accepted)
        assert await flushed(work, [both.id]) == {"deferred": 1}
        work.forwarder.leave_alone([])
        await until(lambda: not work.left())
        assert sum("example.org" in str(one.recipients) for one in primary.accepted) == 21


async def test_what_was_read_ahead_for_a_domain_is_in_nobodys_hands_once_it_is_left_alone(
    spool: Spool, primary: FakePrimary
) -> None:
    primary.behave(delay=0.2)
    ids = [commit(spool, f"user{number}@example.org").id for number in range(60)]
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: primary.accepted)
        work.forwarder.leave_alone(["example.org"])
        await until(lambda: not work.forwarder.snapshot().in_hand)
        claims = [spool.claim(each) for each in ids]
        waiting = [claim for claim in claims if claim is not None]
        assert len(waiting) == len(ids) - len(primary.accepted) > 0
        for claim in waiting:
            claim.release()
        work.forwarder.leave_alone([])
        primary.behave(delay=0.0)
        await until(lambda: not work.left())
        assert len(primary.accepted) == len(ids)


async def test_stopping_lets_what_is_under_way_finish_and_begins_nothing_new(
    spool: Spool, primary: FakePrimary
) -> None:
    primary.behave(delay=0.4)
    for number in range(30):
        commit(spool, f"user{number}@example.org")
    async with at_work(spool, {"example.org": primary.port}, connections=2) as work:
        await until(lambda: work.forwarder.snapshot().in_flight)
        await work.forwarder.stop()
        assert len(primary.accepted) + work.left() == 30
        assert 1 <= len(primary.accepted) <= 3
        for each in spool.ids("deferred"):
            claim = spool.claim(each)
            assert claim is not None, "nothing is kept locked"
            claim.release()


async def test_what_outlasts_the_grace_is_broken_off_and_recorded(spool: Spool, primary: FakePrimary) -> None:
    primary.behave(hang="dot")
    made = commit(spool, "a@example.org")
    async with at_work(spool, {"example.org": primary.port}, grace=0.2, retry=600.0) as work:
        await until(lambda: primary.hanging)
        await work.forwarder.stop()
        assert work.stored(made.id).recipients[0].possible_duplicate


async def test_the_snapshot_tells_how_each_host_fares(spool: Spool, primaries: Callable[[], FakePrimary]) -> None:
    up, down = primaries(), primaries()
    down.down()
    up.behave(permanent="^bad", temporary="^grey")
    for name in ("good", "bad", "grey"):
        commit(spool, f"{name}@up.example")
    commit(spool, "a@down.example")
    routes = {"up.example": up.port, "down.example": down.port}
    async with at_work(spool, routes, retry=600.0, retry_longest=600.0) as work:
        await until(lambda: len(work.events.of("deferred")) == 2 and work.left() == 2)
        hosts = {host.domains: host for host in work.forwarder.snapshot().hosts}
    fine, dead = hosts["up.example",], hosts["down.example",]
    assert (fine.delivered, fine.deferred, fine.refused, fine.waiting) == (1, 1, 1, 1)
    assert fine.resumes is None
    assert fine.last_delivery is not None
    assert dead.resumes is not None
    assert 500 < dead.resumes - time.time() < 700
    assert "connection refused" in dead.last_reply


async def test_redirected_to_a_host_it_goes_there_whatever_the_routes_say(spool: Spool, primary: FakePrimary) -> None:
    with FakePrimary() as other:
        primary.down()
        sent = EnvelopeRecipient("info@example.org", via=f"[127.0.0.1]:{other.port}")
        commit(spool, sent, "b@example.org")
        moved = commit(spool, "info@example.org")
        async with at_work(spool, {"example.org": primary.port}) as work:
            await until(lambda: len(other.accepted) == 1)
            queue = SpoolQueue(spool)
            found = queue.find(moved.id)
            assert found is not None
            where = read_redirect("new@elsewhere.example", f"127.0.0.1:{other.port}")
            # Refused while it is in the hands of a connection that is on its way to nowhere.
            await until(lambda: [each.result for each in queue.redirect([target_of(found)], where)] == ["done"])
            work.forwarder.look([moved.id])
            await until(lambda: len(other.accepted) == 2)
            assert {each.host for each in work.forwarder.snapshot().hosts} == {
                f"127.0.0.1:{primary.port}", f"127.0.0.1:{other.port}",
            }  # fmt: skip
        assert [message.recipients for message in other.accepted] == [("info@example.org",), ("new@elsewhere.example",)]
        assert other.accepted[1].recipient_parameters == ("ORCPT=rfc822;info@example.org",)
        assert work.left() == 1, "who was not redirected waits for the primary"


async def test_recipients_redirected_to_one_address_get_one_message_and_keep_what_they_came_with(
    spool: Spool, primary: FakePrimary
) -> None:
    primary.behave(permanent="nobody@")
    both = [
        EnvelopeRecipient("one@example.org", original=each, orcpt="") for each in ("a@example.org", "b@example.org")
    ]
    commit(spool, *both)
    refused = [EnvelopeRecipient("nobody@example.org", original=each.original) for each in both]
    made = commit(spool, *refused, EnvelopeRecipient("nobody@example.org", "delivered", text="250 long ago"))
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: not work.left())
        assert [message.recipients for message in primary.accepted] == [("one@example.org",)]
        assert [(each.fate, each.original) for each in work.stored(made.id).recipients] == [
            ("refused", "a@example.org"), ("refused", "b@example.org"), ("delivered", ""),
        ]  # fmt: skip


async def test_a_redirect_that_loops_or_that_was_edited_into_nonsense_is_put_off_with_the_reason(spool: Spool) -> None:
    loops = commit(spool, EnvelopeRecipient("a@example.org", via="[mx2.example.net]"))
    odd = commit(spool, EnvelopeRecipient("a@example.org", via="[a,b]:99999"))
    async with at_work(spool, {}) as work:
        await until(lambda: all(work.stored(each.id).recipients[0].text for each in (loops, odd)))
        assert "mail loops back" in work.stored(loops.id).recipients[0].text
        assert "not the name or address of a host" in work.stored(odd.id).recipients[0].text
