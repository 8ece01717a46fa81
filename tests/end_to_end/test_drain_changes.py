"""The queue changes under a drain: its mail system reloads or stops, and others hold and delete what it is to send."""

import signal

import pytest

from mxtui.errors import Unreachable
from tests.cli.running import postfix_says
from tests.end_to_end.draining import DrainedQueue, PostfixQueue, SpoolQueue, Tally, drain, once

MESSAGES = 20


def test_a_reload_of_postfix_is_not_noticed(postfix_queue: PostfixQueue) -> None:
    queue = postfix_queue
    queue.fill(MESSAGES)
    queue.primary.up()
    course = drain(queue, once(queue.instance.reload, lambda p: p.delivered >= 3), messages_per_second=20)
    assert (course.last.phase, course.last.delivered) == ("done", MESSAGES)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)


def test_a_postfix_that_is_stopped_ends_it_and_the_rest_waits(postfix_queue: PostfixQueue) -> None:
    queue = postfix_queue
    queue.fill(MESSAGES)
    queue.primary.up()
    with pytest.raises(Unreachable):
        drain(queue, once(queue.instance.stop, lambda p: p.delivered >= 3), messages_per_second=20)
    standing = queue.standing()
    assert not standing.running
    assert "Postfix" in standing.fault
    before = queue.tally()
    assert (before.doubled, before.lost) == (0, 0)
    assert before.kept
    queue.instance.start()
    drain(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)


def test_a_postfix_that_is_stopped_amid_a_delivery_is_not_waited_for(postfix_queue: PostfixQueue) -> None:
    queue = postfix_queue
    queue.fill(3)
    queue.primary.behave(hang="RCPT")
    queue.primary.up()
    with pytest.raises(Unreachable):
        drain(queue, once(queue.instance.abort, lambda p: p.in_hand == 1))
    assert queue.tally() == Tally(delivered=0, kept=3, doubled=0, lost=0)
    queue.primary.down()
    queue.primary.behave(hang="")
    queue.primary.up()
    queue.instance.start()
    drain(queue)
    assert queue.tally() == Tally(delivered=3, kept=0, doubled=0, lost=0)


def test_a_serve_that_is_stopped_ends_it_and_the_rest_waits(served_queue: SpoolQueue) -> None:
    queue = served_queue
    queue.fill(MESSAGES)
    queue.primary.up()
    assert queue.serve is not None
    stop = queue.serve.stop
    with pytest.raises(Unreachable):
        drain(queue, once(lambda: stop(signal.SIGTERM), lambda p: p.delivered >= 3), messages_per_second=20)
    assert not queue.standing().running
    before = queue.tally()
    assert (before.doubled, before.lost) == (0, 0)
    assert before.kept
    drain(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)


def test_what_others_hold_and_delete_meanwhile_is_not_sent_and_told(queue: DrainedQueue) -> None:
    queue.fill(MESSAGES)
    queue.primary.up()
    held, deleted = queue.ids[-1], queue.ids[-2]

    def meddle() -> None:
        if isinstance(queue, PostfixQueue):
            postfix_says(queue.instance, "postsuper", "-h", held, "-d", deleted)
        else:
            assert queue("hold", f"id:{held}", "--yes").status == 0
            assert queue("delete", f"id:{deleted}", "--yes").status == 0

    course = drain(queue, once(meddle, lambda p: p.delivered >= 3), messages_per_second=15)
    assert (course.last.delivered, course.last.deferred, course.last.unknown) == (MESSAGES - 2, 1, 1)
    assert queue.states() == {"": MESSAGES - 1, "hold": 1}
    assert queue.tally() == Tally(delivered=MESSAGES - 2, kept=1, doubled=0, lost=1), "the one that was deleted"
    assert held in course.report
    assert deleted in course.report
