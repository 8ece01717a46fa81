"""Holds on disk."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.errors import Guarded, Unreachable
from mxtui.holds import Holds, folder_for
from mxtui.model.holds import DomainHold
from mxtui.model.message import Identity

HOLD = DomainHold("example.org", "migrate", "new host", "anna", 1000.0, 8200.0, "[mx9.example.org]:25", 1001.5)


@pytest.fixture
def holds(tmp_path: Path) -> Holds:
    return Holds(tmp_path / "holds")


def test_nothing_is_held_where_there_is_no_folder(holds: Holds) -> None:
    assert (holds.all(), holds.get("example.org"), holds.held("example.org"), holds.revision()) == ({}, None, [], 0)


def test_what_is_kept_is_found_again_and_gone_when_removed(holds: Holds) -> None:
    ids = [Identity("4dKq1", 77, 1000.25), Identity("4dKq2", 0, 1000.123456)]
    with holds.changing():
        holds.put(HOLD)
        holds.set_held("example.org", ids)
    again = Holds(holds.folder)
    assert again.all() == {"example.org": HOLD}
    assert again.held("example.org") == ids
    holds.remove("example.org")
    assert again.all() == {}
    assert list(holds.folder.glob("[!.]*")) == []


def test_only_one_changes_them_at_a_time(holds: Holds) -> None:
    taken, done = threading.Event(), threading.Event()

    def other() -> None:
        with Holds(holds.folder).changing():
            taken.set()
            done.wait(10)

    thread = threading.Thread(target=other)
    thread.start()
    assert taken.wait(10)
    with pytest.raises(Guarded), holds.changing(patience=0.0):
        pass
    done.set()
    thread.join()
    with holds.changing():
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"domain": "other.example"}', "\xff"])
def test_a_damaged_one_is_told_of_and_not_passed_over(holds: Holds, content: str) -> None:
    holds.put(HOLD)
    (holds.folder / "example.org.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(Unreachable, match=r"example\.org\.json cannot be understood"):
        holds.all()


def test_the_hold_of_another_domain_under_a_name_is_damage(holds: Holds) -> None:
    holds.put(HOLD)
    (holds.folder / "example.org.json").rename(holds.folder / "b.example.json")
    with pytest.raises(Unreachable):
        holds.all()


def test_a_reason_cannot_command_a_terminal(holds: Holds) -> None:
    holds.put(replace(HOLD, reason="new\x1b[2J\nhost"))
    found = holds.get("example.org")
    assert found is not None
    assert found.reason.isprintable()


def test_no_link_is_followed(holds: Holds, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    holds.folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Unreachable):
        holds.put(HOLD)
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_keeps_in_a_spool_belongs_to_the_spools_user(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    os.chown(spool, 65534, 65534)
    holds = Holds(spool / "holds")
    with holds.changing():
        holds.put(HOLD)
    owners = {path.stat().st_uid for path in (holds.folder, *holds.folder.iterdir())}
    assert owners == {65534}


def test_each_queue_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert folder_for(Path("/etc/a-b"), tmp_path) != folder_for(Path("/etc/a/b"), tmp_path)
    assert folder_for(Path("/etc/postfix"), tmp_path).parent == tmp_path
