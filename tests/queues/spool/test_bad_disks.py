"""Disks that fail or forget, at every single step of everything that is done to a spool."""

import errno
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.model.kept import kept_name
from mxtui.model.message import Identity
from mxtui.model.plan import Result, Target
from mxtui.model.planning import target_of
from mxtui.model.source import Verb
from mxtui.queues.spool.disk import Disk
from mxtui.queues.spool.ending import Endings, note_unanswered
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.reconcile import ORPHAN_SECONDS
from mxtui.queues.spool.store import Spool
from tests.queues.spool.disks import FailingDisk, ForgetfulDisk
from tests.queues.spool.making import TEXT, envelope, files, put, queued, state_of

LONG_AFTER = ORPHAN_SECONDS + 3600


def on(spool: Spool, disk: Disk) -> Spool:
    """The same spool on another disk."""
    return Spool.open(spool.path, disk=disk)


def failing(code: int = errno.EIO) -> Iterator[FailingDisk]:
    """A disk that fails at its first step, its second, … until nothing failed any more."""
    for at in range(1, 200):
        disk = FailingDisk(at, code)
        yield disk
        if not disk.failed:
            assert at > 4, "it was used"
            return
    pytest.fail("it never came to an end")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
def test_what_fails_to_be_committed_is_reported_and_never_seen(spool: Spool, code: int) -> None:
    acknowledged: set[str] = set()
    refused = 0
    for disk in failing(code):
        made = [envelope() for _ in range(3)]
        outcomes = on(spool, disk).commit([(each, [TEXT[:10], TEXT[10:]]) for each in made])
        acknowledged |= {each.id for each, outcome in zip(made, outcomes, strict=True) if outcome is None}
        refused += sum(outcome is not None for outcome in outcomes)
        assert all(outcome is None or outcome.errno == code for outcome in outcomes)
        assert set(queued(spool)) == acknowledged
    assert refused >= 20

    done = spool.reconcile(time.time() + LONG_AFTER)
    assert queued(spool) == dict.fromkeys(acknowledged, "deferred")
    assert (done.messages, done.aside, done.left) == (len(acknowledged), [], [])
    assert all(spool.content(each, 1000) == TEXT for each in acknowledged)
    assert len(files(spool)) == 2 * len(acknowledged), "nothing else is left"


def test_a_result_that_fails_to_be_recorded_leaves_the_old_or_the_new(spool: Spool) -> None:
    for disk in failing():
        made = put(spool)
        with on(spool, disk).claim(made.id) or pytest.fail("there") as claim:
            changed = replace(made, attempts=1)
            try:
                claim.record(changed)
            except OSError:
                assert claim.envelope in (made, changed)
            else:
                assert claim.envelope == changed
            assert spool.find(made.id) == ("deferred", claim.envelope)
    assert not spool.reconcile(time.time()).aside


def test_a_move_that_fails_leaves_the_message_in_one_state(spool: Spool) -> None:
    for disk in failing():
        made = put(spool)
        with on(spool, disk).claim(made.id) or pytest.fail("there") as claim:
            failed = False
            try:
                claim.move("failed", replace(made, why="550"))
            except OSError:
                failed = True
            assert state_of(spool, made) == claim.state
            assert failed or claim.state == "failed"
    assert not spool.reconcile(time.time()).aside


def test_what_fails_to_be_removed_is_there_as_a_whole_or_not_at_all(spool: Spool) -> None:
    for disk in failing():
        made = [put(spool) for _ in range(3)]
        here = on(spool, disk)
        claims = [here.claim(each.id) or pytest.fail("there") for each in made]
        for each, claim, outcome in zip(made, claims, here.writer.finish(claims), strict=True):
            claim.release()
            if outcome is None:
                assert spool.find(each.id) is None
            elif spool.find(each.id) is not None:
                assert spool.content(each.id, 1000) == TEXT
    left = queued(spool)
    spool.reconcile(time.time() + LONG_AFTER)
    assert {each: state for each, state in queued(spool).items() if state == "deferred"} == left


Act = Callable[[SpoolQueue, list[Target], Path], list[Result]]

ACTS: dict[str, Act] = {
    "hold": lambda queue, targets, _: list(queue.act(Verb.HOLD, targets)),
    "release": lambda queue, targets, _: list(queue.act(Verb.RELEASE, targets)),
    "delete": lambda queue, targets, folder: list(queue.delete(targets, folder)),
}


@pytest.mark.parametrize("name", ACTS)
def test_whatever_fails_each_message_has_a_result_and_is_whole(spool: Spool, tmp_path: Path, name: str) -> None:
    for number, disk in enumerate(failing(errno.ENOSPC)):
        folder = tmp_path / f"kept{number}"
        folder.mkdir()
        made = [put(spool, state="failed" if name == "release" else "deferred") for _ in range(3)]
        queue = SpoolQueue(on(spool, disk))
        targets = [target_of(queue.find(each.id) or pytest.fail("there")) for each in made]
        results = {result.queue_id: result for result in ACTS[name](queue, targets, folder)}
        assert set(results) == {each.id for each in made}
        for each in made:
            result, state = results[each.id], state_of(spool, each)
            copy = folder / kept_file(each.id, each.arrival)
            if name == "delete":
                assert (not state) == (result.result == "done" or result.unsure)
                assert copy.exists() == (not state), "what is deleted has a copy, and nothing else has"
            else:
                moved = state == {"hold": "hold", "release": "deferred"}[name]
                assert moved == (result.result == "done" or result.unsure)
            if state:
                assert spool.content(each.id, 1000) == TEXT
    assert not spool.reconcile(time.time()).aside


def kept_file(queue_id: str, arrival: float) -> str:
    return kept_name(Identity(queue_id, 0, arrival))


def test_a_copy_that_fails_to_be_put_back_can_be_put_back_later(spool: Spool, tmp_path: Path) -> None:
    made = put(spool, state="hold")
    queue = SpoolQueue(spool)
    target = target_of(queue.find(made.id) or pytest.fail("there"))
    assert [result.result for result in queue.delete([target], tmp_path)] == ["done"]
    for disk in failing():
        result = SpoolQueue(on(spool, disk)).restore(tmp_path, target.identity)
        assert (result.result == "done") == (state_of(spool, made) == "hold")
        if result.result == "done":
            assert [again.result for again in queue.act(Verb.DELETE, [target])] == ["done"]
    assert queue.restore(tmp_path, target.identity).result == "done"
    assert spool.find(made.id) == ("hold", made)


def after_each_cut(spool: Spool, disk: ForgetfulDisk, folder: Path) -> Iterator[Spool]:
    """What a start finds after a power cut at each step."""
    for number, cut in enumerate(disk.cuts):
        path = folder / str(number)
        Spool.open(path, create=True)
        for name, content in cut.items():
            (path / name).write_bytes(content)
        found = Spool.open(path)
        found.reconcile(time.time())
        yield found
        shutil.rmtree(path)


def test_what_was_acknowledged_survives_a_power_cut_and_what_was_not_is_whole_or_unseen(
    spool: Spool, tmp_path: Path
) -> None:
    disk = ForgetfulDisk(spool.path)
    made = [envelope() for _ in range(2)]
    assert on(spool, disk).commit([(each, [TEXT]) for each in made]) == [None, None]
    seen = []
    for found in after_each_cut(spool, disk, tmp_path / "cuts"):
        assert set(queued(found).values()) <= {"deferred"}, "no half of a message"
        assert all(found.content(each, 1000) == TEXT for each in queued(found))
        seen.append(len(queued(found)))
    assert seen[0] == 0
    assert seen[-1] == 2


def test_a_result_survives_a_power_cut_once_it_is_recorded(spool: Spool, tmp_path: Path) -> None:
    made = put(spool)
    disk = ForgetfulDisk(spool.path)
    with on(spool, disk).claim(made.id) or pytest.fail("there") as claim:
        claim.move("failed", replace(made, attempts=1, why="550"))
    states = []
    for found in after_each_cut(spool, disk, tmp_path / "cuts"):
        assert found.content(made.id, 1000) == TEXT
        states.append({state for state in queued(found).values() if state != "corrupt"})
    assert states[0] == {"deferred"}
    assert states[-1] == {"failed"}
    assert all(len(state) == 1 for state in states), "it is in one state after any cut"


def test_a_message_removed_for_good_never_comes_back_without_its_content(spool: Spool, tmp_path: Path) -> None:
    made = put(spool)
    disk = ForgetfulDisk(spool.path)
    with on(spool, disk).claim(made.id) or pytest.fail("there") as claim:
        claim.finish()
    for found in after_each_cut(spool, disk, tmp_path / "cuts"):
        assert set(queued(found).values()) <= {"deferred"}
        assert all(found.content(each, 1000) == TEXT for each in queued(found))
    assert not queued(found)


def test_what_may_be_delivered_already_is_told_though_it_cannot_be_written_down(spool: Spool) -> None:
    """A full disk keeps nobody from delivering."""
    sent = put(spool)
    endings = Endings(spool)
    endings.begin(sent.id)
    endings.close()
    for disk in failing(errno.ENOSPC):
        assert note_unanswered(on(spool, disk)) == [sent.id]
        assert state_of(spool, sent) == "deferred"
    found = spool.find(sent.id)
    assert found is not None
    assert all(recipient.possible_duplicate for recipient in found[1].recipients)
