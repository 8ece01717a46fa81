"""How fast a drain may go, as it is written."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from mxtui.model.drain.rate import UNLIMITED, Rate, parse_rate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("20/s", Rate(20.0)),
        ("20", Rate(20.0)),
        ("0.5/s", Rate(0.5)),
        ("500k/s", Rate(None, 512_000.0)),
        ("1.5M", Rate(None, 1_572_864.0)),
        ("2M/s, 20/s", Rate(20.0, 2_097_152.0)),
    ],
)
def test_messages_bytes_or_both(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "0", "-1/s", "nan", "inf", "fast", "20/min", "1/s,2/s", "1k,2k", "0k", "1/s,", "x" * 99]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_rate(text)


LIMIT = st.none() | st.integers(1, 10**9).map(lambda thousandth: thousandth * 1.024)


@given(LIMIT, LIMIT)
def test_what_is_written_is_read_back(messages: float | None, octets: float | None) -> None:
    rate = Rate(messages, octets)
    if rate == UNLIMITED:
        assert not str(rate)
        return
    read = parse_rate(str(rate))
    assert read.messages == pytest.approx(messages) if messages is not None else read.messages is None
    assert read.octets == pytest.approx(octets, abs=2) if octets is not None else read.octets is None
