from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.trend import Rate, Trend

T = 1_800_000_000.0


def test_nothing_is_claimed_about_a_minute_that_was_not_watched() -> None:
    trend = Trend(T, 10)
    trend.observe(T + 30, 50)
    assert trend.change_per_minute(T + 59) is None
    assert trend.change_per_minute(T + 61) == 40


def test_a_change_older_than_a_minute_no_longer_counts() -> None:
    trend = Trend(T, 10)
    trend.observe(T + 30, 50)
    trend.observe(T + 80, 45)
    assert trend.change_per_minute(T + 91) == -5
    assert trend.change_per_minute(T + 200) == 0


def test_the_history_keeps_the_figure_at_the_end_of_each_five_minutes() -> None:
    trend = Trend(T, 10)
    trend.observe(T + 299, 20)
    trend.observe(T + 301, 30)
    trend.observe(T + 901, 5)
    assert trend.history() == (20, 30, 30, 5)


def test_hours_in_which_the_host_slept_are_a_gap() -> None:
    trend = Trend(T, 10)
    trend.observe(T + 299, 20)
    trend.observe(T + 2_000, 30)
    assert trend.history() == (20, None, None, None, None, None, 30)


def test_what_somebody_else_watched_before_comes_before_what_is_watched_here() -> None:
    trend = Trend(T, 10)
    trend.recall([None, *range(10)])
    assert trend.history() == (None, *range(10), 10)
    trend.observe(T + 301, 30)
    assert trend.history() == (*range(10), 10, 30)


def test_the_history_spans_an_hour_and_no_more() -> None:
    trend = Trend(T, 1)
    for step in range(40):
        trend.observe(T + 300 * step + 1, step)
    assert trend.history() == tuple(range(28, 40))


@given(st.lists(st.tuples(st.floats(0, 20), st.integers(0, 99)), max_size=60))
def test_what_is_kept_is_bounded_by_a_sample_a_second(steps: list[tuple[float, int]]) -> None:
    trend, now = Trend(T, 0), T
    last = 0
    for pause, value in steps:
        now, last = now + pause, value
        trend.observe(now, value)
    assert trend.history()[-1] == last
    assert len(trend._times) <= 64


def test_a_rate_is_estimated_before_a_minute_is_full() -> None:
    rate = Rate(T)
    rate.observe(T + 20, 10)
    assert rate.per_minute(T + 5) is None
    assert rate.per_minute(T + 20) == 30.0
    rate.observe(T + 61, 12)
    assert rate.per_minute(T + 61) == 12.0
