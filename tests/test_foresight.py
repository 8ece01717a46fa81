"""What a monitor foretells, and what finding out costs whoever looks."""

import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import pytest

from mxtui.foresight import EXPIRIES, OUTLOOK, Foresight
from mxtui.index import Index
from mxtui.model.forecast import NOTHING_KNOWN, Deadlines, Outlook
from mxtui.model.holds import DomainHold
from mxtui.model.message import Changes
from tests.index.messages import NOW, message
from tests.support.waiting import wait_until

HOUR = 3600.0


@pytest.fixture
def threads() -> Iterator[Executor]:
    with ThreadPoolExecutor(1) as made:
        yield made


def index_with(*hours: float) -> Index:
    """Messages that expire in so many."""
    index = Index(NOW)
    index.apply(Changes([message(f"4dKq7J1hVwz9x{n}", expires=NOW + each * HOUR) for n, each in enumerate(hours)]))
    index.complete()
    return index


def test_what_expires_is_counted_at_once_and_a_return_is_the_end_of_a_hold(threads: Executor) -> None:
    hold = DomainHold("example.org", "suspend", "disks", "anna", NOW - 60, NOW + 30 * HOUR)
    forecast = Foresight(lambda _: NOTHING_KNOWN, index_with(1, 20, 28, 99), threads).look(NOW, [hold], None)
    assert forecast.expiring == {"example.org": Deadlines(1, 2, 3)}
    assert forecast.returns == {"example.org": NOW + 30 * HOUR}


def test_whoever_looks_never_waits_for_what_a_forecast_goes_by(threads: Executor) -> None:
    go_on = threading.Event()

    def found_out(_: float) -> Outlook:
        go_on.wait(10)
        return Outlook(per_second=5.0)

    foresight = Foresight(found_out, index_with(), threads)
    assert foresight.look(NOW, (), None).outlook is NOTHING_KNOWN
    go_on.set()
    wait_until(lambda: foresight.look(NOW, (), None).outlook.per_second == 5.0, what="what was found out")


def test_a_queue_that_changes_is_counted_again_after_a_while_and_one_that_does_not_once_a_minute(
    threads: Executor,
) -> None:
    index = index_with(1)
    foresight = Foresight(lambda _: NOTHING_KNOWN, index, threads)
    wait_until(lambda: foresight.look(NOW, (), None) is foresight.look(NOW, (), None), what="the first outlook")
    first = foresight.look(NOW, (), None)
    assert foresight.look(NOW + OUTLOOK - 1, (), None) is first
    index.apply(Changes([message("4dKq7J1hVwz9x9", expires=NOW + HOUR)]))
    assert foresight.look(NOW + EXPIRIES - 1, (), None) is first
    assert foresight.look(NOW + EXPIRIES, (), None).within_12h == 2
