"""The history on disk: real files, real locks, real full disks."""

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import mxtui.history.store
from mxtui.errors import HistoryDamaged, HistoryFailed
from mxtui.history.recorder import LOCK, Recorder
from mxtui.history.schema import PAGE
from mxtui.history.store import ASIDE, Store
from mxtui.model.history import COARSE, LEVELS, WHOLE, Sample, Tick
from mxtui.model.source import Space

T = 1_800_000_000
HOUR, DAY = 3600, 86400


def tick(at: int, depth: int = 1, *, domains: int = 1, down: bool = False) -> Tick:
    sample = Sample(depth, depth * 10, 2, 1, "down" if down else "up", 60 if down else 0, 9.0)
    names = [WHOLE, "example.org", *(f"d{n}.example" for n in range(domains - 1))]
    return Tick(at, dict.fromkeys(names, sample), Space(1000, 500, 100, 50), 1234)


@pytest.fixture(autouse=True)
def _unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """A week takes thousands of writes, and no power cut is waited for."""
    monkeypatch.setattr(mxtui.history.store, "SYNCHRONOUS", "OFF")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "history.sqlite", patience=0.05)


def fill(store: Store, first: int, last: int, depth: Callable[[int], int] = lambda _: 1, step: int = 60) -> None:
    for at in range(first, last, step):
        store.write(tick(at, depth(at)), at + 1.0)


def test_where_nobody_wrote_there_is_nothing(store: Store) -> None:
    assert store.points("example.org", HOUR, T) == []
    assert store.last_hour(T) == {}
    assert not store.path.exists()


def test_what_was_written_is_there_for_another_process(store: Store) -> None:
    store.write(tick(T, 5), T + 1.0)
    (found,) = Store(store.path).points("example.org", HOUR, T + 30.0)
    assert (found.at, found.seconds, found.sample) == (T, 60, Sample(5, 50, 2, 1, "up", 0, 9.0))
    (whole,) = Store(store.path).points(WHOLE, HOUR, T + 30.0)
    assert whole.sample.depth == 5


def test_only_its_owner_may_read_it(store: Store) -> None:
    store.write(tick(T), T + 1.0)
    assert store.path.stat().st_mode & 0o777 == 0o600


def test_old_minutes_become_coarser_and_keep_their_peaks_and_sums(store: Store) -> None:
    fill(store, T, T + 2 * HOUR, lambda at: 100 if at == T + 360 else 1)
    points = store.points("example.org", 6 * HOUR, T + 2 * HOUR)
    assert {point.seconds for point in points} == {300, 60}  # the last five minutes are as fine as there are
    peak = next(point for point in points if point.at == T + 300)
    assert (peak.sample.depth, peak.sample.arrived, peak.sample.oldest) == (100, 10, 1000)
    starts = [point.at for point in points]
    assert starts == sorted(set(starts))
    assert sum(point.seconds for point in points) == 2 * HOUR


def test_a_week_is_kept_and_no_more_in_a_bounded_number_of_rows(store: Store) -> None:
    fill(store, T - 9 * DAY, T, step=900)
    database = sqlite3.connect(store.path)
    ticks = dict(database.execute("SELECT step, count(*) FROM tick GROUP BY step"))
    database.close()
    assert all(ticks[step] <= kept // step for step, kept in LEVELS)
    points = store.points("example.org", 7 * DAY, T)
    assert points[0].at <= T - 7 * DAY + 1800
    assert points[-1].at >= T - 1800


def test_hours_without_a_tick_are_a_gap(store: Store) -> None:
    fill(store, T, T + 600)
    fill(store, T + 5 * HOUR, T + 5 * HOUR + 600)
    points = store.points("example.org", 6 * HOUR, T + 5 * HOUR + 600)
    assert not [point for point in points if T + 600 <= point.at < T + 5 * HOUR]
    assert sum(point.seconds for point in points) == 1200


def test_the_last_hour_is_by_five_minutes_with_none_where_nobody_watched(store: Store) -> None:
    fill(store, T - 1800, T - 900, lambda at: at - T + 1800)
    assert store.last_hour(T) == {"example.org": [None] * 5 + [240, 540, 840] + [None] * 3}


def test_a_clock_set_back_writes_its_minutes_anew(store: Store) -> None:
    fill(store, T, T + HOUR, lambda _: 1)
    fill(store, T + 1200, T + 1500, lambda _: 50)
    points = store.points("example.org", HOUR, T + HOUR)
    assert [p.sample.depth for p in points if T + 1200 <= p.at < T + 1500] == [50] * 5
    assert sum(point.seconds for point in points) == HOUR
    assert not [p for p in store.points("example.org", HOUR, T + 1500) if p.at > T + 1500]


def test_a_clock_that_leaps_ahead_and_back_costs_nothing_that_was_kept(store: Store) -> None:
    fill(store, T, T + 2 * HOUR)
    fill(store, T + 900 * DAY, T + 900 * DAY + 600)
    fill(store, T + 2 * HOUR, T + 4 * HOUR)
    assert sum(point.seconds for point in store.points("example.org", 6 * HOUR, T + 4 * HOUR)) == 4 * HOUR
    assert not store.points("example.org", HOUR, T + 900 * DAY + 600)


def test_a_clock_that_is_wrong_at_boot_does_not_take_what_lies_ahead_for_wrong(store: Store) -> None:
    fill(store, T, T + 2 * HOUR)
    fill(store, 86400 * 400, 86400 * 400 + 1800)
    assert len(store.points("example.org", HOUR, T + 2 * HOUR)) == 60


def test_a_clock_that_was_wrong_for_a_week_does_not_keep_out_the_right_one(store: Store) -> None:
    fill(store, T + 900 * DAY, T + 900 * DAY + 8 * DAY, step=1800)
    fill(store, T, T + 3 * HOUR)
    assert sum(point.seconds for point in store.points("example.org", 6 * HOUR, T + 3 * HOUR)) == 3 * HOUR


# -- several processes ------------------------------------------------------------------------------------------------


def test_of_two_recorders_one_writes_and_the_other_takes_over_when_it_ends(store: Store) -> None:
    first, second = Recorder(store), Recorder(Store(store.path))
    assert first.record(tick(T, 1), T)
    assert not second.record(tick(T, 2), T)
    assert second.fault == ""
    assert [p.sample.depth for p in second.store.points("example.org", HOUR, T)] == [1]
    first.close()
    assert second.record(tick(T + 60, 3), T + 60)
    assert [p.sample.depth for p in store.points("example.org", HOUR, T + 60)] == [1, 3]
    second.close()


def test_a_writer_that_is_killed_leaves_the_lock(store: Store) -> None:
    store.path.parent.mkdir(exist_ok=True)
    child = os.fork()
    if not child:
        Recorder(store).record(tick(T), T)
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    recorder = Recorder(store)
    assert recorder.record(tick(T + 60), T + 60)
    assert len(store.points("example.org", HOUR, T + 60)) == 2
    recorder.close()


# -- bad days ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["text", "empty tables", "torn page"])
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(store: Store, damage: str) -> None:
    if damage == "text":
        store.path.write_bytes(b"no database at all\n" * 900)
    elif damage == "empty tables":
        other = sqlite3.connect(store.path)
        other.execute("CREATE TABLE strange (a)")
        other.commit()
        other.close()
    else:
        fill(store, T - HOUR, T)
        with store.path.open("r+b") as file:
            file.seek(PAGE)
            file.write(os.urandom(3 * PAGE))
    before = store.path.read_bytes()
    recorder = Recorder(store)
    assert recorder.record(tick(T, 7), T)
    assert recorder.fault == ""
    (aside,) = store.path.parent.glob("history.sqlite.damaged-*[0-9]")
    assert aside.read_bytes() == before
    assert str(aside) in recorder.notice
    assert [p.sample.depth for p in store.points("example.org", HOUR, T)] == [7]
    recorder.close()


def test_a_disk_that_damages_every_file_ends_the_writing_and_not_the_console(store: Store) -> None:
    for number in range(ASIDE):
        store.path.with_name(f"{store.path.name}.damaged-{number}").touch()
    store.path.write_bytes(b"nonsense" * 1000)
    recorder = Recorder(store)
    assert not recorder.record(tick(T), T)
    assert "damaged 3 times" in recorder.fault
    assert store.path.exists()
    recorder.close()


def test_whoever_reads_a_damaged_file_is_told_and_changes_nothing(store: Store) -> None:
    store.path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(HistoryDamaged):
        store.points("example.org", HOUR, T)
    recorder = Recorder(store)
    assert recorder.last_hour(T) == {}
    assert "damaged" in recorder.fault
    assert store.path.read_bytes() == b"nonsense" * 1000


def test_a_file_that_another_program_has_locked_is_told_and_written_when_it_lets_go(store: Store) -> None:
    store.write(tick(T), T)
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    recorder = Recorder(store)
    assert not recorder.record(tick(T + 60), T + 60)
    assert recorder.fault == "another program has it locked"
    with pytest.raises(HistoryFailed, match="locked"):
        store.points("example.org", HOUR, T)
    other.execute("COMMIT")
    other.close()
    assert recorder.record(tick(T + 120), T + 120)
    assert recorder.fault == ""
    assert len(store.points("example.org", HOUR, T + 120)) == 2
    recorder.close()


def test_a_minute_that_the_file_has_no_room_for_costs_nothing_that_was_kept_and_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.sqlite", size=12 * PAGE)
    recorder = Recorder(store)
    assert recorder.record(tick(T, 1), T)
    assert not recorder.record(tick(T + 60, 2, domains=1000), T + 60)
    assert recorder.fault == "it has reached its limit of 48k"
    assert [p.sample.depth for p in store.points("example.org", HOUR, T + 60)] == [1]
    assert recorder.record(tick(T + 120, 3), T + 120)
    assert [p.sample.depth for p in store.points("example.org", HOUR, T + 120)] == [1, 3]
    recorder.close()


def test_a_burst_of_domains_shortens_the_past_and_recording_goes_on(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.sqlite", size=128 * PAGE)
    recorder = Recorder(store)
    for at in range(T - 3 * HOUR, T, 60):
        samples = {**tick(at).samples, **{f"{at}-{n}.example": Sample(1, 1, 1, 0, "up", 0, None) for n in range(200)}}
        assert recorder.record(Tick(at, samples), at + 1.0), recorder.fault
    assert store.path.stat().st_size <= 128 * PAGE
    points = store.points("example.org", 6 * HOUR, T)
    assert points[-1].at == T - 60
    assert sum(point.seconds for point in store.points(WHOLE, 6 * HOUR, T)) == 3 * HOUR
    recorder.close()


def test_of_what_comes_and_goes_in_a_minute_the_deepest_are_kept_for_long(store: Store) -> None:
    for at in range(T, T + 2400, 60):
        burst = {f"{at}-{n}.example": Sample(2, 1, 1, 0, "up", 0, None) for n in range(COARSE // 2)}
        store.write(Tick(at, {**tick(at, 3).samples, **burst}), at + 1.0)
    with closing(sqlite3.connect(store.path)) as database:
        (most,) = database.execute(
            "SELECT max(many) FROM (SELECT count(*) AS many FROM sample WHERE step > 60 GROUP BY step, at)"
        ).fetchone()
    assert most == COARSE + 1
    assert store.points("example.org", 7 * DAY, T + 2400)[0].seconds == 1800
    assert store.points(WHOLE, 7 * DAY, T + 2400)[0].seconds == 1800


def test_a_device_without_room_is_a_full_disk_too(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").symlink_to("/dev/full")
    recorder = Recorder(Store(tmp_path / "history.sqlite"))
    assert recorder.record(tick(T), T)  # a link is no history: it is moved aside, never followed
    assert (tmp_path / "history.sqlite").is_file()
    assert not (tmp_path / "history.sqlite").is_symlink()
    recorder.close()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    recorder = Recorder(Store(tmp_path / "file" / "history.sqlite"))
    assert not recorder.record(tick(T), T)
    assert "it cannot be written" in recorder.fault


def test_a_newer_version_is_left_alone(store: Store) -> None:
    store.write(tick(T), T)
    database = sqlite3.connect(store.path)
    database.execute("PRAGMA user_version=99")
    database.close()
    recorder = Recorder(store)
    assert not recorder.record(tick(T + 60), T + 60)
    assert "newer version" in recorder.fault
    assert not list(store.path.parent.glob("*damaged*"))
    recorder.close()


def test_the_lock_lies_beside_the_file_and_is_held_while_it_is_written(store: Store) -> None:
    recorder = Recorder(store)
    recorder.record(tick(T), T)
    with store.path.with_name(store.path.name + LOCK).open("rb") as lock, pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    recorder.close()


def test_a_coarse_step_that_was_watched_in_part_says_so(store: Store) -> None:
    fill(store, T, T + 120)
    fill(store, T + 900, T + 960)
    first = store.points("example.org", 6 * HOUR, T + 960)[0]
    assert (first.seconds, first.sample.watched, first.sample.arrived) == (300, 120, 4)


def test_the_last_outage_is_as_long_as_from_its_first_bad_minute_to_its_last(store: Store) -> None:
    fill(store, T, T + 360)
    for at in (T + 360, T + 420, T + 600, T + 660):  # nobody watched for two minutes
        store.write(tick(at, down=True), at)
    assert store.last_outage(T + 700) is None
    fill(store, T + 720, T + 1500)
    found = store.last_outage(T + 1500)
    assert found is not None
    assert (found.domain, found.began, found.seconds) == ("example.org", T + 300, 420)


def test_root_opens_no_file_beside_another_user_s_and_believes_numbers_only(store: Store) -> None:
    fill(store, T, T + 300)
    database = sqlite3.connect(store.path)
    database.execute("UPDATE sample SET depth = 'many' WHERE at = ?", (T,))
    database.execute("UPDATE sample SET latency = x'00' WHERE at = ?", (T + 60,))
    database.execute("UPDATE sample SET state = 99 WHERE at = ?", (T + 120,))
    database.commit()
    database.execute("PRAGMA journal_mode=WAL")  # a reader of such a file makes others beside it
    database.close()
    if os.geteuid() == 0:
        os.chown(store.path, 65534, 65534)
    points = store.points("example.org", HOUR, T + 300)
    assert [point.at for point in points] == [T + 120, T + 180, T + 240]
    assert points[0].sample.state == "unknown"
    if os.geteuid() == 0:
        assert not list(store.path.parent.glob("*-shm")) + list(store.path.parent.glob("*-wal"))
