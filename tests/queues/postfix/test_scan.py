import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mxtui.queues.known import Known
from mxtui.queues.postfix import scan
from mxtui.queues.postfix.files import FileReader
from mxtui.queues.postfix.names import folders
from mxtui.queues.postfix.worker import Settings
from tests.benchmarks.queue_factory import Queue, make
from tests.queues.postfix.following import count_reads, layout_of, make_queue, move, put
from tests.support.waiting import wait_until


@pytest.fixture(scope="module", params=[False, True], ids=["short IDs", "long IDs"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("large") / "queue", Queue(messages=3000, domains=20, long_ids=request.param))


def read(queue: Path) -> dict[str, object]:
    told = [message for changes in FileReader(layout_of(queue)).read() for message in changes.present]
    assert len({message.queue_id for message in told}) == len(told), "no message twice"
    return {message.queue_id: message for message in told}


def test_workers_find_what_one_process_finds(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = read(large)
    assert len(alone) == 3000
    assert all(message.recipients[0].reason for message in alone.values())  # type: ignore[attr-defined]
    assert not any(message.fault for message in alone.values())  # type: ignore[attr-defined]

    monkeypatch.setattr(scan, "ALONE", 0)
    assert read(large) == alone


def test_what_a_killed_worker_had_in_hand_is_read_here(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "ALONE", 0)
    reading = FileReader(layout_of(large)).read()
    found = {message.queue_id for message in next(reading).present}
    for pid in children():
        os.kill(pid, signal.SIGKILL)
    for changes in reading:
        found |= {message.queue_id for message in changes.present}
    assert len(found) == 3000


def test_a_read_left_early_leaves_no_worker(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "ALONE", 0)
    before = children()
    reading = FileReader(layout_of(large)).read()
    next(reading)
    assert children() - before
    reading.close()  # type: ignore[attr-defined]
    assert children() == before


def test_workers_end_when_the_console_is_killed(large: Path) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom mxtui.queues.postfix import scan\nscan.ALONE = 0\n"
        "from mxtui.queues.postfix.files import FileReader\nfrom tests.queues.postfix.following import layout_of\n"
        "reading = FileReader(layout_of(Path(sys.argv[1]))).read()\nnext(reading)\n"
        "print('reading', flush=True)\ninput()\n"
    )
    console = subprocess.Popen(
        [sys.executable, "-c", program, str(large)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with console:
        assert console.stdout is not None
        assert console.stdout.readline() == b"reading\n"
        working = children(console.pid)
        assert len(working) == min(scan.MOST_WORKERS, len(os.sched_getaffinity(0)))
        console.kill()
    wait_until(lambda: not any(alive(pid) for pid in working))


def children(pid: int | None = None) -> set[int]:
    pid = pid or os.getpid()
    return {
        int(child)
        for path in Path(f"/proc/{pid}/task").glob("*/children")
        for child in path.read_text().split()
        if alive(int(child))
    }


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    return make_queue(tmp_path / "queue")


def settings_of(queue: Path) -> Settings:
    return Settings(str(queue), (1.0, 1.0), False, ("deferred", "defer"), 1)


@pytest.mark.parametrize(("before", "after"), [("deferred", "active"), ("active", "deferred"), ("hold", "deferred")])
def test_a_message_that_moves_between_listing_and_reading_is_told_once(queue: Path, before: str, after: str) -> None:
    put(queue, before, "A1B2C3D4")
    listed = list(folders(str(queue)))
    move(queue, "A1B2C3D4", before, after)

    batches = list(scan.scan(settings_of(queue), listed))

    rows = {row[0]: row[1] for batch in batches for row in batch.rows}
    assert rows == {"A1B2C3D4": after}
    assert not [name for batch in batches for name in batch.gone]


def test_a_message_that_passed_the_first_look_at_the_names_is_in_the_second(queue: Path) -> None:
    listed = list(folders(str(queue)))
    put(queue, "active", "A1B2C3D4")
    assert [row[0] for batch in scan.scan(settings_of(queue), listed) for row in batch.rows] == ["A1B2C3D4"]


def test_a_message_that_left_is_told_gone(queue: Path) -> None:
    path = put(queue, "deferred", "A1B2C3D4")
    listed = list(folders(str(queue)))
    path.unlink()
    assert [name for batch in scan.scan(settings_of(queue), listed) for name in batch.gone] == ["A1B2C3D4"]


def test_depth_counts_names_in_every_queue(queue: Path) -> None:
    for number, state in enumerate(("incoming", "active", "deferred", "hold", "maildrop", "corrupt")):
        for other in range(number + 1):
            put(queue, state, f"{number}{other}B2C3D4")
    (queue / "incoming" / "12345.678").touch()
    assert FileReader(layout_of(queue)).depth() == {
        "incoming": 1, "active": 2, "deferred": 3, "hold": 4, "maildrop": 5, "corrupt": 6,
    }  # fmt: skip


def test_corrupt_messages_are_shown_with_their_fault(queue: Path) -> None:
    put(queue, "corrupt", "A1B2C3D4")
    put(queue, "corrupt", "B1B2C3D4", b"rubbish")
    found = read(queue)
    assert found["A1B2C3D4"].fault == "set aside by Postfix as corrupt"  # type: ignore[attr-defined]
    assert found["B1B2C3D4"].fault.startswith("set aside by Postfix as corrupt: ")  # type: ignore[attr-defined]


def test_what_is_known_of_a_folder_differs_by_what_was_not_noted() -> None:
    known = Known()
    assert known.differences("hold", ["A", "B"]) == {"A", "B"}
    known.note("hold", "C", present=True)
    known.note("hold", "B", present=False)
    assert known.differences("hold", ["A", "C", "D"]) == {"D"}
    assert known.differences("hold", ["A"]) == {"C", "D"}
    assert known.forgotten(["deferred"]) == {"hold"}


def test_reading_opens_each_file_once(queue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        put(queue, "deferred", f"A1B2C3D4{number}")
    reads = count_reads(monkeypatch)
    assert len(read(queue)) == 30
    assert len(reads) == 30
