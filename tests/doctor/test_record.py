"""What is kept of an examination, and what is read of drills."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.doctor.facts import Drill, Unknown
from mxtui.doctor.finding import Finding, Report
from mxtui.doctor.gather import host
from mxtui.doctor.record import DRILLS, RESULT, finding_object, last_result, read_drills, write_result

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


def test_the_last_result_is_whole_and_has_its_sums(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    write_result(REPORT, folder)
    kept = last_result(folder)
    assert kept is not None
    assert {name: kept[name] for name in ("taken_at", "queue", "pass", "warn", "fail", "skipped")} == {
        "taken_at": 1795700000.25, "queue": "/var/spool/postfix", "pass": 1, "warn": 1, "fail": 1, "skipped": 1,
    }  # fmt: skip
    assert kept["findings"] == [finding_object(each) for each in REPORT.findings[:2]], "what is not well"
    assert kept["findings"][0]["evidence"] == "␛[2Jevil"
    write_result(REPORT, folder)
    assert [path.name for path in folder.iterdir()] == [RESULT]


def test_what_is_kept_of_a_thousand_domains_is_bounded(tmp_path: Path) -> None:
    many = [replace(REPORT.findings[0], subject=f"d{number}.example") for number in range(3000)]
    write_result(replace(REPORT, findings=[*many, *REPORT.findings]), tmp_path)
    kept = last_result(tmp_path)
    assert kept is not None
    assert (kept["fail"], len(kept["findings"])) == (3001, 500)
    assert (tmp_path / RESULT).stat().st_size < 1 << 20


def test_a_result_that_cannot_be_kept_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_result(REPORT, tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_result(REPORT, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [RESULT]
    assert last_result(tmp_path) is not None


def test_no_result_and_a_damaged_one_are_none(tmp_path: Path) -> None:
    assert last_result(tmp_path) is None
    (tmp_path / RESULT).write_text('{"half": ')
    assert last_result(tmp_path) is None
    (tmp_path / RESULT).write_text("[1]")
    assert last_result(tmp_path) is None


def test_drills_are_read_and_what_is_none_is_passed_over(tmp_path: Path) -> None:
    assert read_drills(tmp_path) == ()
    line = {"at": 5, "domain": "Example.ORG", "path": "queue", "result": "failed", "seconds": 3, "detail": "\x1b lost"}
    rubbish = ["", "{", "[]", "null", '{"at": "x", "domain": "a", "result": "passed"}', '{"at": 1, "result": "passed"}']
    (tmp_path / DRILLS).write_text(
        "\n".join([*rubbish, json.dumps(line), '{"at": 6, "domain": "b", "result": "passed"'])
    )
    assert read_drills(tmp_path) == (Drill(5.0, "example.org", False, "␛ lost"),)


@given(st.binary(max_size=300))
def test_no_record_of_drills_is_too_damaged_to_be_read(
    tmp_path_factory: pytest.TempPathFactory, rubbish: bytes
) -> None:
    folder = tmp_path_factory.mktemp("drills")
    (folder / DRILLS).write_bytes(rubbish)
    assert isinstance(read_drills(folder), tuple)


def test_a_record_that_may_not_be_read_is_unknown(tmp_path: Path) -> None:
    (tmp_path / DRILLS).mkdir()
    assert read_drills(tmp_path) == Unknown(f"{tmp_path / DRILLS}: Is a directory")


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
