"""SIGKILL of whoever drains, in each phase, and a drain again: nothing is lost, and nothing accepted twice."""

import signal
import subprocess
from collections import Counter
from typing import Any

import msgspec
import pytest

from mxtui.cli.acting import select
from mxtui.cli.attach import attach
from mxtui.left import LeftByGuards
from mxtui.model.flushing import Phase
from mxtui.model.source import Verb
from mxtui.queues.postfix.direct.journal import read, replay
from tests.end_to_end.draining import DirectQueue, DrainedQueue, PostfixQueue, SpoolQueue, Tally, drain
from tests.support.waiting import wait_until

MESSAGES = 12
MANY = 120
"""More than are in hand before anything went well."""


def kill(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.communicate()


def hangs(queue: DrainedQueue, before: int, accepted: int) -> bool:
    """Whether nobody is told anything any more, and whoever drains knows of all that was taken."""
    progress = queue.standing().progress
    assert progress is not None
    taken, hanging = len(queue.primary.accepted), queue.primary.hanging - before
    return taken >= accepted and progress.delivered == taken and 0 < hanging == queue.primary.open_connections


def heal(queue: DrainedQueue) -> None:
    """The primary lets go of every connection, and works again."""
    queue.primary.down()
    queue.primary.behave(hang="", delay=0.0, banner_delay=0.0)
    queue.primary.up()
    wait_until(lambda: not queue.states()["active"], what="what Postfix had in hand is deferred")


def deliver_the_rest(queue: DrainedQueue) -> None:
    """What a killed sender of ours had in custody is put back first, so that it goes, too."""
    drain(queue)
    if isinstance(queue, DirectQueue):
        assert queue.journal == {}, "it is finished"

    def gone() -> bool:
        states = queue.states()
        if queue.direct and states["deferred"] and not states["active"] + states["incoming"]:
            drain(queue)  # a release had Postfix reach for it at the same moment, and each left it to the other
        return not queue.tally().kept

    wait_until(gone)


def flushes_on_record(queue: DrainedQueue) -> list[dict[str, Any]]:
    """Those that the audit tells of, newest first."""
    acts = [each for each in queue("audit", "--json").objects if each["verb"] == "flush"]
    return [each | {"counts": {what: number for what, number in each["counts"].items() if number}} for each in acts]


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
    hanging = queue.primary.hanging
    if accepted:
        queue.primary.after(accepted, hang="RCPT")
    else:
        queue.primary.behave(hang="RCPT")
    queue.primary.up()
    process = queue.begin("flush", "--all", "--yes")
    queue.wait_for(phase)
    wait_until(lambda: hangs(queue, hanging, accepted), what="nothing is on its way back")
    kill(process)
    standing = queue.standing()
    assert not standing.running
    assert f"process {process.pid} ended without a word" in standing.fault
    heal(queue)
    deliver_the_rest(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)
    assert (queue.standing().running, queue.standing().fault) == (False, "")


def test_with_everything_in_custody_the_next_command_puts_it_back_before_it_plans(direct_queue: DirectQueue) -> None:
    queue = direct_queue
    queue.fill(MESSAGES)
    queue.primary.after(1, hang="RCPT")
    queue.primary.up()
    process = queue.begin("flush", "--all", "--yes")
    wait_until(lambda: queue.states()["hold"] == MESSAGES - 1)
    kill(process)
    (status,) = queue("status", "--json").objects
    (alert,) = [each for each in status["alerts"] if each["name"] == "drain_killed"]
    assert f"{MESSAGES - 1} messages are in hold since a drain by mxtui's own sender was killed" in alert["text"]
    heal(queue)
    done = queue("flush", "--all", "--yes")
    assert done.status == 0, done.err
    assert f"{MESSAGES - 1} messages of a run that was interrupted taken out of hold again" in done.err
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)
    assert queue.journal == {}
    whole, killed = flushes_on_record(queue)
    assert (whole["complete"], whole["counts"]) == (True, {"delivered": MESSAGES - 1})
    assert (killed["complete"], killed["counts"]) == (False, {"delivered": 1, "left": MESSAGES - 1})
    assert killed["ended_at"] is not None


def test_what_a_direct_run_never_heard_of_goes_with_no_other_flush(postfix_queue: PostfixQueue) -> None:
    """A guard had left it, so that the next flush would have taken it."""
    queue = postfix_queue
    queue.fill(MESSAGES)
    queue.primary.behave(permanent=".*")
    queue.primary.up()
    queue("flush", "--all", "--yes", "--direct")
    left = set(LeftByGuards(queue.drains.folder).known())
    assert len(left) == MESSAGES - 1
    queue.primary.behave(permanent="(?!)", hang="accepted")
    process = queue.begin("flush", "--all", "--yes", "--direct")
    wait_until(lambda: queue.primary.accepted, what="the canary is there, and nobody is told")
    kill(process)
    (doubtful,) = map(queue.mark, queue.primary.accepted)
    assert doubtful in left
    (status,) = queue("status", "--json").objects
    (alert,) = [each for each in status["alerts"] if each["name"] == "drain_killed"]
    assert f"{doubtful} was sent and never answered, perhaps delivered" in alert["text"]
    heal(queue)
    done = queue("flush", "--all", "--yes")
    killed = flushes_on_record(queue)[1]
    assert killed["counts"] == {"left": len(left) - 1, "unknown": 1}
    assert f"{doubtful} was sent and never answered: perhaps delivered. It stays in hold" in done.err
    assert queue.tally() == Tally(delivered=MESSAGES - 1, kept=2, doubled=0, lost=0), "and the canary that was refused"
    assert queue.state_of(doubtful) == "hold"
    assert queue("delete", f"id:{doubtful}", "--yes").status == 0
    (status,) = queue("status", "--json").objects
    assert "drain_killed" not in {each["name"] for each in status["alerts"]}, "somebody has decided"


@pytest.mark.parametrize("planned", [False, True])
def test_what_it_had_in_custody_is_put_back_by_whatever_flush_comes_next(
    postfix_queue: PostfixQueue, planned: bool
) -> None:
    """Also by one that was planned before, as the console's are; it leaves out what was never answered."""
    queue = postfix_queue
    queue.fill(MESSAGES)
    with attach(queue.source, str(queue.config)) as attached:
        targets, selection = select(attached, [], everything=True, verb=Verb.FLUSH)
        plan = attached.operations.plan(Verb.FLUSH, targets, selection, forced=True)
    before = queue.primary.hanging
    queue.primary.after(2, hang="accepted")
    queue.primary.up()
    process = queue.begin("flush", "--all", "--yes", "--direct")
    wait_until(
        lambda: queue.primary.hanging > before and queue.states()["hold"] == MESSAGES - 1, what="the rest is in custody"
    )
    kill(process)
    heal(queue)
    if planned:
        argv = queue.argv("flush", "--planned", "--yes")
        subprocess.run(argv, input=msgspec.json.encode(plan), capture_output=True, check=False, timeout=60)
    else:
        queue("flush", "--all", "--yes")
    unknown = len(replay(read(queue.drains.folder / "journal")))
    assert 0 < unknown < MESSAGES / 2, "those that were on their way"
    wait_until(lambda: queue.tally().kept == unknown, what="the rest is delivered")
    assert queue.states()["hold"] == unknown
    assert (queue.tally().doubled, queue.tally().lost) == (0, 0)


def test_while_it_waits_for_a_primary_that_fails(queue: DrainedQueue) -> None:
    queue.fill(MANY)
    queue.primary.after(1, close="MAIL")
    queue.primary.up()
    process = queue.begin("flush", "--all", "--yes")
    queue.wait_for("backoff")
    kill(process)
    assert f"process {process.pid} ended without a word" in queue.standing().fault
    queue.primary.behave(close="")
    heal(queue)
    deliver_the_rest(queue)
    assert queue.tally() == Tally(delivered=MANY, kept=0, doubled=0, lost=0)


@pytest.mark.parametrize("step", [1, 2])
def test_while_it_holds_what_its_guard_left(queue: DrainedQueue, step: int) -> None:
    """Before the first is held, and between holding and the word that it was."""
    queue.fill(MANY)
    queue.primary.after(1, permanent=".")
    queue.primary.up()
    process = queue.begin_dying(step, "flush", "--all", "--yes")
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    stopped = queue.standing()
    assert stopped.progress is not None
    assert (stopped.running, stopped.progress.phase) == (False, "stopped")
    assert f"process {process.pid} ended without a word" in stopped.fault
    wait_until(lambda: not (queue.states()["active"] + queue.states()["incoming"]), what="Postfix has done with it")
    lost = queue.tally().lost
    assert lost <= 5 if queue.bounces else lost == 0, "the batch behind the canary"
    queue.primary.behave(permanent="(?!)")
    heal(queue)
    assert queue("release", "--all", "--yes").status == 0
    deliver_the_rest(queue)
    assert queue.tally() == Tally(delivered=MANY - lost, kept=0, doubled=0, lost=lost)


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
    times = Counter(map(queue.mark, queue.primary.accepted))
    twice = {queue.ids[int(number)] for number, count in times.items() if count > 1}
    named = set(msgspec.json.decode(queue.drains.report(as_json=True))["possible_duplicates"])
    assert twice <= named, "each is named"
    assert len(named) <= 2


def test_a_serve_that_is_killed_names_what_may_be_doubled(served_queue: SpoolQueue) -> None:
    queue = served_queue
    queue.write_config(connections=3)
    queue.fill(MESSAGES)
    hanging = queue.primary.hanging
    queue.primary.after(3, hang="accepted")
    queue.primary.up()
    process = queue.begin("flush", "--all", "--yes")
    wait_until(lambda: queue.primary.hanging > hanging, what="some are there, and nobody is told")
    assert queue.serve is not None
    queue.serve.running.kill()
    kill(process)
    heal(queue)
    drain(queue)
    times = Counter(map(queue.mark, queue.primary.accepted))
    twice = {queue.ids[int(number)] for number, count in times.items() if count > 1}
    named = set(msgspec.json.decode(queue.drains.report(as_json=True))["possible_duplicates"])
    assert twice
    assert twice <= named
    assert len(named) <= 6, "one for each connection, and what it had begun"


@pytest.mark.parametrize(("phase", "accepted"), [("canary", 0), ("ramp", 1), ("steady", 4)])
def test_a_serve_that_is_killed_leaves_the_rest_to_be_drained_without_one(
    served_queue: SpoolQueue, phase: Phase, accepted: int
) -> None:
    queue = served_queue
    queue.write_config(connections=2 if phase == "steady" else 20)
    queue.fill(MESSAGES)
    hanging = queue.primary.hanging
    if accepted:
        queue.primary.after(accepted, hang="RCPT")
    else:
        queue.primary.behave(hang="RCPT")
    queue.primary.up()
    process = queue.begin("flush", "--all", "--yes")
    queue.wait_for(phase)
    wait_until(lambda: hangs(queue, hanging, accepted), what="nothing is on its way back")
    assert queue.serve is not None
    queue.serve.running.kill()
    _, said = process.communicate(timeout=20)
    assert process.returncode == 4
    assert b"serve went away" in said
    assert "serve went away" in queue.standing().fault
    heal(queue)
    drain(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)


@pytest.mark.parametrize("verb", ["release", "hold"])
def test_no_verb_is_planned_before_an_interrupted_run_is_finished(direct_queue: DirectQueue, verb: str) -> None:
    """Or a release would send again what was accepted, and a hold would leave to the next flush what it is to keep."""
    queue = direct_queue
    queue.fill(MESSAGES)
    queue.primary.after(1, hang="RCPT")
    queue.primary.up()
    process = queue.begin("flush", "--all", "--yes")
    wait_until(lambda: queue.states()["hold"] == MESSAGES - 1)
    kill(process)
    said = f"{MESSAGES - 1} messages of a run that was interrupted"
    assert f"{said} are in hold, and put back before any act" in queue(verb, "--all", "--dry-run").err
    assert queue.states()["hold"] == MESSAGES - 1
    done = queue(verb, "--all", "--yes")
    assert f"{said} taken out of hold again" in done.err
    assert (f"{MESSAGES - 1} messages held" in done.text) == (verb == "hold")
    assert queue.journal == {}
