import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.errors import NoQueue
from mxtui.queues.events import Events, Heard
from mxtui.queues.postfix import watch
from mxtui.queues.postfix.files import FileReader
from mxtui.queues.postfix.layout import read_layout
from tests.conftest import PostfixFactory
from tests.queues.hearing import Deaf, refuse
from tests.queues.postfix.following import Follower, count_reads, layout_of, make_queue, move, open_files, place, put
from tests.queues.postfix.writer import QueueFile, defer_log
from tests.support.waiting import wait_until


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    return make_queue(tmp_path / "queue")


def watched(follower: Follower) -> None:
    """Wait until events arrive, the first read is over, and what was missed before has been caught up with."""
    assert follower.read_over.wait(10)
    signs = follower.signs
    wait_until(lambda: follower.signs > signs + 2)


def test_a_message_that_arrives_moves_and_leaves_is_followed(queue: Path) -> None:
    with Follower(FileReader(layout_of(queue))).following() as follower:
        watched(follower)
        put(queue, "incoming", "A1B2C3D4")
        wait_until(lambda: follower.state("A1B2C3D4") == "incoming")
        for before, after in (
            ("incoming", "active"),
            ("active", "deferred"),
            ("deferred", "hold"),
            ("hold", "deferred"),
        ):
            move(queue, "A1B2C3D4", before, after)
            wait_until(lambda after=after: follower.state("A1B2C3D4") == after)  # type: ignore[misc]
        place(queue, "deferred", "A1B2C3D4").unlink()
        wait_until(lambda: not follower.known)


def test_one_new_message_costs_one_file_read(queue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        put(queue, "deferred", f"A1B2C3D4{number}")
    with Follower(FileReader(layout_of(queue))).following() as follower:
        watched(follower)
        follower.told.clear()
        reads = count_reads(monkeypatch)

        put(queue, "incoming", "FFFFF1234")
        wait_until(lambda: follower.state("FFFFF1234") == "incoming")

        signs = follower.signs
        wait_until(lambda: follower.signs > signs + 1)
        assert follower.told == ["FFFFF1234"]
        assert len(reads) == 1


def test_reasons_are_told_though_the_log_is_written_after_the_move(queue: Path) -> None:
    put(queue, "deferred", "A1B2C3D4")
    with Follower(FileReader(layout_of(queue))).following() as follower:
        watched(follower)
        assert [recipient.reason for recipient in follower.known["A1B2C3D4"].recipients] == [None]

        offset = QueueFile().offsets()["info@example.org"]
        log = defer_log([("info@example.org", offset, "4.4.1", "connection refused")])
        place(queue, "defer", "A1B2C3D4").write_bytes(log)

        wait_until(lambda: follower.known["A1B2C3D4"].recipients[0].reason == "connection refused")
        assert follower.known["A1B2C3D4"].recipients[0].dsn == "4.4.1"


def test_a_file_still_being_written_is_told_when_it_is_finished(queue: Path) -> None:
    with Follower(FileReader(layout_of(queue))).following() as follower:
        watched(follower)
        path = put(queue, "incoming", "A1B2C3D4", mode=0o600)
        signs = follower.signs
        wait_until(lambda: follower.signs > signs + 1)
        assert not follower.known

        path.chmod(0o700)
        wait_until(lambda: follower.state("A1B2C3D4") == "incoming")


def test_messages_in_a_hash_directory_made_a_moment_ago_are_found(queue: Path) -> None:
    with Follower(FileReader(layout_of(queue))).following() as follower:
        watched(follower)
        for number in range(16):
            put(queue, "deferred", f"{number:X}1B2C3D4")
        wait_until(lambda: len(follower.known) == 16)


def test_what_happens_later_in_a_hash_directory_made_meanwhile_is_followed(queue: Path) -> None:
    with Follower(FileReader(layout_of(queue))).following() as follower:
        watched(follower)
        put(queue, "deferred", "A1B2C3D4")
        wait_until(lambda: follower.state("A1B2C3D4") == "deferred")
        watched(follower)
        put(queue, "deferred", "A1B2C3D5")
        wait_until(lambda: follower.state("A1B2C3D5") == "deferred")


def test_directories_are_watched_and_not_what_they_hold(queue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(queue, "deferred", "A1B2C3D4")
    put(queue, "hold", "B1B2C3D4")
    asked: list[str] = []

    class Asking(Deaf):
        def __init__(self, folders: Iterable[str]) -> None:
            super().__init__(folders)
            asked.extend(self.folders)

    monkeypatch.setattr(watch, "Events", Asking)
    with Follower(FileReader(layout_of(queue))).following():
        wait_until(lambda: asked)
    names = ("active", "deferred", "deferred/A", "incoming", "hold", "maildrop", "corrupt", "defer")
    assert sorted(asked) == sorted(f"{queue}/{name}" for name in names)


@pytest.mark.parametrize("reading", [False, True], ids=["watched", "read again"])
def test_what_happened_unseen_before_the_watch_is_told(queue: Path, reading: bool) -> None:
    for number in range(20):
        put(queue, "deferred", f"A1B2C3D4{number:02}")
    reader = FileReader(layout_of(queue))
    follower = Follower(reader)
    for changes in reader.read():
        follower.apply(changes)
    assert len(follower.known) == 20
    move(queue, "A1B2C3D400", "deferred", "hold")
    place(queue, "deferred", "A1B2C3D401").unlink()
    put(queue, "deferred", "A1B2C3D499")
    later = time.time() + 1234
    os.utime(place(queue, "deferred", "A1B2C3D402"), (later, later))

    with follower.following(reading=reading):
        wait_until(lambda: follower.state("A1B2C3D400") == "hold" and follower.state("A1B2C3D499") == "deferred")
        wait_until(lambda: "A1B2C3D401" not in follower.known)
        wait_until(lambda: follower.known["A1B2C3D402"].next_retry == pytest.approx(later, abs=0.01))


def test_missed_events_are_made_good_by_the_pass_over_names(queue: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "RECONCILE", 0.0)
    monkeypatch.setattr(watch, "SHARE", 1.0)
    # Deaf to everything: no event ever comes.
    monkeypatch.setattr(watch, "Events", Deaf)
    put(queue, "deferred", "A1B2C3D4")
    with Follower(FileReader(layout_of(queue))).following() as follower:
        wait_until(lambda: follower.state("A1B2C3D4") == "deferred")
        put(queue, "incoming", "B1B2C3D4")
        move(queue, "A1B2C3D4", "deferred", "hold")
        wait_until(lambda: (follower.state("A1B2C3D4"), follower.state("B1B2C3D4")) == ("hold", "incoming"))
        place(queue, "hold", "A1B2C3D4").unlink()
        wait_until(lambda: set(follower.known) == {"B1B2C3D4"})


def test_events_that_the_kernel_dropped_are_made_good_by_change_times(
    queue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that was tried again is where it was: its name tells nothing."""
    dropped = threading.Event()

    class Dropping(Deaf):
        def heard(self, stop: threading.Event) -> Iterator[Heard]:
            since = time.time()
            yield from itertools.takewhile(lambda _: not dropped.is_set(), super().heard(stop))
            yield Heard(missed_since=since)
            yield from super().heard(stop)

    monkeypatch.setattr(watch, "Events", Dropping)
    put(queue, "deferred", "A1B2C3D4")
    with Follower(FileReader(layout_of(queue))).following() as follower:
        watched(follower)
        later = time.time() + 1234
        os.utime(place(queue, "deferred", "A1B2C3D4"), (later, later))
        signs = follower.signs
        wait_until(lambda: follower.signs > signs + 2)
        assert follower.known["A1B2C3D4"].next_retry != pytest.approx(later, abs=0.01)
        dropped.set()
        wait_until(lambda: follower.known["A1B2C3D4"].next_retry == pytest.approx(later, abs=0.01))


def test_a_hash_directory_that_cannot_be_watched_is_looked_at_every_few_seconds(
    queue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(events: Events, folder: str, really: Callable[[Events, str], None] = Events.add) -> None:
        if folder.endswith("/deferred/A"):
            raise OSError(28, "No space left on device")
        really(events, folder)

    monkeypatch.setattr(Events, "add", add)
    monkeypatch.setattr(watch, "POLL", 0.0)
    monkeypatch.setattr(watch, "SHARE", 1.0)
    monkeypatch.setattr(watch, "SIGN_OF_LIFE", 0.01)
    reader = FileReader(layout_of(queue))
    with Follower(reader).following() as follower:
        watched(follower)
        put(queue, "deferred", "A1B2C3D4")
        wait_until(lambda: follower.state("A1B2C3D4") == "deferred")
        assert "No space left on device" in reader.warning


def test_without_events_the_names_are_looked_at_and_a_warning_says_so(
    queue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "POLL", 0.0)
    monkeypatch.setattr(watch, "SHARE", 1.0)
    monkeypatch.setattr(watch, "SIGN_OF_LIFE", 0.01)
    monkeypatch.setattr(watch, "Events", refuse)
    put(queue, "deferred", "A1B2C3D4")
    reader = FileReader(layout_of(queue))
    with Follower(reader).following() as follower:
        wait_until(lambda: follower.state("A1B2C3D4") == "deferred")
        later = time.time() + 1234
        os.utime(place(queue, "deferred", "A1B2C3D4"), (later, later))
        wait_until(lambda: follower.known["A1B2C3D4"].next_retry == pytest.approx(later, abs=0.01))
        assert "No space left on device" in reader.warning
        move(queue, "A1B2C3D4", "deferred", "hold")
        wait_until(lambda: follower.state("A1B2C3D4") == "hold")


def test_a_queue_that_is_taken_away_is_an_error_and_not_an_empty_queue(queue: Path) -> None:
    put(queue, "deferred", "A1B2C3D4")
    reader = FileReader(layout_of(queue))
    (queue / "hold").rmdir()
    with pytest.raises(NoQueue, match="hold"):
        list(reader.read())


def test_watching_again_and_again_leaves_nothing_open(queue: Path) -> None:
    reader = FileReader(layout_of(queue))
    before = open_files()
    for _ in range(4):
        with Follower(reader).following() as follower:
            wait_until(lambda follower=follower: follower.signs)  # type: ignore[misc]
        wait_until(lambda: open_files() == before, what="nothing is open that was not")


@pytest.mark.postfix
def test_a_queue_in_motion_is_followed_without_a_miss_or_a_double(
    postfix: PostfixFactory, primary: FakePrimary
) -> None:
    primary.behave(temporary="later")
    instance = postfix(
        routes={"example.org": primary.port},
        settings={"minimal_backoff_time": "1h", "queue_run_delay": "1s", "smtp_destination_recipient_limit": "1"},
    )
    reader = FileReader(read_layout(instance.config_directory))
    with Follower(reader).following() as follower:
        kept, sent = [], []
        for _ in range(10):
            kept += instance.inject("s@example.com", ["later@example.org"], count=20)
            sent += instance.inject("s@example.com", ["now@example.org"], count=20)
        wait_until(lambda: len(primary.accepted) == len(sent))
        wait_until(lambda: all(place_of(instance.queue_directory, queue_id) for queue_id in kept))

        wait_until(
            lambda: set(follower.known) == set(kept),
            what=lambda: (
                f"known but sent: {set(follower.known) - set(kept)}, not known: {set(kept) - set(follower.known)}"
            ),
        )
        wait_until(lambda: all(message.state == "deferred" for message in follower.known.values()))
        wait_until(lambda: all(message.recipients[0].reason for message in follower.known.values()))
        another = FileReader(read_layout(instance.config_directory))
        listed = [message.queue_id for changes in another.read() for message in changes.present]
        assert sorted(listed) == sorted(kept)


def place_of(queue: Path, queue_id: str) -> bool:
    return place(queue, "deferred", queue_id).exists() and place(queue, "defer", queue_id).exists()
