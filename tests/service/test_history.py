"""What `serve` remembers while no console is open."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.history import Recorder, Store
from mxtui.history.where import of_spool
from mxtui.model.health import Health, Primary
from mxtui.model.history import WHOLE, Point, Sample
from mxtui.queues.spool.store import Spool
from mxtui.service.history import Minutes, Waiting
from tests.queues.spool.making import envelope, put
from tests.service.serving import Serve, marked
from tests.support.waiting import wait_until

T = 1_800_000_000.0
PRIMARY = Primary("mx1.example.org", 25, "config")
DOWN = {"example.org": (PRIMARY, Health("down", T, "tcp", "connection refused", None))}


class Minute:
    """A `Minutes` whose clock and forwarder are the test's."""

    def __init__(self, spool: Spool) -> None:
        self.now = T
        self.waiting: dict[str, Waiting] = {}
        self.in_line: set[str] = set()
        self.logged: list[tuple[str, str]] = []
        self.store = Store(of_spool(spool.path))
        self.recorder = Recorder(self.store)
        self.minutes = Minutes(
            spool, self.recorder, lambda: self.waiting, lambda id_, _: id_ in self.in_line, lambda: DOWN,
            lambda: ["example.org", "quiet.example"],
            lambda event, level="info", **fields: self.logged.append((event, str(fields))), lambda: self.now,
        )  # fmt: skip

    def passes(self, **waiting: Waiting) -> Mapping[str, Sample]:
        """A minute more, with this in the forwarder's lines; what was remembered of it."""
        self.now += 60
        self.minutes._record(self.now, {name.replace("_", "."): each for name, each in waiting.items()}, DOWN,
                             ["example.org", "quiet.example"])  # fmt: skip
        self.minutes._tell()
        names = ("example.org", "quiet.example", WHOLE)
        points = {name: self.store.points(name, 30, self.now) for name in names}
        return {name: found[-1].sample for name, found in points.items() if found}


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool.open(tmp_path / "spool", create=True, hostname="mx2.example.net")


@pytest.fixture
def minute(spool: Spool) -> Iterator[Minute]:
    made = Minute(spool)
    yield made
    made.recorder.close()


def test_what_waits_is_remembered_with_its_age_and_the_primary_s_state(minute: Minute) -> None:
    samples = minute.passes(example_org=(5, T))
    assert samples["example.org"] == Sample(5, 60, None, None, "down", 60, None)
    assert samples["quiet.example"].depth == 0
    assert samples[WHOLE].depth == 5


def test_what_came_is_counted_and_what_left_follows_from_it(minute: Minute, spool: Spool) -> None:
    minute.passes(example_org=(5, T))
    for _ in range(3):
        minute.minutes.came(envelope())
    samples = minute.passes(example_org=(6, T))
    assert (samples["example.org"].arrived, samples["example.org"].left) == (3, 2)
    samples = minute.passes()
    assert (samples["example.org"].arrived, samples["example.org"].left) == (0, 6)


def test_what_is_held_or_failed_waits_as_well_and_is_read_once(
    minute: Minute, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(spool, envelope(id=f"{round((T - 600) * 1e6):014x}0000"), "failed")
    put(spool, envelope(id=f"{round(T * 1e6):014x}0000"), "hold")
    assert (minute.passes(example_org=(1, T))["example.org"]).depth == 3
    read: list[str] = []
    monkeypatch.setattr(spool, "find", lambda id_: read.append(id_))
    samples = minute.passes(example_org=(1, T))
    assert (samples["example.org"].depth, samples["example.org"].oldest) == (3, 720)
    assert read == []


def test_what_was_held_in_the_forwarder_s_line_is_counted_once(minute: Minute, spool: Spool) -> None:
    made = put(spool, envelope(id=f"{round(T * 1e6):014x}0000"), "hold")
    minute.in_line = {made.id}
    assert minute.passes(example_org=(1, T))["example.org"].depth == 1
    minute.in_line = set()
    assert minute.passes()["example.org"].depth == 1


def test_a_history_that_cannot_be_kept_is_logged_once(minute: Minute) -> None:
    minute.store.path.mkdir()
    (minute.store.path / "in the way").touch()
    for number in range(3):
        minute.store.path.with_name(f"{minute.store.path.name}.damaged-{number}").touch()
    for _ in range(2):
        minute.now += 60
        minute.minutes._record(minute.now, {}, {}, [])
        minute.minutes._tell()
    assert [event for event, _ in minute.logged] == ["history"]
    assert "damaged 3 times" in minute.logged[0][1]


def test_a_running_serve_keeps_its_history_in_the_spool_and_goes_on_with_it(
    tmp_path: Path, primary: FakePrimary
) -> None:
    primary.down()
    with Serve(tmp_path, {"example.org": primary.port}, "--standby", "off") as serve:
        store = Store(of_spool(serve.spool))
        wait_until(lambda: _points(store), what="a first minute")
        serve.send_mail("anna@example.org", marked(1))
        assert serve.stop() == 0
        serve.start()
        wait_until(lambda: _points(store)[-1].sample.depth == 1, what="this minute again, or the next")
    assert serve.events("history") == 0


def _points(store: Store) -> list[Point]:
    return store.points("example.org", 600, time.time())
