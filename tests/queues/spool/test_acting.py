import threading
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.audit import Audit, AuditRecord, Operator
from mxtui.errors import Guarded, NotPermitted, Unreachable
from mxtui.model.drain.way import Feed, Settled
from mxtui.model.envelope import Envelope, EnvelopeRecipient, SpoolState
from mxtui.model.message import Identity
from mxtui.model.plan import Result, Target
from mxtui.model.planning import target_of
from mxtui.model.service import Service
from mxtui.model.source import Verb
from mxtui.operations import Operations
from mxtui.queues.spool.actions import Actions
from mxtui.queues.spool.claim import Claim
from mxtui.queues.spool.control import Control
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from mxtui.vault import Vault
from tests.queues.spool.making import DAY, TEXT, envelope, files, place, put, queued, state_of
from tests.support.costs import cpu_seconds
from tests.support.feeding import deliver


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


class Serve(Control):
    """A running `serve`, as far as a console sees it."""

    def __init__(self, state: str = "accepting") -> None:
        self.looked: list[str] = []
        self.flushed: list[str] = []
        self.state = state

    def service(self) -> Service | None:
        return Service(self.state, 1.0, 2.0, 3)  # type: ignore[arg-type]

    def look(self, ids: Collection[str]) -> None:
        self.looked += ids

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        taken = [target.queue_id for target in feed.take(100)]
        self.flushed += taken
        yield [Settled(each, "delivered") for each in taken]


def target(spool: Spool, made: Envelope) -> Target:
    found = SpoolQueue(spool).find(made.id)
    assert found is not None
    return target_of(found)


def targets(spool: Spool, made: Sequence[Envelope]) -> list[Target]:
    return [target(spool, each) for each in made]


def outcomes(results: Iterator[Result]) -> list[tuple[str, str]]:
    return [(result.result, result.detail) for result in results]


def test_hold_and_release_are_a_rename_and_the_next_try_is_now(spool: Spool) -> None:
    made = put(spool, envelope(next_retry=time.time() + DAY, attempts=4))
    queue = SpoolQueue(spool)
    assert outcomes(queue.act(Verb.HOLD, [target(spool, made)])) == [("done", "")]
    assert spool.find(made.id) == ("hold", made)
    assert outcomes(queue.act(Verb.RELEASE, [target(spool, made)])) == [("done", "")]
    assert spool.find(made.id) == ("deferred", replace(made, next_retry=None))


def test_what_would_expire_at_once_is_released_with_a_new_lifetime(spool: Spool) -> None:
    made = put(spool, envelope(arrival=time.time() - 6 * DAY), "hold")
    queue = SpoolQueue(spool, lifetime=2 * DAY)
    assert outcomes(queue.act(Verb.RELEASE, [target(spool, made)])) == [("done", "renewed: 2d 00h more to live")]
    found = spool.find(made.id)
    assert found is not None
    assert found[1].expires == pytest.approx(time.time() + 2 * DAY, abs=60)


@pytest.mark.parametrize("state", ["deferred", "hold"])
def test_renewed_mail_stays_where_it_is_and_has_its_whole_lifetime_again(spool: Spool, state: SpoolState) -> None:
    made = put(spool, envelope(arrival=time.time() - 4 * DAY, next_retry=time.time() + 900), state)
    told: list[str] = []
    acting = Actions(spool, lifetime=2 * DAY, changed=told.extend)
    assert outcomes(acting.act(Verb.RENEW, [target(spool, made)])) == [("done", "renewed: 2d 00h more to live")]
    found = spool.find(made.id)
    assert found is not None
    assert found == (state, replace(made, expires=found[1].expires))
    assert found[1].expires == pytest.approx(time.time() + 2 * DAY, abs=60)
    assert told == [made.id]


def test_released_from_failed_those_refused_are_tried_again_and_those_served_are_not(spool: Spool) -> None:
    had = EnvelopeRecipient("a@example.org", "delivered", text="250 ok")
    no = EnvelopeRecipient("b@example.org", "refused", attempts=2, code=550, text="550 who?")
    made = put(spool, envelope(recipients=(had, no), why="550 who?"), "failed")
    assert outcomes(SpoolQueue(spool).act(Verb.RELEASE, [target(spool, made)])) == [("done", "")]
    assert spool.find(made.id) == (
        "deferred",
        replace(made, recipients=(had, replace(no, fate="waiting")), why=""),
    )


def test_what_is_in_delivery_is_never_touched(spool: Spool) -> None:
    made, free = put(spool), put(spool)
    queue = SpoolQueue(spool, notice=lambda _: True)
    with spool.claim(made.id) or pytest.fail("there"):
        for verb in (Verb.HOLD, Verb.DELETE, Verb.REJECT):
            assert outcomes(queue.act(verb, [target(spool, made)])) == [("refused", "in delivery now")]
        assert outcomes(queue.act(Verb.HOLD, targets(spool, [made, free]))) == [
            ("refused", "in delivery now"),
            ("done", ""),
        ]
    assert queued(spool) == {made.id: "deferred", free.id: "hold"}


def test_what_comes_back_from_a_delivery_meanwhile_is_acted_on(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    made, free = put(spool), put(spool)
    claim = spool.claim(made.id) or pytest.fail("there")
    monkeypatch.setattr("mxtui.queues.spool.actions.time.sleep", lambda _: claim.release())
    assert outcomes(SpoolQueue(spool).act(Verb.HOLD, targets(spool, [made, free]))) == [("done", ""), ("done", "")]
    assert queued(spool) == {made.id: "hold", free.id: "hold"}


@pytest.mark.parametrize("state", ["deferred", "hold", "failed"])
def test_quarantined_mail_goes_back_to_where_it_was_as_it_was(spool: Spool, state: SpoolState) -> None:
    text = envelope(why="" if state == "deferred" else "suspension of example.org", next_retry=time.time() + 3600)
    made = put(spool, replace(text, returning=state == "failed"), state)
    queue = SpoolQueue(spool)
    assert outcomes(queue.act(Verb.QUARANTINE, [target(spool, made)])) == [("done", "")]
    assert queued(spool) == {made.id: "quarantine"}
    ((result, _),) = outcomes(queue.act(Verb.UNQUARANTINE, [target(spool, made)]))
    assert result == "done"
    assert spool.find(made.id) == (state, made)


def test_quarantined_mail_that_is_released_is_delivered_wherever_it_was(spool: Spool) -> None:
    made = put(spool, envelope(why="suspension of example.org"), "hold")
    queue = SpoolQueue(spool)
    list(queue.act(Verb.QUARANTINE, [target(spool, made)]))
    assert outcomes(queue.act(Verb.RELEASE, [target(spool, made)])) == [("done", "")]
    state, now = spool.find(made.id) or pytest.fail("there")
    assert (state, now.was, now.why) == ("deferred", "", "")


def test_put_back_past_its_lifetime_it_gets_a_new_one(spool: Spool) -> None:
    made = put(spool, envelope(arrival=time.time() - 9 * DAY))
    queue = SpoolQueue(spool)
    list(queue.act(Verb.QUARANTINE, [target(spool, made)]))
    ((result, said),) = outcomes(queue.act(Verb.UNQUARANTINE, [target(spool, made)]))
    assert (result, said.partition(":")[0]) == ("done", "renewed")


@pytest.mark.parametrize(
    ("verb", "state", "said"),
    [
        (Verb.HOLD, "hold", "already held"),
        (Verb.HOLD, "quarantine", "in quarantine already"),
        (Verb.QUARANTINE, "quarantine", "in quarantine already"),
        (Verb.UNQUARANTINE, "hold", "not in quarantine"),
        (Verb.HOLD, "failed", "given up: nothing tries it until it is released"),
        (Verb.RELEASE, "deferred", "not held"),
        (Verb.REJECT, "quarantine", "suspected spam: its sender is likely forged, and a stranger would get the notice"),
    ],
)
def test_a_verb_that_makes_no_sense_in_a_state_is_refused_in_words(
    spool: Spool, verb: Verb, state: str, said: str
) -> None:
    made = put(spool, state=state)  # type: ignore[arg-type]
    queue = SpoolQueue(spool, notice=lambda _: pytest.fail("told"))
    assert outcomes(queue.act(verb, [target(spool, made)])) == [("refused", said)]
    assert state_of(spool, made) == state


def test_a_message_that_changed_since_the_plan_is_left_alone(spool: Spool) -> None:
    gone, other, released, bad = put(spool), put(spool), put(spool, state="hold"), put(spool)
    planned = targets(spool, [gone, other, released, bad])
    planned[1] = planned[1]._replace(identity=Identity(other.id, 0, other.arrival - 3600))
    queue = SpoolQueue(spool)
    with spool.claim(gone.id) or pytest.fail("there") as claim:
        claim.finish()
    list(queue.act(Verb.RELEASE, [planned[2]]))
    place(spool, bad).write_bytes(b"{")
    assert outcomes(queue.act(Verb.DELETE, planned)) == [
        ("gone", "no longer queued, or set aside as corrupt"),
        ("changed", "this ID now names another message"),
        ("refused", "no longer in hold: in deferred"),
        ("gone", "no longer queued, or set aside as corrupt"),
    ]
    assert queued(spool) == {other.id: "deferred", released.id: "deferred", bad.id: "corrupt"}


def test_ids_that_are_none_touch_nothing(spool: Spool) -> None:
    made = Target(Identity("../../../etc/passwd", 0, 1.0), "deferred", 1, "", (), 1, None)
    assert [result for result, _ in outcomes(SpoolQueue(spool).act(Verb.DELETE, [made]))] == ["gone"]


def test_two_thousand_are_held_with_a_result_each(spool: Spool) -> None:
    made = [envelope() for _ in range(2000)]
    assert set(spool.commit([(each, [TEXT]) for each in made])) == {None}
    planned = targets(spool, made)
    began = cpu_seconds()
    results = list(SpoolQueue(spool).act(Verb.HOLD, planned))
    took = cpu_seconds() - began
    assert {result.queue_id for result in results if result.result == "done"} == {each.id for each in made}
    assert took < 5, "of about 0.1 s"


def test_a_notice_goes_out_before_the_message_does(spool: Spool) -> None:
    told: list[str] = []

    def notice(claim: Claim) -> bool:
        assert spool.content(claim.id, 1000) == TEXT
        if claim.envelope.sender == "nobody@example.com":
            raise Unreachable("the relay did not take it", "look there")
        if not claim.envelope.sender:
            raise Guarded("no notice may be sent", "It has the null sender.")
        told.append(claim.id)
        return claim.envelope.sender != "silent@example.com"

    made = [
        put(spool, envelope(sender=each)) for each in ("a@example.com", "silent@example.com", "nobody@example.com", "")
    ]
    results = outcomes(SpoolQueue(spool, notice=notice).act(Verb.REJECT, targets(spool, made)))
    assert sorted(results) == [
        ("done", ""),
        ("done", "no notice: the sender asked for none"),
        ("failed", "the relay did not take it: look there"),
        ("refused", "no notice may be sent: It has the null sender."),
    ]
    assert told == [made[0].id, made[1].id]
    assert queued(spool) == {made[2].id: "deferred", made[3].id: "deferred"}


def test_deleted_with_a_copy_it_is_put_back_as_it_was_and_only_once(spool: Spool, kept: Path) -> None:
    text = b"x" * 3_000_000 + b"\n"
    made = put(spool, envelope(text, to=["caf\udce9@example.org"], sender=""), "quarantine", text)
    planned = target(spool, made)
    queue = SpoolQueue(spool)
    assert outcomes(queue.delete([planned], kept)) == [("done", "")]
    assert not files(spool)
    (copy,) = kept.iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.read_bytes().endswith(text)

    result = queue.restore(kept, planned.identity)
    assert (result.result, result.detail) == ("done", f"queued as {made.id}, in quarantine")
    assert spool.find(made.id) == ("quarantine", made)
    assert spool.content(made.id, 10_000_000) == text
    again = queue.restore(kept, planned.identity)
    assert (again.result, again.detail) == ("refused", "it is queued already")


def test_a_copy_past_its_lifetime_is_put_back_with_a_new_one(spool: Spool, kept: Path) -> None:
    made = put(spool, envelope(arrival=time.time() - 9 * DAY))
    planned = target(spool, made)
    queue = SpoolQueue(spool)
    list(queue.delete([planned], kept))
    assert "5d 00h more to live" in queue.restore(kept, planned.identity).detail
    found = spool.find(made.id)
    assert found is not None
    assert found[1].expires > time.time() + 4 * DAY


def test_a_damaged_copy_is_not_put_back(spool: Spool, kept: Path) -> None:
    planned = target(spool, put(spool))
    queue = SpoolQueue(spool)
    list(queue.delete([planned], kept))
    (copy,) = kept.iterdir()
    whole = copy.read_bytes()
    for damaged in (whole[:-1], whole.replace(b"Some text", b"Some xext"), whole[:300], b"", b"{}\n"):
        copy.write_bytes(damaged)
        assert queue.restore(kept, planned.identity).result == "failed"
    assert not files(spool)
    copy.write_bytes(whole.replace(b'"kind": "spool"', b'"kind": "postfix"'))
    assert "another kind" in queue.restore(kept, planned.identity).detail
    copy.unlink()
    assert queue.restore(kept, planned.identity).result == "gone"


def test_what_cannot_be_copied_stays_queued(spool: Spool, tmp_path: Path) -> None:
    made = put(spool)
    results = list(SpoolQueue(spool).delete([target(spool, made)], tmp_path / "none"))
    assert [(result.result, result.unsure) for result in results] == [("failed", False)]
    assert state_of(spool, made) == "deferred"
    assert len(files(spool)) == 2


def test_serve_is_told_what_changed_and_a_dead_socket_is_no_error(spool: Spool, tmp_path: Path) -> None:
    made = [put(spool), put(spool)]
    serve = Serve()
    queue = SpoolQueue(spool, control=serve)
    planned = targets(spool, made)
    with spool.claim(made[1].id) or pytest.fail("there"):
        list(queue.act(Verb.HOLD, planned))
    assert serve.looked == [made[0].id]
    (spool.path / "control.sock").touch()
    quiet = SpoolQueue(spool)
    assert outcomes(quiet.delete([planned[1]], tmp_path)) == [("done", "")]
    assert quiet.restore(tmp_path, planned[1].identity).result == "done"


def test_a_flush_is_left_to_serve_or_else_to_this_process_or_refused(spool: Spool) -> None:
    planned = [target(spool, put(spool))]
    serve = Serve()
    assert deliver(SpoolQueue(spool, control=serve), planned).fates == {"delivered": 1}
    assert serve.flushed == [planned[0].queue_id]

    asked: list[str] = []

    def forward(feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        asked.extend(target.queue_id for target in feed.take(100))
        yield [Settled(each, "deferred") for each in asked]

    assert deliver(SpoolQueue(spool, forward=forward), planned).fates == {"deferred": 1}
    assert asked == serve.flushed
    with pytest.raises(Unreachable, match="no serve runs"):
        deliver(SpoolQueue(spool), planned)


def test_capabilities_say_what_may_be_done_and_what_would_allow_it(spool: Spool) -> None:
    bare = SpoolQueue(spool).capabilities()
    assert (bare.road, bare.running, bare.service) == ("spool", False, "")
    assert {verb for verb in Verb if bare.may(verb).allowed} == {
        Verb.HOLD, Verb.RELEASE, Verb.DELETE, Verb.RESTORE, Verb.REDIRECT, Verb.RENEW,
        Verb.QUARANTINE, Verb.UNQUARANTINE,
    }  # fmt: skip
    assert "relay" in bare.may(Verb.REJECT).why_not
    assert "serve" in bare.may(Verb.FLUSH).hint
    full = SpoolQueue(spool, notice=lambda _: True, control=Serve()).capabilities()
    assert (full.running, full.service) == (True, "accepting")
    assert all(full.may(verb).allowed for verb in Verb)
    assert "suspended" in SpoolQueue(spool, control=Serve("suspended")).capabilities().may(Verb.FLUSH).why_not


@pytest.mark.parametrize("keep_copy", [False, True])
def test_the_steps_say_what_will_be_done(spool: Spool, keep_copy: bool) -> None:
    queue = SpoolQueue(spool)
    planned = [target(spool, put(spool))]
    for verb in Verb:
        steps = queue.steps(verb, planned, keep_copy=keep_copy)
        assert steps
        assert all("1" in step for step in steps)
        assert queue.steps(verb, []) == ()


def test_operations_plan_execute_undo_and_restore_as_on_any_queue(spool: Spool, tmp_path: Path) -> None:
    made = [put(spool) for _ in range(3)]
    queue = SpoolQueue(spool)
    operations = Operations(
        queue,
        audit=Audit(tmp_path / "audit.jsonl"),
        vault=Vault(tmp_path / "kept"),
        operator=Operator("op", "op", 0),
    )

    def run(verb: Verb) -> AuditRecord:
        plan = operations.plan(verb, targets(spool, made), "--all")
        assert {result.result for result in operations.execute(plan)} == {"done"}
        (record,) = operations.audit.records(limit=1)
        return record

    def undo(record: AuditRecord) -> None:
        plan = operations.undo(record)
        assert {result.result for result in operations.execute(plan, undoes=record.id)} == {"done"}

    held = run(Verb.HOLD)
    assert set(queued(spool).values()) == {"hold"}
    undo(held)
    assert set(queued(spool).values()) == {"deferred"}
    deleted = run(Verb.DELETE)
    assert not queued(spool)
    undo(deleted)
    assert queued(spool) == {each.id: "deferred" for each in made}
    with pytest.raises(NotPermitted):
        operations.plan(Verb.REJECT, targets(spool, made), "--all")
