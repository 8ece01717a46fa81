"""A primary that is up and in trouble: nothing is lost, and what may be doubled is counted and named."""

import pytest

from mxtui.model.plan import FlushProgress
from tests.end_to_end.draining import DirectQueue, DrainedQueue, PostfixQueue, Tally, drain, once
from tests.queues.postfix.acting import state
from tests.support.waiting import wait_until

MESSAGES = 40

SENDING_AGAIN = ["postfix", "spool", "served"]
"""What may have been accepted is sent again there, as RFC 1047 has it."""


def test_one_that_drowns_is_given_less_and_gets_all_of_it_once(queue: DrainedQueue) -> None:
    queue.fill(MESSAGES)
    queue.primary.behave(room=2)
    queue.primary.up()
    drain(queue, patience=50)
    drowned = queue.tally()
    assert (drowned.doubled, drowned.lost) == (0, 0)
    assert drowned.delivered >= 2
    queue.primary.behave(room=0)
    drain(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)


def test_one_that_becomes_slow_is_given_fewer_connections(queue: DrainedQueue) -> None:
    queue.fill(MESSAGES)
    queue.primary.after(20, delay=0.15)
    queue.primary.up()
    course = drain(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)
    assert course.last.delivered == MESSAGES


@pytest.mark.parametrize("queue", SENDING_AGAIN, indirect=True)
def test_one_that_dies_amid_data_has_nothing_and_gets_all_of_it_later(queue: DrainedQueue) -> None:
    queue.fill(MESSAGES)
    queue.primary.after(6, close="content")
    queue.primary.up()
    healed = once(lambda: queue.primary.behave(close=""), lambda progress: progress.phase == "backoff")
    course = drain(queue, healed, patience=50)
    assert "backoff" in course.phases
    before = queue.tally()
    assert (before.doubled, before.lost) == (0, 0)
    told = course.last.deferred + course.last.left
    assert before.kept == told or (getattr(queue, "serve", None) and before.kept < told), "serve goes on after it"
    drain(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)


@pytest.mark.parametrize("queue", SENDING_AGAIN, indirect=True)
@pytest.mark.parametrize("stage", ["dot", "accepted"])
def test_one_that_dies_after_the_dot_leaves_possible_duplicates_which_are_named(
    queue: DrainedQueue, stage: str
) -> None:
    queue.fill(MESSAGES)
    queue.primary.after(6, close=stage)
    queue.primary.up()
    healed = once(lambda: queue.primary.behave(close=""), lambda progress: progress.possible_duplicates > 0)
    course = drain(queue, healed, patience=50)
    doubtful = course.last.possible_duplicates
    assert doubtful > 0
    assert "Perhaps delivered all the same" in course.report
    assert course.last.deferred >= doubtful, "they are kept"
    drain(queue, patience=50)
    tally = queue.tally()
    assert (tally.delivered, tally.kept, tally.lost) == (MESSAGES, 0, 0)
    assert tally.doubled <= doubtful if stage == "accepted" else tally.doubled == 0


@pytest.mark.parametrize("stage", ["content", "dot", "accepted"])
def test_what_our_sender_sent_and_heard_nothing_of_is_never_sent_again_until_an_operator_says_so(
    direct_queue: DirectQueue, stage: str
) -> None:
    """Small mail is on its way with its dot before anybody can know that the primary died within it."""
    queue = direct_queue
    queue.fill(MESSAGES)
    queue.primary.after(6, close=stage)
    queue.primary.up()
    healed = once(lambda: queue.primary.behave(close=""), lambda progress: progress.possible_duplicates > 0)
    course = drain(queue, healed, patience=50)
    doubtful = course.last.possible_duplicates
    assert 0 < doubtful <= 20, "one for each connection"
    assert "Perhaps delivered all the same" in course.report
    drain(queue, patience=50)
    assert queue.states() == {"": MESSAGES - doubtful, "hold": doubtful}
    before = queue.tally()
    assert (before.kept, before.doubled, before.lost) == (doubtful, 0, 0)
    assert set(queue.journal) == {each for each in queue.ids if state(queue.layout, each)}
    assert queue("release", "--all", "--yes").status == 0
    wait_until(lambda: not queue.tally().kept, what="a release has Postfix try them at once")
    tally = queue.tally()
    assert (tally.delivered, tally.lost) == (MESSAGES, 0)
    assert tally.doubled == (doubtful if stage == "accepted" else 0), "which is why somebody has to decide"


def test_one_that_flaps_is_waited_for(queue: DrainedQueue) -> None:
    queue.fill(MESSAGES)
    queue.primary.up()
    falls = once(queue.primary.down, lambda progress: progress.delivered >= 5)
    rises = once(queue.primary.up, lambda progress: progress.phase == "backoff")

    def look(progress: FlushProgress) -> None:
        falls(progress)
        rises(progress)

    course = drain(queue, look, messages_per_second=40, patience=50)
    assert "backoff" in course.phases
    assert course.last.phase == "done"
    if queue.tally().kept:
        drain(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)


def test_one_that_stays_away_stops_it(postfix_queue: PostfixQueue) -> None:
    queue = postfix_queue
    queue.fill(MESSAGES)
    course = drain(queue, canary=False, patience=3)
    assert (course.last.phase, course.last.delivered) == ("stopped", 0)
    assert "3 tries in a row failed" in course.last.why
    assert "connection refused" in course.last.why.lower()
    assert queue.tally() == Tally(delivered=0, kept=MESSAGES, doubled=0, lost=0)
