"""A real Postfix queue from plan to audit, through the one road that leads there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mxtui.audit import Audit
from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.errors import NotPermitted, Unreachable
from mxtui.model.planning import target_of
from mxtui.model.source import Verb
from mxtui.operations import Operations
from mxtui.queues.postfix import showq
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.postfix import PostfixQueue
from mxtui.queues.postfix.reader import ListingReader, Reader, open_reader
from mxtui.queues.queue import Queue
from mxtui.vault import Vault
from tests.cli.running import postfix_says
from tests.conftest import PostfixFactory
from tests.queues.postfix.acting import QUIET, layout_of, settled
from tests.support.feeding import Outcome, deliver
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postfix


@pytest.fixture
def instance(postfix: PostfixFactory, primary: FakePrimary) -> PrivatePostfix:
    primary.down()
    return postfix(routes={"example.org": primary.port}, settings=QUIET)


@pytest.fixture
def attached(instance: PrivatePostfix, tmp_path: Path) -> Callable[..., Operations]:
    def operations(road: Callable[[Layout], Reader] = open_reader) -> Operations:
        queue: Queue = PostfixQueue(layout_of(instance), road=road)
        return Operations(queue, audit=Audit(tmp_path / "audit.jsonl"), vault=Vault(tmp_path / "kept"))

    return operations


def by_showq(layout: Layout) -> Reader:
    """The road of members of the group postdrop."""
    return ListingReader("showq", lambda: showq.list_queue(layout), lambda: "")


def plan_all(operations: Operations, verb: Verb, *, keep_copy: bool = True) -> list[str]:
    """Plan and execute for everything queued; the results in words."""
    queue = operations._queue
    targets = [target_of(message) for batch in queue.read() for message in batch.present]
    plan = operations.plan(verb, targets, "--all", keep_copy=keep_copy)
    return [result.result for result in operations.execute(plan)]


def flush_all(operations: Operations) -> Outcome:
    """Flush everything queued."""
    queue = operations._queue
    return deliver(queue, [target_of(message) for batch in queue.read() for message in batch.present])


def test_a_deletion_is_undone_byte_for_byte(
    instance: PrivatePostfix, attached: Callable[..., Operations], primary: FakePrimary
) -> None:
    ids = instance.inject("a@client.example", ["info@example.org"], b"Subject: x\n\n.\nb\xf6dy\n", count=20)
    settled(layout_of(instance), ids, "deferred")
    operations = attached()
    assert plan_all(operations, Verb.DELETE) == ["done"] * 20
    assert sum(operations._queue.depth().values()) == 0
    (record,) = operations.audit.records()
    results = list(operations.execute(operations.undo(record), undoes=record.id))
    assert [result.result for result in results] == ["done"] * 20
    restored = [result.detail.removeprefix("queued as ") for result in results]
    settled(layout_of(instance), restored, "deferred")
    primary.up()
    assert flush_all(operations).fates == {"delivered": 20}
    assert len(primary.accepted) == 20
    assert {message.content.partition(b"\r\n\r\n")[2] for message in primary.accepted} == {b".\r\nb\xf6dy\r\n"}


def test_a_hold_is_undone_and_the_mail_goes_out_at_once(
    instance: PrivatePostfix, attached: Callable[..., Operations], primary: FakePrimary
) -> None:
    ids = instance.inject("a@client.example", ["info@example.org"], count=3)
    settled(layout_of(instance), ids, "deferred")
    operations = attached()
    assert plan_all(operations, Verb.HOLD) == ["done"] * 3
    assert operations._queue.depth()["hold"] == 3
    primary.up()
    undo = operations.undo(next(operations.audit.records()))
    assert [result.result for result in operations.execute(undo)] == ["done"] * 3
    wait_until(lambda: len(primary.accepted) == 3)


def test_a_stopped_postfix_can_be_read_and_says_why_it_cannot_be_changed(
    instance: PrivatePostfix, attached: Callable[..., Operations]
) -> None:
    ids = instance.inject("a@client.example", ["info@example.org"])
    settled(layout_of(instance), ids, "deferred")
    instance.stop()
    operations = attached()
    assert sum(operations._queue.depth().values()) == 1
    with pytest.raises(Unreachable, match="Postfix is stopped") as refused:
        plan_all(operations, Verb.HOLD)
    assert refused.value.hint == f"Start it: postfix -c {instance.config_directory} start"


def test_who_sees_listings_only_can_act_but_keep_no_copy(
    instance: PrivatePostfix, attached: Callable[..., Operations]
) -> None:
    ids = instance.inject("a@client.example", ["info@example.org"], count=4)
    settled(layout_of(instance), ids, "deferred")
    operations = attached(road=by_showq)
    queue = operations._queue
    targets = [target_of(message) for batch in queue.read() for message in batch.present]
    other = targets[0]._replace(identity=targets[0].identity._replace(arrival=1.0))
    plan = operations.plan(Verb.HOLD, [other, *targets[1:]], "--all")
    results = {result.queue_id: result.result for result in operations.execute(plan)}
    assert sorted(results.values()) == ["changed", "done", "done", "done"]
    assert results[other.queue_id] == "changed"
    with pytest.raises(NotPermitted, match="no copy can be kept"):
        operations.plan(Verb.DELETE, targets, "--all")
    assert plan_all(operations, Verb.DELETE, keep_copy=False) == ["done"] * 4


@pytest.mark.parametrize("log", [True, False])
def test_who_sees_listings_only_can_flush(
    instance: PrivatePostfix, attached: Callable[..., Operations], primary: FakePrimary, log: bool
) -> None:
    ids = instance.inject("", ["info@example.org"]) + instance.inject("", ["later@example.org"])
    settled(layout_of(instance), ids, "deferred")
    operations = attached(road=by_showq)
    primary.behave(temporary="^later@")
    primary.up()
    if not log:
        instance.log.rename(instance.log.with_suffix(".old"))
    assert flush_all(operations).fates == {"deferred": 1, "delivered" if log else "vanished": 1}


def test_lifetimes_that_were_changed_meanwhile_are_told_of(instance: PrivatePostfix) -> None:
    queue = PostfixQueue(layout_of(instance))
    assert not queue.capabilities().caveat
    postfix_says(instance, "postconf", "-e", "delay_warning_time = 4h")
    assert not queue.capabilities().caveat, "nothing hangs on that"
    postfix_says(instance, "postconf", "-e", "maximal_queue_lifetime = 10h")
    assert "told by the old ones" in queue.capabilities().caveat
    assert not PostfixQueue(layout_of(instance)).capabilities().caveat
