"""What a guard has held goes with the next flush, under pace and guard; what an operator held stays held."""

import os
import time

import pytest

from mxtui.cli.acting import select
from mxtui.cli.attach import attach
from mxtui.left import LeftByGuards
from mxtui.model.source import Verb
from mxtui.queues.postfix.whereabouts import locate
from tests.cli.running import postfix_says
from tests.end_to_end.draining import DrainedQueue, PostfixQueue
from tests.support.waiting import wait_until

MESSAGES = 40

KINDS = [("spool_queue", ()), ("served_queue", ()), ("postfix_queue", ()), ("postfix_queue", ("--direct",))]


def alerts_of(queue: DrainedQueue) -> set[str]:
    (status,) = queue("status", "--json").objects
    return {alert["name"] for alert in status["alerts"]}


@pytest.mark.parametrize(("kind", "options"), KINDS)
def test_the_next_flush_takes_it_and_leaves_what_an_operator_held(
    kind: str, options: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    queue: DrainedQueue = request.getfixturevalue(kind)
    queue.fill(MESSAGES)
    own = queue.ids[-2:]
    assert queue("hold", f"id:{'|'.join(own)}", "--yes").status == 0
    queue.primary.behave(permanent=".*")
    queue.primary.up()
    assert queue("flush", "--all", "--yes", *options).status == 1
    assert queue.standing().held == MESSAGES - 3
    assert f"{MESSAGES - 3}  left, held: the next flush takes them" in queue("drain", "report").text
    assert "drain_stopped" in alerts_of(queue)
    queue.primary.behave(permanent="^nobody@")
    planned = queue("flush", "--all", "--dry-run", *options)
    assert f"{MESSAGES - 3} held by the drain of " in planned.err
    assert "held: release it first" in planned.err, "those that an operator held"
    released = queue("release", "--all", "--dry-run")
    assert f"{MESSAGES - 3} held by the drain of " in released.err
    assert "past the guard" in released.err
    queue("flush", "--all", "--yes", *options)
    phases = [each.phase for each in queue.standing().phases]
    assert phases[:2] == ["probe", "canary"]
    assert "ramp" in phases
    progress = queue.standing().progress
    assert progress is not None
    assert (progress.phase, progress.left) == ("done", 0)
    assert queue.tally().delivered >= MESSAGES - 3
    assert queue.tally().doubled == 0
    assert {each for each in own if queue.state_of(each) == "hold"} == set(own)
    assert not LeftByGuards(queue.drains.folder).known()
    assert "drain_stopped" not in alerts_of(queue)


def test_stopped_half_way_the_rest_is_still_held_and_known(postfix_queue: DrainedQueue) -> None:
    queue = postfix_queue
    queue.fill(MESSAGES)
    queue.primary.behave(permanent=".*")
    queue.primary.up()
    queue("flush", "--all", "--yes", "--direct")
    assert queue("flush", "--all", "--yes", "--direct").status == 1, "it is no better yet"
    assert queue.standing().held == MESSAGES - 2, "those that still are, too"
    assert queue.states()["hold"] == MESSAGES
    queue.primary.behave(permanent="^nobody@")
    queue("flush", "--all", "--yes", "--limit", "10")
    assert len(queue.primary.accepted) == 10
    assert queue.states()["hold"] == MESSAGES - 10


def test_what_an_operator_held_after_the_guard_is_his(postfix_queue: DrainedQueue) -> None:
    queue = postfix_queue
    queue.fill(5)
    queue.primary.behave(permanent=".*")
    queue.primary.up()
    queue("flush", "--all", "--yes", "--direct")
    queue.primary.down()
    assert queue("release", "--all", "--yes").status in (0, 1)
    queue("hold", "--all", "--yes")
    planned = queue("flush", "--all", "--force", "--dry-run")
    assert "held by the drain" not in planned.err


def test_what_somebody_held_with_postsuper_is_his_though_a_guard_had_left_it(
    postfix_queue: PostfixQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past us, so that only the queue can tell; what is marked in place is still the guard's."""
    queue = postfix_queue
    queue.fill(5)
    queue.primary.behave(permanent=".*")
    queue.primary.up()
    queue("flush", "--all", "--yes", "--direct")
    by_hand, marked, *others = LeftByGuards(queue.drains.folder).known()
    monkeypatch.setattr("mxtui.left.HOLDING", 0.5)
    at = time.time()
    wait_until(lambda: time.time() > at + 0.5)
    postfix_says(queue.instance, "postsuper", "-H", by_hand)
    postfix_says(queue.instance, "postsuper", "-h", by_hand)
    file = locate(queue.layout, marked)
    assert file is not None
    with file.path.open("r+b") as content:
        os.pwrite(content.fileno(), content.read(1), 0)
    with attach(queue.source, str(queue.config)) as attached:
        targets, selection = select(attached, [], everything=True, verb=Verb.FLUSH)
        plan = attached.operations.plan(Verb.FLUSH, targets, selection)
    assert {each.queue_id for each in plan.targets} == {marked, *others}
    assert by_hand in {each.queue_id for each in plan.excluded}


def test_a_limit_hides_nothing_of_what_is_left_out(spool_queue: DrainedQueue) -> None:
    queue = spool_queue
    queue.fill(5)
    assert queue("hold", f"id:{queue.ids[0]}", "--yes").status == 0
    queue.primary.up()
    planned = queue("flush", "--all", "--limit", "2", "--dry-run")
    assert planned.err.startswith("flush 2 messages")
    assert "held: release it first" in planned.err
