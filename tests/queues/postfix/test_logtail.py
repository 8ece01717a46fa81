"""Following a log that is written, rotated and cut under us."""

import os
from pathlib import Path

import pytest

from mxtui.queues.postfix.logtail import FileTail, JournalTail, Lines, open_tail
from mxtui.queues.postfix.maillog import LINE_LIMIT, Removed
from tests.support.waiting import wait_until


def removed(queue_id: str) -> str:
    return f"Nov  2 15:54:42 mx2 postfix/qmgr[1]: {queue_id}: removed\n"


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.write_text(removed("BEFORE0"))
    return path


def test_only_what_comes_after_is_told(log: Path) -> None:
    with FileTail(log) as tail:
        assert list(tail.events()) == []
        append(log, removed("AAAAAA1") + removed("AAAAAA2"))
        assert list(tail.events()) == [Removed("AAAAAA1"), Removed("AAAAAA2")]
        assert list(tail.events()) == []


def test_a_line_written_in_two_halves_is_one(log: Path) -> None:
    with FileTail(log) as tail:
        append(log, removed("AAAAAA1")[:50])
        assert list(tail.events()) == []
        append(log, removed("AAAAAA1")[50:])
        assert list(tail.events()) == [Removed("AAAAAA1")]


def test_rotation_loses_nothing(log: Path) -> None:
    with FileTail(log) as tail:
        append(log, removed("AAAAAA1"))
        log.rename(log.with_suffix(".1"))
        assert list(tail.events()) == [Removed("AAAAAA1")]
        append(log.with_suffix(".1"), removed("AAAAAA2"))
        log.write_text(removed("AAAAAA3"))
        assert list(tail.events()) == [Removed("AAAAAA2"), Removed("AAAAAA3")]


def test_a_file_cut_in_place_is_read_from_its_start(log: Path) -> None:
    append(log, "x" * 1000 + "\n")
    with FileTail(log) as tail:
        log.write_text(removed("AAAAAA1"))
        assert list(tail.events()) == [Removed("AAAAAA1")]


def test_no_line_is_held_beyond_the_limit() -> None:
    lines = Lines(10)
    for _ in range(1000):
        assert list(lines.feed(b"x" * 100)) == []
    assert list(lines.feed(b"\nshort\n")) == [b"x" * 10, b"short"]


def test_a_line_without_end_does_not_hide_the_next(log: Path) -> None:
    with FileTail(log) as tail:
        append(log, "x" * (LINE_LIMIT * 50) + "\n" + removed("AAAAAA1"))
        assert list(tail.events()) == [Removed("AAAAAA1")]


def test_a_configured_file_that_cannot_be_read_is_no_log(tmp_path: Path) -> None:
    assert open_tail(tmp_path / "none") is None


def test_the_journal_is_followed(tmp_path: Path) -> None:
    entries = tmp_path / "entries"
    entries.write_text(
        '{"SYSLOG_IDENTIFIER":"postfix/qmgr","MESSAGE":"AAAAAA1: removed"}\n'
        '{"SYSLOG_IDENTIFIER":"postfix/smtp","MESSAGE":[1,2,3]}\n'
        "not json\n"
        '{"SYSLOG_IDENTIFIER":"postfix-out/qmgr","MESSAGE":"AAAAAA2: removed"}\n'
    )
    with JournalTail(("cat", os.fspath(entries))) as tail:
        found: list[object] = []

        def both() -> bool:
            found.extend(tail.events())
            return len(found) == 2

        wait_until(both)
    assert found == [Removed("AAAAAA1"), Removed("AAAAAA2")]
