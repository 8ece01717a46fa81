"""What is kept of an examination."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mxtui.doctor.finding import Finding, Report
from mxtui.doctor.gather import host
from mxtui.doctor.record import FOLDER, finding_object, last_result, write_result
from mxtui.model.forecast import Examined

REPORT = Report(
    1795700000.25,
    0.5,
    "/var/spool/postfix",
    (
        Finding("mx_us", "fail", "\x1b[2Jevil", "example.org", ("example.org. IN MX 20 mx2.example.net.",)),
        Finding("clock", "warn", "off"),
        Finding("log", "pass", "read"),
        Finding("sudo", "skipped", "root"),
    ),
)


def written(state: Path) -> dict[str, Any]:
    """The one result that is kept there."""
    (path,) = (state / FOLDER).iterdir()
    kept: dict[str, Any] = json.loads(path.read_text())
    return kept


def test_the_last_result_is_whole_and_has_its_sums(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    write_result(REPORT, folder)
    kept = written(folder)
    assert {name: kept[name] for name in ("taken_at", "queue", "pass", "warn", "fail", "skipped")} == {
        "taken_at": 1795700000.25, "queue": "/var/spool/postfix", "pass": 1, "warn": 1, "fail": 1, "skipped": 1,
    }  # fmt: skip
    assert kept["findings"] == [finding_object(each) for each in REPORT.findings[:2]], "what is not well"
    assert kept["findings"][0]["evidence"] == "␛[2Jevil"
    write_result(REPORT, folder)
    assert len(list((folder / FOLDER).iterdir())) == 1


def test_what_is_kept_of_a_thousand_domains_is_bounded(tmp_path: Path) -> None:
    many = [replace(REPORT.findings[0], subject=f"d{number}.example") for number in range(3000)]
    write_result(replace(REPORT, findings=[*many, *REPORT.findings]), tmp_path)
    kept = written(tmp_path)
    assert (kept["fail"], len(kept["findings"])) == (3001, 500)
    assert next((tmp_path / FOLDER).iterdir()).stat().st_size < 1 << 20


def test_a_result_that_cannot_be_kept_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_result(REPORT, tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_result(REPORT, tmp_path)
    assert written(tmp_path)["fail"] == 1


@pytest.mark.parametrize(
    "written",
    ["", "null", "[]", "{", "[" * 100_000, '{"queue": "/queue", "taken_at": "x", "pass": 1, "warn": 0, "fail": 0}',
     '{"queue": "/other", "taken_at": 5, "pass": 1, "warn": 0, "fail": 0}',
     '{"queue": "/queue", "taken_at": 5}', "\xff"],
)  # fmt: skip
def test_a_result_that_makes_no_sense_or_is_of_another_queue_is_none(tmp_path: Path, written: str) -> None:
    write_result(replace(REPORT, queue="/queue"), tmp_path)
    (path,) = (tmp_path / FOLDER).iterdir()
    path.write_text(written, "latin-1")
    assert last_result("/queue", [tmp_path]) is None


def test_each_queue_has_its_own_and_the_latest_of_several_folders_counts(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    assert last_result("/queue", [ours, theirs]) is None
    for queue, folder, at in (("/queue", ours, 5.0), ("/other", ours, 6.0), ("/queue", theirs, 7.0)):
        write_result(replace(REPORT, queue=queue, taken_at=at), folder)
    assert last_result("/queue", [ours, theirs]) == Examined(7.0, 1, 1, 1)
    assert last_result("/queue", [ours]) == Examined(5.0, 1, 1, 1)
    assert last_result("/other", [ours, theirs]) == Examined(6.0, 1, 1, 1)


def test_a_mount_is_found_by_the_longest_path(tmp_path: Path) -> None:
    spool = tmp_path / "my spool" / "incoming"
    spool.mkdir(parents=True)
    mounts = tmp_path / "mountinfo"
    escaped = str(tmp_path / "my spool").replace(" ", "\\040")
    mounts.write_text(
        "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
        f"2 1 0:9 / {escaped} rw shared:1 - tmpfs tmpfs rw\n"
        f"3 1 0:8 / {tmp_path}/my rw - xfs /dev/sdb rw\n"
        "rubbish\n"
    )  # fmt: skip
    assert host.mounted_as(spool, mounts) == "tmpfs"
    assert host.mounted_as(tmp_path, mounts) == "ext4"
    assert host.mounted_as(tmp_path, tmp_path / "nothing") == "unknown"


def test_the_real_disk_and_the_kernel_s_clock_can_be_asked(tmp_path: Path) -> None:
    found = host.disk(tmp_path, True)
    assert 0 < found.space.bytes_free <= found.space.bytes_total
    assert found.kind != "unknown"
    assert host.synchronised() in (True, False, None)
