"""The journal of direct deliveries."""

import errno
import os
import tracemalloc
from pathlib import Path

import pytest

from mxtui.errors import Guarded, MxtuiError
from mxtui.queues.postfix.direct.journal import BLOCK, Answered, Begun, Done, Entry, Journal, Taken, read, replay

ONE = Taken("A00000001", 7, 1000.25)
TWO = Taken("A00000002", 8, 1000.5, held=True)


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    begun = Begun("A00000001", (10, 20), "mx1[192.0.2.1]:25", 1001.0)
    entries: list[Entry] = [ONE, begun, Answered("A00000001", (10,)), TWO]
    with Journal(tmp_path / "journal") as journal:
        journal.begin(())
        for entry in entries:
            journal.append([entry])
    assert list(read(tmp_path / "journal")) == entries


def test_a_line_cut_short_by_a_crash_is_passed_over(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.begin(())
        journal.append([ONE, TWO])
    file = tmp_path / "journal"
    whole = file.read_bytes()
    for end in range(whole.index(b"\n") + 1, whole.rindex(b"\n")):
        file.write_bytes(whole[:end] + bytes(100))
        assert list(read(tmp_path)) == [ONE]


def test_what_is_not_done_is_known_and_nothing_else() -> None:
    begun = Begun("A00000001", (10, 20), "mx1", 1001.0)
    assert replay([ONE, Done("A00000001")]) == {}
    assert replay([ONE, begun])["A00000001"].begun == begun
    found = replay([ONE, begun, Answered("A00000001", (10,)), begun, Answered("A00000001", (20,), refused=True)])
    assert (found["A00000001"].begun, found["A00000001"].accepted) == (None, (10, 20))
    assert found["A00000001"].refused
    again = replay([*found["A00000001"].entries])
    assert again == found, "begun anew it says the same"


def test_an_id_that_is_used_again_starts_anew() -> None:
    later = Taken("A00000001", 9, 2000.0)
    assert replay([ONE, Answered("A00000001", (10,)), later])["A00000001"].accepted == ()


def test_beginning_anew_keeps_what_is_not_done(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.begin(())
        journal.append([ONE, TWO, Answered("A00000002", (30,)), Done("A00000001")])
    with Journal(tmp_path) as journal:
        journal.begin(replay(read(tmp_path)).values())
    assert list(read(tmp_path)) == [TWO, Answered("A00000002", (30,))]


def test_it_grows_beyond_the_room_that_it_took(tmp_path: Path) -> None:
    entries = [Begun(f"A{number:08}", tuple(range(50)), "mx1", 1.0) for number in range(2 * BLOCK // 200)]
    with Journal(tmp_path) as journal:
        journal.begin(())
        for start in range(0, len(entries), 100):
            journal.append(entries[start : start + 100])
    assert list(read(tmp_path)) == entries


def test_what_is_done_takes_no_memory_when_it_is_read(tmp_path: Path) -> None:
    messages = 3_000  # 4 MB where all are kept
    with Journal(tmp_path) as journal:
        journal.begin(())
        for number in range(messages):
            name = f"A{number:08}"
            ended = (Begun(name, (10, 20), "mx1", 1.0), Answered(name, (10, 20)), Done(name))
            journal.append([Taken(name, number, 1.0), *(ended if number else ended[:1])])
    tracemalloc.start()
    try:
        assert list(replay(read(tmp_path))) == ["A00000000"]
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 1_000_000, "bytes; a third of that is the room that was taken in advance"


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(Guarded):
        Journal(tmp_path)
    Journal(tmp_path).close()


def test_a_full_disk_is_told_before_anything_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Journal(tmp_path) as journal:
        journal.begin([])
        journal.append([ONE])
        monkeypatch.setattr(os, "pwrite", full)
        with pytest.raises(MxtuiError, match="No space left on device"):
            journal.begin(())
    monkeypatch.undo()
    assert list(read(tmp_path)) == [ONE], "what was known is known"
