"""From a plan to a queue: nothing without a record, nothing deleted without a copy."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from mxtui.audit import Audit, Operator
from mxtui.errors import AuditFailed, CommandFailed, MxtuiError, NotPermitted, UsageError
from mxtui.model.kept import KeptHeader, encode_header, kept_name
from mxtui.model.message import Changes, Identity, QueuedMessage, Recipient, State
from mxtui.model.plan import FlushProgress, Plan, Result, Target
from mxtui.model.planning import target_of
from mxtui.model.source import ALLOWED, Capabilities, Permission, Source, Space, Verb
from mxtui.operations import BATCH, STOPPED, Operations
from mxtui.queues.queue import Queue
from mxtui.vault import Vault

NOW = 1_700_000_000.0


class MemoryQueue(Queue):
    """A queue of messages in memory, with switches for what goes wrong."""

    def __init__(self, count: int = 3) -> None:
        self.messages = {f"A{n:08X}": message(f"A{n:08X}") for n in range(count)}
        self.restored: list[Identity] = []
        self.batches: list[int] = []
        self.verbs: Mapping[Verb, Permission] = dict.fromkeys(Verb, ALLOWED)
        self.content_permission = ALLOWED
        self.cannot_save: frozenset[str] = frozenset()
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

    def content(self, queue_id: str, limit: int) -> bytes:
        return b""

    def save(self, target: Target, folder: Path) -> None:
        if target.queue_id in self.cannot_save:
            raise OSError(28, "No space left on device")
        (folder / kept_name(target.identity)).write_bytes(encode_header(KeptHeader("postfix", target, NOW)))

    def steps(self, verb: Verb, targets: Sequence[Target]) -> tuple[str, ...]:
        return (f"{verb} {len(targets)}",)

    def act(self, verb: Verb, targets: Sequence[Target]) -> Iterator[Result]:
        self.before_batch()
        self.batches.append(len(targets))
        for target in targets:
            if verb is Verb.DELETE:
                del self.messages[target.queue_id]
            else:
                held = self.messages[target.queue_id]
                self.messages[target.queue_id] = held._replace(state="hold" if verb is Verb.HOLD else "deferred")
            yield Result(target.queue_id, verb, "done")

    def flush(self, targets: Sequence[Target], stop: threading.Event) -> Iterator[FlushProgress]:
        for left in range(len(targets) - 1, -1, -1):
            phase = "steady" if left else "done"
            yield FlushProgress(len(targets), len(targets) - left, 0, 0, left, 1.0, None, phase)  # type: ignore[arg-type]

    def restore(self, folder: Path, identity: Identity) -> Result:
        assert (folder / kept_name(identity)).exists()
        self.restored.append(identity)
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
    assert (record.counts, record.complete) == ({"done": BATCH}, False)


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


def test_what_was_returned_cannot_be_undone(make: Make) -> None:
    queue = MemoryQueue(1)
    operations = make(queue)
    list(operations.execute(operations.plan(Verb.REJECT, targets_of(queue), "--all")))
    (record,) = operations.audit.records()
    with pytest.raises(UsageError, match="cannot be undone"):
        operations.undo(record)


def test_a_flush_is_recorded_with_its_sums(make: Make) -> None:
    queue = MemoryQueue(3)
    operations = make(queue)
    plan = operations.plan(Verb.FLUSH, targets_of(queue), "--all")
    assert [progress.left for progress in operations.flush(plan, reason="primary is back")] == [2, 1, 0]
    (record,) = operations.audit.records()
    assert (record.counts["delivered"], record.complete) == (3, True)
