"""Marks in queue files."""

import os
from pathlib import Path

import pytest

from mxtui.queues.postfix.direct.marks import mark_done
from mxtui.queues.postfix.queue_file import envelope
from tests.queues.postfix.writer import QueueFile


@pytest.fixture
def fd(tmp_path: Path) -> int:
    made = QueueFile(recipients=("one@example.org", "two@example.org"), extracted=("copy@example.org",))
    (tmp_path / "file").write_bytes(made.raw())
    os.utime(tmp_path / "file", (1000, 2000))
    return os.open(tmp_path / "file", os.O_RDWR)


def states(fd: int) -> dict[str, str]:
    return {each.address: each.state for each in envelope(fd, os.fstat(fd)).recipients}


def offset(fd: int, address: str) -> int:
    return next(each.offset for each in envelope(fd, os.fstat(fd)).recipients if each.address == address)


def test_a_mark_is_where_postfix_looks_for_it(fd: int) -> None:
    mark_done(fd, [offset(fd, "two@example.org"), offset(fd, "copy@example.org")])
    assert states(fd) == {"one@example.org": "todo", "two@example.org": "done", "copy@example.org": "done"}
    os.close(fd)


def test_twice_is_once_and_the_next_retry_time_stays(fd: int) -> None:
    where = [offset(fd, "one@example.org")]
    mark_done(fd, where)
    mark_done(fd, where)
    assert states(fd)["one@example.org"] == "done"
    assert os.fstat(fd).st_mtime == 2000
    os.close(fd)


def test_where_there_is_no_recipient_nothing_is_written(fd: int) -> None:
    with pytest.raises(OSError, match="no recipient"):
        mark_done(fd, [offset(fd, "one@example.org"), 0])
    assert set(states(fd).values()) == {"todo"}
    os.close(fd)
