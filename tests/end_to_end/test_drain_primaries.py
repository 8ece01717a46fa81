"""One drain to several primaries, and to one that bears few connections."""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from tests.conftest import PostfixFactory
from tests.end_to_end.draining import (
    DirectQueue,
    DrainedQueue,
    MoodyPrimary,
    PostfixQueue,
    SpoolQueue,
    Tally,
    drain,
    once,
)
from tests.queues.postfix.acting import QUIET

MESSAGES = 40


def test_a_primary_never_has_more_connections_than_it_bears(queue: DrainedQueue) -> None:
    queue.write_config('[drain.primaries]\n"example.org" = 3\n')
    queue.fill(MESSAGES)
    queue.primary.busiest = 0
    queue.primary.behave(delay=0.02)
    queue.primary.up()
    windows: list[int] = []
    drain(queue, lambda progress: windows.append(progress.window))
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)
    if type(queue) is PostfixQueue:  # whose connections are its own affair: it never has more mail in hand
        assert max(windows) == 3
    # Postfix says that a message is delivered before it takes its leave.
    assert queue.primary.busiest <= (6 if type(queue) is PostfixQueue else 3)


def test_nor_from_our_own_sender(postfix_queue: PostfixQueue) -> None:
    postfix_queue.write_config('[drain.primaries]\n"127.0.0.1" = 2\n')
    postfix_queue.fill(MESSAGES)
    postfix_queue.primary.busiest = 0
    postfix_queue.primary.behave(delay=0.02)
    postfix_queue.primary.up()
    assert postfix_queue("flush", "--all", "--direct", "--yes").status == 0
    assert postfix_queue.primary.busiest <= 2


def test_one_that_dies_does_not_slow_the_other(moody: MoodyPrimary, tmp_path: Path) -> None:
    moody.calm()
    with FakePrimary() as other:
        queue = SpoolQueue(tmp_path, moody)
        queue.write_config(f'"example.net" = "127.0.0.1:{other.port}"\n')
        queue.fill(MESSAGES)
        queue.fill(200, "info@example.net")
        moody.up()
        moody.after(10, close="MAIL")
        healed = once(lambda: moody.behave(close=""), lambda progress: len(other.accepted) == 200)
        course = drain(queue, healed, patience=50)
        assert (course.last.phase, len(other.accepted), course.last.left) == ("done", 200, 0)
        assert course.last.deferred > 0
        assert course.last.delivered + course.last.deferred == 200 + MESSAGES


def test_one_that_refuses_is_held_and_the_other_has_all_of_its_mail(moody: MoodyPrimary, tmp_path: Path) -> None:
    moody.calm()
    with FakePrimary() as other:
        queue = SpoolQueue(tmp_path, moody)
        queue.write_config(f'"example.net" = "127.0.0.1:{other.port}"\n')
        queue.fill(MESSAGES)
        queue.fill(MESSAGES, "info@example.net")
        moody.behave(permanent=".*")
        moody.up()
        course = drain(queue)
        assert (course.last.phase, course.last.delivered) == ("stopped", MESSAGES)
        assert course.last.why.startswith(f"127.0.0.1:{moody.port}: the canary")
        assert queue.standing().held == MESSAGES - 1
        assert queue.states() == {"hold": MESSAGES - 1, "deferred": 1, "": MESSAGES}, "no refusal is believed at first"


@pytest.mark.parametrize("kind", ["spool", "postfix", "direct"])
def test_what_goes_to_a_primary_that_is_down_as_well_holds_up_nothing(
    moody: MoodyPrimary, postfix: PostfixFactory, tmp_path: Path, kind: str
) -> None:
    """Its recipients at the one that is up have it, the others wait on; none of it is a failure, and none is held."""
    moody.calm()
    with FakePrimary() as other:
        other.down()
        queue: DrainedQueue
        if kind == "spool":
            queue = SpoolQueue(tmp_path, moody)
            queue.write_config(f'"example.net" = "127.0.0.1:{other.port}"\n')
        else:
            routes = {"example.org": moody.port, "example.net": other.port, "client.example": moody.port}
            instance = postfix(routes=routes, settings=QUIET)
            queue = (DirectQueue if kind == "direct" else PostfixQueue)(tmp_path, moody, instance)
        queue.fill(12, "info@example.org", "info@example.net")
        queue.fill(MESSAGES)
        moody.up()
        before = time.monotonic()
        done = queue("flush", "domain:example.org", "--yes")
        assert time.monotonic() - before < 45
        assert done.status == 1, done.err
        assert f"{MESSAGES:,} delivered, 12 deferred again" in done.text
        taken = Counter(recipient for each in moody.accepted for recipient in each.recipients)
        assert taken == {"info@example.org": MESSAGES + 12}
        assert queue.states() == {"deferred": 12, "": MESSAGES}
        report = queue.drains.report(as_json=False)
        assert all(queue_id in report for queue_id in queue.ids[:12]), "each is named"
        other.up()
        assert queue("flush", "--all", "--yes").status == 0
        assert (len(other.accepted), queue.tally().kept) == (12, 0)


def test_what_goes_to_two_primaries_that_are_up_is_delivered_whole(moody: MoodyPrimary, tmp_path: Path) -> None:
    """Each has its own connection to it, and the second has to come as soon as the first is done."""
    moody.calm()
    with FakePrimary() as other:
        queue = SpoolQueue(tmp_path, moody)
        queue.write_config(f'"example.net" = "127.0.0.1:{other.port}"\n')
        queue.fill(MESSAGES, "info@example.org", "info@example.net")
        moody.up()
        course = drain(queue)
        assert (course.last.phase, course.last.delivered) == ("done", MESSAGES)
        assert (len(moody.accepted), len(other.accepted), queue.tally().kept) == (MESSAGES, MESSAGES, 0)


def test_what_a_killed_drain_left_half_settled_holds_up_no_other(spool_queue: SpoolQueue) -> None:
    """Its last result was on record, and it had not been put where it belongs: nobody will ever try it."""
    queue = spool_queue
    queue.fill(3)
    claim = queue.spool.claim(queue.ids[0])
    assert claim is not None
    with claim:
        refused = [replace(each, fate="refused", text="550 no such user") for each in claim.envelope.recipients]
        claim.record(replace(claim.envelope, recipients=tuple(refused)))
    queue.primary.up()
    course = drain(queue)
    assert (course.last.phase, course.last.delivered) == ("done", 2)
    assert queue.states() == {"failed": 1, "": 2}


def test_of_a_small_queue_postfix_never_has_all_in_hand(postfix_queue: PostfixQueue) -> None:
    """What it has in hand, no pause, stop or guard takes back."""
    queue = postfix_queue
    queue.write_config(connections=500)
    queue.fill(150)
    queue.primary.behave(delay=0.1)  # so that each batch is seen
    queue.primary.up()
    in_hand: list[int] = []
    course = drain(queue, lambda progress: in_hand.append(progress.in_hand))
    assert course.last.delivered == 150
    assert 25 < max(in_hand) <= 50
