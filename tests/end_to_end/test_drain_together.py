"""Several people, and terminals that close: one drain for a queue, and everybody finds it."""

import sys

import pytest

from tests.end_to_end.draining import DrainedQueue, SpoolQueue, Tally, drain
from tests.end_to_end.terminal import Terminal
from tests.support.waiting import wait_until

MESSAGES = 40
SLOW = ("--rate", "1/s")


@pytest.fixture(params=["postfix_queue", "direct_queue", "spool_queue"])
def queue(request: pytest.FixtureRequest) -> DrainedQueue:
    found: DrainedQueue = request.getfixturevalue(request.param)
    found.fill(MESSAGES)
    found.primary.up()
    return found


def assert_definite(queue: DrainedQueue) -> None:
    """Every message was accepted once or waits, and another drain delivers what waits."""
    tally = queue.tally()
    assert (tally.delivered + tally.kept, tally.doubled, tally.lost) == (MESSAGES, 0, 0)
    drain(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)


def test_the_second_operator_is_shown_the_first_ones_drain(queue: DrainedQueue) -> None:
    first = queue.begin("flush", "--all", "--yes", *SLOW)
    queue.wait_for("ramp", "steady")
    for detach in ((), ("--detach",)):
        second = queue("flush", "--all", "--yes", *detach)
        assert second.status == 5, second.err
        assert f"running already, started by root (process {first.pid})" in second.err
        assert "mxtui drain status" in second.err
    (status,) = queue("drain", "status", "--json").objects
    assert (status["process"], status["operator"], status["ended"]) == (first.pid, "root", None)
    assert queue("drain", "stop").status == 0
    _, said = first.communicate(timeout=20)
    assert first.returncode == 1
    assert b"stopped by an operator" in said
    assert_definite(queue)


def test_a_closed_terminal_stops_a_drain_in_the_foreground_in_a_definite_state(queue: DrainedQueue) -> None:
    with Terminal(queue.argv("flush", "--all", "--yes", *SLOW), columns=160) as terminal:
        queue.wait_for("ramp", "steady")
        terminal.hangup()
    standing = queue.standing()
    assert not standing.running
    assert standing.progress is not None
    assert (standing.progress.phase, standing.fault) == ("stopped", "")
    assert_definite(queue)


def test_one_left_running_outlives_its_terminal_and_is_paused_resumed_and_stopped(queue: DrainedQueue) -> None:
    with Terminal(queue.argv("flush", "--all", "--yes", "--detach", *SLOW), columns=160) as terminal:
        terminal.wait_for("It is running")
        terminal.hangup()
    began = queue.wait_for("ramp", "steady")

    assert queue("drain", "pause").status == 0
    wait_until(lambda: queue.standing().progress and queue.standing().progress.paused)  # type: ignore[union-attr]
    assert "paused" in queue("drain").text
    assert queue("drain", "resume").status == 0
    paused = queue.standing().progress
    assert paused is not None
    wait_until(lambda: queue.standing().progress.delivered > paused.delivered)  # type: ignore[union-attr]
    assert queue("drain", "stop").status == 0
    wait_until(lambda: not queue.standing().running)
    assert queue.standing().process == began.process
    assert "stopped by an operator" in queue("drain", "report").text
    assert_definite(queue)


@pytest.mark.parametrize("kind", ["spool_queue", "served_queue"])
def test_stopped_while_the_primary_is_slow_what_was_not_begun_is_not_in_doubt(
    request: pytest.FixtureRequest, kind: str
) -> None:
    queue: SpoolQueue = request.getfixturevalue(kind)
    queue.write_config(connections=1)
    queue.fill(MESSAGES)
    queue.primary.after(4, delay=1.0)
    queue.primary.up()
    first = queue.begin("flush", "--all", "--yes")
    wait_until(lambda: len(queue.primary.accepted) >= 4)
    in_hand = wait_until(lambda: (progress := queue.standing().progress) and progress.in_hand > 2 and progress.in_hand)
    assert queue("drain", "stop").status == 0
    first.communicate(timeout=30)
    queue.primary.behave(delay=0.0)
    report = queue("drain", "report").text
    assert in_hand
    assert "no verdict yet" not in report
    progress = queue.standing().progress
    assert progress is not None
    assert (progress.in_hand, progress.deferred, progress.delivered + progress.left) == (0, 0, MESSAGES)
    assert report.count("not tried") == progress.left
    assert_definite(queue)


def console(queue: DrainedQueue) -> Terminal:
    argv = [sys.executable, "-m", "mxtui", "-q", queue.source, "--config", str(queue.config)]
    return Terminal(argv, env={"XDG_CONFIG_HOME": str(queue.folder)})


def test_the_console_finds_it_pauses_resumes_and_stops_it_and_leaves_it_running(spool_queue: SpoolQueue) -> None:
    queue = spool_queue
    queue.fill(MESSAGES)
    queue.primary.up()
    assert queue("flush", "--all", "--yes", "--detach", *SLOW).status == 0
    with console(queue) as terminal:
        terminal.wait_for("example.org")
        terminal.press("4")
        terminal.wait_for("Draining everything queued")
        terminal.press("p")
        terminal.wait_for("Paused: everything queued")
        terminal.press("p")
        terminal.wait_for("Draining everything queued")
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
    assert queue.standing().running, "it goes on without the console"
    with console(queue) as terminal:
        terminal.wait_for("example.org")
        terminal.press("4")
        terminal.wait_for("Draining everything queued")
        terminal.press("s")
        terminal.wait_for("Drain of everything queued stopped")
        terminal.press("q")
        assert terminal.wait_for_exit() == 0
    assert not queue.standing().running
    assert_definite(queue)


def test_nobody_is_asked_where_nobody_drains(spool_queue: SpoolQueue) -> None:
    done = spool_queue("drain", "pause")
    assert done.status == 1
    assert "no drain" in done.err
    assert spool_queue("drain").status == 4
    assert spool_queue("drain", "report").status == 1


def test_relative_names_lead_a_drain_that_is_left_running_to_the_same_queue(
    spool_queue: SpoolQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = spool_queue
    queue.fill(3)
    queue.primary.up()
    monkeypatch.chdir(queue.folder)
    queue.source, queue.config = "spool", queue.config.relative_to(queue.folder)
    done = queue("flush", "--all", "--yes", "--detach")
    assert done.status == 0, done.err
    wait_until(lambda: not queue.standing().running)
    assert queue.tally() == Tally(delivered=3, kept=0, doubled=0, lost=0)
