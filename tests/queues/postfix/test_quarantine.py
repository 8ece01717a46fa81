"""Quarantine on a real Postfix: in hold, on record, and out of every way but by name."""

import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mxtui.audit import Audit
from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.model.message import Identity
from mxtui.model.plan import Result, Target
from mxtui.model.planning import target_of
from mxtui.model.source import Verb
from mxtui.operations import Operations
from mxtui.queues.postfix import showq
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.permission import Privileges
from mxtui.queues.postfix.postfix import PostfixQueue
from mxtui.queues.postfix.quarantine import FILE, Quarantine, about
from mxtui.queues.postfix.quarantining import ALREADY, BY_NOW, NO_LONGER
from mxtui.queues.postfix.reader import ListingReader
from mxtui.queues.postfix.whereabouts import locate
from mxtui.vault import Vault
from tests.queues.postfix.acting import settled, state
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postfix


@pytest.fixture
def queue(layout: Layout, tmp_path: Path) -> PostfixQueue:
    return PostfixQueue(layout, marks=tmp_path / "holds")


@pytest.fixture
def mail(instance: PrivatePostfix, layout: Layout) -> list[str]:
    ids = instance.inject("a@client.example", ["info@example.org"], count=3)
    settled(layout, ids, "deferred")
    return ids


def targets(queue: PostfixQueue, ids: list[str]) -> list[Target]:
    return [target_of(message) for message in queue.find_all(ids).values()]


def states(queue: PostfixQueue, ids: list[str]) -> list[str]:
    found = queue.find_all(ids)
    return [found[each].state if each in found else "" for each in ids]


def done(results: Iterator[Result]) -> list[str]:
    """The IDs of what was done, in order."""
    return [result.queue_id for result in results if result.result == "done"]


def postsuper(layout: Layout, option: str, queue_id: str) -> None:
    command = layout.command_directory / "postsuper"
    subprocess.run([command, "-c", layout.config_directory, option, queue_id], check=True, capture_output=True)


def operations_of(queue: PostfixQueue, tmp_path: Path) -> Operations:
    return Operations(queue, audit=Audit(tmp_path / "audit.jsonl"), vault=Vault(tmp_path / "kept"))


def test_quarantined_mail_is_in_hold_is_shown_as_such_everywhere_and_counted_apart(
    queue: PostfixQueue, layout: Layout, mail: list[str], tmp_path: Path
) -> None:
    held, waiting, other = mail
    assert done(queue.act(Verb.HOLD, targets(queue, [held]))) == [held]
    assert done(queue.act(Verb.QUARANTINE, targets(queue, [held, waiting]))) == [held, waiting]
    assert [state(layout, each) for each in mail] == ["hold", "hold", "deferred"]

    fresh = PostfixQueue(layout, marks=tmp_path / "holds")
    assert states(fresh, mail) == ["quarantine", "quarantine", "deferred"]
    read = {message.queue_id: message.state for batch in fresh.read() for message in batch.present}
    assert read == {held: "quarantine", waiting: "quarantine", other: "deferred"}
    assert fresh.depth() == {**fresh.depth(), "hold": 0, "quarantine": 2, "deferred": 1}
    for tallies in (fresh.count(0), fresh.count_again(0, tmp_path / "cache").tallies):
        for tally in (tallies.whole, tallies.domains["example.org"]):
            assert (tally.states.get("hold"), tally.states["quarantine"], tally.messages) == (0, 2, 3)
    (again,) = fresh.act(Verb.QUARANTINE, targets(fresh, [held]))
    assert (again.result, again.detail) == ("refused", ALREADY)


def test_a_release_that_does_not_name_it_leaves_it_and_one_that_does_delivers_it(
    queue: PostfixQueue, mail: list[str], primary: FakePrimary, tmp_path: Path
) -> None:
    operations = operations_of(queue, tmp_path)
    spam, *others = mail
    list(queue.act(Verb.HOLD, targets(queue, others)))
    plan = operations.plan(Verb.QUARANTINE, targets(queue, [spam]), f"id:{spam}")
    assert done(operations.execute(plan, "junk")) == [spam]

    primary.up()
    everything = operations.plan(Verb.RELEASE, targets(queue, mail), "--all")
    assert [each.queue_id for each in everything.excluded] == [spam]
    assert sorted(done(operations.execute(everything))) == sorted(others)
    wait_until(lambda: len(primary.accepted) == 2)
    assert states(queue, [spam]) == ["quarantine"]

    named = operations.plan(Verb.RELEASE, targets(queue, [spam]), "is:quarantined")
    assert "postsuper" in named.steps[0]
    assert done(operations.execute(named)) == [spam]
    wait_until(lambda: len(primary.accepted) == 3)


def test_an_undo_puts_each_back_to_where_it_was(
    queue: PostfixQueue, layout: Layout, mail: list[str], tmp_path: Path
) -> None:
    operations = operations_of(queue, tmp_path)
    held = mail[0]
    list(queue.act(Verb.HOLD, targets(queue, [held])))
    plan = operations.plan(Verb.QUARANTINE, targets(queue, mail), "--all")
    assert len(done(operations.execute(plan))) == 3
    undo = operations.undo(operations.latest_undoable() or pytest.fail("undoable"))
    assert sorted(done(operations.execute(undo))) == sorted(mail)
    assert states(queue, mail) == ["hold", "deferred", "deferred"]
    (result,) = queue.act(Verb.UNQUARANTINE, [target_of(queue.find(held) or pytest.fail("there"))])
    assert (result.result, result.detail) == ("refused", NO_LONGER)


def test_what_was_planned_as_held_and_is_in_quarantine_by_now_is_not_let_go(
    queue: PostfixQueue, mail: list[str]
) -> None:
    list(queue.act(Verb.HOLD, targets(queue, mail)))
    planned = targets(queue, mail)
    list(queue.act(Verb.QUARANTINE, planned[:1]))
    for verb in (Verb.RELEASE, Verb.RENEW, Verb.REJECT):
        (result,) = queue.act(verb, planned[:1])
        assert (result.result, result.detail) == ("refused", BY_NOW)
    (result,) = queue.let_go(planned[:1])
    assert result.detail == BY_NOW


@pytest.mark.parametrize("option", ["-H", "-r"])
def test_what_another_program_took_out_is_shown_as_what_it_is_and_held_again_is_held(
    queue: PostfixQueue, layout: Layout, mail: list[str], option: str
) -> None:
    spam = mail[0]
    list(queue.act(Verb.QUARANTINE, targets(queue, [spam])))
    postsuper(layout, option, spam)
    assert "quarantine" not in states(queue, mail)
    if option == "-H":
        settled(layout, [spam], "deferred")
        postsuper(layout, "-h", spam)
        assert states(queue, [spam]) == ["hold"]
        assert done(queue.act(Verb.RELEASE, targets(queue, [spam]))) == [spam]


def test_what_is_marked_to_be_returned_stays_in_quarantine(
    queue: PostfixQueue, layout: Layout, mail: list[str]
) -> None:
    list(queue.act(Verb.QUARANTINE, targets(queue, mail[:1])))
    postsuper(layout, "-e", mail[0])
    assert states(queue, mail[:1]) == ["quarantine"]


def test_another_message_under_the_same_id_is_not_in_quarantine(
    queue: PostfixQueue, layout: Layout, mail: list[str], tmp_path: Path
) -> None:
    list(queue.act(Verb.HOLD, targets(queue, mail)))
    record = Quarantine(layout, tmp_path / "holds")
    one, two, three = targets(queue, mail)
    changed = [os.lstat((locate(layout, each) or pytest.fail("there")).path).st_ctime_ns for each in mail]
    other_inode = one._replace(identity=one.identity._replace(inode=one.identity.inode + 1))
    earlier = two._replace(identity=two.identity._replace(arrival=two.identity.arrival - 60))
    record.add([about(each, changed=at) for each, at in zip((other_inode, earlier, three), changed, strict=True)])
    assert states(queue, mail) == ["hold", "hold", "quarantine"]


def test_deleted_out_of_quarantine_a_copy_is_kept_and_the_record_forgets_it(
    queue: PostfixQueue, layout: Layout, mail: list[str], tmp_path: Path
) -> None:
    operations = operations_of(queue, tmp_path)
    list(queue.act(Verb.QUARANTINE, targets(queue, mail)))
    plan = operations.plan(Verb.DELETE, targets(queue, mail), "is:quarantined")
    assert not any(" -h " in step for step in plan.steps)
    assert len(done(operations.execute(plan))) == 3
    assert states(queue, mail) == ["", "", ""]
    assert not Quarantine(layout, tmp_path / "holds").known()
    undo = operations.undo(operations.latest_undoable() or pytest.fail("undoable"))
    assert len(undo.targets) == 3
    assert "Suspected spam" in [caution.title for caution in undo.cautions]


def test_a_console_sees_what_somebody_else_quarantines_and_takes_out_again(
    queue: PostfixQueue, layout: Layout, mail: list[str], tmp_path: Path
) -> None:
    list(queue.act(Verb.HOLD, targets(queue, mail[:1])))
    watching, stop = PostfixQueue(layout, marks=tmp_path / "holds"), threading.Event()
    known: dict[str, str] = {}

    def follow() -> None:
        for changes in watching.watch(stop):
            known.update((message.queue_id, message.state) for message in changes.present)

    known.update((message.queue_id, message.state) for batch in watching.read() for message in batch.present)
    thread = threading.Thread(target=follow)
    thread.start()
    try:
        list(queue.act(Verb.QUARANTINE, targets(queue, mail[:2])))
        wait_until(lambda: [known[each] for each in mail] == ["quarantine", "quarantine", "deferred"])
        list(queue.act(Verb.UNQUARANTINE, targets(queue, mail[:2])))
        wait_until(lambda: [known[each] for each in mail] == ["hold", "deferred", "deferred"])
    finally:
        stop.set()
        thread.join()


def test_who_may_only_list_the_queue_sees_it_too(
    queue: PostfixQueue, layout: Layout, mail: list[str], tmp_path: Path
) -> None:
    list(queue.act(Verb.QUARANTINE, targets(queue, mail[:1])))

    def listing(layout: Layout) -> ListingReader:
        return ListingReader("showq", lambda: showq.list_queue(layout), lambda: "")

    listed = PostfixQueue(layout, road=listing, marks=tmp_path / "holds")
    assert states(listed, mail) == ["quarantine", "deferred", "deferred"]
    assert listed.count(0).whole.states == {"quarantine": 1, "deferred": 2}


def test_our_own_sender_is_not_taken_a_message_out_of_hand(
    queue: PostfixQueue, layout: Layout, mail: list[str]
) -> None:
    import fcntl

    list(queue.act(Verb.HOLD, targets(queue, mail[:1])))
    path = (locate(layout, mail[0]) or pytest.fail("there")).path
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        (result,) = queue.act(Verb.QUARANTINE, targets(queue, mail[:1]))
    assert (result.result, result.detail) == ("refused", "in delivery now")
    assert states(queue, mail[:1]) == ["hold"]


def test_where_the_record_cannot_be_written_nothing_is_touched_and_the_verb_says_so(
    layout: Layout, mail: list[str], tmp_path: Path
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    queue = PostfixQueue(layout, marks=in_the_way / "holds")
    results = list(queue.act(Verb.QUARANTINE, targets(queue, mail)))
    assert {result.result for result in results} == {"failed"}
    assert {state(layout, each) for each in mail} == {"deferred"}
    without = PostfixQueue(layout).capabilities().may(Verb.QUARANTINE)
    assert not without.allowed


def test_a_user_without_sudo_rules_may_not_quarantine(layout: Layout, tmp_path: Path) -> None:
    nobody = Privileges(root=False, sudo="/nonexistent/sudo")
    queue = PostfixQueue(layout, privileges=nobody, marks=tmp_path / "holds")
    denied = queue.capabilities().may(Verb.QUARANTINE)
    assert (denied.allowed, "-h - deferred incoming" in denied.hint) == (False, True)


def test_a_line_cut_short_says_nothing_and_is_not_glued_to_the_next(layout: Layout, tmp_path: Path) -> None:
    record = Quarantine(layout, tmp_path)
    made = Target(Identity("ABCDEF012", 7, 1000.5), "deferred", 1, "", ("example.org", "caf\udce9.example"), 1, None)
    record.add([about(made, changed=1)])
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'["123456789", 7, 10')
    assert list(record.known()) == ["ABCDEF012"]
    record.add([about(made._replace(identity=Identity("FEDCBA987", 8, 1000.5)), changed=2)])
    assert list(Quarantine(layout, tmp_path).known()) == ["ABCDEF012", "FEDCBA987"]
    assert record.known()["ABCDEF012"] == about(made, changed=1)
    assert record.refresh() == ()


@pytest.mark.parametrize(
    "line",
    [b"{}", b"[1]", b'["../../x"]', b"\xff\xfe", b"[" * 5000, b'["ABCDEF012", 1]', b""],
    ids=["object", "number", "path", "no text", "deep", "short", "empty"],
)
def test_a_line_that_nobody_of_ours_wrote_is_passed_over(layout: Layout, tmp_path: Path, line: bytes) -> None:
    (tmp_path / FILE).write_bytes(line + b'\n["ABCDEF012", 7, 1000.5, 1, 0, false, ["example.org"]]\n')
    assert list(Quarantine(layout, tmp_path).known()) == ["ABCDEF012"]


def test_what_is_past_is_written_out_of_the_record_in_time(
    queue: PostfixQueue, layout: Layout, mail: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mxtui.queues.postfix.quarantine.SLACK", 4)
    for _ in range(3):
        list(queue.act(Verb.QUARANTINE, targets(queue, mail)))
        list(queue.act(Verb.RELEASE, targets(queue, mail)))
        settled(layout, mail, "deferred")
    list(queue.act(Verb.QUARANTINE, targets(queue, mail[:1])))
    assert len((tmp_path / "holds" / FILE).read_bytes().splitlines()) < 12
    assert states(queue, mail) == ["quarantine", "deferred", "deferred"]
