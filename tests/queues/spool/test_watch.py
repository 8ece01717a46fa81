import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from mxtui.errors import NoQueue
from mxtui.queues.spool import rows, watch
from mxtui.queues.spool.format import EnvelopeOnDisk, read
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from tests.queues.hearing import Deaf, refuse
from tests.queues.postfix.following import Follower
from tests.queues.spool.making import place, put
from tests.support.waiting import wait_until


def change(spool: Spool, queue_id: str, act: Callable[..., None]) -> None:
    with spool.claim(queue_id) or pytest.fail("there") as claim:
        act(claim)


def watched(follower: Follower) -> None:
    wait_until(lambda: follower.signs > 0 and follower.read_over.is_set())


def test_every_change_is_told(spool: Spool) -> None:
    with Follower(SpoolQueue(spool)).following() as follower:
        watched(follower)
        made = put(spool)
        wait_until(lambda: follower.state(made.id) == "deferred")
        change(spool, made.id, lambda claim: claim.record(replace(made, attempts=7)))
        wait_until(lambda: follower.known[made.id].attempts == 7)
        for state in ("hold", "quarantine", "failed", "deferred"):
            change(spool, made.id, lambda claim, state=state: claim.move(state))
            wait_until(lambda state=state: follower.state(made.id) == state)  # type: ignore[misc]
        spool.set_aside(str(place(spool, made)), made.id, "found wanting")
        wait_until(lambda: follower.known[made.id].fault == "found wanting")
        other = put(spool)
        wait_until(lambda: other.id in follower.known)
        change(spool, other.id, lambda claim: claim.finish())
        wait_until(lambda: other.id not in follower.known)


def test_one_change_costs_one_read(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(50):
        put(spool)
    with Follower(SpoolQueue(spool)).following() as follower:
        watched(follower)
        wait_until(lambda: len(follower.known) == 50)
        signs = follower.signs
        wait_until(lambda: follower.signs > signs + 1)
        reads: list[int] = []

        def counting(data: bytes) -> EnvelopeOnDisk:
            reads.append(len(data))
            return read(data)

        monkeypatch.setattr(rows, "read", counting)
        made = put(spool)
        wait_until(lambda: made.id in follower.known)
        assert len(reads) == 1


def test_what_happened_unseen_before_the_watch_is_told(spool: Spool) -> None:
    made = [put(spool) for _ in range(20)]
    queue = SpoolQueue(spool)
    follower = Follower(queue)
    for changes in queue.read():
        follower.apply(changes)
    change(spool, made[0].id, lambda claim: claim.move("hold"))
    change(spool, made[1].id, lambda claim: claim.finish())
    change(spool, made[2].id, lambda claim: claim.record(replace(made[2], attempts=3)))
    new = put(spool)
    with follower.following(reading=False):
        wait_until(lambda: follower.state(made[0].id) == "hold" and follower.state(new.id) == "deferred")
        wait_until(lambda: made[1].id not in follower.known)
        wait_until(lambda: follower.known[made[2].id].attempts == 3)


def test_missed_events_are_made_good_by_the_pass_over_names(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "RECONCILE", 0.0)
    monkeypatch.setattr(watch, "SHARE", 1.0)
    monkeypatch.setattr(watch, "Events", Deaf)
    made = put(spool)
    with Follower(SpoolQueue(spool)).following() as follower:
        wait_until(lambda: follower.state(made.id) == "deferred")
        other = put(spool)
        change(spool, made.id, lambda claim: claim.move("failed"))
        wait_until(lambda: (follower.state(made.id), follower.state(other.id)) == ("failed", "deferred"))
        change(spool, made.id, lambda claim: claim.finish())
        wait_until(lambda: set(follower.known) == {other.id})


def test_without_events_the_names_are_looked_at_and_a_warning_says_so(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "POLL", 0.0)
    monkeypatch.setattr(watch, "SHARE", 1.0)
    monkeypatch.setattr(watch, "SIGN_OF_LIFE", 0.01)
    monkeypatch.setattr(watch, "Events", refuse)
    made = put(spool)
    queue = SpoolQueue(spool)
    with Follower(queue).following() as follower:
        wait_until(lambda: follower.state(made.id) == "deferred")
        change(spool, made.id, lambda claim: claim.record(replace(made, attempts=9)))
        wait_until(lambda: follower.known[made.id].attempts == 9)
        assert "No space left on device" in queue.warning


def test_a_spool_in_motion_is_followed_without_a_miss_or_a_double(spool: Spool) -> None:
    kept: list[str] = []
    with Follower(SpoolQueue(spool)).following() as follower:
        for number in range(300):
            made = put(spool)
            if number % 3 == 0:
                change(spool, made.id, lambda claim: claim.finish())
            else:
                kept.append(made.id)
                if number % 3 == 1:
                    change(spool, made.id, lambda claim, made=made: claim.move("hold", replace(made, attempts=1)))
        wait_until(lambda: set(follower.known) == set(kept), what="every kept message is known, no other is")
        wait_until(lambda: sum(follower.state(each) == "hold" for each in kept) == 100)


def test_a_spool_that_is_not_there_cannot_be_watched(spool: Spool) -> None:
    spool.path.rename(spool.path.with_name("moved"))
    with pytest.raises(NoQueue):
        next(SpoolQueue(spool).watch(threading.Event()))
