"""Folders of what has to survive: who may look into them, and what strangers may have put there."""

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui import folders, holds
from mxtui.alerting.facts import facts
from mxtui.alerting.store import AlertState
from mxtui.audit import Audit, Operator
from mxtui.config import Settings
from mxtui.config.settings import Drill as DrillSettings
from mxtui.doctor.finding import Report
from mxtui.doctor.record import write_result
from mxtui.drains import Drains
from mxtui.drills import Drills
from mxtui.folders import make_folder, queue_digest, read_bounded, replace_file, states, writable_folder
from mxtui.history import where
from mxtui.holds import Holds, folder_for
from mxtui.model.drain.standing import Standing
from mxtui.model.drill import Drill
from mxtui.model.holds import DomainHold
from mxtui.model.overview import Acknowledgement
from mxtui.model.planning import make_plan
from mxtui.model.source import Verb
from mxtui.vault import Vault

HOLD = DomainHold("example.org", "migrate", "new host", "anna", 1000.0, 8200.0, "[mx9.example.org]:25", 1001.5)

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else for a while")


@contextmanager
def as_nobody() -> Iterator[None]:
    os.setresgid(65534, 65534, 0)
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The host's folder, not there yet, where others may look; the operator's own is in `home` beside it."""
    with tempfile.TemporaryDirectory() as name:
        around = Path(name)
        around.chmod(0o755)
        monkeypatch.setattr(folders, "STATE", around / "mxtui")
        monkeypatch.setattr(holds, "SYSTEM_FOLDER", around / "mxtui" / "holds")
        monkeypatch.setattr(where, "SYSTEM_FOLDER", around / "mxtui" / "history")
        monkeypatch.setenv("XDG_STATE_HOME", str(around / "home"))
        yield around / "mxtui"


@root_only
def test_what_root_keeps_to_itself_is_no_trouble_to_an_operator(host: Path) -> None:
    host.mkdir(mode=0o700)
    (host / "holds").mkdir()
    queue, home = Path("/var/spool/postfix"), host.parent / "home" / "mxtui"
    with as_nobody():
        assert writable_folder(host / "kept", "kept") == home / "kept"
        assert folder_for(queue).parent == home / "holds"
        assert where.of_queue(queue).parent == home / "history"
    assert writable_folder(host / "kept", "kept") == host / "kept"


@root_only
def test_everybody_sees_the_holds_of_root_and_nothing_private(host: Path) -> None:
    before = os.umask(0o077)
    try:
        make_folder(host / "alerts")
        kept = Holds(folder_for(Path("/etc/postfix")))
        with kept.changing():
            kept.put(HOLD)
    finally:
        os.umask(before)
    with as_nobody():
        assert list(Holds(folder_for(Path("/etc/postfix"))).all()) == ["example.org"]
        assert not os.access(host / "alerts", os.R_OK | os.X_OK)
    assert host.stat().st_mode & 0o777 == 0o755


@root_only
def test_in_a_folder_of_somebody_else_root_writes_through_no_link(host: Path) -> None:
    secret = host.parent / "secret"
    secret.write_text("root's")
    secret.chmod(0o600)
    host.mkdir()
    os.chown(host, 65534, 65534)
    result = host / "doctor" / f"{queue_digest('/queue')}.json"
    with as_nobody():
        result.parent.mkdir()
        result.symlink_to(secret)
        (host / "alerts").symlink_to(host.parent)
    write_result(Report(1.0, 0.5, "/queue", ()), host)
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("root's", 0o600)
    assert not result.is_symlink()
    assert result.stat().st_mode & 0o777 == 0o644
    with pytest.raises(OSError, match="symbolic links"):
        make_folder(host / "alerts" / "queue")


@root_only
def test_drills_and_acknowledgements_of_root_count_for_everybody(host: Path) -> None:
    settings = Settings(drill=DrillSettings(addresses={"example.org": "test@example.org"}))
    known = Acknowledgement("stalled", "example.org", "warning", "new disk", "root", 1.0, 100.0)
    Drills("/queue", host).add(Drill(5.0, "example.org", "primary", "passed", 1.0, "250"))
    AlertState("/queue", host).acknowledge([known], 1.0)
    own = replace(known, name="backlog")
    with as_nobody():
        home = host.parent / "home" / "mxtui"
        assert states() == (home, host)
        assert facts(settings, "/queue", None).drills["example.org"].at == 5.0
        theirs = AlertState("/queue", *states())
        assert theirs.acknowledged(2.0) == [known]
        assert theirs.alone
        assert not os.access(host / "alerts", os.W_OK)
    (host.parent / "home").mkdir()
    os.chown(host.parent / "home", 65534, 65534)
    with as_nobody():
        theirs.acknowledge([own], 2.0)
        assert theirs.acknowledged(2.0) == [known, own]
        theirs.withdraw([own], 3.0)
        assert theirs.acknowledged(3.0) == [known]
    ours = AlertState("/queue", *states())
    assert (ours.alone, ours.acknowledged(3.0)) == (False, [known])


@contextmanager
def operator(user: int, group: int) -> Iterator[None]:
    """Somebody of a group, for a while."""
    os.setgroups([group])
    os.setresgid(group, group, 0)
    os.setresuid(user, user, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups([])


@root_only
def test_a_group_shares_what_is_in_a_setgid_folder_and_nobody_else_reads_it(
    host: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = 54_321
    before = os.umask(0o077)
    try:
        host.mkdir()
        os.chown(host, 0, group)
        host.chmod(0o2775)
        who = Operator("anna", "", 1, "anna", "")
        standing = Standing("", "--all", "", "anna", 1, 1.0, 1.0)
        nothing = make_plan(Verb.HOLD, (), "--all", 1.0)

        def acts() -> None:
            Audit(host / "audit.jsonl").begin(nothing, who, host="h", queue="/queue", reason="").end(complete=True)
            Vault(host / "kept").open(f"act-{os.getuid()}", 1, 1.0)
            Drills("/queue", *states()).add(Drill(os.getuid(), "example.org", "primary", "passed", 1.0, "250"))
            with Drains("/queue", host / "drains").running(standing) as running:
                running.publish()
            known = Acknowledgement("stalled", str(os.getuid()), "warning", "", "root", 1.0, 100.0)
            AlertState("/queue", *states()).acknowledge([known], 1.0)

        acts()
        for user in (40_001, 40_002):
            with operator(user, group):
                assert states() == (host,)
                acts()
                assert len(list(Audit(host / "audit.jsonl").records())) == user - 40_000 + 1
        assert len(Drills("/queue", host).all()) == 3
        assert {each.domain for each in AlertState("/queue", host).acknowledged(2.0)} == {"0", "40001", "40002"}
        closed = [host / "audit.jsonl", host / "kept", Drains("/queue", host / "drains").folder]
        with as_nobody():
            assert not any(os.access(path, os.R_OK) for path in closed)
            assert writable_folder(host) != host
    finally:
        os.umask(before)


@root_only
def test_a_folder_that_somebody_closed_is_not_opened(host: Path) -> None:
    host.mkdir(mode=0o700)
    make_folder(host / "alerts", 0o755)
    assert host.stat().st_mode & 0o7777 == 0o700


@pytest.mark.parametrize("kind", ["link", "pipe", "folder", "socket"])
def test_what_is_no_plain_file_is_neither_read_nor_waited_for(tmp_path: Path, kind: str) -> None:
    path, far = tmp_path / "result.json", tmp_path / "far"
    far.write_text('{"queue": "/queue"}')
    if kind == "link":
        path.symlink_to(far)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        os.mknod(path, 0o600 | stat.S_IFSOCK)
    with pytest.raises(OSError, match=str(path)):
        read_bounded(path, 100)


def test_no_more_is_read_than_wanted_from_either_end(tmp_path: Path) -> None:
    replace_file(tmp_path / "file", b"0123456789")
    assert read_bounded(tmp_path / "file", 4) == b"0123"
    assert read_bounded(tmp_path / "file", 4, end=True) == b"6789"
    assert read_bounded(tmp_path / "file", 40, end=True) == b"0123456789"
