"""SIGKILL of whoever drains, in each phase, and a drain again: nothing is lost, and nothing accepted twice."""

import subprocess

import pytest

from mxtui.model.flushing import Phase
from tests.end_to_end.draining import DrainedQueue, SpoolQueue, Tally, drain
from tests.support.waiting import wait_until

MESSAGES = 12


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()


def heal(queue: DrainedQueue) -> None:
    """The primary lets go of every connection, and works again."""
    queue.primary.down()
    queue.primary.behave(hang="", delay=0.0, banner_delay=0.0)
    queue.primary.up()
    wait_until(lambda: not queue.states()["active"], what="what Postfix had in hand is deferred")


def test_while_it_probes(queue: DrainedQueue) -> None:
    queue.fill(MESSAGES)
    queue.primary.behave(banner_delay=600)
    queue.primary.up()
    before = queue.primary.connections
    process = queue.begin("flush", "--all", "--yes")
    wait_until(lambda: queue.primary.connections > before)
    kill(process)
    assert queue.drains.standing() is None, "nothing had begun"
    heal(queue)
    drain(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)


@pytest.mark.parametrize(("phase", "accepted"), [("canary", 0), ("ramp", 1), ("steady", 4)])
def test_in_each_phase(queue: DrainedQueue, phase: Phase, accepted: int) -> None:
    if phase == "steady":
        queue.write_config(connections=2)
    queue.fill(MESSAGES)
    if accepted:
        queue.primary.after(accepted, hang="RCPT")
    else:
        queue.primary.behave(hang="RCPT")
    queue.primary.up()
    process = queue.begin("flush", "--all", "--yes")
    queue.wait_for(phase)
    wait_until(lambda: len(queue.primary.accepted) >= accepted)
    kill(process)
    standing = queue.standing()
    assert not standing.running
    assert f"process {process.pid} ended without a word" in standing.fault
    heal(queue)
    drain(queue)
    wait_until(lambda: not queue.tally().kept)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)
    assert (queue.standing().running, queue.standing().fault) == (False, "")


def test_between_the_dot_and_its_answer_only_what_was_in_hand_may_be_doubled(spool_queue: SpoolQueue) -> None:
    """What the primary answered to nobody, nobody can know (RFC 1047)."""
    queue = spool_queue
    queue.write_config(connections=2)
    queue.fill(MESSAGES)
    queue.primary.after(4, delay=0.3)
    queue.primary.up()
    process = queue.begin("flush", "--all", "--yes")
    wait_until(lambda: len(queue.primary.accepted) >= 4)
    kill(process)
    wait_until(lambda: not queue.primary.open_connections)
    queue.primary.behave(delay=0.0)
    drain(queue)
    tally = queue.tally()
    assert (tally.delivered, tally.kept, tally.lost) == (MESSAGES, 0, 0)
    assert tally.doubled <= 2, "one for each connection"


def test_a_serve_that_is_killed_leaves_the_rest_to_be_drained_without_one(served_queue: SpoolQueue) -> None:
    queue = served_queue
    queue.fill(MESSAGES)
    queue.primary.after(3, hang="RCPT")
    queue.primary.up()
    process = queue.begin("flush", "--all", "--yes")
    wait_until(lambda: len(queue.primary.accepted) >= 3)
    assert queue.serve is not None
    queue.serve.running.kill()
    _, said = process.communicate(timeout=20)
    assert process.returncode == 4
    assert b"serve went away" in said
    assert "serve went away" in queue.standing().fault
    heal(queue)
    drain(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)
