"""A drain from the first probe to its end, without a queue or a clock."""

import threading

import pytest

from mxtui.model.drain.feeding import DrainFeed
from mxtui.model.drain.machine import Drain
from mxtui.model.drain.way import Feed, Settled
from mxtui.model.plan import Verdict
from tests.model.drain.drains import drain, settle, step, targets
from tests.support.plans import target


def finish(work: Drain, now: float = 0.0) -> float:
    """Deliver all that is left, a tenth of a second for each round."""
    while not work.over:
        step(work, now)
        now += 0.1
    return now


def ramp(work: Drain, now: float) -> None:
    """Deliver until nothing grows any more."""
    while work.phase != "steady":
        assert step(work, now)


def test_nothing_goes_before_the_probe_found_the_primary_well() -> None:
    work = drain(targets(3), begun=False)
    assert work.take(10, 0.0) == []
    assert work.progress(0.0).phase == "probe"
    work.probed(True, "", 1.0)
    assert len(work.take(10, 1.0)) == 1


def test_an_unwell_primary_is_refused_with_the_reason_and_what_to_do() -> None:
    work = drain(targets(3), begun=False)
    work.probed(False, "connection refused", 0.0)
    assert work.phase == "stopped"
    assert work.why(0.0) == (
        "the primary is not well (connection refused); nothing was tried: wait until it is, or force it"
    )
    assert len(work.untaken) == 3


def test_forced_it_goes_on_all_the_same_and_still_by_a_canary() -> None:
    work = drain(targets(3), begun=False, force=True)
    work.probed(False, "connection refused", 0.0)
    assert work.phase == "canary"
    assert len(work.take(10, 0.0)) == 1


def test_the_canary_goes_alone_and_the_ramp_begins_with_its_delivery() -> None:
    work = drain(targets(50))
    (canary,) = work.take(100, 0.0)
    assert work.take(100, 0.0) == []
    assert (work.connections, work.progress(0.0).window) == (1, 1)
    work.settled(settle(canary.queue_id), 0.1)
    assert work.phase == "ramp"
    assert len(work.take(100, 0.1)) == 3


def test_without_a_canary_the_ramp_begins_at_once() -> None:
    work = drain(targets(50), canary=False)
    assert (work.phase, len(work.take(100, 0.0))) == ("ramp", 2)


def test_a_refused_canary_stops_everything_with_one_message_tried() -> None:
    for engine in (False, True):
        work = drain(targets(1000), engine=engine)
        assert step(work, 0.0, "bounced" if engine else "refused") == 1
        assert work.phase == "stopped"
        assert work.over
        assert work.take(100, 1000.0) == []
        assert len(work.untaken) == 999


def test_a_canary_that_was_put_off_is_followed_by_another_and_three_are_enough() -> None:
    work = drain(targets(10))
    for _ in range(3):
        assert step(work, 0.0, "deferred") == 1
    assert work.phase == "stopped"
    assert "3 canaries in a row were deferred" in work.why(0.0)


def test_a_primary_that_is_too_busy_for_a_canary_is_waited_for() -> None:
    """It is not down, and says nothing against mail: there are pauses, until patience ends."""
    work = drain(targets(50))
    now = 0.0
    for tries in range(1, 9):
        (canary,) = work.take(100, now)
        work.settled(settle(canary.queue_id, "deferred", busy=True), now)
        if tries < 8:
            assert work.phase == "canary"
            assert work.why(now).startswith("it is busy (421 4.3.2 too many connections); tried again in ")
        now += 301
    assert work.phase == "stopped"
    assert work.why(now).startswith("8 tries in a row failed, the last because it is busy")


def test_while_the_canary_has_no_verdict_it_says_what_it_waits_for() -> None:
    work = drain(targets(50))
    (canary,) = work.take(100, 0.0)
    assert work.why(5.0) == ""
    waits = f"the canary {canary.queue_id} has no verdict since 1m; nothing else goes before"
    assert work.why(75.0) == waits
    work.settled(settle(canary.queue_id), 80.0)
    assert work.why(80.0) == ""


def test_the_second_canary_may_prove_the_primary() -> None:
    work = drain(targets(10))
    step(work, 0.0, "deferred")
    step(work, 0.0)
    assert work.phase == "ramp"


def test_only_suspicious_mail_gives_a_canary_that_says_so() -> None:
    work = drain([target("B00000000", sender="")])
    work.take(1, 0.0)
    assert work.canary is not None
    assert not work.canary.clean
    assert work.why(0.0) == "no message above suspicion waits; the canary is B00000000, the oldest"


def test_accepts_the_canary_and_then_refuses_costs_no_more_than_the_batch_after_it() -> None:
    work = drain(targets(10_000), engine=True)
    step(work, 0.0)
    assert step(work, 1.0, "bounced") == 5
    assert work.phase == "stopped"
    assert work.progress(1.0).bounced == 5
    assert len(work.untaken) == 10_000 - 6


def test_from_ramp_to_steady_to_done() -> None:
    work = drain(targets(200))
    phases = [work.phase]
    while not work.over:
        step(work, 0.0)
        phases.append(work.phase)
    assert list(dict.fromkeys(phases)) == ["canary", "ramp", "steady", "done"]
    assert (work.progress(0.0).delivered, work.progress(0.0).left) == (200, 0)


def test_it_is_over_when_the_last_is_taken_and_done_when_it_is_settled() -> None:
    work = drain(targets(1))
    (last,) = work.take(1, 0.0)
    assert (work.over, work.phase) == (True, "canary")
    work.settled(settle(last.queue_id, "deferred"), 0.0)
    assert work.phase == "done"


def test_nothing_to_do_is_done() -> None:
    work = drain([], begun=False)
    assert (work.phase, work.over, work.progress(0.0).eta_seconds) == ("done", True, 0.0)


def test_a_busy_primary_is_backed_off_from_and_said_why_and_until_when() -> None:
    work = drain(targets(200))
    step(work, 0.0)
    step(work, 0.0)
    for each in work.take(1, 1.0):
        work.settled(settle(each.queue_id, "deferred", busy=True), 1.0)
    assert work.phase == "backoff"
    assert work.why(1.0) == "it is busy (421 4.3.2 too many connections); tried again in 5s"
    assert work.take(100, 5.9) == []
    assert step(work, 6.0) == 1
    assert (work.phase, work.why(6.0)) == ("ramp", "")


def test_a_primary_that_died_is_given_up_after_its_patience() -> None:
    work = drain(targets(200), patience=4)
    step(work, 0.0)
    now, tried = 1.0, 0
    while work.phase != "stopped":
        tried += step(work, now, "deferred", dsn="4.4.1")
        now += 400.0
    assert tried == 3 + 3
    assert "4 tries in a row failed" in work.why(now)


def test_a_restart_of_the_primary_is_one_failure_however_many_were_under_way() -> None:
    for engine in (False, True):
        work = drain(targets(10_000), engine=engine, ahead=5)
        ramp(work, 0.0)
        assert step(work, 1.0, "deferred", dsn="4.4.1") >= 100
        assert work.progress(1.0).phase == "backoff"
        assert step(work, 10.0) == 1
        ramp(work, 10.0)


def test_found_unwell_while_it_runs_it_waits_for_the_next_good_probe() -> None:
    work = drain(targets(200))
    step(work, 0.0)
    work.probed(False, "421 too busy", 1.0)
    assert (work.phase, work.take(100, 2.0)) == ("backoff", [])
    assert work.why(2.0) == "the primary is not well (421 too busy); it goes on when a probe finds it well"
    work.probed(True, "", 3.0)
    assert (work.phase, work.why(3.0)) == ("ramp", "")
    assert work.take(100, 3.0)


def test_what_a_way_puts_back_untried_after_the_stop_is_left_with_what_was_never_taken() -> None:
    work = drain(targets(100), ahead=5)
    step(work, 0.0)
    taken = work.take(100, 1.0)
    tried, *untried = taken
    while work.phase != "stopped":
        work.settled(settle(tried.queue_id, "refused", seconds=0.1), 1.0)
        tried, *untried = untried
    put_off, *put_back = [tried, *untried]
    work.settled(settle(put_off.queue_id, "deferred", seconds=0.1), 1.0)
    for each in put_back:
        work.settled(Settled(each.queue_id, "deferred"), 1.0)
    assert len(put_back) > 5
    assert set(work.left_by_guard) == {*put_back, *work.untaken}


@pytest.mark.parametrize("by_guard", [True, False])
def test_what_was_in_hand_and_is_put_back_untried_after_the_stop_is_left_and_not_deferred(by_guard: bool) -> None:
    work = drain(targets(100), ahead=5)
    step(work, 0.0)
    first, *rest = work.take(100, 1.0)
    if not by_guard:
        work.stop("stopped by an operator")
    while work.phase != "stopped":
        work.settled(settle(first.queue_id, "refused", seconds=0.1), 1.0)
        first, *rest = rest
    left = work.progress(1.0).left
    for each in [first, *rest]:
        assert work.settled(Settled(each.queue_id, "deferred", untried=True), 1.0)
    progress = work.progress(2.0)
    assert (progress.left, progress.in_hand, progress.deferred) == (left, 0, 0)
    assert len(work.untaken) == left
    assert set(work.left_by_guard) == ({*work.untaken} if by_guard else set())


def test_paused_it_gives_nothing_and_resumed_it_goes_on() -> None:
    work = drain(targets(100))
    step(work, 0.0)
    (held, *_) = work.take(1, 0.0)
    work.pause()
    assert work.take(100, 1.0) == []
    work.settled(settle(held.queue_id), 1.0)
    progress = work.progress(1.0)
    assert (progress.paused, progress.delivered, progress.eta_low) == (True, 2, None)
    assert not work.over
    work.resume(60.0)
    finish(work, 60.0)
    assert work.phase == "done"


def test_stopped_it_gives_nothing_and_what_is_in_hand_is_still_counted() -> None:
    work = drain(targets(100))
    step(work, 0.0)
    taken = work.take(2, 0.0)
    work.stop("stopped by anna")
    assert (work.phase, work.over, work.take(100, 1.0)) == ("stopped", True, [])
    assert list(work.in_hand) == taken
    for each in taken:
        assert work.settled(settle(each.queue_id), 1.0)
    progress = work.progress(1.0)
    assert (progress.phase, progress.why) == ("stopped", "stopped by anna")
    assert (progress.delivered, progress.left, progress.in_hand) == (3, 97, 0)


def test_the_first_reason_to_stop_is_the_one_that_is_told() -> None:
    work = drain(targets(10))
    work.stop("stopped by anna")
    work.stop("stopped by otto")
    assert work.why(0.0) == "stopped by anna"
    done = drain([])
    done.stop("too late")
    assert (done.phase, done.why(0.0)) == ("done", "")


def test_a_limit_takes_the_first_of_the_order_and_no_more() -> None:
    work = drain(targets(100, ("a.example", "b.example")), limit=5)
    taken = []
    while not work.over:
        for each in work.take(10, 0.0):
            taken.append(each.identity.arrival)
            work.settled(settle(each.queue_id), 0.0)
    assert sorted(taken) == [1000.0, 1001.0, 1002.0, 1003.0, 1004.0]
    assert (work.phase, work.progress(0.0).queued) == ("done", 5)
    assert not work.add(targets(1, start=500), 0.0)


def test_new_mail_joins_a_running_drain_and_does_not_wait_for_the_backlog() -> None:
    work = drain(targets(1000))
    step(work, 0.0)
    assert work.add(targets(3, start=5000), 1.0)
    assert work.progress(1.0).queued == 1003
    taken = [each.identity.arrival for _ in range(4) for each in work.take(20, 1.0) if deliver(work, each.queue_id)]
    assert 6000.0 in taken[:8]


def deliver(work: Drain, queue_id: str) -> bool:
    return work.settled(settle(queue_id), 1.0)


def test_once_the_last_was_taken_new_mail_needs_another_drain() -> None:
    work = drain(targets(1))
    work.take(1, 0.0)
    assert not work.add(targets(1, start=5), 0.0)
    assert work.over


def test_verdicts_on_mail_that_was_not_taken_count_nowhere() -> None:
    work = drain(targets(3))
    (canary,) = work.take(1, 0.0)
    assert not work.settled(settle("ZZZZZZZZZ"), 0.0)
    assert work.settled(settle(canary.queue_id), 0.0)
    assert not work.settled(settle(canary.queue_id), 0.0)
    assert (work.progress(0.0).delivered, work.progress(0.0).left) == (1, 2)


def test_messages_a_second_hold_whatever_the_pace_would_allow() -> None:
    work = drain(targets(1000), messages_per_second=10)
    taken = sum(step(work, tick / 10) for tick in range(100))
    assert 95 <= taken <= 105


def test_a_possible_duplicate_is_counted_beside_its_fate_and_slows_it() -> None:
    work = drain(targets(100))
    step(work, 0.0)
    (lost, *_) = work.take(1, 0.0)
    work.settled(Settled(lost.queue_id, "deferred", possible_duplicate=True), 0.0)
    progress = work.progress(0.0)
    assert (progress.deferred, progress.possible_duplicates, progress.phase) == (1, 1, "backoff")
    assert progress.why.startswith("the connection was lost after a whole message was sent; tried again in 5s")


def test_progress_tells_every_message_once_and_bytes_of_those_delivered() -> None:
    work = drain(targets(3), canary=False)
    one, two = work.take(2, 0.0)
    work.settled(settle(one.queue_id), 1.0)
    work.settled(Settled(two.queue_id, "vanished"), 1.0)
    progress = work.progress(1.0)
    assert [verdict.fate for verdict in progress.closed] == ["delivered", "vanished"]
    assert (progress.bytes_delivered, progress.unknown) == (1000, 1)
    assert not work.progress(1.0).closed


def test_the_verdict_of_a_message_is_that_of_the_recipient_who_decided_it() -> None:
    work = drain(targets(1))
    work.take(1, 0.0)
    said = (Verdict("A00000000", "a", "delivered"), Verdict("A00000000", "b", "deferred", "4.2.2", "full"))
    work.settled(Settled("A00000000", "deferred", said), 0.0)
    progress = work.progress(0.0)
    assert [verdict.recipient for verdict in progress.closed] == ["b"]
    assert [verdict.recipient for verdict in progress.recent] == ["a", "b"]


def test_it_is_on_trial_until_enough_were_settled() -> None:
    work = drain(targets(10), trial=4)
    step(work, 0.0)
    assert work.on_trial
    step(work, 0.0)
    assert not work.on_trial


def test_an_eta_is_a_range_with_what_is_likely_between() -> None:
    work = drain(targets(5000))
    for tick in range(300):
        for each in work.take(2, tick / 10):
            work.settled(settle(each.queue_id), tick / 10)
    progress = work.progress(30.0)
    assert progress.eta_low is not None
    assert progress.eta_seconds is not None
    assert progress.eta_high is not None
    assert progress.eta_low < progress.eta_seconds < progress.eta_high


def test_more_arriving_than_is_settled_is_growing() -> None:
    work = drain(targets(5000))
    for tick in range(300):
        step(work, tick / 10) if tick % 100 == 0 else None
        work.arrived(50, tick / 10)
    assert work.progress(30.0).growing


def test_a_feed_reads_the_clock_for_it() -> None:
    work = drain(targets(100))
    moments = iter([0.0, 1.0, 5.0])
    feed: Feed = DrainFeed(work, lambda: next(moments))
    (canary,) = feed.take(10)
    work.settled(settle(canary.queue_id, "deferred", busy=True), 0.0)
    assert feed.take(10) == []
    assert len(feed.take(10)) == 1
    assert (feed.connections, feed.over) == (1, False)


def test_a_way_and_an_operator_may_call_from_threads_of_their_own() -> None:
    work = drain(targets(3000), canary=False)

    def deliver_all() -> None:
        while not work.over:
            step(work, 0.0)

    threads = [threading.Thread(target=deliver_all) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        work.pause()
        work.progress(0.0)
        work.resume(0.0)
    for thread in threads:
        thread.join(20)
    assert (work.phase, work.progress(0.0).delivered) == ("done", 3000)
