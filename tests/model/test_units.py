from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.units import format_duration, format_size, parse_duration, parse_moment, parse_size


@given(st.integers(0, 10**9))
def test_durations_and_sizes_read_back(value: int) -> None:
    assert parse_duration(format_duration(value)) == value
    assert parse_size(format_size(value)) == value


def test_units() -> None:
    assert [parse_duration(text) for text in ("30s", "10m", "2h", "5d", "1w", "1h30m")] == [
        30,
        600,
        7200,
        432000,
        604800,
        5400,
    ]
    assert [parse_size(text) for text in ("0", "512", "1k", "1K", "1.5M", "1G", "2T")] == [
        0,
        512,
        1024,
        1024,
        1572864,
        1 << 30,
        2 << 40,
    ]


@pytest.mark.parametrize("text", ["", "5", "h", "-1h", "1.5h", "1 h", "1y", "9" * 12 + "s", "²h"])
def test_a_text_that_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "M", "-1", "1MB", "1.", "9" * 16, "9" * 15 + "T"])
def test_a_text_that_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


def test_a_time_of_day_is_today_or_tomorrow() -> None:
    noon = datetime(2026, 11, 27, 12).astimezone()
    later = datetime.fromtimestamp(parse_moment("18:30", noon.timestamp())).astimezone()
    tomorrow = datetime.fromtimestamp(parse_moment("07:00", noon.timestamp())).astimezone()
    assert (later.day, later.hour, later.minute) == (27, 18, 30)
    assert (tomorrow.day, tomorrow.hour) == (28, 7)
    assert parse_moment("2026-11-28T07:00", noon.timestamp()) == tomorrow.timestamp()


@pytest.mark.parametrize("text", ["", "25:00", "2026-11-26T07:00", "soon", "7"])
def test_what_is_past_or_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_moment(text, datetime(2026, 11, 27, 12).astimezone().timestamp())
