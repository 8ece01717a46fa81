"""One drain to several primaries, and to one that bears few connections."""

from pathlib import Path

from mxtui.demo.primary import FakePrimary
from tests.end_to_end.draining import DrainedQueue, MoodyPrimary, PostfixQueue, SpoolQueue, Tally, drain, once

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
        assert queue.states() == {"hold": MESSAGES - 1, "failed": 1, "": MESSAGES}
