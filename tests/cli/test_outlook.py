"""What is known from before: read as it is found, and nothing said of what is not there."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.cli.attach import Attached
from mxtui.cli.outlook import last_doctor, last_drill, outlook
from mxtui.cli.sites import SpoolSite
from mxtui.config import Settings
from mxtui.config.settings import Drain
from mxtui.drains import Drains
from mxtui.history import Store
from mxtui.history.where import of_spool
from mxtui.model.drain.standing import Standing
from mxtui.model.forecast import NOTHING_KNOWN, Drilled, Examined, LastDrain
from mxtui.model.history import WHOLE, Sample, Tick
from mxtui.model.plan import FlushProgress
from mxtui.model.source import Space
from mxtui.queues.spool.store import Spool

T = 1_800_000_000


@pytest.fixture
def attached(tmp_path: Path) -> Attached:
    """A spool that nothing is known of yet."""
    spool = Spool.open(tmp_path / "spool", create=True, hostname="mx2.example.net")
    settings = Settings(state=tmp_path / "state", drain=Drain(folder=tmp_path / "drains"))
    site = SpoolSite(spool, settings)
    return Attached(settings, site, site.queue())


def remember(attached: Attached, first: int, minutes: int, *, left: int = 0, down: bool = False) -> None:
    store = Store(of_spool(Path(attached.queue.source.path)))
    sample = Sample(3, 60, 2, left, "down" if down else "up", 60 if down else 0, 9.0)
    for minute in range(minutes):
        at = first + 60 * minute
        space = Space(10**12, 10**11 - 10**8 * minute, 10**6, 10**5)
        store.write(Tick(at, {WHOLE: sample, "example.org": sample}, space, 4000), at)


def test_where_nothing_was_kept_nothing_is_known(attached: Attached) -> None:
    assert outlook(attached, T) == NOTHING_KNOWN


def test_the_history_tells_the_day_the_room_and_the_last_outage(attached: Attached) -> None:
    remember(attached, T - 7200, 30, down=True)
    remember(attached, T - 5400, 90)
    found = outlook(attached, T)
    assert found.today is not None
    assert (found.today.arrived, found.today.oldest) == (240, 60)
    assert found.usual is not None
    assert found.usual.messages == 2880.0
    assert len(found.rooms) == 60
    assert found.outage is not None
    assert (found.outage.domain, found.outage.began, found.outage.seconds) == ("example.org", T - 7200, 1800)
    assert found.per_second is None


def test_an_outage_that_goes_on_is_not_the_last_one(attached: Attached) -> None:
    remember(attached, T - 3600, 60, down=True)
    assert outlook(attached, T).outage is None


def test_without_a_drain_the_rate_is_the_fastest_of_the_week(attached: Attached) -> None:
    remember(attached, T - 3600, 10, left=120)
    found = outlook(attached, T)
    assert (found.per_second, found.rate_of) == (2.0, "the fastest of the week")


def test_the_rate_of_the_last_drain_comes_first(attached: Attached) -> None:
    progress = FlushProgress(1000, 900, 50, 10, 40, 21.0, None, "done")
    standing = Standing("", "--all", "serve", "anna", 1, T - 7200.0, T - 7000.0, progress=progress, ended=T - 7110.0)
    with Drains(attached.queue.source.path, attached.settings.drain.folder).running(standing):
        pass
    found = outlook(attached, T)
    assert found.drain == LastDrain(T - 7110.0, 90.0, 900, 10, 40)
    assert (found.per_second, found.rate_of) == (10.0, "the last drain")


def test_a_spools_last_drain_is_on_its_own_register(attached: Attached) -> None:
    attached = replace(attached, settings=replace(attached.settings, drain=Drain()))
    progress = FlushProgress(1000, 900, 50, 10, 40, 21.0, None, "done")
    standing = Standing("", "--all", "serve", "serve", 1, T - 200.0, T - 100.0, progress=progress, ended=T - 110.0)
    with attached.drains.running(standing):
        pass
    assert attached.drains.folder.is_relative_to(attached.queue.source.path)
    assert outlook(attached, T).drain == LastDrain(T - 110.0, 90.0, 900, 10, 40)


def test_a_damaged_history_costs_only_what_it_would_tell(attached: Attached) -> None:
    of_spool(Path(attached.queue.source.path)).write_bytes(b"nonsense" * 999)
    assert outlook(attached, T) == NOTHING_KNOWN


def test_the_latest_drill_that_can_be_understood_counts(tmp_path: Path) -> None:
    assert last_drill(tmp_path) is None
    lines = [
        json.dumps({"at": T - 9.5, "domain": "example.org", "path": "queue", "result": "failed", "seconds": 3}),
        json.dumps({"at": T, "domain": "example.org", "path": "primary", "result": "passed", "detail": "250 ok"}),
        json.dumps({"at": "yesterday", "result": "passed"}),
        json.dumps([1, 2]),
        '{"at": 18000',
    ]
    (tmp_path / "drills.jsonl").write_text("\n".join(lines))
    assert last_drill(tmp_path) == Drilled(float(T), True, "example.org")
    (tmp_path / "drills.jsonl").write_text(lines[0] + "\n")
    assert last_drill(tmp_path) == Drilled(T - 9.5, False, "example.org")


@pytest.mark.parametrize("written", ["", "null", "[]", "{", '{"taken_at": "x", "pass": 1}', "\xff"])
def test_a_result_of_doctor_that_makes_no_sense_is_none(tmp_path: Path, written: str) -> None:
    (tmp_path / "doctor.json").write_text(written, "latin-1")
    assert last_doctor(tmp_path, "/queue") is None


def test_doctor_is_believed_of_its_own_queue(tmp_path: Path) -> None:
    found = {"taken_at": T, "pass": 30, "warn": 2, "fail": 1}
    (tmp_path / "doctor.json").write_text(json.dumps(found))
    assert last_doctor(tmp_path, "/queue") == Examined(float(T), 30, 2, 1)
    (tmp_path / "doctor.json").write_text(json.dumps({**found, "queue": "/other"}))
    assert last_doctor(tmp_path, "/queue") is None
