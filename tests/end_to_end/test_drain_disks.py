"""Disks that are full: nothing is sent without a record, and what only shows how a drain stands may be missing."""

import errno
import os
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mxtui import audit, drains
from mxtui.cli.acting import select
from mxtui.cli.attach import attach
from mxtui.errors import AuditFailed
from mxtui.model.source import Verb
from tests.cli.running import run
from tests.end_to_end.draining import DirectQueue, DrainedQueue, SpoolQueue, Tally, drain
from tests.support.waiting import wait_until

MESSAGES = 12
MANY = 60
"""Seconds of work for a drain that takes its time."""


def no_space(*_: Any, **__: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_without_room_for_the_audit_nothing_is_sent(queue: DrainedQueue) -> None:
    queue.fill(MESSAGES)
    queue.primary.up()
    settings = queue.config.read_text()
    queue.config.write_text(settings.replace(f"{queue.folder}/audit.jsonl", "/dev/full"))
    done = queue("flush", "--all", "--yes")
    assert done.status == 5
    assert "the audit cannot be written to /dev/full" in done.err
    assert queue.tally() == Tally(delivered=0, kept=MESSAGES, doubled=0, lost=0)
    assert not queue.standing().running
    assert "the audit cannot be written" in queue.standing().fault
    queue.config.write_text(settings)
    drain(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)


def test_when_the_audit_has_no_more_room_no_more_is_sent(queue: DrainedQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.fill(MANY)
    queue.primary.up()
    written = 0
    append = audit._append

    def filling_up(descriptor: int, data: bytes) -> None:
        nonlocal written
        written += 1
        if written > 3:
            no_space()
        append(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(audit, "_append", filling_up)
        with pytest.raises(AuditFailed):
            drain(queue, messages_per_second=10)
    stopped = queue.tally()
    assert (stopped.doubled, stopped.lost) == (0, 0)
    assert 0 < stopped.kept < MANY
    standing = queue.standing()
    assert not standing.running
    assert "not on record" in standing.fault
    drain(queue)
    assert queue.tally() == Tally(delivered=MANY, kept=0, doubled=0, lost=0)


def test_without_room_for_the_journal_nothing_is_sent(direct_queue: DirectQueue) -> None:
    queue = direct_queue
    queue.fill(MESSAGES)
    queue.primary.up()
    done = run(["prlimit", "--fsize=65536", *queue.argv("flush", "--all", "--yes")])  # the audit stays below
    assert done.status != 0
    assert "journal" in done.err
    assert "cannot be written: No space left on device" in done.err
    assert queue.states() == {"deferred": MESSAGES}
    assert queue.tally() == Tally(delivered=0, kept=MESSAGES, doubled=0, lost=0)
    assert "cannot be written" in queue.standing().fault
    drain(queue)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)


def test_without_room_for_the_register_it_goes_on_unseen(
    spool_queue: SpoolQueue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    queue = spool_queue
    queue.fill(1)
    queue.primary.up()
    drain(queue)
    queue.fill(MESSAGES)
    monkeypatch.setattr(drains, "replace_file", no_space)
    course = drain(queue)
    assert (course.last.phase, course.last.delivered) == ("done", MESSAGES)
    assert queue.tally() == Tally(delivered=MESSAGES + 1, kept=0, doubled=0, lost=0)
    assert "no report can be written: No space left on device" in capsys.readouterr().err


def test_without_room_for_the_register_none_is_left_running_that_nobody_could_see(spool_queue: SpoolQueue) -> None:
    queue = spool_queue
    queue.fill(MESSAGES)
    queue.primary.up()
    # What a full disk is to whoever writes more; the audit stays below.
    done = run(["prlimit", "--fsize=16384", *queue.argv("flush", "--all", "--yes", "--detach")])
    assert done.status == 5, done.err
    assert "a drain left running could not be followed" in done.err
    assert "cannot be written: File too large" in done.err
    assert "It is running" not in done.err
    assert queue.drains.standing() is None
    assert queue.tally() == Tally(delivered=0, kept=MESSAGES, doubled=0, lost=0)
    done = queue("flush", "--all", "--yes", "--detach")
    assert done.status == 0, done.err
    wait_until(lambda: not queue.standing().running)
    assert queue.tally() == Tally(delivered=MESSAGES, kept=0, doubled=0, lost=0)


def test_without_room_for_its_log_one_that_was_left_running_goes_on(spool_queue: SpoolQueue) -> None:
    queue = spool_queue
    queue.fill(2, "later@example.org")
    queue.fill(MESSAGES)
    queue.primary.behave(temporary="^later@")
    queue.primary.up()
    with attach(queue.source, str(queue.config)) as attached:
        targets, selection = select(attached, [], everything=True, verb=Verb.FLUSH)
        plan = attached.operations.plan(Verb.FLUSH, targets, selection)
    with Path("/dev/full").open("wb") as full:
        argv = queue.argv("flush", "--planned", "--yes")
        subprocess.run(argv, input=msgspec.json.encode(plan), stdout=full, stderr=full, check=False, timeout=60)
    progress = queue.standing().progress
    assert progress is not None
    assert (progress.phase, progress.delivered, progress.deferred) == ("done", MESSAGES, 2)
