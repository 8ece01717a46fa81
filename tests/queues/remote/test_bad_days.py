"""Connections that stall, break in the middle of something and come back; agents that die; clocks that are wrong."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mxtui.audit import Audit
from mxtui.errors import Unreachable
from mxtui.model.planning import target_of
from mxtui.model.source import Verb
from mxtui.operations import Operations
from mxtui.queues.remote.queue import RemoteQueue
from mxtui.queues.spool.store import Spool
from tests.queues.remote.far import Line, Watcher
from tests.queues.spool.making import envelope, put, queued
from tests.support.waiting import wait_until

HOUR = 3600.0


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool.open(tmp_path / "spool", create=True, hostname="mx2.example.net")


@pytest.fixture
def line(tmp_path: Path, spool: Spool) -> Line:
    return Line(tmp_path / "far", str(spool.path), stalled=4.0)


@pytest.fixture
def queue(line: Line) -> Iterator[RemoteQueue]:
    with closing(line.queue()) as queue:
        yield queue


def test_after_a_loss_what_came_and_went_meanwhile_is_caught_up_with(
    queue: RemoteQueue, line: Line, spool: Spool
) -> None:
    stays, goes = put(spool), put(spool)
    with Watcher(queue).following() as watcher:
        wait_until(lambda: watcher.known.keys() == {stays.id, goes.id})
        line.says("cut")
        put(spool)  # the middle of this is where it breaks off
        wait_until(lambda: watcher.faults)
        comes = put(spool)
        Path(spool.places.envelope("deferred", goes.id)).unlink()
        line.says("")
        wait_until(lambda: watcher.known.keys() == queued(spool).keys())
        assert comes.id in watcher.known
        assert goes.id not in watcher.known


def test_over_a_new_connection_only_what_differs_is_told_again(queue: RemoteQueue, line: Line, spool: Spool) -> None:
    made = [put(spool) for _ in range(200)]
    with Watcher(queue).following() as watcher:
        wait_until(lambda: len(watcher.known) == len(made))
        wait_until(lambda: watcher.read)
        before = watcher.told
        os.kill(_agent(line), signal.SIGKILL)
        wait_until(lambda: watcher.faults)
        more = put(spool)
        wait_until(lambda: more.id in watcher.known)
        assert watcher.told - before < 20  # one, and its neighbours
        assert len(watcher.known) == len(made) + 1


def test_a_line_that_stalls_is_found_out_and_left(queue: RemoteQueue, line: Line, spool: Spool) -> None:
    put(spool)
    with Watcher(queue).following() as watcher:
        wait_until(lambda: watcher.known)
        line.says("stall")
        wait_until(lambda: any("no sign of life" in fault for fault in watcher.faults))
        with pytest.raises(Unreachable):
            queue.find("0" * 18)
        line.says("")
        more = put(spool)
        wait_until(lambda: more.id in watcher.known)


def test_a_killed_agent_is_replaced_by_another(queue: RemoteQueue, line: Line, spool: Spool) -> None:
    put(spool)
    with Watcher(queue).following() as watcher:
        wait_until(lambda: watcher.known)
        os.kill(_agent(line), signal.SIGKILL)
        wait_until(lambda: watcher.faults)
        more = put(spool)
        wait_until(lambda: more.id in watcher.known)
    assert line.attempts == 2


def test_while_a_host_is_away_it_is_not_asked_all_the_time(queue: RemoteQueue, line: Line) -> None:
    with Watcher(queue).following() as watcher:
        wait_until(lambda: line.agent)
        line.agent = ["/bin/false"]
        os.kill(_agent(line, of="agent"), signal.SIGKILL)
        wait_until(lambda: line.attempts >= 3)
        began, before = time.monotonic(), line.attempts
        wait_until(lambda: line.attempts > before)
        assert time.monotonic() - began > 1.0
        assert watcher.faults


def test_ages_are_counted_by_the_clock_of_the_host(tmp_path: Path, spool: Spool) -> None:
    put(spool)
    with closing(Line(tmp_path / "fast", str(spool.path), ahead=HOUR).queue()) as queue:
        (message,) = (message for changes in queue.read() for message in changes.present)
        assert queue.now() - message.arrival == pytest.approx(HOUR, abs=20)
        assert queue.now() - time.time() == pytest.approx(HOUR, abs=20)


def test_an_act_that_is_cut_off_is_known_by_the_records_of_the_host(
    queue: RemoteQueue, line: Line, spool: Spool, tmp_path: Path
) -> None:
    """The line breaks before any result has come back; by then the host has done it, and has it on record."""
    made = [put(spool) for _ in range(20)]
    operations = Operations(queue, audit=Audit(tmp_path / "here.jsonl"), clock=queue.now)
    targets = [target_of(message) for message in queue.find_all([each.id for each in made]).values()]
    plan = operations.plan(Verb.HOLD, targets, "all")
    line.says("cut")
    results = operations.execute(plan, "try")
    mended = threading.Timer(1.0, lambda: line.says(""))
    mended.start()
    told = list(results)
    mended.join()
    assert {result.queue_id for result in told} == {each.id for each in made}
    assert {result.result for result in told} == {"done"}
    assert set(queued(spool).values()) == {"hold"}
    (here,) = Audit(tmp_path / "here.jsonl").records()
    (there,) = Audit(line.folder / "audit.jsonl").records()
    assert here.id == there.id
    assert here.counts == there.counts == {"done": 20}
    assert here.begin.queue == f"ssh://far.test{spool.path}"
    assert "@" in there.begin.operator.asked_by


def test_an_act_on_a_host_that_stays_away_is_unsure_and_says_so(line: Line, spool: Spool, tmp_path: Path) -> None:
    made = put(spool)
    with closing(line.queue(patience=0.5)) as queue:
        operations = Operations(queue, audit=Audit(tmp_path / "here.jsonl"), clock=queue.now)
        found = queue.find(made.id)
        assert found is not None
        plan = operations.plan(Verb.HOLD, [target_of(found)], "one")
        line.says("cut")
        (result,) = operations.execute(plan)
    assert (result.result, result.unsure) == ("failed", True)
    assert "connection was lost" in result.detail


def test_deleted_messages_are_kept_on_the_host_and_come_back(
    queue: RemoteQueue, line: Line, spool: Spool, tmp_path: Path
) -> None:
    made = put(spool, envelope())
    operations = Operations(queue, audit=Audit(tmp_path / "here.jsonl"), clock=queue.now)
    found = queue.find(made.id)
    assert found is not None
    (deleted,) = operations.execute(operations.plan(Verb.DELETE, [target_of(found)], "one"))
    assert deleted.result == "done"
    assert not queued(spool)
    assert [path.is_file() for path in (line.folder / "kept").glob("*/*")] == [True]
    (record,) = operations.audit.records()
    assert next((line.folder / "kept").iterdir()).name == record.id
    restored = queue.restore(tmp_path, found.identity)
    assert restored.result == "done", restored.detail
    assert len(queued(spool)) == 1


def test_a_message_is_fetched_in_pieces_and_no_more_of_it_than_asked(queue: RemoteQueue, spool: Spool) -> None:
    text = b"Subject: long\n\n" + b"x" * 300_000
    made = put(spool, envelope(text), text=text)
    assert queue.content(made.id, 1 << 30) == text
    assert queue.content(made.id, 1_000) == text[:1_000]


def _agent(line: Line, of: str = "agent") -> int:
    """The process of the agent on this line."""
    said = subprocess.run(["pgrep", "-f", str(line.folder / "mxtui.toml")], capture_output=True, check=True).stdout
    pids = [int(word) for word in said.split()]
    return next(pid for pid in pids if b"line.py" not in Path(f"/proc/{pid}/cmdline").read_bytes())
