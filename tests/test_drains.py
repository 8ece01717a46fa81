"""The register of drains: who drains, how it stands, and what anybody wants of it."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.drains import Drains, Running
from mxtui.errors import Guarded, MxtuiError
from mxtui.model.drain.standing import Standing
from mxtui.model.plan import FlushProgress, Verdict
from tests.support.waiting import wait_until

QUEUE = "/var/spool/postfix"


def standing(process: int = 4711) -> Standing:
    return Standing("", "domain:example.org", "through Postfix", "anna", process, 1000.0, 1000.0)


@pytest.fixture
def drains(tmp_path: Path) -> Drains:
    return Drains(QUEUE, tmp_path)


def test_before_the_first_there_is_none(drains: Drains) -> None:
    assert drains.standing() is None
    with pytest.raises(MxtuiError, match="no report"):
        drains.report(as_json=False)
    with pytest.raises(MxtuiError, match="no drain of /var/spool/postfix is running"):
        drains.wish("stop")
    drains.require_free()


def test_everybody_sees_how_it_stands_and_that_it_is_over(drains: Drains, tmp_path: Path) -> None:
    with drains.running(standing()) as running:
        assert Drains(QUEUE, tmp_path).standing() == standing()
        said = Verdict("A0", "x@example.org", "deferred", "4.2.0", "Greylisted \x1b[2J", 1001.0)
        progress = FlushProgress(3, 1, 1, 0, 1, 2.0, None, "ramp", recent=(said,), closed=(said,), window=5)
        running.standing = running.standing.advanced(progress, 1001.0)
        running.publish()
        found = Drains(QUEUE, tmp_path).standing()
        assert found is not None
        assert found.running
        assert found.progress == replace(progress, recent=[], closed=[]), "what was told once is not told again"
        assert found.replies == (said,)
        running.standing = running.standing.over(1002.0, report="/somewhere")
        running.publish()
    over = drains.standing()
    assert over is not None
    assert (over.running, over.ended, over.fault, over.report) == (False, 1002.0, "", "/somewhere")


def test_each_queue_has_its_own(drains: Drains, tmp_path: Path) -> None:
    other = Drains("/var/spool/postfix-out", tmp_path)
    with drains.running(standing()), other.running(standing()):
        assert drains.folder != other.folder


def test_the_second_is_told_of_the_first(drains: Drains) -> None:
    with drains.running(standing()):
        told = r"running already, started by anna \(process 4711\)"
        with pytest.raises(Guarded, match=told), drains.running(standing(4712)):
            pytest.fail("both drain")
        with pytest.raises(Guarded, match=told):
            drains.require_free()
        assert drains.standing() == standing(), "and leaves what is there as it is"
    with drains.running(standing(4712)):
        assert drains.standing() == standing(4712)


def test_whoever_looks_never_keeps_one_from_beginning(drains: Drains) -> None:
    for _ in range(50):
        with drains.running(standing()):
            assert drains.standing() == standing()


def test_a_wish_is_heard_once_and_no_later_drain_hears_it(drains: Drains) -> None:
    with drains.running(standing()) as running:
        assert running.wished() is None
        drains.wish("pause")
        drains.wish("resume")
        assert (running.wished(), running.wished()) == ("resume", None)
        drains.wish("stop")
    with drains.running(standing()) as running:
        assert running.wished() is None


@pytest.mark.parametrize(
    "written", [b"", b"explode", b"\xff" * 9, b"pause" * 1000], ids=["nothing", "no wish", "no text", "too long"]
)
def test_what_is_no_wish_is_passed_over(drains: Drains, written: bytes) -> None:
    with drains.running(standing()) as running:
        (drains.folder / "wish").write_bytes(written)
        assert running.wished() is None
        assert not (drains.folder / "wish").exists()


@pytest.mark.parametrize("written", [b"", b"{}", b"[1]", b'{"id": "\xff"}', b"null"])
def test_a_state_that_makes_no_sense_is_none(drains: Drains, written: bytes) -> None:
    with drains.running(standing()):
        (drains.folder / "state.json").write_bytes(written)
        assert drains.standing() is None


def test_one_that_was_killed_is_over_and_the_next_may_begin(drains: Drains, tmp_path: Path) -> None:
    source = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from mxtui.drains import Drains\n"
        "from tests.test_drains import QUEUE, standing\n"
        "with Drains(QUEUE, Path(sys.argv[1])).running(standing()):\n"
        "    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", source, str(tmp_path)])
    wait_until(drains.standing)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    found = drains.standing()
    assert found is not None
    assert (found.running, found.ended) == (False, found.at)
    assert "process 4711 ended without a word" in found.fault
    with drains.running(standing(4712)):
        assert drains.standing() == standing(4712)


def test_a_report_is_kept_for_eyes_and_machines_until_the_next(drains: Drains) -> None:
    with drains.running(standing()) as running:
        path = running.report("Drain: done\n", {"delivered": 3})
        running.standing = running.standing.over(5.0, report=path)
        running.publish()
    assert path == str(drains.folder / "report.txt")
    assert drains.report(as_json=False) == "Drain: done"
    assert drains.report(as_json=True) == '{"delivered":3}'
    assert {each.name for each in drains.folder.iterdir()} == {"lock", "state.json", "report.txt", "report.json"}


def test_one_that_was_killed_left_no_report_and_another_ones_is_not_taken_for_it(drains: Drains) -> None:
    with drains.running(standing()) as running:
        path = running.report("Drain: done\n", {})
        running.standing = running.standing.over(5.0, report=path)
        running.publish()
    with drains.running(standing(4712)):
        assert drains.report(as_json=False) == "Drain: done", "while one runs it is the one before's"
    with pytest.raises(MxtuiError, match=f"process 4712 ended without a word.*the one before is {path}"):
        drains.report(as_json=False)


def test_only_their_owner_may_read_them(drains: Drains) -> None:
    with drains.running(standing()) as running:
        running.report("x", {})
    assert drains.folder.stat().st_mode & 0o077 == 0
    assert all(each.stat().st_mode & 0o077 == 0 for each in drains.folder.iterdir())


def test_without_a_place_to_say_so_nothing_begins(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(MxtuiError, match="no drain can be registered"),
        Drains(QUEUE, tmp_path / "file").running(standing()),
    ):
        pytest.fail("it began")


def test_a_state_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    Running(tmp_path / "gone", standing()).publish()


def test_none_known_is_not_none_there_for_whoever_may_not_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Drains(QUEUE, tmp_path).others == ""
    monkeypatch.setattr("mxtui.drains.SYSTEM_FOLDER", tmp_path / "system")
    assert Drains(QUEUE).others == "", "the host's own register"
    monkeypatch.setattr("mxtui.drains.writable_folder", lambda system, name: tmp_path / "mine")
    assert "sudo mxtui drain status" in Drains(QUEUE).others
    closed = Drains(QUEUE, tmp_path / "closed")
    closed.folder.parent.write_text("no folder at all: not even its kind may be seen")
    assert "sudo mxtui drain status" in closed.others
