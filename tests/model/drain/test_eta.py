import pytest

from mxtui.model.drain.eta import UNKNOWN, Eta, Speed


def steady(seconds: int, per_second: int = 10, size: int = 1000) -> Speed:
    """Messages at an even rate from second 0 on."""
    speed = Speed(0.0)
    for n in range(seconds * per_second):
        speed.settled(size, n / per_second, delivered=True)
    return speed


def test_nothing_is_known_before_anything_was_settled() -> None:
    assert Speed(0.0).eta(100, 5.0) == UNKNOWN


def test_nothing_left_takes_no_time() -> None:
    assert Speed(0.0).eta(0, 5.0) == Eta(0.0, 0.0, 0.0)


def test_an_even_rate_makes_a_narrow_range_around_the_truth() -> None:
    low, likely, high, growing = steady(60).eta(6000, 60.0)
    assert low is not None
    assert likely is not None
    assert high is not None
    assert low < likely < high
    assert likely == pytest.approx(600, rel=0.1)
    assert high - low < 150
    assert not growing


def test_a_rate_that_jumps_makes_a_wide_range() -> None:
    jumpy = Speed(0.0)
    for second in range(60):
        for n in range(20 if second % 20 < 10 else 2):
            jumpy.settled(1000, second + n / 20, delivered=True)
    wide, narrow = jumpy.eta(6000, 60.0), steady(60).eta(6000, 60.0)
    assert wide.low is not None
    assert narrow.low is not None
    assert wide.high is None or narrow.high is None or wide.high - wide.low > narrow.high - narrow.low


def test_arrivals_make_it_longer_and_outrunning_it_is_growing() -> None:
    speed = steady(60)
    for second in range(0, 60, 2):
        speed.arrived(10, float(second))
    later = speed.eta(6000, 60.0)
    assert later.likely == pytest.approx(1200, rel=0.15)
    for second in range(60):
        speed.arrived(20, float(second))
    assert speed.eta(6000, 60.0) == Eta(growing=True)


def test_where_the_slower_rate_never_gets_there_the_range_is_open() -> None:
    speed = steady(60)
    for second in range(60):
        speed.arrived(9, second + 0.5)
    open_ended = speed.eta(100, 60.0)
    assert open_ended.low is not None
    assert open_ended.high is None
    assert not open_ended.growing


def test_bytes_are_those_delivered() -> None:
    speed = steady(60, size=2000)
    for _ in range(100):
        speed.settled(1_000_000, 60.0, delivered=False)
    assert speed.bytes.at(60.0) == pytest.approx(20_000, rel=0.1)


def test_a_pause_does_not_widen_the_range() -> None:
    speed = steady(60)
    before = speed.messages.at(60.0)
    speed.restart(1000.0)
    assert speed.messages.at(1000.0) == pytest.approx(before, rel=0.02), "nor was it slower"
    for n in range(300):
        speed.settled(1000, 1000 + n / 10, delivered=True)
    low, _, high, _ = speed.eta(6000, 1030.0)
    assert low is not None
    assert high is not None
    assert high / low < 1.5
