"""A primary that is back and refuses mail: what is drained into it is not lost."""

import pytest

from tests.end_to_end.draining import DrainedQueue, PostfixQueue, SpoolQueue, Tally, drain
from tests.support.waiting import wait_until

MESSAGES = 40

KEEPING = ["direct", "spool", "served"]
"""What is refused for good is kept there."""


def test_a_healthy_primary_gets_all_of_it_once(queue: DrainedQueue) -> None:
    queue.fill(MESSAGES)
    queue.primary.up()
    course = drain(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)
    assert (course.last.phase, course.last.delivered, course.last.left) == ("done", MESSAGES, 0)
    assert course.phases[:2] == ["probe", "canary"]
    assert "everything delivered" in course.report


def test_one_that_refuses_everybody_costs_postfix_the_canary_and_no_more(postfix_queue: PostfixQueue) -> None:
    queue = postfix_queue
    queue.fill(MESSAGES)
    queue.primary.behave(permanent=".")
    queue.primary.up()
    course = drain(queue)
    assert queue.tally() == Tally(delivered=0, kept=MESSAGES - 1, doubled=0, lost=1)
    assert queue.states() == {"hold": MESSAGES - 1, "": 1}
    assert (course.last.phase, course.last.bounced) == ("stopped", 1)
    assert queue.standing().held == MESSAGES - 1
    assert f"{MESSAGES - 1} messages held, not tried" in queue("drain").text
    assert "refused" in course.last.why
    assert "User unknown" in course.report


@pytest.mark.parametrize("queue", KEEPING, indirect=True)
def test_one_that_refuses_everybody_costs_nothing_where_we_send(queue: DrainedQueue) -> None:
    queue.fill(MESSAGES)
    queue.primary.behave(permanent=".")
    queue.primary.up()
    course = drain(queue)
    assert queue.tally() == Tally(delivered=0, kept=MESSAGES, doubled=0, lost=0)
    assert queue.states()["hold"] == (MESSAGES if queue.direct else MESSAGES - 1), "Postfix would return the canary"
    assert (course.last.phase, course.last.refused, course.last.bounced) == ("stopped", 1, 0)


def test_one_that_takes_the_canary_and_then_refuses_costs_postfix_one_batch(postfix_queue: PostfixQueue) -> None:
    queue = postfix_queue
    queue.fill(MESSAGES)
    queue.primary.after(1, permanent=".")
    queue.primary.up()
    course = drain(queue)
    tally = queue.tally()
    assert (tally.delivered, tally.doubled) == (1, 0)
    assert 1 <= tally.lost <= 5, "the batch behind the canary"
    assert queue.states()["hold"] == MESSAGES - 1 - tally.lost
    assert (course.last.phase, course.last.bounced) == ("stopped", tally.lost)


@pytest.mark.parametrize("queue", KEEPING, indirect=True)
def test_one_that_takes_the_canary_and_then_refuses_costs_nothing_where_we_send(queue: DrainedQueue) -> None:
    queue.fill(MESSAGES)
    queue.primary.after(1, permanent=".")
    queue.primary.up()
    course = drain(queue)
    assert queue.tally() == Tally(delivered=1, kept=MESSAGES - 1, doubled=0, lost=0)
    assert course.last.phase == "stopped"
    assert all(each.reply for each in course.verdicts if each.fate != "delivered"), "each says why, tried or not"
    if queue.direct:
        assert course.last.refused < MESSAGES // 2, "what was on its way when it stopped"
        assert queue.states()["hold"] == MESSAGES - 1, "what was in hand and not begun, too, or Postfix would try it"
        return
    assert course.last.refused <= 6, "those in hand when it stopped"
    if (
        isinstance(queue, SpoolQueue) and queue.serve is None
    ):  # one that runs goes on by itself once a message was taken, and had some in hand
        assert queue.states()["hold"] == course.last.left
    assert not queue.states()["failed"], "no refusal is believed at first"


def test_greylisting_stops_it_after_three_canaries_and_what_is_released_is_delivered(queue: DrainedQueue) -> None:
    queue.fill(MESSAGES)
    queue.primary.behave(temporary=".")
    queue.primary.up()
    course = drain(queue)
    assert queue.tally() == Tally(delivered=0, kept=MESSAGES, doubled=0, lost=0)
    assert (course.last.phase, course.last.deferred) == ("stopped", 3)
    assert "Greylisted" in course.last.why
    queue.primary.behave(temporary="(?!)")
    assert queue("release", "--all", "--yes").status == 0
    drain(queue)
    wait_until(lambda: queue.tally().kept == 0, what="a release has it tried at once, too")
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)


def test_recipients_that_are_accepted_are_not_tried_again_with_those_that_are_put_off(queue: DrainedQueue) -> None:
    queue.fill(6, "info@example.org", "later@example.org")
    queue.primary.behave(temporary="^later@")
    queue.primary.up()
    course = drain(queue, canary=False)
    assert (course.last.deferred, queue.tally().kept) == (6, 6)
    queue.primary.behave(temporary="(?!)")
    assert drain(queue).last.delivered == 6
    received = sorted(name for message in queue.primary.accepted for name in message.recipients)
    assert received == sorted(["info@example.org", "later@example.org"] * 6), "each once"
    assert queue.tally().kept == 0


def test_refusals_that_the_guard_allows_slow_no_drain(spool_queue: SpoolQueue) -> None:
    queue = spool_queue
    queue.fill(MESSAGES)
    queue.fill(8, "nobody@example.org")
    queue.primary.behave(permanent="^nobody")
    queue.primary.up()
    course = drain(queue, refused_share=1.0)
    assert (course.last.phase, course.last.delivered, course.last.refused) == ("done", MESSAGES, 8)
    assert "backoff" not in course.phases
    assert queue.states() == {"": MESSAGES, "deferred": 8}, "on trial nothing is refused for good"
