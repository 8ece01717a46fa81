from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.health import Health
from mxtui.model.history import (
    LEVELS,
    MOST,
    WHOLE,
    Counted,
    Point,
    Sample,
    Sampler,
    Seen,
    columns,
    level_for,
    summary,
)

T = 1_800_000_000
DOWN = Health("down", T - 90.0, "tcp", "connection refused", None)
UP = Health("up", T - 90.0, "starttls", "", 12.5)


def point(minute: int, depth: int, *, seconds: int = 60, down: bool = False, arrived: int | None = 0) -> Point:
    sample = Sample(depth, depth * 10, arrived, 0, "down" if down else "up", seconds if down else 0, 9.0, seconds)
    return Point(T + 60 * minute, seconds, sample)


def counted(arrived: int, left: int = 0) -> Counted:
    return Counted({"example.org": arrived, WHOLE: arrived}, {"example.org": left}, arrived * 1000)


def test_a_minute_is_sampled_once_and_counts_what_came_since_the_one_before() -> None:
    sampler = Sampler()
    assert sampler.due(T + 1.0)
    first = sampler.take(T + 1.0, 100.0, [Seen("example.org", 3, T - 59.0, DOWN)], counted(5), None)
    assert first.at == T
    assert first.samples["example.org"] == Sample(3, 60, None, None, "down", 60, None)
    assert not sampler.due(T + 59.9)
    assert sampler.due(T + 60.0)
    second = sampler.take(T + 60.0, 159.0, [Seen("example.org", 7, T - 59.0, UP)], counted(12, 3), None)
    assert second.samples["example.org"] == Sample(7, 119, 7, 3, "up", 0, 12.5)
    assert second.arrived_bytes == 7000


def test_nothing_is_counted_across_a_sleep_or_a_clock_that_was_set() -> None:
    for wall, steady in ((3600.0, 3600.0), (60.0, 3600.0), (3600.0, 60.0), (-3600.0, 60.0)):
        sampler = Sampler()
        sampler.take(T, 1000.0, [Seen("example.org", 1, None)], counted(1), None)
        tick = sampler.take(T + wall, 1000.0 + steady, [Seen("example.org", 1, None)], counted(900), None)
        assert (tick.samples["example.org"].arrived, tick.arrived_bytes) == (None, None)


def test_domains_without_end_are_cut_off_at_the_shallow_end() -> None:
    seen = [Seen(WHOLE, 9, None), *(Seen(f"d{n}.example", 9000 - n, None) for n in range(3 * MOST))]
    tick = Sampler().take(T, 0.0, seen, Counted({}, {}), None)
    assert len(tick.samples) == MOST + 1
    assert "d0.example" in tick.samples


def test_a_gap_is_a_gap_and_no_zero() -> None:
    found = columns([point(0, 5), point(1, 7), point(4, 0)], T, T + 300, 5)
    assert [column and column.depth for column in found] == [5, 7, None, None, 0]


def test_a_coarse_sample_fills_all_of_its_columns_and_fine_ones_share_one() -> None:
    assert [c and c.depth for c in columns([point(0, 5, seconds=300)], T, T + 300, 5)] == [5] * 5
    assert [c and c.depth for c in columns([point(n, n) for n in range(10)], T, T + 600, 2)] == [4, 9]


def test_rates_of_a_column_are_by_the_minute_of_what_was_counted() -> None:
    (column,) = columns([point(0, 1, arrived=6), point(1, 1, arrived=None), point(2, 1, arrived=0)], T, T + 180, 1)
    assert column is not None
    assert column.in_per_minute == 3.0


@given(
    st.lists(st.tuples(st.integers(-100, 500), st.sampled_from([step for step, _ in LEVELS])), max_size=30),
    st.integers(1, 200),
    st.sampled_from([3600, 86400, 604800]),
)
def test_columns_never_invent_nor_overflow(places: list[tuple[int, int]], number: int, span: int) -> None:
    points = [point(minute, 1, seconds=seconds) for minute, seconds in places]
    found = columns(points, T, T + span, number)
    assert len(found) == number
    if not any(T - p.seconds < p.at < T + span for p in points):
        assert not any(found)


def test_a_span_is_summed_up_with_its_outages() -> None:
    found = summary([point(0, 1), point(1, 5, down=True), point(2, 9, down=True), point(3, 2), point(4, 2, down=True)])
    assert (found.watched, found.down, found.outages) == (300, 180, 2)
    assert (found.most, found.most_at, found.oldest) == (9, T + 120, 90)
    assert summary([]).most_at is None
    assert found.known
    assert not summary([]).known, "nobody saw how the primary was"


def test_each_span_is_read_from_the_finest_step_that_is_kept_for_so_long() -> None:
    assert [level_for(span) for span in (3600, 6 * 3600, 86400, 7 * 86400, 30 * 86400)] == [60, 300, 300, 1800, 1800]
