"""Hold, release, reject and delete on a real Postfix."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.model.kept import kept_name
from mxtui.model.message import Identity, QueuedMessage, State
from mxtui.model.plan import Result, Target
from mxtui.model.source import Verb
from mxtui.model.totals import Edge, Totals
from mxtui.queues.postfix import kept, removal
from mxtui.queues.postfix.actions import Actions, Said
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.permission import Privileges
from mxtui.queues.postfix.postfix import PostfixQueue
from mxtui.queues.postfix.whereabouts import locate
from tests.conftest import PostfixFactory
from tests.queues.postfix.acting import QUIET, layout_of, log_of, settled, state, targets
from tests.support.ageing import set_back
from tests.support.costs import cpu_seconds
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postfix


@pytest.fixture
def actions(layout: Layout) -> Actions:
    return Actions(layout, Privileges())


def queued(instance: PrivatePostfix, layout: Layout, count: int = 1, sender: str = "a@client.example") -> list[Target]:
    ids = instance.inject(sender, ["info@example.org"], count=count)
    settled(layout, ids, "deferred")
    return targets(layout, ids)


def no_edges(*_: object) -> Edge:
    raise AssertionError("nothing was removed")


def in_deferred(instance: PrivatePostfix) -> list[str]:
    return [path.name for path in (instance.queue_directory / "deferred").rglob("*") if path.is_file()]


def outcomes(results: list[Result]) -> Counter[str]:
    return Counter(result.result for result in results)


def test_held_mail_is_in_hold_and_released_mail_is_tried_at_once(
    instance: PrivatePostfix, layout: Layout, actions: Actions, primary: FakePrimary
) -> None:
    mail = queued(instance, layout, 3)
    assert outcomes(list(actions.act(Verb.HOLD, mail))) == {"done": 3}
    assert {state(layout, each.queue_id) for each in mail} == {"hold"}
    primary.up()
    held = targets(layout, [each.queue_id for each in mail])
    assert outcomes(list(actions.act(Verb.RELEASE, held))) == {"done": 3}
    wait_until(lambda: len(primary.accepted) == 3)


def test_two_thousand_are_held_with_a_second_of_work_and_deleted_with_copies_with_four(
    instance: PrivatePostfix, layout: Layout, actions: Actions, tmp_path: Path
) -> None:
    # Held on arrival, so that 2,000 are there at once.
    (instance.config_directory / "held").write_text("info@example.org HOLD for the test\n")
    instance.postconf(smtpd_recipient_restrictions=f"check_recipient_access texthash:{instance.config_directory}/held")
    ids = instance.inject("", ["info@example.org"], count=2_000)
    mail = back_in_deferred(layout, ids)
    assert least_work(lambda part: actions.act(Verb.HOLD, part), mail) < 1.0
    mail = back_in_deferred(layout, ids)
    assert least_work(lambda part: removal.delete(layout, actions, part, tmp_path), mail) < 4.0
    assert {path.name for path in tmp_path.iterdir()} == {kept_name(target.identity) for target in mail}


def least_work(act: Callable[[list[Target]], Iterable[Result]], mail: list[Target]) -> float:
    """CPU seconds for all of it, at the rate of the best quarter: who else is busy only ever adds to it."""
    part, spent = len(mail) // 4, list[float]()
    for start in range(0, len(mail), part):
        began = cpu_seconds()
        results = list(act(mail[start : start + part]))
        spent.append(cpu_seconds() - began)
        assert outcomes(results) == {"done": part}
    return 4 * min(spent)


def back_in_deferred(layout: Layout, ids: list[str]) -> list[Target]:
    for queue_id in ids:
        here = locate(layout, queue_id)
        assert here is not None
        folder = layout.queue_directory / layout.hashing.folder("deferred", queue_id)
        folder.mkdir(mode=0o700, exist_ok=True)
        os.chown(folder, here.path.stat().st_uid, here.path.stat().st_gid)
        here.path.rename(folder / queue_id)
    return targets(layout, ids)


def test_a_message_in_delivery_is_never_held(postfix: PostfixFactory, primary: FakePrimary) -> None:
    primary.behave(delay=600)
    instance = postfix(routes={"example.org": primary.port}, settings=QUIET)
    layout = layout_of(instance)
    (queue_id,) = instance.inject("", ["info@example.org"])
    settled(layout, [queue_id], "active")
    (result,) = Actions(layout, Privileges()).act(Verb.HOLD, targets(layout, [queue_id]))
    assert (result.result, result.detail) == ("refused", "in delivery now")
    assert state(layout, queue_id) == "active"


def test_a_message_that_became_active_after_the_last_look_is_not_touched(
    instance: PrivatePostfix, layout: Layout, actions: Actions, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mail,) = queued(instance, layout)
    here = locate(layout, mail.queue_id)
    assert here is not None
    active = layout.queue_directory / layout.hashing.folder("active", mail.queue_id)
    plain = Actions.checked

    def then_it_moves(self: Actions, verb: Verb, targets: list[Target]) -> object:
        checked = plain(self, verb, targets)
        here.path.rename(active / mail.queue_id)
        return checked

    monkeypatch.setattr(Actions, "checked", then_it_moves)
    (result,) = actions.act(Verb.HOLD, [mail])
    assert (result.result, result.detail) == ("refused", "in delivery now")
    assert state(layout, mail.queue_id) == "active"


def test_ids_that_vanish_or_are_used_again_are_told_apart(
    instance: PrivatePostfix, layout: Layout, actions: Actions
) -> None:
    vanished, reused, later, sound = queued(instance, layout, 4)
    found(layout, vanished).unlink()
    other_inode = reused._replace(identity=reused.identity._replace(inode=reused.identity.inode + 1))
    other_arrival = later._replace(identity=later.identity._replace(arrival=later.identity.arrival - 60))
    results = list(actions.act(Verb.DELETE, [vanished, other_inode, other_arrival, sound]))
    assert {result.queue_id: result.result for result in results} == {
        vanished.queue_id: "gone",
        reused.queue_id: "changed",
        later.queue_id: "changed",
        sound.queue_id: "done",
    }
    assert state(layout, reused.queue_id) == state(layout, later.queue_id) == "deferred"


def found(layout: Layout, target: Target) -> Path:
    here = locate(layout, target.queue_id)
    assert here is not None
    return here.path


def test_what_is_not_a_queue_id_reaches_no_command(instance: PrivatePostfix, layout: Layout, actions: Actions) -> None:
    (sound,) = queued(instance, layout)
    hostile = [
        "ALL",
        "-x",
        "-d",
        "../../etc/passwd",
        "",
        f"A\n{sound.queue_id}",
        f"{sound.queue_id} deferred",
        "ÄÄÄÄÄÄÄ",
    ]
    for verb in (Verb.HOLD, Verb.DELETE):
        results = list(actions.act(verb, [sound._replace(identity=Identity(text, 1, 1.0)) for text in hostile]))
        assert {(result.result, result.detail) for result in results} == {("refused", "not a queue ID")}
    assert state(layout, sound.queue_id) == "deferred"


def test_rejected_mail_is_returned_and_bounces_vanish_without_notice(
    instance: PrivatePostfix, layout: Layout, actions: Actions, primary: FakePrimary
) -> None:
    (normal,) = queued(instance, layout)
    (held,) = queued(instance, layout, sender="b@client.example")
    (null,) = queued(instance, layout, sender="")
    list(actions.act(Verb.HOLD, [held]))
    primary.behave(permanent="@example.org$")
    primary.up()
    results = list(actions.act(Verb.REJECT, [normal, *targets(layout, [held.queue_id]), null]))
    assert outcomes(results) == {"done": 3}
    settled(layout, [normal.queue_id, held.queue_id, null.queue_id], "")
    wait_until(lambda: len(primary.accepted) == 2)
    notices = {message.recipients[0]: message for message in primary.accepted}
    assert set(notices) == {"a@client.example", "b@client.example"}
    assert all(message.sender == "" and b"Undelivered Mail" in message.content for message in notices.values())
    wait_until(lambda: f"{null.queue_id}: from=<>, status=force-expired" in log_of(instance))


def test_mail_past_its_lifetime_is_renewed_on_release(
    instance: PrivatePostfix, layout: Layout, primary: FakePrimary
) -> None:
    mail = queued(instance, layout, 2)
    actions = Actions(layout, Privileges())
    list(actions.act(Verb.HOLD, mail))
    old, young = targets(layout, [each.queue_id for each in mail])
    old = old._replace(expires=time.time() - 1)
    steps = actions.steps(Verb.RELEASE, [old, young])
    assert ["-H - hold  < 1 queue ID" in steps[0], "-r - hold  < 1 queue ID" in steps[1]] == [True, True]
    results = {result.queue_id: result for result in actions.act(Verb.RELEASE, [old, young])}
    assert results[old.queue_id].detail == "renewed: queued again under a new ID"
    assert results[young.queue_id].detail == ""
    wait_until(lambda: f"orig_id={old.queue_id}" in log_of(instance))


def test_what_is_to_be_renewed_goes_through_hold_under_a_new_id_and_with_a_new_lifetime(
    instance: PrivatePostfix, layout: Layout, actions: Actions
) -> None:
    waiting, held = queued(instance, layout, 2)
    list(actions.act(Verb.HOLD, [held]))
    for each in (waiting, held):
        set_back(layout, each.queue_id, 4 * 86_400)
    both = targets(layout, [waiting.queue_id, held.queue_id])
    steps = actions.steps(Verb.RENEW, both)
    assert ["-h - deferred incoming  < 1 queue ID" in steps[0], "-r - hold  < 2 queue IDs" in steps[1]] == [True, True]
    results = list(actions.act(Verb.RENEW, both))
    assert {(each.action, each.result, each.detail) for each in results} == {
        (Verb.RENEW, "done", "renewed: queued again under a new ID")
    }
    wait_until(lambda: len(in_deferred(instance)) == 2, what="both are queued, and tried, again")
    assert all(f"orig_id={each.queue_id}" in log_of(instance) for each in both)
    assert set(in_deferred(instance)).isdisjoint({waiting.queue_id, held.queue_id})
    # Its arrival is kept; what counts for qmgr is when it was queued again.
    now, queue = time.time(), PostfixQueue(layout)
    found = [message for changes in queue.read() for message in changes.present]
    assert len(found) == 2
    for message in found:
        assert message.arrival == pytest.approx(now - 4 * 86_400, abs=60)
        assert message.expires == pytest.approx(now + 5 * 86_400, abs=60)
    assert Totals(now, queue.count(now)).queue(no_edges).next_expire == pytest.approx(now + 5 * 86_400, abs=60)


def test_what_cannot_be_renewed_is_left_as_it_was(
    instance: PrivatePostfix, layout: Layout, actions: Actions, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mail,) = queued(instance, layout)
    real = Actions._postsuper

    def no_requeue(self: Actions, arguments: Sequence[str], some: Sequence[Target]) -> Said:
        return Said(set(), "fatal: no") if arguments[0] == "-r" else real(self, arguments, some)

    monkeypatch.setattr(Actions, "_postsuper", no_requeue)
    (result,) = actions.act(Verb.RENEW, [mail])
    assert (result.action, result.result, result.detail) == (Verb.RENEW, "failed", "fatal: no")
    assert state(layout, mail.queue_id) != "hold"


def test_renewing_that_would_drop_a_filter_is_refused(
    instance: PrivatePostfix, layout: Layout, actions: Actions
) -> None:
    (instance.config_directory / "checks").write_text("/^Subject: filtered/ FILTER smtp:[127.0.0.1]:9\n")
    instance.postconf(header_checks=f"regexp:{instance.config_directory}/checks")
    ids = instance.inject("a@client.example", ["info@example.org"], b"Subject: filtered\n\nx\n")
    settled(layout, ids, "deferred")
    list(actions.act(Verb.HOLD, targets(layout, ids)))
    (old,) = targets(layout, ids, lifetime=0.0)
    (result,) = actions.act(Verb.RELEASE, [old])
    assert result.result == "refused"
    assert "FILTER" in result.detail
    (result,) = actions.act(Verb.RENEW, [old])
    assert (result.result, result.detail) == ("refused", "renewing would drop its FILTER")
    assert state(layout, ids[0]) == "hold"


def test_a_stopped_postfix_is_left_alone_after_the_first_message_dies(
    instance: PrivatePostfix, layout: Layout, actions: Actions
) -> None:
    """What permission() prevents: were it tried all the same, each result is still true."""
    mail = queued(instance, layout, 3)
    instance.stop()
    results = list(actions.act(Verb.HOLD, mail))
    for result in results:
        assert (result.result == "done") == (state(layout, result.queue_id) == "hold")
    assert any("fatal" in result.detail for result in results)


def test_a_command_that_cannot_be_run_fails_every_message(instance: PrivatePostfix, layout: Layout) -> None:
    mail = queued(instance, layout, 2)
    broken = replace(layout, command_directory=Path("/nonexistent"))
    results = list(Actions(broken, Privileges()).act(Verb.HOLD, mail))
    assert outcomes(results) == {"failed": 2}
    assert "cannot be run" in results[0].detail


def moved(layout: Layout, target: Target, state: State) -> None:
    """As if somebody, or qmgr, had moved it."""
    folder = layout.queue_directory / layout.hashing.folder(state, target.queue_id)
    folder.mkdir(mode=0o700, exist_ok=True)
    owner = found(layout, target).stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    found(layout, target).rename(folder / target.queue_id)


def test_deleting_with_copies_shows_its_steps(layout: Layout, actions: Actions) -> None:
    waiting = Target(Identity("A1B2C3D4E5", 7, 1.0), "deferred", 1, "", (), 1, None)
    held = Target(Identity("B1B2C3D4E5", 8, 1.0), "hold", 1, "", (), 1, None)
    hold, copy, delete = removal.steps(actions, [waiting, held])
    assert hold.endswith("-h - deferred incoming  < 1 queue ID")
    assert copy.startswith("copy from hold")
    assert delete.endswith("-d - hold deferred incoming  < 2 queue IDs")
    assert len(removal.steps(actions, [held])) == 2


def test_what_was_not_deleted_leaves_no_copy(
    instance: PrivatePostfix, layout: Layout, actions: Actions, tmp_path: Path
) -> None:
    deferred, delivering, gone, reused, held = queued(instance, layout, 5)
    list(actions.act(Verb.HOLD, [held]))
    moved(layout, delivering, "active")
    found(layout, gone).unlink()
    other = reused._replace(identity=reused.identity._replace(inode=reused.identity.inode + 1))
    results = list(removal.delete(layout, actions, [deferred, delivering, gone, other, held], tmp_path))
    assert {result.queue_id: result.result for result in results} == {
        deferred.queue_id: "done",
        delivering.queue_id: "refused",
        gone.queue_id: "gone",
        reused.queue_id: "changed",
        held.queue_id: "done",
    }
    assert {result.action for result in results} == {Verb.DELETE}
    assert {path.name for path in tmp_path.iterdir()} == {kept_name(each.identity) for each in (deferred, held)}
    assert state(layout, reused.queue_id) == "deferred"


def test_a_message_is_copied_in_hold_so_that_nobody_delivers_it_meanwhile(
    instance: PrivatePostfix, layout: Layout, actions: Actions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mail,) = queued(instance, layout)
    seen = []
    plain = kept.save

    def save(layout: Layout, target: Target, folder: Path) -> None:
        seen.append(state(layout, target.queue_id))
        plain(layout, target, folder)

    monkeypatch.setattr(kept, "save", save)
    assert outcomes(list(removal.delete(layout, actions, [mail], tmp_path))) == {"done": 1}
    assert seen == ["hold"]


def test_what_cannot_be_copied_is_put_back_as_it_was(
    instance: PrivatePostfix, layout: Layout, actions: Actions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, held = queued(instance, layout, 2)
    list(actions.act(Verb.HOLD, [held]))
    retry = found(layout, waiting).stat().st_mtime

    def full(layout: Layout, target: Target, folder: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept, "save", full)
    results = list(removal.delete(layout, actions, [waiting, held], tmp_path))
    assert {result.detail for result in results} == {"no copy could be kept: No space left on device"}
    assert (state(layout, waiting.queue_id), state(layout, held.queue_id)) == ("deferred", "hold")
    assert found(layout, waiting).stat().st_mtime == retry, "it is not tried before its time"


def test_a_message_released_by_somebody_after_it_was_copied_is_not_deleted(
    instance: PrivatePostfix, layout: Layout, actions: Actions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mail,) = queued(instance, layout)
    plain = kept.save

    def save(layout: Layout, target: Target, folder: Path) -> None:
        plain(layout, target, folder)
        moved(layout, target, "deferred")

    monkeypatch.setattr(kept, "save", save)
    (result,) = removal.delete(layout, actions, [mail], tmp_path)
    assert (result.result, state(layout, mail.queue_id)) == ("refused", "deferred")
    assert result.detail.startswith("no longer held: in deferred")
    assert list(tmp_path.iterdir()) == []


def with_postsuper(layout: Layout, folder: Path, instead: str) -> Layout:
    """A postsuper that does something else where it would delete or hold; $real is the true one."""
    real = layout.command_directory
    folder.mkdir()
    program = folder / "postsuper"
    program.write_text(f"#!/bin/sh\nreal={real}/postsuper\n{instead}\n")
    program.chmod(0o755)
    return replace(layout, command_directory=folder)


KILLED_AFTER = 'case "$*" in *"-d - "*) $real "$@" 2>/dev/null; kill -9 $$;; esac; exec $real "$@"'
KILLED_BEFORE = 'case "$*" in *"-d - "*) kill -9 $$;; esac; exec $real "$@"'


def test_a_deletion_cut_short_keeps_the_copy_of_what_is_gone(
    instance: PrivatePostfix, layout: Layout, tmp_path: Path
) -> None:
    (mail,) = queued(instance, layout)
    (tmp_path / "kept").mkdir()
    layout = with_postsuper(layout, tmp_path / "bin", KILLED_AFTER)
    (result,) = removal.delete(layout, Actions(layout, Privileges()), [mail], tmp_path / "kept")
    assert (result.result, result.unsure) == ("failed", True)
    assert result.detail.startswith("deleted, or left: outcome unknown")
    assert state(layout, mail.queue_id) == ""
    assert len(list((tmp_path / "kept").iterdir())) == 1


def test_a_deletion_cut_short_puts_back_what_is_left(instance: PrivatePostfix, layout: Layout, tmp_path: Path) -> None:
    (mail,) = queued(instance, layout)
    (tmp_path / "kept").mkdir()
    layout = with_postsuper(layout, tmp_path / "bin", KILLED_BEFORE)
    (result,) = removal.delete(layout, Actions(layout, Privileges()), [mail], tmp_path / "kept")
    assert (result.result, result.unsure) == ("failed", False)
    assert state(layout, mail.queue_id) == "deferred"
    assert list((tmp_path / "kept").iterdir()) == []


def test_a_hold_by_somebody_else_is_not_ours(
    instance: PrivatePostfix, layout: Layout, actions: Actions, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mail,) = queued(instance, layout)
    plain = Actions.checked

    def then_it_is_held(self: Actions, verb: Verb, targets: Sequence[Target]) -> object:
        checked = plain(self, verb, targets)
        moved(layout, mail, "hold")
        return checked

    monkeypatch.setattr(Actions, "checked", then_it_is_held)
    (result,) = actions.act(Verb.HOLD, [mail])
    assert (result.result, result.detail) == ("refused", "held by somebody else")


def test_who_may_not_see_queue_files_renews_nothing(
    instance: PrivatePostfix, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    (mail,) = queued(instance, layout)
    list(Actions(layout, Privileges()).act(Verb.HOLD, [mail]))
    (old,) = targets(layout, [mail.queue_id], lifetime=0.0)
    message = QueuedMessage(old.queue_id, "hold", 0, old.identity.arrival, 1, "", ())

    def closed(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("mxtui.queues.postfix.actions.locate", closed)
    (result,) = Actions(layout, Privileges(), look=lambda _: {old.queue_id: message}).act(Verb.RELEASE, [old])
    assert result.result == "refused"
    assert "cannot be read to renew it safely: Permission denied" in result.detail
