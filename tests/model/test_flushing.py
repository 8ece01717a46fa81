"""From what happened to recipients to what is said of a message, and how fast it goes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.flushing import FATES, Rate, message_fate
from mxtui.model.plan import Fate


@given(st.lists(st.sampled_from(FATES)))
def test_only_deliveries_make_a_delivery(fates: list[Fate]) -> None:
    assert (message_fate(fates) == "delivered") == (bool(fates) and set(fates) == {"delivered"})


def test_a_steady_rate_is_told_and_falls_when_nothing_comes() -> None:
    rate = Rate(0.0)
    for n in range(300):
        rate.add(n / 10)
    assert rate.at(30.0) == pytest.approx(10, rel=0.1)
    assert rate.at(90.0) < 0.1


def test_a_young_rate_is_told_right_too() -> None:
    rate = Rate(0.0)
    for n in range(1, 21):
        rate.add(n / 10)
    assert rate.at(2.0) == pytest.approx(10, rel=0.15)
