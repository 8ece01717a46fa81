import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.drain.limits import BURST, Bucket, Limits
from mxtui.model.drain.settings import DrainSettings


def run(limits: Limits, size: int, seconds: float) -> int:
    """Messages of one size that go in that time, asked for every 10 ms."""
    went = 0
    for tick in range(int(seconds * 100)):
        while limits.ready(tick / 100):
            limits.spend(size)
            went += 1
    return went


def test_without_limits_everything_may_go() -> None:
    limits = Limits(DrainSettings(), 0.0)
    for _ in range(10_000):
        assert limits.ready(0.0)
        limits.spend(1_000_000)


def test_messages_a_second_are_kept_to() -> None:
    assert run(Limits(DrainSettings(messages_per_second=10), 0.0), 1000, 20.0) == pytest.approx(200, abs=4)


def test_less_than_a_message_a_second_is_a_rate_too() -> None:
    assert run(Limits(DrainSettings(messages_per_second=0.1), 0.0), 1000, 100.0) == pytest.approx(10, abs=1)


def test_bytes_a_second_are_kept_to() -> None:
    assert run(Limits(DrainSettings(bytes_per_second=10_000), 0.0), 1000, 20.0) == pytest.approx(200, abs=4)


def test_a_message_larger_than_a_second_of_bytes_goes_and_the_next_waits_for_it() -> None:
    limits = Limits(DrainSettings(bytes_per_second=1000), 0.0)
    assert limits.ready(0.0)
    limits.spend(10_000)
    assert not limits.ready(9.0)
    assert limits.ready(10.0)


@given(
    st.floats(0.1, 1000),
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 50)), max_size=60),
)
def test_whatever_is_asked_for_no_more_goes_than_rate_and_burst_and_one(
    rate: float, asked: list[tuple[float, int]]
) -> None:
    bucket, now, went = Bucket(rate, 0.0), 0.0, 0
    for pause, most in asked:
        now += pause
        for _ in range(most):
            if not bucket.ready(now):
                break
            bucket.spend(1)
            went += 1
    assert went <= rate * (now + BURST) + 1.001
