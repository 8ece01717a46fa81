"""From a plan to a queue: nothing without a record, nothing deleted without a copy."""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from mxtui.audit import Audit, AuditRecord, Operator
from mxtui.draining import Draining
from mxtui.errors import AuditFailed, CommandFailed, MxtuiError, NotPermitted, ResultsLost, UsageError
from mxtui.model.drain.connections import Connections
from mxtui.model.drain.machine import Drain
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.way import Feed, Settled
from mxtui.model.envelope import Client
from mxtui.model.kept import KeptHeader, encode_header, kept_name
from mxtui.model.message import Changes, Identity, QueuedMessage, Recipient, State
from mxtui.model.plan import Fate, FlushProgress, Plan, Result, Target, Verdict
from mxtui.model.planning import target_of
from mxtui.model.source import ALLOWED, Capabilities, Permission, Source, Space, Verb
from mxtui.operations import BATCH, STOPPED, Operations
from mxtui.queues.queue import Queue
from mxtui.vault import Vault

NOW = 1_700_000_000.0

FAST = DrainSettings(connections=20)


_AFTER: Mapping[Verb, State] = {Verb.HOLD: "hold", Verb.QUARANTINE: "quarantine"}


class MemoryQueue(Queue):
    """A queue of messages in memory, with switches for what goes wrong."""

    def __init__(self, count: int = 3) -> None:
        self.messages = {f"A{n:08X}": message(f"A{n:08X}") for n in range(count)}
        self.restored: list[Identity] = []
        self.batches: list[int] = []
        self.verbs: Mapping[Verb, Permission] = dict.fromkeys(Verb, ALLOWED)
        self.content_permission = ALLOWED
        self.cannot_save: frozenset[str] = frozenset()
        self.refuses: frozenset[str] = frozenset()
        self.unsure: frozenset[str] = frozenset()
        self.looks = 0
        self.restoring: Result | None = None
        """What a restore comes to."""
        self.delivered: list[str] = []
        """IDs, in the order in which they were tried."""
        self.unheard: frozenset[str] = frozenset()
        """Of these nothing is heard any more once they are tried."""
        self.refused_mail: frozenset[str] = frozenset()
        self.before_batch: Callable[[], None] = lambda: None

    @property
    def source(self) -> Source:
        return Source("postfix", "mx2.example.net", "/var/spool/postfix", "3.7.11")

    def capabilities(self) -> Capabilities:
        return Capabilities("files", True, self.verbs, self.content_permission)

    def depth(self) -> Mapping[State, int]:
        return {}

    def read(self, *, subjects: bool = True) -> Iterator[Changes]:
        yield Changes(present=list(self.messages.values()))

    def watch(self, stop: threading.Event) -> Iterator[Changes]:
        yield Changes()

    def find(self, queue_id: str) -> QueuedMessage | None:
        return self.messages.get(queue_id)

    def client(self, queue_id: str) -> Client | None:
        return None

    def content(self, queue_id: str, limit: int) -> bytes:
        return b""

    def find_all(self, queue_ids: Collection[str]) -> Mapping[str, QueuedMessage]:
        self.looks += 1
        return {each: self.messages[each] for each in queue_ids if each in self.messages}

    def delete(self, targets: Sequence[Target], folder: Path) -> Iterator[Result]:
        for target in targets:
            if target.queue_id in self.cannot_save:
                yield Result(target.queue_id, Verb.DELETE, "refused", "no copy could be kept: No space left on device")
                continue
            (folder / kept_name(target.identity)).write_bytes(encode_header(KeptHeader("postfix", target, NOW)))
            if target.queue_id in self.unsure:
                yield Result(target.queue_id, Verb.DELETE, "failed", "deleted, or left: outcome unknown", unsure=True)
            elif target.queue_id in self.refuses:
                yield Result(target.queue_id, Verb.DELETE, "refused", "in delivery now")
            else:
                yield from self.act(Verb.DELETE, [target])

    def steps(self, verb: Verb, targets: Sequence[Target], *, keep_copy: bool = False) -> tuple[str, ...]:
        return (f"{verb} {len(targets)}{' keeping' if keep_copy else ''}",)

    def act(self, verb: Verb, targets: Sequence[Target]) -> Iterator[Result]:
        self.before_batch()
        self.batches.append(len(targets))
        for target in targets:
            if verb is Verb.DELETE:
                del self.messages[target.queue_id]
            else:
                held = self.messages[target.queue_id]
                self.messages[target.queue_id] = held._replace(state=_AFTER.get(verb, "deferred"))
            yield Result(target.queue_id, verb, "done")

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        while not feed.over:
            taken = [target.queue_id for target in feed.take(100)]
            self.delivered += taken
            yield [self._settled(each) for each in taken if each not in self.unheard]

    def _settled(self, queue_id: str) -> Settled:
        fate: Fate = "refused" if queue_id in self.refused_mail else "delivered"
        return Settled(queue_id, fate, (Verdict(queue_id, "a@example.org", fate, "2.0.0", "taken"),), 0.1)

    def restore(self, folder: Path, identity: Identity) -> Result:
        assert (folder / kept_name(identity)).exists()
        self.restored.append(identity)
        if self.restoring is not None:
            return self.restoring
        return Result(identity.queue_id, Verb.RESTORE, "done", "queued as NEWID01")

    def space(self) -> Space:
        return Space(1, 1, 0, 0)

    def close(self) -> None:
        pass


def message(queue_id: str, state: State = "deferred") -> QueuedMessage:
    recipient = Recipient("info@example.org", "example.org")
    return QueuedMessage(queue_id, state, 7, 1000.0, 100, "a@example.com", (recipient,))


def targets_of(queue: MemoryQueue) -> list[Target]:
    return [target_of(each) for each in queue.messages.values()]


@pytest.fixture
def make(tmp_path: Path) -> Callable[[MemoryQueue], Operations]:
    def operations(queue: MemoryQueue) -> Operations:
        audit = Audit(tmp_path / "audit.jsonl", clock=lambda: NOW)
        operator = Operator("anna", "root", 0)
        return Operations(queue, audit=audit, vault=Vault(tmp_path / "kept"), operator=operator, clock=lambda: NOW)

    return operations


Make = Callable[[MemoryQueue], Operations]


def hold_plan(operations: Operations, queue: MemoryQueue) -> Plan:
    return operations.plan(Verb.HOLD, targets_of(queue), "--all")


def test_an_act_is_recorded_from_intent_to_sums(make: Make) -> None:
    queue = MemoryQueue()
    operations = make(queue)
    plan = hold_plan(operations, queue)
    assert plan.steps == ("hold 3",)
    results = list(operations.execute(plan, "primary moves"))
    assert [result.result for result in results] == ["done"] * 3
    (record,) = operations.audit.records()
    assert (record.begin.reason, record.begin.selection, record.begin.host) == (
        "primary moves",
        "--all",
        "mx2.example.net",
    )
    assert (record.counts, record.complete) == ({"done": 3}, True)


def test_nothing_is_done_without_a_record(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = MemoryQueue()
    operations = make(queue)
    plan = hold_plan(operations, queue)

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mxtui.audit.os.write", full)
    with pytest.raises(AuditFailed):
        list(operations.execute(plan))
    assert queue.batches == []


def test_what_is_not_permitted_is_neither_planned_nor_done(make: Make) -> None:
    queue = MemoryQueue()
    operations = make(queue)
    plan = hold_plan(operations, queue)
    queue.verbs = {Verb.HOLD: Permission(False, "only root may change the queue", "run as root")}
    with pytest.raises(NotPermitted, match="only root"):
        hold_plan(operations, queue)
    with pytest.raises(NotPermitted):
        list(operations.execute(plan))
    assert list(operations.audit.records()) == []


def test_a_deletion_can_be_undone_once(make: Make) -> None:
    queue = MemoryQueue()
    operations = make(queue)
    list(operations.execute(operations.plan(Verb.DELETE, targets_of(queue), "--all")))
    assert queue.messages == {}
    (record,) = operations.audit.records()
    undo = operations.undo(record)
    assert (undo.verb, len(undo.targets)) == (Verb.RESTORE, 3)
    results = list(operations.execute(undo, undoes=record.id))
    assert [result.detail for result in results] == ["queued as NEWID01"] * 3
    assert len(queue.restored) == 3
    with pytest.raises(UsageError, match="already"):
        operations.undo(record)
    again = operations.plan_restore(operations.vault.copies(), "all")
    assert again.targets == ()
    assert again.excluded[0].detail == "was put back already: queued as NEWID01"
    forced = operations.plan_restore(operations.vault.copies(), "all", forced=True)
    assert [result.result for result in operations.execute(forced)] == ["done"] * 3


def test_two_restores_of_one_plan_put_the_mail_back_once(make: Make) -> None:
    queue = MemoryQueue(1)
    operations = make(queue)
    list(operations.execute(operations.plan(Verb.DELETE, targets_of(queue), "--all")))
    plan = operations.plan_restore(operations.vault.copies(), "all")
    list(operations.execute(plan))
    assert [result.result for result in operations.execute(plan)] == ["refused"]
    assert len(queue.restored) == 1


def test_a_message_that_could_not_be_copied_is_not_deleted(make: Make) -> None:
    queue = MemoryQueue()
    queue.cannot_save = frozenset({"A00000001"})
    operations = make(queue)
    results = {r.queue_id: r for r in operations.execute(operations.plan(Verb.DELETE, targets_of(queue), "--all"))}
    assert results["A00000001"].result == "refused"
    assert "No space left" in results["A00000001"].detail
    assert list(queue.messages) == ["A00000001"]


def test_a_deletion_without_the_right_to_copy_needs_to_be_told_so(make: Make) -> None:
    queue = MemoryQueue()
    queue.content_permission = Permission(False, "only root and postfix may read queue files")
    operations = make(queue)
    with pytest.raises(NotPermitted, match="no copy can be kept") as refused:
        operations.plan(Verb.DELETE, targets_of(queue), "--all")
    assert "--no-copy" in refused.value.hint
    plan = operations.plan(Verb.DELETE, targets_of(queue), "--all", keep_copy=False)
    list(operations.execute(plan))
    assert queue.messages == {}
    assert list(operations.vault.copies()) == []


def test_copies_that_do_not_fit_stop_the_deletion_before_it_begins(make: Make, tmp_path: Path) -> None:
    queue = MemoryQueue()
    operations = make(queue)
    operations.vault = Vault(tmp_path / "small", keep_bytes=10)
    with pytest.raises(MxtuiError, match="set aside"):
        list(operations.execute(operations.plan(Verb.DELETE, targets_of(queue), "--all")))
    assert len(queue.messages) == 3


def test_a_stop_ends_between_batches_and_says_what_was_not_reached(make: Make) -> None:
    queue = MemoryQueue(BATCH + 5)
    operations = make(queue)
    stop = threading.Event()
    queue.before_batch = stop.set
    results = list(operations.execute(hold_plan(operations, queue), "", stop))
    assert queue.batches == [BATCH]
    assert [result.detail for result in results[BATCH:]] == [STOPPED] * 5
    (record,) = operations.audit.records()
    assert (record.counts, record.complete) == ({"done": BATCH, "refused": 5}, False)


def test_a_terminal_that_goes_away_leaves_what_was_done_in_the_audit(make: Make) -> None:
    queue = MemoryQueue(BATCH + 5)
    operations = make(queue)
    results = operations.execute(hold_plan(operations, queue))
    next(results)
    results.close()  # type: ignore[attr-defined]
    (record,) = operations.audit.records()
    assert (record.counts, record.complete) == ({"done": BATCH}, False)
    assert sum(each.result == "done" for each in operations.audit.entries(record.id)) == BATCH


def test_a_queue_that_breaks_off_leaves_what_was_done_in_the_audit(make: Make) -> None:
    queue = MemoryQueue(BATCH + 5)
    operations = make(queue)

    def second_fails() -> None:
        if queue.batches:
            raise CommandFailed("postsuper: gone")

    queue.before_batch = second_fails
    with pytest.raises(CommandFailed):
        list(operations.execute(hold_plan(operations, queue)))
    (record,) = operations.audit.records()
    assert (record.counts, record.complete) == ({"done": BATCH}, False)


def test_a_hold_is_undone_for_what_is_still_the_same_message(make: Make) -> None:
    queue = MemoryQueue(3)
    operations = make(queue)
    list(operations.execute(hold_plan(operations, queue)))
    del queue.messages["A00000000"]
    queue.messages["A00000001"] = queue.messages["A00000001"]._replace(inode=8)
    (record,) = operations.audit.records()
    undo = operations.undo(record)
    assert [target.queue_id for target in undo.targets] == ["A00000002"]
    assert {(r.queue_id, r.result) for r in undo.excluded} == {("A00000000", "gone"), ("A00000001", "gone")}


def test_a_quarantine_is_undone_and_a_release_out_of_it_too(make: Make) -> None:
    queue = MemoryQueue()
    operations = make(queue)
    list(operations.execute(operations.plan(Verb.QUARANTINE, targets_of(queue), "campaign:c7f3"), "junk"))
    assert {each.state for each in queue.messages.values()} == {"quarantine"}
    first = operations.latest_undoable() or pytest.fail("undoable")
    undo = operations.undo(first)
    assert (undo.verb, len(undo.targets)) == (Verb.UNQUARANTINE, 3)

    list(operations.execute(operations.plan(Verb.RELEASE, targets_of(queue), "is:quarantined")))
    assert {each.state for each in queue.messages.values()} == {"deferred"}
    undo = operations.undo(operations.latest_undoable() or pytest.fail("undoable"))
    assert (undo.verb, len(undo.targets)) == (Verb.QUARANTINE, 3)


def test_an_undone_hold_leaves_in_quarantine_what_got_there_since(make: Make) -> None:
    queue = MemoryQueue()
    operations = make(queue)
    list(operations.execute(hold_plan(operations, queue)))
    held = operations.latest_undoable() or pytest.fail("undoable")
    first, *_ = targets_of(queue)
    list(operations.execute(operations.plan(Verb.QUARANTINE, [first], f"id:{first.queue_id}")))
    undo = operations.undo(held)
    assert first.queue_id not in {target.queue_id for target in undo.targets}
    assert [each.queue_id for each in undo.excluded] == [first.queue_id]


def test_what_a_hold_of_a_domain_did_is_ended_rather_than_undone(make: Make) -> None:
    queue = MemoryQueue(2)
    operations = make(queue)
    list(operations.execute(operations.plan(Verb.HOLD, targets_of(queue), "migrate domain:example.org")))
    (record,) = operations.audit.records()
    with pytest.raises(UsageError, match="belongs to a hold of a domain"):
        operations.undo(record)


def test_what_was_returned_cannot_be_undone(make: Make) -> None:
    queue = MemoryQueue(1)
    operations = make(queue)
    list(operations.execute(operations.plan(Verb.REJECT, targets_of(queue), "--all")))
    (record,) = operations.audit.records()
    with pytest.raises(UsageError, match="cannot be undone"):
        operations.undo(record)


def drain(
    operations: Operations,
    queue: MemoryQueue,
    *,
    probe: Callable[[str], str] = lambda _: "",
    settings: DrainSettings = FAST,
) -> tuple[Draining, list[FlushProgress]]:
    """Everything queued, to the end."""
    plan = operations.plan(Verb.FLUSH, targets_of(queue), "--all")
    draining = Draining(Drain(plan.targets, settings, Connections(settings), time.monotonic()), queue, probe=probe)
    return draining, list(operations.flush(plan, draining, reason="primary is back"))


def test_a_flush_is_recorded_with_its_sums(make: Make) -> None:
    queue = MemoryQueue(3)
    operations = make(queue)
    _, progress = drain(operations, queue)
    assert (progress[0].phase, progress[-1].phase, progress[-1].delivered) == ("probe", "done", 3)
    (record,) = operations.audit.records()
    assert (record.counts["delivered"], record.complete) == (3, True)


def test_a_flush_has_on_record_what_became_of_each_message(make: Make) -> None:
    queue = MemoryQueue(3)
    queue.unheard = frozenset(["A00000002"])
    operations = make(queue)
    drain(operations, queue)
    (record,) = operations.audit.records()
    entries = {entry.identity.queue_id: (entry.result, entry.detail) for entry in operations.audit.entries(record.id)}
    assert sorted(entries.values(), key=str) == [("delivered", "2.0.0 taken"), ("delivered", "2.0.0 taken"), (None, "")]


def test_a_flush_that_ends_without_word_of_some_is_not_complete(make: Make) -> None:
    queue = MemoryQueue(3)
    queue.unheard = frozenset(["A00000002"])
    operations = make(queue)
    _, progress = drain(operations, queue)
    assert progress[-1].left == 1
    (record,) = operations.audit.records()
    assert not record.complete


def hold_left(operations: Operations, draining: Draining, why: str) -> int:
    """How many now are."""
    left = [target for each in draining.left_since() for target in each.targets]
    return sum(result.result == "done" for result in operations.hold_untried(left, why))


def test_a_primary_that_is_not_well_gets_nothing(make: Make) -> None:
    queue = MemoryQueue(3)
    operations = make(queue)
    draining, progress = drain(operations, queue, probe=lambda _: "the primary of example.org is down")
    assert progress[-1].phase == "stopped"
    assert "example.org is down" in progress[-1].why
    assert not queue.delivered
    assert hold_left(operations, draining, "why") == 0, "a refusal is not a reason to hold"


def test_what_a_refused_canary_left_untried_is_held_and_that_is_on_record(make: Make) -> None:
    queue = MemoryQueue(5)
    queue.refused_mail = frozenset(queue.messages)
    operations = make(queue)
    draining, progress = drain(operations, queue)
    assert (progress[-1].phase, progress[-1].refused, progress[-1].left) == ("stopped", 1, 4)
    assert hold_left(operations, draining, progress[-1].why) == 4
    (canary,) = queue.delivered
    assert {each: message.state for each, message in queue.messages.items()} == {
        each: "deferred" if each == canary else "hold" for each in queue.messages
    }
    held, _ = operations.audit.records()
    assert (held.begin.verb, held.begin.messages) == ("hold", 4)
    assert "refused" in held.begin.reason


def test_what_an_operator_stopped_is_not_held(make: Make) -> None:
    queue = MemoryQueue(5)
    operations = make(queue)
    plan = operations.plan(Verb.FLUSH, targets_of(queue), "--all")
    draining = Draining(Drain(plan.targets, FAST, Connections(FAST), time.monotonic()), queue)
    steps = operations.flush(plan, draining)
    next(steps)
    draining.stop("stopped by an operator")
    assert [step.why for step in steps][-1] == "stopped by an operator"
    assert hold_left(operations, draining, "") == 0


def deleted(operations: Operations, queue: MemoryQueue) -> AuditRecord:
    """Everything deleted, with copies; the record of it."""
    list(operations.execute(operations.plan(Verb.DELETE, targets_of(queue), "--all")))
    return next(operations.audit.records())


def test_a_deletion_with_copies_shows_the_steps_of_one(make: Make) -> None:
    queue = MemoryQueue()
    operations = make(queue)
    assert operations.plan(Verb.DELETE, targets_of(queue), "--all").steps == ("delete 3 keeping",)
    assert operations.plan(Verb.DELETE, targets_of(queue), "--all", keep_copy=False).steps == ("delete 3",)


def test_a_deletion_with_copies_needs_the_right_to_hold(make: Make) -> None:
    queue = MemoryQueue()
    queue.verbs = {**queue.verbs, Verb.HOLD: Permission(False, "only root may change the queue")}
    operations = make(queue)
    with pytest.raises(NotPermitted, match="made in hold"):
        operations.plan(Verb.DELETE, targets_of(queue), "--all")
    held = [target._replace(state="hold") for target in targets_of(queue)]
    assert len(operations.plan(Verb.DELETE, held, "--all").targets) == 3
    assert len(operations.plan(Verb.DELETE, targets_of(queue), "--all", keep_copy=False).targets) == 3


def test_what_was_never_deleted_is_not_put_back_by_an_undo(make: Make) -> None:
    queue = MemoryQueue(2)
    queue.refuses = frozenset({"A00000000"})
    operations = make(queue)
    record = deleted(operations, queue)
    del queue.messages["A00000000"]  # delivered meanwhile
    assert [target.queue_id for target in operations.undo(record).targets] == ["A00000001"]


def test_what_may_have_been_deleted_is_put_back_only_if_it_is_gone(make: Make) -> None:
    queue = MemoryQueue(2)
    queue.unsure = frozenset(queue.messages)
    operations = make(queue)
    record = deleted(operations, queue)
    del queue.messages["A00000000"]
    undo = operations.undo(record)
    assert len(undo.targets) == 2
    results = {result.queue_id: result for result in operations.execute(undo)}
    assert results["A00000000"].result == "done"
    assert (results["A00000001"].result, results["A00000001"].detail) == ("refused", "was not deleted: still queued")
    assert [identity.queue_id for identity in queue.restored] == ["A00000000"]


def test_a_restore_that_may_have_queued_something_needs_force_to_be_tried_again(make: Make) -> None:
    queue = MemoryQueue(1)
    operations = make(queue)
    deleted(operations, queue)
    queue.restoring = Result("A00000000", Verb.RESTORE, "failed", "in part only: queued as B1", unsure=True)
    list(operations.execute(operations.plan_restore(operations.vault.copies(), "all")))
    again = operations.plan_restore(operations.vault.copies(), "all")
    assert again.targets == ()
    assert again.excluded[0].detail == "was put back already: in part only: queued as B1"
    assert len(operations.plan_restore(operations.vault.copies(), "all", forced=True).targets) == 1


def test_a_restore_that_queued_nothing_can_be_tried_again(make: Make) -> None:
    queue = MemoryQueue(1)
    operations = make(queue)
    record = deleted(operations, queue)
    queue.restoring = Result("A00000000", Verb.RESTORE, "failed", "sendmail gave 75")
    list(operations.execute(operations.undo(record), undoes=record.id))
    queue.restoring = None
    results = list(operations.execute(operations.undo(record), undoes=record.id))
    assert [result.result for result in results] == ["done"]
    with pytest.raises(UsageError, match="already"):
        operations.undo(record)


def test_what_was_done_is_told_even_when_it_cannot_be_recorded(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = MemoryQueue(3)
    operations = make(queue)
    plan = hold_plan(operations, queue)

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    queue.before_batch = lambda: monkeypatch.setattr("mxtui.audit.os.write", full)
    results = operations.execute(plan)
    assert [next(results).result for _ in range(3)] == ["done"] * 3
    with pytest.raises(ResultsLost) as failed:
        next(results)
    assert failed.value.message.startswith("3 messages WERE acted on; the results of 3 are not on record")
    assert "Nothing is done" not in failed.value.hint
    assert failed.value.exit_status == 1


def test_a_hold_whose_results_were_lost_is_undone_for_what_is_held(make: Make) -> None:
    queue = MemoryQueue(3)
    operations = make(queue)
    plan = hold_plan(operations, queue)
    operations.audit.begin(plan, Operator("anna", "root", 0), host="mx2", queue="/var/spool/postfix")
    list(queue.act(Verb.HOLD, plan.targets[:2]))  # and then the lights went out
    undo = operations.undo(next(operations.audit.records()))
    assert [target.queue_id for target in undo.targets] == ["A00000000", "A00000001"]
    assert [(result.queue_id, result.detail) for result in undo.excluded] == [("A00000002", "not held")]


def test_an_undo_takes_one_look_and_knows_mail_of_which_a_listing_told_no_inode(make: Make) -> None:
    queue = MemoryQueue(3)
    operations = make(queue)
    list(operations.execute(hold_plan(operations, queue)))
    for each, held in queue.messages.items():
        queue.messages[each] = held._replace(inode=0, arrival=held.arrival + 0.25)
    undo = operations.undo(next(operations.audit.records()))
    assert (len(undo.targets), queue.looks) == (3, 1)


def test_releasing_what_is_marked_to_be_returned_is_cautioned(make: Make) -> None:
    queue = MemoryQueue(1)
    queue.messages = {each: it._replace(state="hold", forced_expire=True) for each, it in queue.messages.items()}
    plan = make(queue).plan(Verb.RELEASE, targets_of(queue), "--all")
    assert [caution.title for caution in plan.cautions] == ["Returned"]
