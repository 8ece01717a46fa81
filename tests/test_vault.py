"""Kept copies: how long, how much, and never twice by accident."""

import os
from pathlib import Path

import pytest

from mxtui.errors import MxtuiError
from mxtui.model.kept import KeptHeader, encode_header, kept_name
from mxtui.model.plan import Target
from mxtui.model.source import Source
from mxtui.vault import Vault
from tests.support.plans import target

DAY = 86400.0


def keep(vault: Vault, audit_id: str, kept: Target, now: float, size: int = 100) -> Path:
    folder = vault.open(audit_id, size, now)
    path = folder / kept_name(kept.identity)
    path.write_bytes(encode_header(KeptHeader("postfix", kept, now)).ljust(size, b"x"))
    os.utime(folder, (now, now))
    return path


def test_a_copy_says_what_it_is(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "kept")
    keep(vault, "a1", target("A00000000"), 1000.0)
    (copy,) = vault.copies()
    assert copy.target == target("A00000000")
    assert (copy.audit_id, copy.restored) == ("a1", None)
    assert vault.folder.stat().st_mode & 0o777 == 0o700


def test_copies_are_found_by_deletion_by_id_and_by_identity(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    keep(vault, "a1", target("A00000000"), 1000.0)
    keep(vault, "a2", target("A00000000", arrival=2000.0), 2000.0)
    assert [copy.audit_id for copy in vault.copies(queue_id="A00000000")] == ["a2", "a1"]
    assert [copy.audit_id for copy in vault.copies(audit_id="a1")] == ["a1"]
    found = vault.find(target("A00000000").identity)
    assert found is not None
    assert found.audit_id == "a1"
    assert vault.find(target("A00000000", inode=8).identity) is None


@pytest.mark.parametrize("typed", ["*", "..", "../a1/A00000000", "A0000000", "/etc"])
def test_what_somebody_types_names_no_other_copy(tmp_path: Path, typed: str) -> None:
    vault = Vault(tmp_path / "kept")
    keep(vault, "a1", target("A00000000"), 1000.0)
    assert list(vault.copies(queue_id=typed)) == []
    assert list(vault.copies(audit_id=typed)) == []


def test_a_copy_still_being_made_is_none(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    path = keep(vault, "a1", target(), 1000.0)
    path.rename(path.with_name(f".{path.name}"))
    assert list(vault.copies()) == []


def test_copies_go_after_a_week_at_the_next_use(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    keep(vault, "old", target("A00000000"), 1000.0)
    keep(vault, "new", target("B00000000"), 1000.0 + 6 * DAY)
    vault.open("now", 1, 1000.0 + 7 * DAY)
    assert [copy.audit_id for copy in vault.copies()] == ["new"]


def test_the_oldest_copies_make_room(tmp_path: Path) -> None:
    vault = Vault(tmp_path, keep_bytes=2_500)
    for number in range(4):
        keep(vault, f"a{number}", target(f"A{number:08X}"), 1000.0 + number, size=1_000)
    assert [copy.audit_id for copy in vault.copies()] == ["a3", "a2"]


def test_what_can_never_fit_is_refused_and_nothing_dropped_for_it(tmp_path: Path) -> None:
    vault = Vault(tmp_path, keep_bytes=2_500)
    keep(vault, "a1", target(), 1000.0)
    with pytest.raises(MxtuiError, match="set aside"):
        vault.open("a2", 2_501, 1001.0)
    assert len(list(vault.copies())) == 1


def test_a_copy_that_was_put_back_says_so(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    keep(vault, "a1", target(), 1000.0)
    (copy,) = vault.copies()
    vault.mark_restored(copy, "queued as B1")
    assert [found.restored for found in vault.copies()] == ["queued as B1"]
    vault.unmark_restored(copy)
    assert [found.restored for found in vault.copies()] == [None]


def test_half_a_copy_is_none(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    keep(vault, "a1", target(), 1000.0).write_bytes(b'{"format": 1, "kind"')
    assert list(vault.copies()) == []


def test_no_folder_is_an_empty_vault(tmp_path: Path) -> None:
    assert list(Vault(tmp_path / "none").copies()) == []


def test_copies_are_of_one_queue_and_those_that_do_not_say_of_its_kind(tmp_path: Path) -> None:
    vault = Vault(tmp_path)
    for number, (kind, queue) in enumerate([("postfix", ""), ("postfix", "/q1"), ("postfix", "/q2"), ("spool", "/q1")]):
        folder = vault.open(f"a{number}", 100, 1000.0 + number)
        kept = target(f"A0000000{number}")
        (folder / kept_name(kept.identity)).write_bytes(encode_header(KeptHeader(kind, kept, 1000.0, queue)))
    one = Source("postfix", "mx2", "/q1", "3.7")
    assert [copy.audit_id for copy in vault.copies(of=one)] == ["a1", "a0"]
