from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.alerts.certificates import expires
from mxtui.model.health import UNKNOWN, Climb, Health, Rung
from mxtui.model.hysteresis import Policy, advance, outcome

POLICY = Policy(interval=30, transition=5, fall=3, rise=3)

LADDERS: dict[str, tuple[Rung, ...]] = {
    "up": (Rung("dns", "passed", 1.0, "192.0.2.1"), Rung("tcp", "passed", 2.0, "connected")),
    "busy": (Rung("tcp", "passed", 2.0, ""), Rung("banner", "busy", 1.0, "421 too busy")),
    "broken tls": (Rung("tcp", "passed", 2.0, ""), Rung("starttls", "warning", 1.0, "454 no TLS now")),
    "down": (Rung("dns", "passed", 1.0, ""), Rung("tcp", "failed", 2.0, "connection refused")),
}


def follow(*names: str, policy: Policy = POLICY, health: Health = UNKNOWN, start: float = 1000.0) -> list[Health]:
    """The healths after each climb, each made when the one before said so."""
    healths: list[Health] = []
    now = start
    for name in names:
        health = advance(health, Climb(now, LADDERS[name]), now, policy)
        healths.append(health)
        now = health.next_check or now
    return healths


def states(*names: str) -> list[str]:
    return [health.state for health in follow(*names)]


def test_the_first_climb_decides_at_once() -> None:
    assert states("up") == ["up"]
    assert states("down") == ["down"]
    assert states("busy") == ["degraded"]


def test_a_state_that_the_first_climb_found_began_nobody_knows_when() -> None:
    first, second, *_ = follow("down", "down")
    assert first.found_so
    assert second.found_so
    assert not follow("down", "up", "up", "up", "down", "down", "down")[-1].found_so


def test_down_takes_three_failures_in_a_row() -> None:
    assert states("up", "down", "down", "up", "down", "down", "down") == ["up"] * 6 + ["down"]


def test_up_again_takes_three_good_climbs_in_a_row() -> None:
    assert states("down", "up", "up", "down", "up", "up", "up") == ["down"] * 6 + ["up"]


def test_busy_is_never_down() -> None:
    assert states("up", *["busy"] * 5) == ["up", "up", "up", "degraded", "degraded", "degraded"]
    assert states("up", *["broken tls"] * 3)[-1] == "degraded"


def test_a_mixed_recovery_counts_as_one() -> None:
    assert states("down", "busy", "up", "up") == ["down", "down", "down", "up"]


def test_a_dead_primary_is_called_down_and_up_within_two_rounds() -> None:
    healths = follow("up", "down", "down", "down", "up", "up", "up")
    died, back = healths[3], healths[6]
    assert died.state == "down"
    assert died.since is not None
    assert died.since - 1000.0 <= 2 * POLICY.interval
    assert back.state == "up"
    assert back.since is not None
    assert back.since - died.since <= 2 * POLICY.interval


def test_a_settled_primary_is_left_alone_for_the_whole_interval() -> None:
    first, doubt = follow("up", "down")
    assert first.next_check == 1000.0 + POLICY.interval
    assert doubt.next_check == 1000.0 + POLICY.interval + POLICY.transition
    assert doubt.detail == "connection refused (1 of 3)"


def test_the_detail_is_that_of_the_rung_that_failed() -> None:
    down = follow("down")[0]
    assert (down.rung, down.detail, down.latency_ms) == ("tcp", "connection refused", None)
    up = follow("up")[0]
    assert (up.rung, up.latency_ms, up.last_up) == ("tcp", 3.0, 1000.0)


def test_the_reason_stays_while_it_answers_again_and_is_not_believed_yet() -> None:
    again = follow("down", "up", "up")[-1]
    assert (again.state, again.rung) == ("down", "tcp")
    assert again.detail == "connection refused; it answers again (2 of 3)"
    assert follow("down", "up", "up", "up")[-1].detail == "connected"
    assert follow(*["up", "down"] * 4, "up")[-1].detail == "connection refused; it answers again"


def test_every_other_climb_failing_is_flapping_though_never_three_in_a_row() -> None:
    assert states(*["up", "down"] * 3)[-1] == "flapping"


def test_two_outages_are_not_flapping() -> None:
    assert "flapping" not in states(*["up", "down", "down", "down", "up", "up"] * 2)


def test_flapping_ends_when_it_has_been_quiet() -> None:
    flapping = follow(*["up", "down"] * 4)[-1]
    calmed = follow(*["up"] * 40, health=flapping, start=flapping.next_check or 0.0)
    assert calmed[0].state == "flapping"
    assert calmed[-1].state == "up"
    assert calmed[-1].turns == ()


climbs = st.lists(st.sampled_from(sorted(LADDERS)), min_size=1, max_size=60)


@given(climbs)
def test_a_state_only_ever_changes_to_what_enough_climbs_agreed_on(names: list[str]) -> None:
    outcomes = [outcome(Climb(0.0, LADDERS[name])) for name in names]
    before = UNKNOWN
    for position, health in enumerate(follow(*names)):
        if health.beneath != before.beneath and position:
            assert health.beneath == outcomes[position]
            recent = outcomes[position - 2 : position + 1]
            assert len(recent) == 3
            assert before.beneath not in recent
        before = health


@given(climbs)
def test_time_only_moves_forward_and_memory_is_bounded(names: list[str]) -> None:
    now = 1000.0
    for health in follow(*names):
        assert health.since is not None
        assert health.next_check is not None
        assert health.since <= now < health.next_check <= now + POLICY.interval
        assert len(health.turns) <= 2 * POLICY.flap_turns
        now = health.next_check


@given(climbs)
def test_three_of_a_kind_always_settle_what_is_beneath(names: list[str]) -> None:
    last = follow(*names, "down", "down", "down")[-1]
    assert last.beneath == "down"


def test_a_certificate_is_as_old_while_it_cannot_be_seen_and_gone_with_starttls() -> None:
    seen = Climb(1000.0, (Rung("ehlo", "passed", 1.0, ""), Rung("starttls", "passed", 1.0, "")), 5000.0)
    health = advance(UNKNOWN, seen, 1000.0, POLICY)
    refused = Climb(1030.0, (Rung("tcp", "failed", 1.0, ""), Rung("starttls", "skipped", None, "")))
    broken_off = Climb(1060.0, (Rung("ehlo", "passed", 1.0, ""), Rung("starttls", "passed", 1.0, "not verified")))
    for climb in (refused, broken_off):
        health = advance(health, climb, climb.taken_at, POLICY)
        assert expires(health) == 5000.0
    clear = Climb(1090.0, (Rung("ehlo", "passed", 1.0, ""), Rung("starttls", "skipped", None, "not offered")))
    assert expires(advance(health, clear, 1090.0, POLICY)) is None
