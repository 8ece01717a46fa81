"""One drain to several primaries: each has its canary, its pace and its guard."""

from collections.abc import Iterable

import pytest

from mxtui.model.drain.batches import Batches
from mxtui.model.drain.connections import Connections
from mxtui.model.drain.machine import Drain
from mxtui.model.drain.primaries import ByPrimary
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.way import Settled
from mxtui.model.health import Health, Primary
from mxtui.model.plan import Fate, Target, Verdict
from mxtui.model.route import Routed
from tests.model.drain.drains import settle, targets, vary
from tests.support.plans import target

ROUTES = {
    "a.example": Routed(Primary("mx.a.example", 25, "mx")),
    "also-a.example": Routed(Primary("MX.A.example", 25, "mx")),
    "b.example": Routed(Primary("mx.b.example", 25, "mx")),
}
A, B = "mx.a.example:25", "mx.b.example:25"


def several(mail: Iterable[Target], *, probing: bool = False, caps: dict[str, int] | None = None, **more: int) -> Drain:
    settings = DrainSettings(**more)  # type: ignore[arg-type]
    primaries = ByPrimary(ROUTES, caps or {}).primaries(settings, lambda each: Connections(each, vary))
    made = Drain(mail, settings, primaries, 0.0, probing=probing)
    made.probed(True, "", 0.0)
    return made


def rounds(work: Drain, now: float, number: int, *, ailing: str = "", fate: Fate = "delivered", dsn: str = "") -> int:
    """What went to the other primary, while all that goes to one fares so."""
    went = 0
    for _ in range(number):
        for each in work.take(1_000, now):
            if ailing and ailing in each.domains:
                work.settled(settle(each.queue_id, fate, dsn=dsn or None), now)
            else:
                went += 1
                work.settled(settle(each.queue_id), now)
        now += 0.1
    return went


def test_each_primary_has_a_canary_and_domains_of_one_primary_share_it() -> None:
    work = several(targets(60, ("a.example", "also-a.example", "b.example")))
    taken = work.take(100, 0.0)
    assert sorted(each.domains[0] for each in taken) == ["a.example", "b.example"]
    work.settled(settle(next(each.queue_id for each in taken if each.domains == ("b.example",))), 0.1)
    assert {each.domains[0] for each in work.take(100, 0.1)} == {"b.example"}, "the other is still being looked at"
    assert (work.phase_of(A), work.phase_of(B), work.phase) == ("canary", "ramp", "ramp")


def test_one_that_fails_waits_by_itself_and_the_other_is_as_fast_as_ever() -> None:
    work = several(targets(2_000, ("a.example", "b.example")))
    went = rounds(work, 0.0, 10, ailing="a.example", fate="deferred", dsn="4.4.1")
    alone = several(targets(1_000, ("b.example",)))
    assert went == rounds(alone, 0.0, 10) > 100
    assert work.phase_of(A) == "canary"
    assert work.connections_to(B) == 20
    assert work.connections_to(A) == 1


def test_one_that_refuses_is_stopped_and_held_and_the_other_comes_to_its_end() -> None:
    work = several(targets(200, ("a.example", "b.example")))
    rounds(work, 0.0, 1, ailing="a.example", fate="refused")
    (left,) = work.left_since()
    assert (left.primary, len(left.targets)) == (A, 99)
    assert "was refused" in left.why
    assert not list(work.left_since()), "it is told once"
    assert not work.over
    rounds(work, 1.0, 30)
    assert (work.phase, work.progress(9.0).delivered) == ("stopped", 100)
    assert work.why(9.0).startswith(f"{A}: the canary")
    assert work.left_by_guard == work.untaken == left.targets


def test_one_that_was_stopped_gets_no_connection_but_for_mail_that_others_get_too() -> None:
    work = several(targets(200, ("a.example", "b.example")))
    rounds(work, 0.0, 1, ailing="a.example", fate="refused")
    assert (work.connections_to(A), work.connections_to(B)) == (0, 3)
    work.add([target("C00000001", domains=("a.example", "b.example"), arrival=1.0)], 1.0)
    assert work.connections_to(A) == 1, "what is put back Postfix would try, and return"


def test_what_an_operator_stops_is_not_held_but_what_a_guard_stopped_before_is() -> None:
    work = several(targets(200, ("a.example", "b.example")))
    rounds(work, 0.0, 1, ailing="a.example", fate="refused")
    work.stop("stopped by an operator")
    assert {each.domains for each in work.left_by_guard} == {("a.example",)}


def test_limits_are_of_all_together() -> None:
    work = several(targets(2_000, ("a.example", "b.example")), messages_per_second=10)
    taken = sum(rounds(work, tick / 10, 1) for tick in range(100))
    assert 95 <= taken <= 105
    crowded = several(targets(2_000, ("a.example", "b.example")), most_in_hand=7, canary=False, connections=20)
    assert len(crowded.take(1_000, 0.0)) == 7


def test_a_primary_that_bears_fewer_gets_fewer() -> None:
    work = several(targets(2_000, ("a.example", "b.example")), caps={"mx.a.example": 3, "elsewhere.example": 1})
    rounds(work, 0.0, 20)
    assert (work.connections_to(A), work.connections_to(B)) == (3, 20)
    taken = work.take(1_000, 9.0)
    assert sum(each.domains == ("a.example",) for each in taken) == 3
    assert {work.connections_for(each) for each in taken} == {3, 20}


@pytest.mark.parametrize("name", ["also-a.example", "mx.a.example", "mx.a.example:25"])
def test_a_cap_is_by_host_or_by_any_of_its_domains(name: str) -> None:
    settings = ByPrimary(ROUTES, {name: 4}).settings(A, DrainSettings())
    assert (settings.most_connections, settings.connections, settings.most_in_batch) == (4, 2, 4)
    assert Batches(settings).connections == 1
    assert ByPrimary(ROUTES, {name: 4}).settings(B, DrainSettings()) == DrainSettings()


def test_what_goes_to_two_primaries_is_paced_as_a_third_and_by_the_lesser_cap() -> None:
    both = target("C00000001", domains=("a.example", "b.example"), arrival=1.0)
    by_primary = ByPrimary(ROUTES, {"b.example": 2})
    assert by_primary.of(both) == f"{A}+{B}"
    assert by_primary.settings(f"{A}+{B}", DrainSettings()).most_connections == 2
    assert by_primary.of(target("C00000002", domains=("nowhere.example",))) == "nowhere.example"


def test_a_primary_that_joins_waits_for_a_probe_of_it() -> None:
    work = several(targets(100, ("a.example",)), probing=True)
    rounds(work, 0.0, 2)
    assert work.add(targets(10, ("b.example",), start=500), 1.0)
    assert list(work.doubted(1.0)) == [B]
    assert {each.domains for each in work.take(100, 1.0)} == {("a.example",)}
    work.probed(True, "", 1.0, B)
    assert {each.domains for each in work.take(100, 1.0)} == {("b.example",)}


# -- probes between ----------------------------------------------------------------------------------------------------


def failed(work: Drain, now: float) -> None:
    """One that it had is put off because nobody answers."""
    (each, *_) = work.take(1, now)
    work.settled(settle(each.queue_id, "deferred", dsn="4.4.1"), now)


def test_after_a_failure_the_ladder_is_climbed_before_the_next_message() -> None:
    work = several(targets(100, ("a.example",)), probing=True)
    rounds(work, 0.0, 1)
    failed(work, 1.0)
    assert not work.doubted(2.0), "it has its pause first"
    assert (list(work.doubted(6.0)), work.take(10, 6.0)) == ([A], [])
    work.probed(True, "", 6.0, A)
    assert (work.doubted(6.0), len(work.take(10, 6.0))) == ([], 1)


def test_found_down_it_costs_no_message_and_is_looked_at_again_after_ever_longer_pauses() -> None:
    work = several(targets(100, ("a.example",)), probing=True, patience=4)
    rounds(work, 0.0, 1)
    failed(work, 1.0)
    tried = work.progress(1.0).deferred
    work.probed(False, "connection refused", 6.0, A)
    assert work.phase == "backoff"
    assert work.why(6.0) == (
        "the primary is not well (connection refused); it goes on when a probe finds it well, the next in 10s"
    )
    assert (work.doubted(15.0), list(work.doubted(16.1))) == ([], [A])
    work.probed(False, "connection refused", 16.1, A)
    assert not work.over
    work.probed(False, "connection refused", 40.0, A)
    assert (work.phase, work.progress(40.0).deferred) == ("stopped", tried)
    assert "4 tries in a row failed, the last because connection refused" in work.why(40.0)
    assert work.left_by_guard


def test_a_canary_that_took_long_is_no_proof_of_now() -> None:
    work = several(targets(100, ("a.example",)), probing=True)
    (canary,) = work.take(10, 0.0)
    work.settled(settle(canary.queue_id), 31.0)
    assert (list(work.doubted(31.0)), work.take(10, 31.0)) == ([A], [])
    work.probed(True, "", 31.0, A)
    assert work.take(10, 31.0)


def test_forced_it_asks_nobody() -> None:
    work = several(targets(100, ("a.example",)), probing=True, force=True)
    rounds(work, 0.0, 1)
    failed(work, 1.0)
    assert not work.doubted(60.0)
    assert work.take(10, 60.0)


# -- primaries that are back while it goes on --------------------------------------------------------------------------


def of(domain: str, each: Iterable[Target]) -> list[Target]:
    return [one for one in each if one.domains == (domain,)]


def test_one_that_is_back_begins_anew_with_all_that_waits_for_it_and_each_message_counts_once() -> None:
    mail = list(targets(200, ("a.example", "b.example")))
    work = several(mail)
    rounds(work, 0.0, 3)
    before = work.progress(0.5)
    old = of("a.example", work.take(1_000, 1.0))
    assert len(old) > 3
    work.stop("the primary is down again", A)
    for each in old[1:]:
        work.settled(settle(each.queue_id, "deferred"), 3.0)
    gone = {each.queue_id for each in mail} - {each.queue_id for each in (*work.in_hand, *work.untaken)}
    put_off = {each.queue_id for each in old[1:]}
    new = targets(5, ("a.example",), start=900)
    waiting = [each for each in of("a.example", mail) if each.queue_id not in gone - put_off]
    assert work.open([*waiting, *new], 4.0)
    assert work.phase_of(A) == "probe"
    work.probed(True, "", 4.0, A)
    assert len(of("a.example", work.take(1_000, 4.0))) == 1
    assert work.phase_of(A) == "canary"
    work.settled(settle(old[0].queue_id, "deferred"), 4.0)
    assert work.phase_of(A) == "canary", "what was in hand of before is no canary's fate"
    for each in work.in_hand:
        work.settled(settle(each.queue_id), 4.0)
    rounds(work, 5.0, 200)
    after = work.progress(30.0)
    assert (after.queued, after.delivered, after.deferred) == (before.queued + 5, 204, 1)
    assert [each.queue_id for each in (target for target, _ in work.books.undelivered.values())] == [old[0].queue_id]


def test_one_that_was_done_or_never_in_it_joins_with_a_canary_and_parts_that_go_on_are_left_alone() -> None:
    work = several([*targets(1, ("a.example",)), *targets(50, ("b.example",), start=100)])
    rounds(work, 0.0, 2)
    assert (work.phase_of(A), work.through(A), work.through(B)) == ("done", True, False)
    pace = work.connections_to(B)
    assert work.open([*targets(9, ("a.example",), start=500), *targets(9, ("b.example",), start=600)], 1.0)
    assert (work.phase_of(A), work.through(A)) == ("probe", False)
    assert (work.phase_of(B), work.connections_to(B)) == ("ramp", pace)


def test_what_goes_to_it_and_to_others_stops_and_begins_with_it() -> None:
    both = [target(f"C{n:08}", domains=("a.example", "b.example"), arrival=1.0) for n in range(9)]
    work = several([*targets(50, ("b.example",)), *both])
    work.stop("the primary is down", A)
    assert (work.phase_of(f"{A}+{B}"), work.left_by_guard) == ("stopped", ())
    assert work.open(both, 1.0)
    assert (work.phase_of(f"{A}+{B}"), work.phase_of(B)) == ("probe", "canary")


def test_it_can_be_joined_while_something_is_in_hand_and_not_once_it_was_stopped() -> None:
    primaries = ByPrimary(ROUTES, {}).primaries(DrainSettings(), lambda each: Connections(each, vary))
    work = Drain(targets(1, ("b.example",)), DrainSettings(), primaries, 0.0, joinable=True)
    work.probed(True, "", 0.0)
    (last,) = work.take(10, 0.0)
    assert not work.over, "its verdict may take ten minutes"
    assert work.open(targets(3, ("a.example",), start=500), 1.0)
    work.probed(True, "", 1.0, A)
    rounds(work, 1.0, 3)
    assert not work.over
    work.settled(settle(last.queue_id), 2.0)
    assert (work.over, work.open(targets(1, ("a.example",), start=600), 3.0)) == (True, False)
    stopped = Drain(targets(9, ("b.example",)), DrainSettings(), primaries, 0.0, joinable=True)
    stopped.probed(True, "", 0.0)
    assert stopped.take(1, 0.0)
    stopped.stop("stopped by an operator")
    assert (stopped.over, stopped.open(targets(1, ("a.example",)), 1.0)) == (True, False)


def test_it_is_through_with_a_primary_that_is_believed_though_its_last_take_their_time() -> None:
    work = several(targets(200, ("b.example",)), trial=50)
    rounds(work, 0.0, 3)
    assert not work.through(B)
    while work.untaken:
        taken = work.take(100, 1.0)
        for each in taken[: len(taken) if work.untaken else -1]:
            work.settled(settle(each.queue_id), 1.0)
    assert (len(work.in_hand), work.phase_of(B), work.through(B)) == (1, "steady", True)
    few = several(targets(9, ("b.example",)))
    rounds(few, 0.0, 2)
    assert (len(few.take(100, 1.0)), few.through(B)) == (len(few.in_hand), False), "on trial until the last is there"


def test_a_part_that_was_taken_speaks_for_its_primary_whatever_became_of_the_rest() -> None:
    """What goes to two of which one is down would fail for ever, and be held as what a guard left."""
    both = ("a.example", "b.example")
    work = several([target(f"S{n:03}", domains=both, recipients=2) for n in range(200)])
    now = 0.0
    for _ in range(40):
        for each in work.take(100, now):
            verdicts = (
                Verdict(each.queue_id, "u@a.example", "delivered", "2.0.0", "ok", now),
                Verdict(each.queue_id, "u@b.example", "deferred", "4.4.1", "connection refused", now),
            )
            work.settled(Settled(each.queue_id, "deferred", verdicts, 0.01, unreachable=True), now)
        now += 0.1
    progress = work.progress(now)
    assert (progress.phase, progress.deferred, progress.left, progress.why) == ("done", 200, 0, "")


def test_what_goes_to_several_may_go_while_one_of_them_is_well() -> None:
    by_primary = ByPrimary(ROUTES, {})
    up = Health("up", 0.0, "ehlo", "", None)
    down = Health("down", 0.0, "tcp", "connection refused", None)
    a, b = ROUTES["a.example"].primary, ROUTES["b.example"].primary
    one_down = {"a.example": (a, up), "also-a.example": (a, up), "b.example": (b, down)}
    assert by_primary.unwell(f"{A}+{B}", one_down) == ""
    assert "b.example is down" in by_primary.unwell(B, {"b.example": (b, down)})
    assert "is down" in by_primary.unwell(f"{A}+{B}", {"a.example": (a, down), "b.example": (b, down)})
    assert by_primary.unwell(A, {}) == "", "probing is switched off"
