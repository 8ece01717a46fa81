"""`mxtui history`, on what a `serve` or a console remembers."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from mxtui.history import Store
from mxtui.history.where import of_spool
from mxtui.model.history import WHOLE, Sample, Tick
from tests.cli.spooled import Spooled, spooled_mail


@pytest.fixture
def spooled(tmp_path: Path, primary: FakePrimary) -> Iterator[Spooled]:
    """With an outage of ten minutes half an hour ago, and nothing since."""
    with spooled_mail(tmp_path, primary) as made:
        assert made.backup.stop() == 0
        of_spool(made.backup.spool).unlink(missing_ok=True)
        store, now = Store(of_spool(made.backup.spool)), int(time.time()) // 60 * 60
        for minute in range(20):
            down = minute < 10
            sample = Sample(minute, minute * 60, 2, 1, "down" if down else "up", 60 if down else 0, 9.0)
            store.write(Tick(now - 1800 + 60 * minute, {"example.org": sample, WHOLE: sample}), now)
        yield made


def test_all_domains_are_told_in_a_line_each_deepest_first(spooled: Spooled) -> None:
    head, whole, domain = spooled("history").text.splitlines()
    assert head.split() == ["domain", "most", "at", "oldest", "came", "left", "down", "outages", "watched"]
    assert whole.split()[0:2] == ["(all)", "19"]
    assert domain.split()[0] == "example.org"
    assert domain.split()[-5:] == ["40", "20", "10m", "1", "20m"]


def test_one_domain_is_told_over_time_with_what_nobody_watched(spooled: Spooled) -> None:
    text = spooled("history", "example.org", "--since", "1h").text
    assert "not watched" in text
    assert "down" in text
    assert text.splitlines()[-1] == "watched 20m; down 10m in 1 outage; 40 messages came, 20 left"


def test_json_gives_each_sample_with_its_length(spooled: Spooled) -> None:
    found = spooled("history", "example.org", "--since", "1h", "--json").objects
    assert len(found) == 20
    assert found[3] == {
        "domain": "example.org", "at": found[0]["at"] + 180, "seconds": 60, "messages": 3, "oldest_seconds": 180,
        "arrived": 2, "left": 1, "primary": "down", "down_seconds": 60, "latency_ms": 9.0,
    }  # fmt: skip


def test_a_domain_that_nobody_watched_and_a_time_that_is_none(spooled: Spooled) -> None:
    done = spooled("history", "other.example")
    assert (done.status, done.out) == (0, b"")
    assert "nothing was watched" in done.err
    assert spooled("history", "--since", "soon").status == 2


def test_a_damaged_history_is_an_error_with_what_to_do(spooled: Spooled) -> None:
    of_spool(spooled.backup.spool).write_bytes(b"nonsense" * 999)
    done = spooled("history")
    assert done.status == 4
    assert "damaged" in done.err
