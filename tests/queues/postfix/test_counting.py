"""Messages counted instead of told: whatever a file holds, both must come to the same."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxtui.model.message import STATES, State
from mxtui.model.tally import Tallies, tally
from mxtui.queues.postfix import scan
from mxtui.queues.postfix.counting import Counter
from mxtui.queues.postfix.files import FileReader
from mxtui.queues.postfix.message_file import Absent, MessageReader, messages
from mxtui.queues.postfix.names import Folder, folders
from mxtui.queues.postfix.worker import Task
from mxtui.queues.workers import Crew
from tests.benchmarks.queue_factory import Queue, make
from tests.queues.postfix.following import HASHING, layout_of, make_queue, move, place, put
from tests.queues.postfix.test_scan import children
from tests.queues.postfix.writer import QueueFile, defer_log, record

NOW = 1_795_400_000.0
LIFETIMES = (432000.0, 86400.0)
NAME = "A1B2C3D4"

no_deadline = settings(deadline=None)
"""Files are opened here, and a busy machine is no failure; each test has its time limit."""

ADDRESSES = st.sampled_from(
    ["info@example.org", "Info@EXAMPLE.org.", "a@b.example", "root", "", "a b@c.example", "ü@ü"]
)
ENTRIES = st.tuples(ADDRESSES, st.integers(0, 2000), st.just("4.4.1"), st.sampled_from(["refused", "timed out", "421"]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("queue")


def write(folder: Path, raw: bytes, log: bytes | None, mode: int = 0o700) -> None:
    """The message and its defer log."""
    (folder / NAME).write_bytes(raw)
    (folder / NAME).chmod(mode)
    path = folder / HASHING.folder("defer", NAME) / NAME
    path.unlink(missing_ok=True)
    if log is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(log)


def assert_counted_as_told(folder: Path, state: State) -> None:
    reader = MessageReader(str(folder), LIFETIMES, HASHING, subjects=False)
    counter = Counter(reader, NOW)
    with reader.folder(".") as here:
        told = reader.read(state, NAME, here, None)
        counted = counter.read(state, NAME, here, None)
    if isinstance(told, Absent):
        assert counted is told
        assert counter.tallies.plain() == Tallies(NOW).plain()
    else:
        assert counted is None
        assert counter.tallies.plain() == tally(messages([told]), NOW).plain()


@no_deadline
@given(
    state=st.sampled_from(STATES[:6]),
    mode=st.sampled_from([0o700, 0o600, 0o710, 0o744, 0o500]),
    sender=ADDRESSES,
    recipients=st.lists(ADDRESSES, max_size=6),
    done=st.lists(ADDRESSES, max_size=3),
    extracted=st.lists(ADDRESSES, max_size=2),
    arrival=st.floats(0, 4e9),
    log=st.none() | st.lists(ENTRIES, max_size=6).map(defer_log) | st.binary(max_size=200),
)
def test_whatever_was_written_counts_as_it_is_told(
    folder: Path,
    state: State,
    mode: int,
    sender: str,
    recipients: list[str],
    done: list[str],
    extracted: list[str],
    arrival: float,
    log: bytes | None,
) -> None:
    file = QueueFile(sender, recipients, done=done, extracted=extracted, arrival=arrival)
    # The queue manager moves complete files only.
    write(folder, file.raw(), log, 0o700 if state in ("active", "deferred") else mode)
    assert_counted_as_told(folder, state)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_was_damaged_counts_as_it_is_told(folder: Path, data: st.DataObject) -> None:
    file = QueueFile(recipients=["info@example.org", "a@b.example"])
    raw = bytearray(file.raw())
    log = bytearray(defer_log([(address, offset, "4.4.1", "refused") for address, offset in file.offsets().items()]))
    for damaged in (raw, log):
        for _ in range(data.draw(st.integers(0, 4))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    write(folder, bytes(raw[: data.draw(st.integers(0, len(raw)))]), bytes(log))
    assert_counted_as_told(folder, data.draw(st.sampled_from(STATES[:6])))


@pytest.mark.parametrize(
    "place",
    [
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: os.mkfifo(path, 0o700),
        lambda path: path.mkdir(mode=0o700),
        lambda path: None,
    ],
    ids=["link", "pipe", "directory", "nothing"],
)
def test_what_is_no_file_counts_as_it_is_told(tmp_path: Path, place: Callable[[Path], None]) -> None:
    place(tmp_path / NAME)
    # What cannot be opened counts as having just arrived.
    reader = MessageReader(str(tmp_path), LIFETIMES, HASHING, subjects=False)
    counter = Counter(reader, NOW)
    with reader.folder(".") as here:
        told = reader.read("hold", NAME, here, None)
        counted = counter.read("hold", NAME, here, None)
    assert counted is (told if isinstance(told, Absent) else None)
    assert counter.tallies.whole.messages == (counted is None)


def test_an_envelope_longer_than_a_block_counts_as_it_is_told(folder: Path) -> None:
    file = QueueFile(recipients=[f"user{n}@d{n % 7}.example" for n in range(500)])
    entries = [(address, offset, "4.4.1", f"reason {offset % 3}") for address, offset in file.offsets().items()]
    write(folder, file.raw(), defer_log(entries))
    assert_counted_as_told(folder, "deferred")


def test_an_attribute_that_looks_like_a_recipient_is_none(folder: Path) -> None:
    hostile = record("R", "victim@example.org").decode()
    write(folder, QueueFile(attributes=[("helo_name", hostile), ("client_address", hostile)]).raw(), None)
    assert_counted_as_told(folder, "deferred")


@pytest.fixture(scope="module", params=[False, True], ids=["short IDs", "long IDs"])
def large(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("large") / "queue", Queue(messages=3000, domains=20, long_ids=request.param))


def told(queue: Path) -> Tallies:
    return tally((message for changes in FileReader(layout_of(queue)).read() for message in changes.present), NOW)


@pytest.mark.parametrize("alone", [0, 5000], ids=["workers", "one process"])
def test_a_queue_counts_as_it_is_told(large: Path, alone: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "ALONE", alone)
    assert FileReader(layout_of(large)).count(NOW).plain() == told(large).plain()


def test_what_a_killed_worker_had_counted_is_counted_anew(large: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spread = Crew.spread

    def cut_short(crew: Crew[Task], tasks: Iterable[Task], here: Callable[[Task], Any]) -> Iterator[tuple[Task, Any]]:
        for number, each in enumerate(spread(crew, tasks, here)):
            yield each
            if number == 3:
                for pid in children():
                    os.kill(pid, signal.SIGKILL)

    expected = told(large).plain()
    monkeypatch.setattr(scan, "ALONE", 0)
    monkeypatch.setattr(Crew, "spread", cut_short)
    assert FileReader(layout_of(large)).count(NOW).plain() == expected


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    return make_queue(tmp_path / "queue")


def states_counted(queue: Path) -> dict[State, int]:
    return FileReader(layout_of(queue)).count(NOW).whole.states


@pytest.mark.parametrize(("before", "after"), [("active", "deferred"), ("incoming", "active"), ("deferred", "active")])
def test_a_message_that_moves_while_names_are_listed_counts_once(
    queue: Path, before: State, after: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(queue, before, NAME)

    def moving(root: str, *, since: float = 0) -> Iterator[Folder]:
        for folder in folders(root, since=since):
            yield folder
            if NAME in folder.ids and folder.state == before:
                move(queue, NAME, before, after)

    monkeypatch.setattr(scan, "folders", moving)
    assert states_counted(queue) in ({before: 1}, {after: 1})


def test_a_message_that_left_after_it_was_listed_is_not_counted(queue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "folders", lambda root, since=0: iter([Folder("hold", "hold", [NAME])]))
    assert states_counted(queue) == {}


@pytest.mark.parametrize("state", ["active", "deferred"])
def test_a_second_look_passes_over_folders_without_a_new_name(queue: Path, state: State) -> None:
    put(queue, state, NAME)
    old = place(queue, state, NAME).parent
    os.utime(old, (1000, 1000))
    assert [folder for folder in folders(str(queue), since=2000) if folder.ids] == []
    # Of a directory within, the one above tells nothing.
    os.utime(queue / state, (1000, 1000))
    put(queue, state, "A1B2C3D5")
    assert [name for folder in folders(str(queue), since=2000) for name in sorted(folder.ids)] == [NAME, "A1B2C3D5"]
