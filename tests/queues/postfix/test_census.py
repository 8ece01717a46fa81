import sys
from pathlib import Path

import pytest

from mxtui.errors import NoQueue
from mxtui.queues.postfix.census import census, count
from tests.queues.postfix.following import make_queue, put


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    queue = make_queue(tmp_path / "queue")
    for number in range(5):
        put(queue, "deferred", f"{number}1B2C3D4")
    put(queue, "hold", "A1B2C3D4")
    return queue


def test_another_process_counts_what_this_one_would(queue: Path) -> None:
    assert census(str(queue)) == count(str(queue))
    assert census(str(queue)) == {
        "active": 0, "deferred": 5, "incoming": 0, "hold": 1, "maildrop": 0, "corrupt": 0,
    }  # fmt: skip


def test_a_queue_that_cannot_be_counted_is_said_to_be_so_here(queue: Path) -> None:
    (queue / "active").rmdir()
    with pytest.raises(NoQueue, match="active is not there"):
        census(str(queue))


def test_without_another_process_it_is_counted_here(queue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(queue / "no-such-interpreter"))
    assert census(str(queue))["deferred"] == 5
