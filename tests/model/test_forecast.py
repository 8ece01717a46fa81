from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.forecast import (
    DAY,
    HORIZON,
    Deadlines,
    Forecast,
    Outlook,
    Room,
    Usual,
    filling,
    horizon,
    returning,
    room_for,
    usual,
)
from mxtui.model.history import Summary
from mxtui.model.holds import DomainHold
from mxtui.model.returns import Announced
from mxtui.model.source import Space

T = 1_800_000_000
MB = 1 << 20
SPACE = Space(100_000 * MB, 10_000 * MB, 1_000_000, 100_000)


def rooms(minutes: int, *, used: int = 0, inodes: int = 0, total_inodes: int = 1_000_000) -> list[Room]:
    """So much fuller every minute, until now."""
    return [
        Room(T - 60 * (minutes - n), (10_000 * MB) + (minutes - n) * used, 100_000 + (minutes - n) * inodes, 1000, 60)
        for n in range(minutes)
    ]


def test_a_disk_that_fills_up_is_full_when_the_present_rate_says_so() -> None:
    full = filling(rooms(60, used=10 * MB), SPACE, T)
    assert full is not None
    assert full.what == "disk"
    assert abs(full.at - T - 1000 * 60) < 1


def test_inodes_can_be_gone_before_the_room_is() -> None:
    full = filling(rooms(60, used=10 * MB, inodes=1000), SPACE, T)
    assert full is not None
    assert (full.what, round(full.at - T)) == ("inodes", 6000)
    assert filling(rooms(60, inodes=1000), Space(100, 50, 0, 0), T) is None  # not counted there


def test_nothing_is_said_of_a_disk_that_empties_or_was_not_watched_or_lasts_for_weeks() -> None:
    assert filling(rooms(60, used=-10 * MB), SPACE, T) is None
    assert filling(rooms(60), SPACE, T) is None
    assert filling(rooms(8, used=10 * MB), SPACE, T) is None
    assert filling([], SPACE, T) is None
    assert filling(rooms(60, used=100_000), SPACE, T) is None
    assert filling(rooms(60, used=10 * MB), None, T) is None


@given(st.lists(st.tuples(st.integers(0, 3600), st.integers(0, 10**12), st.integers(0, 10**7)), max_size=70))
def test_whatever_was_measured_what_is_said_lies_ahead_and_not_too_far(found: list[tuple[int, int, int]]) -> None:
    measured = [Room(T - ago, free, inodes, None, 60) for ago, free, inodes in sorted(found, reverse=True)]
    full = filling(measured, SPACE, T)
    assert full is None or T <= full.at <= T + HORIZON


def test_room_is_told_in_days_at_the_usual_rate() -> None:
    def today(watched: int, arrived: int) -> Summary:
        return Summary(watched, 0, 0, 0, None, None, None, arrived, 0, None)

    measured = [Room(T - 60 * n, 0, 0, 6_000, 60) for n in range(120)]
    assert usual(today(7200, 240), measured) == Usual(2880.0, 8_640_000.0)
    assert usual(today(60, 2), measured) is None
    assert usual(today(7200, 0), [Room(T, 0, 0, None, 7200)]) == Usual(0.0, 0.0)
    assert room_for(SPACE, Usual(0.0, 0.0)) == float("inf")
    assert room_for(SPACE, Usual(50_000.0, 1.0)) == 2.0  # of inodes


def test_a_return_is_what_the_operator_of_a_hold_returning() -> None:
    hold = DomainHold("example.org", "migrate", "new host", "anna", T - 60, T + 3600)
    past = DomainHold("past.example", "suspend", "", "anna", T - 60, T - 1)
    ending = DomainHold("ending.example", "migrate", "", "anna", T - 60, T + 3600, ending=True)
    assert returning([hold, past, ending], {}, T) == {"example.org": T + 3600}
    said = {
        "example.org": Announced("example.org", T + 7200, "new disks", "anna", T),
        "over.example": Announced("over.example", T - 1, "", "anna", T),
    }
    assert returning([hold], said, T) == {"example.org": T + 7200}, "what was said outright counts"
    assert horizon("example.org", {"example.org": T + 3 * DAY}, T) == T + 3 * DAY
    assert horizon("example.net", {"example.org": T + 3 * DAY}, T) == T + DAY


def test_sums_are_of_all_domains_and_a_drain_is_as_fast_as_the_last() -> None:
    forecast = Forecast(T, {"a.example": Deadlines(1, 3), "b.example": Deadlines(0, 2, 5)}, {"b.example": T + 1.0})
    assert (forecast.within_12h, forecast.within_24h) == (1, 5)
    assert forecast.of("other.example") == Deadlines()
    assert forecast.drain_seconds(100) is None
    assert Forecast(T, outlook=Outlook(per_second=20.0)).drain_seconds(100) == 5.0
