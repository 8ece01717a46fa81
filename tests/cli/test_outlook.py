"""What is known from before: read as it is found, and nothing said of what is not there."""

from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.cli.attach import Attached
from mxtui.cli.outlook import outlook
from mxtui.cli.sites import SpoolSite
from mxtui.config import Settings
from mxtui.config.settings import Drain
from mxtui.doctor.finding import Finding, Report
from mxtui.doctor.record import write_result
from mxtui.drains import Drains
from mxtui.drills import Drills
from mxtui.history import Store
from mxtui.history.where import of_spool
from mxtui.model.drain.standing import Standing
from mxtui.model.drill import Drill
from mxtui.model.forecast import NOTHING_KNOWN, Examined, LastDrain
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


def test_drills_and_what_doctor_found_are_those_of_the_queue(attached: Attached) -> None:
    drill = Drill(float(T), "example.org", "primary", "passed", 1.0, "250 fine")
    queue = attached.queue.source.path
    attached.drilled.add(drill)
    Drills("/other", attached.state).add(replace(drill, at=T + 1.0))
    write_result(Report(float(T), 1.0, queue, [Finding("clock", "warn", "off")]), attached.state)
    write_result(Report(T + 1.0, 1.0, "/other"), attached.state)
    found = outlook(attached, T)
    assert found.drills == {"example.org": drill}
    assert found.doctor == Examined(float(T), 0, 1, 0)


def test_a_record_of_drills_that_cannot_be_read_is_not_an_empty_one(attached: Attached) -> None:
    attached.drilled.path.mkdir(parents=True)
    assert outlook(attached, T).drills is None
