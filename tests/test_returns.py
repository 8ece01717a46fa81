"""Announced returns of primaries: for each queue, for everybody to read, and over by themselves."""

from pathlib import Path

import pytest

from mxtui.errors import MxtuiError
from mxtui.model.returns import Announced
from mxtui.returns import Returns

FAR = 4e9
SAID = Announced("example.org", FAR, "new disks", "anna", 1.0)


def test_what_is_announced_is_there_until_its_time_or_until_it_is_taken_back(tmp_path: Path) -> None:
    kept = Returns("/queue", tmp_path)
    kept.announce(SAID)
    kept.announce(SAID._replace(domain="a.example"))
    kept.announce(SAID._replace(reason="more disks"))
    assert Returns("/queue", tmp_path).all(1.0) == {
        "a.example": SAID._replace(domain="a.example"),
        "example.org": SAID._replace(reason="more disks"),
    }
    kept.withdraw("a.example")
    assert list(kept.all(1.0)) == ["example.org"]
    assert kept.all(FAR) == {}
    assert Returns("/other", tmp_path).all(1.0) == {}


def test_those_of_root_count_and_ones_own_come_first(tmp_path: Path) -> None:
    Returns("/queue", tmp_path / "host").announce(SAID)
    own = Returns("/queue", tmp_path / "home", tmp_path / "host")
    assert list(own.all(1.0).values()) == [SAID]
    own.announce(SAID._replace(back=FAR - 1))
    assert own.all(1.0)["example.org"].back == FAR - 1


@pytest.mark.parametrize("written", ["", "{}", "[1]", '[{"domain": 1}]', "[" * 100_000, "\xff"])
def test_a_damaged_file_announces_nothing_and_is_replaced(tmp_path: Path, written: str) -> None:
    kept = Returns("/queue", tmp_path)
    kept.path.parent.mkdir()
    kept.path.write_text(written, "latin-1")
    assert kept.all(1.0) == {}
    kept.announce(SAID)
    assert list(kept.all(1.0)) == ["example.org"]


def test_hostile_words_reach_no_screen(tmp_path: Path) -> None:
    kept = Returns("/queue", tmp_path)
    kept.announce(SAID._replace(reason="\x1b[2J", owner="\x07"))
    found = kept.all(1.0)["example.org"]
    assert "\x1b" not in found.reason + found.owner


def test_where_nothing_can_be_kept_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "returns").write_text("a file")
    with pytest.raises(MxtuiError, match="an announcement cannot be kept in"):
        Returns("/queue", tmp_path).announce(SAID)
