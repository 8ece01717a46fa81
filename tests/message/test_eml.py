import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mxtui.errors import MxtuiError, UsageError
from mxtui.message.eml import eml_name, save_new


def test_a_message_is_saved_byte_for_byte_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    old = os.umask(0)
    try:
        assert save_new([b"A: 1\n", b"\n", b"x\r\ny\n\0"], path) == 12
    finally:
        os.umask(old)
    assert path.read_bytes() == b"A: 1\n\nx\r\ny\n\0"
    assert path.stat().st_mode & 0o777 == 0o600


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.write_bytes(b"kept")
    with pytest.raises(UsageError, match="exists already"):
        save_new([b"new"], path)
    assert path.read_bytes() == b"kept"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        save_new([b"new"], path)
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_is_not_there_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(MxtuiError) as caught:
        save_new([b"x"], tmp_path / "none" / "a.eml")
    assert caught.value.hint


def test_a_file_that_cannot_be_finished_is_removed(tmp_path: Path) -> None:
    def vanishing() -> Iterator[bytes]:
        yield b"half"
        raise MxtuiError("gone")

    with pytest.raises(MxtuiError, match="gone"):
        save_new(vanishing(), tmp_path / "a.eml")
    assert list(tmp_path.iterdir()) == []


def test_a_name_made_from_a_queue_id_stays_in_its_folder() -> None:
    assert eml_name("4dKq7P2GzHz9xK") == "4dKq7P2GzHz9xK.eml"
    for hostile in ("../../etc/cron.d/x", ".", "", "a\0b", "-rf", "x" * 10_000):
        name = eml_name(hostile)
        assert "/" not in name
        assert name[0] not in "-."
        assert len(name) <= 64
