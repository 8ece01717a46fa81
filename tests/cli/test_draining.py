"""Drains by this process and by one that outlives it: on the register, heeding wishes, and with a report."""

import gc
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from mxtui.cli.acting import select
from mxtui.cli.attach import Attached, attach
from mxtui.cli.draining import detached, drain_settings, drained, draining, naming
from mxtui.demo.primary import FakePrimary
from mxtui.errors import Guarded, MxtuiError, Unreachable
from mxtui.model.drain.rate import Rate
from mxtui.model.plan import Plan
from mxtui.model.source import Verb
from tests.delivery.spooling import commit, make_spool
from tests.support.waiting import wait_until

MESSAGES = 5


@pytest.fixture
def spool(tmp_path: Path, primary: FakePrimary) -> Path:
    """With some mail for a primary that is up, and without a serve."""
    made = make_spool(tmp_path)
    for number in range(MESSAGES):
        commit(made, f"user{number}@example.org")
    (tmp_path / "mxtui.toml").write_text(
        f'audit = "{tmp_path}/audit.jsonl"\nstate = "{tmp_path}/state"\n'
        f'[drain]\nfolder = "{tmp_path}/drains"\nconnections = 3\nrefused = 20\n'
        f'[primaries]\n"example.org" = "127.0.0.1:{primary.port}"\n'
    )
    return made.path


@pytest.fixture
def attached(spool: Path, tmp_path: Path) -> Iterator[Attached]:
    with attach(str(spool), str(tmp_path / "mxtui.toml")) as found:
        yield found


def plan_of(attached: Attached) -> Plan:
    targets, selection = select(attached, [], everything=True, verb=Verb.FLUSH)
    return attached.operations.plan(Verb.FLUSH, targets, selection)


def test_the_settings_are_those_configured_and_those_of_the_command_line(attached: Attached) -> None:
    settings = drain_settings(attached, force=True, rate=Rate(4.0, 2048.0))
    assert (settings.most_connections, settings.connections, settings.refused_share) == (3, 2, 0.2)
    assert (settings.messages_per_second, settings.bytes_per_second) == (4.0, 2048.0)
    assert (settings.force, settings.canary) == (True, True)


def test_a_drain_is_on_the_register_from_beginning_to_report(attached: Attached, primary: FakePrimary) -> None:
    plan = plan_of(attached)
    work = draining(attached, plan, drain_settings(attached, force=True))
    began = time.time()
    for _ in drained(attached, plan, work, "", threading.Event(), "by our own forwarder"):
        standing = attached.drains.standing()
        assert standing is not None
        assert (standing.running, standing.process, standing.way) == (True, os.getpid(), "by our own forwarder")
    standing = attached.drains.standing()
    assert standing is not None
    assert standing.ended is not None
    assert began <= standing.began <= standing.ended
    assert (standing.fault, standing.share) == ("", 1.0)
    assert len(primary.accepted) == MESSAGES
    assert Path(standing.report).read_text().startswith(f"Drain of {attached.queue.source.path}: done, everything")


def test_one_that_nobody_follows_any_more_ends_in_a_definite_state(attached: Attached, primary: FakePrimary) -> None:
    plan = plan_of(attached)
    work = draining(attached, plan, drain_settings(attached, force=True, rate=Rate(1.0)))
    with closing(drained(attached, plan, work, "", threading.Event(), "through Postfix")) as stream:
        for progress in stream:
            if progress.delivered:
                break
    standing = attached.drains.standing()
    assert standing is not None
    assert not standing.running
    assert not any(thread.name == "mxtui-flush" for thread in threading.enumerate())
    assert sum(attached.queue.depth().values()) == MESSAGES - len(primary.accepted)


def test_stop_is_heeded_before_any_wish(attached: Attached) -> None:
    plan = plan_of(attached)
    work = draining(attached, plan, drain_settings(attached, force=True, rate=Rate(1.0)))
    stop = threading.Event()
    steps = []
    for progress in drained(attached, plan, work, "", stop, "through Postfix"):
        steps.append(progress)
        attached.drains.wish("pause")
        stop.set()
    last = steps[-1]
    assert (last.phase, last.why, last.paused) == ("stopped", "stopped by an operator", False)


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_one_in_a_process_of_its_own_is_there_when_it_returns(attached: Attached, spool: Path, tmp_path: Path) -> None:
    options = [*naming(str(spool), str(tmp_path / "mxtui.toml")), "--rate", "1/s"]
    standing = detached(options, plan_of(attached), attached.drains)
    assert standing.running
    assert standing.process != os.getpid()
    with pytest.raises(Guarded, match=f"running already, started by .* .process {standing.process}."):
        detached(options, plan_of(attached), attached.drains)
    attached.drains.wish("stop")
    os.waitpid(standing.process, 0)


def test_one_that_cannot_begin_says_why(attached: Attached, spool: Path, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"the drain ended at once: (?!.*mxtui: ).*No such option"):
        detached(["--no-such-option"], plan_of(attached), attached.drains)
    (tmp_path / "drains").rename(tmp_path / "away")
    (tmp_path / "drains").write_text("")
    with pytest.raises(MxtuiError, match="no drain can be registered"):
        detached(naming(str(spool), str(tmp_path / "mxtui.toml")), plan_of(attached), attached.drains)


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_one_that_takes_long_to_be_ready_is_waited_for_and_its_operator_told(
    attached: Attached, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mxtui.cli.draining.PATIENCE", 0.0)
    told: list[str] = []
    options = [*naming(str(spool), str(tmp_path / "mxtui.toml")), "--rate", "1/s"]
    standing = detached(options, plan_of(attached), attached.drains, told.append)
    assert told == [f"the drain is getting ready, as process {standing.process}"]
    attached.drains.wish("stop")
    os.waitpid(standing.process, 0)


def test_one_that_is_never_ready_is_ended(
    attached: Attached, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mxtui.cli.draining.START", 0.0)
    begun: list[subprocess.Popen[bytes]] = []
    begin = subprocess.Popen

    def beginning(*arguments: Any, **more: Any) -> "subprocess.Popen[bytes]":
        begun.append(begin(*arguments, **more))
        return begun[-1]

    monkeypatch.setattr(subprocess, "Popen", beginning)
    with pytest.raises(Unreachable, match="did not start within 0s, and was ended"):
        detached(naming(str(spool), str(tmp_path / "mxtui.toml")), plan_of(attached), attached.drains)
    assert not attached.drains.busy
    (child,) = begun
    assert child.returncode == -signal.SIGTERM


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_one_that_fills_the_disk_at_its_start_is_said_to_run_unseen(
    attached: Attached, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drains = attached.drains
    options = [*naming(str(spool), str(tmp_path / "mxtui.toml")), "--rate", "1/s"]
    monkeypatch.setattr("mxtui.cli.draining.UNSEEN", 0.0)  # as if its state were never written
    monkeypatch.setattr(type(drains), "busy", property(lambda _: True))
    monkeypatch.setattr(type(drains), "require_free", lambda _: None)
    with pytest.raises(Unreachable, match=r"the drain runs as process (\d+), but cannot be seen") as caught:
        detached(options, plan_of(attached), drains)
    monkeypatch.undo()
    process = int(caught.value.message.split()[5].rstrip(","))
    del caught
    gc.collect()  # what it was told in holds the process, whose end nobody there waits for
    wait_until(lambda: drains.busy)
    drains.wish("stop")
    os.waitpid(process, 0)


def test_names_are_told_from_wherever_one_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spool").mkdir()
    assert naming("mx2", None) == ["-q", "mx2"], "a host in the settings"
    assert naming("spool", "x.toml") == ["-q", str(tmp_path / "spool"), "--config", str(tmp_path / "x.toml")]
    assert naming(None, None) == []
