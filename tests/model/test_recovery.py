"""From an outage until a primary is trusted again, without a clock."""

from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import given

from mxtui.model.health import HealthState
from mxtui.model.recovery import Recovery, settled_at

FRESH = Recovery("mx1.example.org:25", ("example.org",))
DOWN = FRESH.seen("down", 0.0, 120.0)
SETTLING = DOWN.seen("up", 100.0, 120.0)


def test_one_that_was_never_down_is_left_as_it_is() -> None:
    assert FRESH.seen("up", 5.0, 120.0) == FRESH
    assert FRESH.seen("unknown", 5.0, 120.0) == FRESH
    assert FRESH.seen("degraded", 5.0, 120.0) == FRESH


def test_back_it_settles_and_then_is_due() -> None:
    assert (DOWN.word, SETTLING.word, SETTLING.until) == ("down", "settling", 220.0)
    assert SETTLING.seen("up", 219.9, 120.0) == SETTLING
    assert SETTLING.seen("up", 220.0, 120.0).word == "due"
    assert SETTLING.seen("up", 220.0, 120.0).begun(221.0).word == "draining"


def test_down_again_it_begins_anew_wherever_it_was() -> None:
    due = SETTLING.seen("up", 220.0, 120.0)
    for each in (SETTLING, due, due.begun(221.0)):
        assert each.seen("flapping", 230.0, 120.0).word == "down"


def test_the_time_of_a_drain_is_told_of_those_that_settle_and_have_no_other_reason_to_wait() -> None:
    unwell = replace(SETTLING, domains=("example.net",), why="RCPT is refused")
    assert settled_at([DOWN, SETTLING, unwell]) == {"example.org": 220.0}


def test_no_time_to_settle_is_due_at_the_next_look() -> None:
    assert DOWN.seen("up", 100.0, 0.0).seen("up", 100.0, 0.0).word == "due"


def test_stopped_it_waits_for_a_word_or_a_long_time_and_no_outage_changes_that() -> None:
    stopped = SETTLING.stopped("the canary was refused", 300.0, 86_400.0)
    for state in ("down", "up", "flapping", "unknown"):
        assert stopped.seen(state, 5_000.0, 120.0) == stopped
    assert stopped.seen("up", 86_700.0, 120.0).word == "due"
    assert stopped.seen("down", 86_700.0, 120.0) == stopped
    assert stopped.freed(400.0).seen("up", 400.0, 120.0).word == "due"
    assert stopped.freed(400.0).seen("down", 400.0, 120.0).word == "down"


def test_what_it_takes_counts_for_more_than_checks_that_fail() -> None:
    believed = DOWN.took(50.0, 120.0)
    assert believed.seen("down", 60.0, 120.0) == believed
    due = believed.seen("down", 170.0, 120.0)
    assert due.word == "due"
    assert due.seen("down", 170.5, 120.0) == due
    draining = due.begun(171.0)
    assert draining.seen("down", 172.0, 120.0) == draining
    later = draining.not_yet("421 busy", 180.0, 120.0)
    assert later.seen("down", 190.0, 120.0) == later
    assert later.seen("down", 300.0, 120.0).begun(301.0).word == "draining"


def test_once_checks_find_it_well_they_are_believed_again() -> None:
    found = DOWN.took(50.0, 120.0).seen("up", 100.0, 120.0)
    assert (found.word, found.until) == ("settling", 170.0)
    assert found.seen("down", 110.0, 120.0).word == "down"


def test_a_restart_goes_on_where_it_was_but_needs_a_check_first() -> None:
    draining = SETTLING.seen("up", 220.0, 120.0).begun(221.0).interrupted(230.0)
    assert draining.seen("unknown", 240.0, 120.0) == draining
    assert draining.seen("up", 240.0, 120.0).word == "due"
    assert SETTLING.interrupted(150.0) == SETTLING


def test_a_clock_that_was_set_back_makes_it_wait_no_longer_than_ever() -> None:
    assert SETTLING.seen("up", -5_000.0, 120.0).until == -4_880.0


@given(st.lists(st.tuples(st.sampled_from(["up", "down", "degraded", "flapping", "unknown"]), st.floats(0.0, 500.0))))
def test_well_it_is_only_by_a_drain_that_came_to_its_end(steps: list[tuple[HealthState, float]]) -> None:
    each, now = DOWN, 0.0
    for state, pause in steps:
        now += pause
        each = each.seen(state, now, 120.0)
        each = each.begun(now)
        assert each.word != "well"
        if each.word == "settling":
            assert each.until is not None
            assert each.until <= now + 120.0
    assert each.trusted(now).word == "well"
