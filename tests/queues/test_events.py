"""inotify as the kernel speaks it."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from errno import ENOSPC
from pathlib import Path

import pytest
from inotify_simple import INotify

from mxtui.queues.events import Events, Heard
from tests.queues.postfix.following import open_files
from tests.support.waiting import wait_until

Listen = Callable[..., list[Heard]]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Listens on a thread of its own to what happens in folders."""
    stop, threads, opened = threading.Event(), list[threading.Thread](), ExitStack()

    def begin(*folders: Path) -> list[Heard]:
        events = opened.enter_context(Events(map(str, folders)))
        told: list[Heard] = []
        threads.append(threading.Thread(target=lambda: told.extend(events.heard(stop))))
        threads[-1].start()
        return told

    with opened:
        yield begin
        stop.set()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()


def paths(told: list[Heard]) -> set[str]:
    return {path for heard in told for path in heard.paths}


def test_what_is_made_moved_changed_and_removed_is_heard(tmp_path: Path, listen: Listen) -> None:
    for name in ("moved", "written", "marked", "removed"):
        (tmp_path / name).write_text("")
    told = listen(tmp_path)
    (tmp_path / "made").mkdir()
    (tmp_path / "moved").rename(tmp_path / "to")
    (tmp_path / "written").write_text("more")
    (tmp_path / "marked").chmod(0o700)
    (tmp_path / "removed").unlink()
    os.link(tmp_path / "to", tmp_path / "linked")
    wanted = {"made", "moved", "to", "written", "marked", "removed", "linked"}
    wait_until(lambda: paths(told) == {f"{tmp_path}/{name}" for name in wanted})
    assert not any(heard.missed_since for heard in told)


def test_a_burst_is_heard_in_few_pieces(tmp_path: Path, listen: Listen) -> None:
    told = listen(tmp_path)
    for number in range(2000):
        (tmp_path / f"{number}").write_text("")
    wait_until(lambda: len(paths(told)) == 2000)
    assert len(told) < 200


def test_names_that_are_not_text_are_heard(tmp_path: Path, listen: Listen) -> None:
    told = listen(tmp_path)
    name = b"\xff\x1b[2J\n\xe2\x80\xae"
    os.close(os.open(os.fsencode(tmp_path) + b"/" + name, os.O_CREAT))
    wait_until(lambda: paths(told) == {f"{tmp_path}/{os.fsdecode(name)}"})


def test_silence_has_signs_of_life(tmp_path: Path, listen: Listen) -> None:
    told = listen(tmp_path)
    wait_until(lambda: len(told) >= 2)
    assert told[0] == Heard()


def test_a_directory_that_goes_away_is_heard_and_can_come_back(tmp_path: Path) -> None:
    folder = tmp_path / "A"
    folder.mkdir()
    with Events([str(folder), str(tmp_path / "never"), str(tmp_path)]) as events:
        assert events.folders == {str(folder), str(tmp_path)}, "one that is not there is not watched"
        heard = events.heard(threading.Event())
        folder.rmdir()
        assert str(folder) in next(heard).paths
        assert events.folders == {str(tmp_path)}
        folder.mkdir()
        events.add(str(folder))
        (folder / "x").write_text("")
        assert f"{folder}/x" in next(heard).paths


def test_more_than_the_kernel_keeps_is_known_to_have_been_missed(tmp_path: Path) -> None:
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    now = 1000.0
    with Events([str(tmp_path)], lambda: now) as events:
        heard = events.heard(threading.Event())
        assert next(heard) == Heard()
        now = 1060.0
        for number in range(limit + 1000):
            os.close(os.open(tmp_path / f"{number}", os.O_CREAT))
        told = next(heard)
        assert told.missed_since == 1000.0, "since everything had been read, which was before the flood"
        assert len(told.paths) >= limit // 2
        now = 1061.0
        (tmp_path / "x").write_text("")
        assert next(heard) == Heard(frozenset({f"{tmp_path}/x"}))


def test_to_stop_ends_it(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with Events([str(tmp_path)]) as events:
        assert list(events.heard(stop)) == []


def test_what_cannot_be_watched_is_an_error_that_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(ENOSPC, "No space left on device")

    before = open_files()
    monkeypatch.setattr(INotify, "add_watch", full)
    with pytest.raises(OSError, match="No space left"):
        Events([str(tmp_path)])
    assert open_files() == before
