"""The record of what operators did."""

import os
import threading
from pathlib import Path

import pytest

from mxtui.audit import Audit, Operator, backwards, this_operator
from mxtui.errors import AuditFailed
from mxtui.model.message import Identity
from mxtui.model.plan import Plan, Result
from mxtui.model.source import Verb
from tests.support.plans import target

OPERATOR = Operator("anna", "root", 0, "anna", "/dev/pts/3")


def plan_of(count: int, verb: Verb = Verb.HOLD) -> Plan:
    return Plan(verb, tuple(target(f"A{number:08X}") for number in range(count)), 1000.0, "domain:example.org")


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    return Audit(tmp_path / "log" / "audit.jsonl", clock=lambda: 1_700_000_000.0)


def record(audit: Audit, plan: Plan, *, complete: bool = True, undoes: str = "") -> str:
    act = audit.begin(plan, OPERATOR, host="mx2", queue="/q", reason="spam [b]", undoes=undoes)
    act.results([Result(each.queue_id, plan.verb, "done") for each in plan.targets])
    act.end(complete=complete)
    return act.id


def test_the_file_is_for_its_owner_only(audit: Audit) -> None:
    record(audit, plan_of(1))
    assert audit.path.stat().st_mode & 0o777 == 0o600


def test_the_intent_is_on_disk_before_any_result(audit: Audit) -> None:
    act = audit.begin(plan_of(3), OPERATOR, host="mx2", queue="/q")
    (found,) = audit.records()
    assert (found.begin.messages, found.ended_at, found.complete) == (3, None, False)
    entries = audit.entries(act.id)
    assert [entry.result for entry in entries] == [None, None, None]
    assert entries[0].identity == Identity("A00000000", 7, 1000.0)


def test_ten_thousand_messages_make_a_record_that_reads_back_whole(audit: Audit) -> None:
    identifier = record(audit, plan_of(10_000))
    (found,) = audit.records()
    assert found.counts == {"done": 10_000}
    assert found.complete
    assert found.begin.operator == OPERATOR
    entries = audit.entries(identifier)
    assert [entry.identity.queue_id for entry in entries] == [f"A{number:08X}" for number in range(10_000)]
    assert max(map(len, audit.path.read_bytes().splitlines())) < 200_000


def test_the_newest_record_comes_first_without_reading_the_rest(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(50):
        record(audit, plan_of(500))
    newest = record(audit, plan_of(1))
    read: list[int] = []
    plain = Audit.records

    def counted(path: Path) -> object:
        for line in backwards(path):
            read.append(len(line))
            yield line

    monkeypatch.setattr("mxtui.audit.backwards", counted)
    assert next(plain(audit, limit=1)).id == newest
    assert sum(read) < 2_000


def test_a_line_cut_short_by_a_crash_spoils_nothing_else(audit: Audit) -> None:
    first = record(audit, plan_of(2))
    with audit.path.open("ab") as file:
        file.write(b'{"event":"begin","id":"2023')
    second = record(audit, plan_of(3))
    assert [found.id for found in audit.records()] == [second, first]


def test_lines_of_others_and_of_absurd_length_are_passed_over(audit: Audit) -> None:
    first = record(audit, plan_of(2))
    with audit.path.open("ab") as file:
        file.write(b"\x00\xff not json\n[]\n" + b"x" * (5 * 1024 * 1024) + b"\n")
    second = record(audit, plan_of(1))
    assert [found.id for found in audit.records()] == [second, first]


def test_rotation_is_followed_by_writer_and_reader(audit: Audit) -> None:
    act = audit.begin(plan_of(2), OPERATOR, host="mx2", queue="/q")
    audit.path.rename(audit.path.with_name("audit.jsonl.1"))
    act.results([Result("A00000000", Verb.HOLD, "done")])
    act.end(complete=False)
    (found,) = audit.records()
    assert found.counts == {"done": 1}
    assert [entry.result for entry in audit.entries(act.id)] == ["done", None]


def test_two_writers_never_mix_their_lines(audit: Audit) -> None:
    plans = [plan_of(1_500) for _ in range(4)]
    threads = [threading.Thread(target=record, args=(audit, plan)) for plan in plans]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found.counts for found in audit.records()] == [{"done": 1_500}] * 4


def test_a_full_disk_leaves_no_trace_and_is_an_error(audit: Audit, monkeypatch: pytest.MonkeyPatch) -> None:
    first = record(audit, plan_of(1))
    before = audit.path.read_bytes()
    plain = os.write

    def full(fd: int, data: bytes) -> int:
        if len(data) > 100:
            return plain(fd, bytes(data[:100]))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mxtui.audit.os.write", full)
    with pytest.raises(AuditFailed, match="No space left"):
        audit.begin(plan_of(5), OPERATOR, host="mx2", queue="/q")
    monkeypatch.undo()
    assert audit.path.read_bytes() == before
    assert [found.id for found in audit.records()] == [first]


def test_hostile_text_is_bounded_and_sound(audit: Audit) -> None:
    plan = Plan(Verb.HOLD, (target("A00000000", sender="\ud800\x1b[31m" + "x" * 9_999),), 0.0, "\udcff")
    act = audit.begin(plan, OPERATOR, host="mx2", queue="/q")
    assert len(audit.entries(act.id)[0].sender) < 600


def test_records_can_be_chosen(audit: Audit) -> None:
    hold = record(audit, plan_of(1))
    record(audit, plan_of(1, Verb.DELETE), undoes=hold)
    assert [found.id for found in audit.records(matching=lambda found: found.begin.verb is Verb.HOLD)] == [hold]
    assert [found.begin.undoes for found in audit.records(limit=1)] == [hold]


def test_no_file_means_no_records(tmp_path: Path) -> None:
    assert list(Audit(tmp_path / "none").records()) == []


@pytest.mark.parametrize("text", [b"", b"\n", b"a", b"a\n", b"a\nb", b"\n\na\n\nb\n"])
def test_lines_backwards(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(text)
    assert list(backwards(path)) == [line for line in reversed(text.split(b"\n")) if line]


def test_lines_that_cross_blocks_come_whole(tmp_path: Path) -> None:
    lines = [bytes([65 + number]) * (40_000 * (number + 1)) for number in range(6)]
    path = tmp_path / "file"
    path.write_bytes(b"\n".join(lines) + b"\n")
    assert list(backwards(path)) == lines[::-1]


def test_the_operator_is_somebody() -> None:
    assert this_operator().login
    assert this_operator().uid == os.getuid()
