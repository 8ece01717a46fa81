"""A primary that misbehaves in every way: nothing is lost, nothing is doubled but where nobody can know."""

import asyncio
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.queues.spool.store import Spool
from tests.delivery.spooling import at_work, commit, make_spool, until

STAGES = ("banner", "EHLO", "MAIL", "RCPT", "DATA", "dot")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return make_spool(tmp_path)


@pytest.mark.parametrize("stage", STAGES)
async def test_a_primary_that_hangs_is_waited_for_so_long_and_tried_again(
    spool: Spool, primary: FakePrimary, stage: str
) -> None:
    made = commit(spool, "info@example.org")
    primary.behave(hang=stage)
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: work.stored(made.id).recipients[0].attempts == 1)
        after = work.stored(made.id)
        assert after.recipients[0].fate == "waiting"
        assert "no answer in time" in after.recipients[0].text
        assert after.recipients[0].possible_duplicate == (stage == "dot")
        assert after.next_retry is not None
        primary.behave(hang="")
        await until(lambda: not work.left())
    assert len(primary.accepted) == 1


@pytest.mark.parametrize("stage", STAGES)
async def test_a_primary_that_closes_is_tried_again(spool: Spool, primary: FakePrimary, stage: str) -> None:
    made = commit(spool, "info@example.org")
    primary.behave(close=stage)
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: work.stored(made.id).recipients[0].attempts == 1)
        recipient = work.stored(made.id).recipients[0]
        assert recipient.fate == "waiting"
        assert recipient.possible_duplicate == (stage == "dot")
        primary.behave(close="")
        await until(lambda: not work.left())
    assert len(primary.accepted) == 1


async def test_closing_after_the_dot_is_recorded_as_a_possible_duplicate_and_only_then_may_one_be_made(
    spool: Spool, primary: FakePrimary
) -> None:
    made = commit(spool, "info@example.org")
    primary.behave(close="accepted")
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: work.stored(made.id).recipients[0].attempts == 1)
        recipient = work.stored(made.id).recipients[0]
        assert recipient.possible_duplicate
        assert "after the whole message was sent" in recipient.text
        primary.behave(close="")
        await until(lambda: not work.left())
    assert len(primary.accepted) == 2


@pytest.mark.parametrize("stage", [*STAGES, "EHLO"])
@pytest.mark.parametrize(
    "reply", ["421 4.3.2 closing", "451 4.3.0 not now", "\x00\x1b[2J garbage", "250-" + "x" * 40_000, "777 what"]
)
async def test_whatever_is_said_but_a_lasting_no_is_tried_again(
    spool: Spool, primary: FakePrimary, stage: str, reply: str
) -> None:
    made = commit(spool, "info@example.org")
    primary.behave(replies={stage: reply, "HELO": reply} if stage == "EHLO" else {stage: reply})
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: work.stored(made.id).recipients[0].attempts >= 1)
        recipient = work.stored(made.id).recipients[0]
        assert recipient.fate == "waiting"
        assert recipient.dsn.startswith("4.")
        assert recipient.text.isprintable()
        assert len(recipient.text) <= 500
        primary.behave(replies={})
        await until(lambda: not work.left())
    assert len(primary.accepted) == 1


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "dot"])
async def test_a_lasting_no_moves_the_message_to_failed_and_drops_nothing(
    spool: Spool, primary: FakePrimary, stage: str
) -> None:
    made = commit(spool, "info@example.org")
    primary.behave(replies={stage: "550 5.7.1 we do not like it"})
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: work.state(made.id) == "failed")
        after = work.stored(made.id)
    assert after.recipients[0].fate == "refused"
    assert after.recipients[0].dsn == "5.7.1"
    assert after.why == "info@example.org: 550 5.7.1 we do not like it"
    assert primary.accepted == []


async def test_a_554_greeting_is_no_verdict_on_the_mail(spool: Spool, primary: FakePrimary) -> None:
    made = commit(spool, "info@example.org")
    primary.behave(replies={"banner": "554 5.3.2 no service here"})
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: work.stored(made.id).recipients[0].attempts == 1)
        recipient = work.stored(made.id).recipients[0]
    assert recipient.fate == "waiting"
    assert recipient.dsn == "4.3.2"
    assert recipient.code == 554


async def test_a_banner_of_ten_megabytes_costs_neither_memory_nor_the_mail(spool: Spool, primary: FakePrimary) -> None:
    made = commit(spool, "info@example.org")
    primary.behave(replies={"banner": "220-" + "x" * 10_000_000})
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: work.stored(made.id).recipients[0].attempts == 1)
        assert len(work.stored(made.id).recipients[0].text) <= 500


async def test_some_recipients_are_delivered_some_refused_some_put_off(spool: Spool, primary: FakePrimary) -> None:
    made = commit(spool, "good@example.org", "grey@example.org", "bad@example.org")
    primary.behave(temporary="^grey", permanent="^bad")
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: work.stored(made.id).attempts == 1)
        assert [each.fate for each in work.stored(made.id).recipients] == ["delivered", "waiting", "refused"]
        primary.behave(temporary="(?!)")
        await until(lambda: work.state(made.id) == "failed")
        after = work.stored(made.id)
    assert [each.fate for each in after.recipients] == ["delivered", "delivered", "refused"]
    assert [message.recipients for message in primary.accepted] == [("good@example.org",), ("grey@example.org",)]


@pytest.mark.parametrize("extensions", [("PIPELINING",), ()])
async def test_nobody_accepted_means_no_content_is_sent_and_the_connection_goes_on(
    spool: Spool, primary: FakePrimary, extensions: tuple[str, ...]
) -> None:
    commit(spool, "bad@example.org")
    commit(spool, "good@example.org")
    primary.behave(permanent="^bad", extensions=extensions)
    async with at_work(spool, {"example.org": primary.port}, connections=1) as work:
        await until(lambda: not work.left())
    assert [message.recipients for message in primary.accepted] == [("good@example.org",)]
    assert primary.connections == 1


async def test_too_many_recipients_for_one_transaction_go_in_another_at_once(
    spool: Spool, primary: FakePrimary
) -> None:
    made = commit(spool, *(f"user{number}@example.org" for number in range(5)))
    primary.behave(recipients=2)
    async with at_work(spool, {"example.org": primary.port}, retry=600.0) as work:
        await until(lambda: not work.left())
    assert work.state(made.id) == ""
    assert [len(message.recipients) for message in primary.accepted] == [2, 2, 1]


async def test_a_primary_that_takes_few_messages_on_a_connection_gets_more_connections_and_no_blame(
    spool: Spool, primary: FakePrimary
) -> None:
    for number in range(12):
        commit(spool, f"user{number}@example.org")
    primary.behave(messages=3)
    async with at_work(spool, {"example.org": primary.port}, connections=1, retry=600.0) as work:
        await until(lambda: not work.left())
    assert len(primary.accepted) == 12
    assert primary.connections == 4
    assert work.events.of("deferred") == []


async def test_a_connection_that_went_stale_is_replaced_without_anybody_noticing(
    spool: Spool, primary: FakePrimary
) -> None:
    async with at_work(spool, {"example.org": primary.port}, idle=30.0, retry=600.0) as work:
        work.commit("one@example.org")
        await until(lambda: not work.left())
        primary.down()
        primary.up()
        work.commit("two@example.org")
        await until(lambda: not work.left())
        assert work.events.of("deferred") == []
    assert [message.recipients[0] for message in primary.accepted] == ["one@example.org", "two@example.org"]


async def test_a_host_that_is_down_is_left_alone_by_all_and_comes_back_by_one(
    spool: Spool, primary: FakePrimary
) -> None:
    for number in range(50):
        commit(spool, f"user{number}@example.org")
    primary.down()
    async with at_work(spool, {"example.org": primary.port}, retry=0.4, retry_longest=0.4) as work:
        await until(lambda: len(work.events.of("left_alone")) >= 2)
        assert len(work.events.of("deferred")) == len(work.events.of("left_alone")), "one message paid for each try"
        host = work.forwarder.snapshot().hosts[0]
        assert host.allowed == 1
        assert "connection refused" in host.last_reply
        primary.behave(delay=0.05)
        primary.up()
        await until(lambda: primary.busiest >= 1)
        assert primary.busiest == 1
        await until(lambda: not work.left())
        assert 1 < primary.busiest <= 20
    assert sorted(message.recipients[0] for message in primary.accepted) == sorted(
        f"user{number}@example.org" for number in range(50)
    )


async def test_a_slow_host_does_not_keep_the_others_waiting(spool: Spool, primary: FakePrimary) -> None:
    with FakePrimary() as slow:
        slow.behave(hang="banner")
        for number in range(40):
            commit(spool, f"user{number}@slow.example")
        for number in range(40):
            commit(spool, f"user{number}@example.org")
        async with at_work(spool, {"example.org": primary.port, "slow.example": slow.port}, total=4) as work:
            await until(lambda: len(primary.accepted) == 40 and work.left() == 40)
            slow.behave(hang="")
            await until(lambda: not work.left())
    assert len(slow.accepted) == 40


async def test_domains_at_one_host_take_turns(spool: Spool, primary: FakePrimary) -> None:
    for number in range(20):
        commit(spool, f"user{number}@many.example")
    for number in range(3):
        commit(spool, f"user{number}@few.example")
    routes = {"many.example": primary.port, "few.example": primary.port}
    primary.down()
    async with at_work(spool, routes, connections=1) as work:
        await until(lambda: work.forwarder.snapshot().loaded and work.events.of("left_alone"))
        primary.up()
        await until(lambda: not work.left())
    order = [message.recipients[0].partition("@")[2] for message in primary.accepted]
    assert set(order[:8]) == {"many.example", "few.example"}
    assert order.index("few.example") < 3


async def test_a_disk_that_takes_no_result_stops_that_connection_and_doubles_nothing(
    spool: Spool, primary: FakePrimary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mxtui.delivery.settling.DISK_PAUSE", 0.05)
    failing = asyncio.Event()
    unlink = spool.disk.unlink

    def full(path: str) -> None:
        if failing.is_set() and path.endswith(".json"):
            raise OSError(5, "Input/output error")
        unlink(path)

    monkeypatch.setattr(spool.disk, "unlink", full)
    commit(spool, "info@example.org")
    failing.set()
    async with at_work(spool, {"example.org": primary.port}) as work:
        await until(lambda: len(work.events.of("undurable")) > 3)
        assert work.left() == 1
        failing.clear()
        await until(lambda: not work.left())
    assert len(primary.accepted) == 1
