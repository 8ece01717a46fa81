"""Copies of queue files, and the way back through sendmail."""

from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary
from mxtui.errors import NoQueue
from mxtui.model.kept import kept_name
from mxtui.model.plan import Target
from mxtui.model.source import Verb
from mxtui.queues.postfix.actions import Actions
from mxtui.queues.postfix.kept import commands, restore, save
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.permission import Privileges
from mxtui.queues.postfix.sockets import request_delivery
from tests.conftest import PostfixFactory
from tests.queues.postfix.acting import QUIET, layout_of, settled, state, targets
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postfix

AWKWARD = (
    b"Subject: kept\r\nX-Long: " + b"h" * 900 + b"\r\n\r\n"
    b".\r\n..two dots\r\n \xff\xfe\x80 eight bits\r\nFrom here\r\n\r\nNUL \x00 inside\r\n" + b"l" * 990 + b"\r\nlast"
)


@pytest.fixture
def instance(postfix: PostfixFactory, primary: FakePrimary) -> PrivatePostfix:
    primary.down()
    return postfix(routes={"example.org": primary.port}, settings=QUIET)


@pytest.fixture
def layout(instance: PrivatePostfix) -> Layout:
    return layout_of(instance)


def held(layout: Layout, queue_id: str) -> Target:
    list(Actions(layout, Privileges()).act(Verb.HOLD, targets(layout, [queue_id])))
    (target,) = targets(layout, [queue_id])
    assert target.state == "hold"
    return target


def delete_with_copy(layout: Layout, queue_id: str, folder: Path) -> Target:
    target = held(layout, queue_id)
    save(layout, target, folder)
    (result,) = Actions(layout, Privileges()).act(Verb.DELETE, [target])
    assert result.result == "done"
    assert state(layout, queue_id) == ""
    return target


def test_a_restored_message_arrives_byte_for_byte_with_its_envelope(
    instance: PrivatePostfix, layout: Layout, primary: FakePrimary, tmp_path: Path
) -> None:
    recipients = ["info@example.org", "plus+tag@example.org"]
    kept, reference = (
        instance.inject(
            "s@client.example",
            recipients,
            AWKWARD,
            mail_options=["BODY=8BITMIME", "RET=HDRS", "ENVID=a+2Bb"],
            rcpt_options=["NOTIFY=FAILURE,DELAY"],
        )[0]
        for _ in range(2)
    )
    settled(layout, [kept, reference], "deferred")
    target = delete_with_copy(layout, kept, tmp_path)
    result = restore(layout, tmp_path, target.identity, running=True)
    assert result.result == "done"
    new_id = result.detail.removeprefix("queued as ")
    settled(layout, [new_id], "deferred")
    primary.up()
    instance_flush(layout, [new_id, reference])
    wait_until(lambda: len(primary.accepted) == 2)
    first, second = primary.accepted
    assert first.digest == second.digest
    assert (first.sender, set(first.recipients)) == (second.sender, set(second.recipients))
    for parameter in ("BODY=8BITMIME", "RET=HDRS", "ENVID=a+2Bb"):
        assert parameter in first.mail_parameters
        assert parameter in second.mail_parameters
    for message in (first, second):
        assert all("NOTIFY=FAILURE,DELAY" in parameters for parameters in message.recipient_parameters)


def instance_flush(layout: Layout, queue_ids: list[str]) -> None:
    assert list(request_delivery(layout.queue_directory, queue_ids)) == queue_ids


def test_only_those_who_did_not_have_it_get_it(
    instance: PrivatePostfix, layout: Layout, primary: FakePrimary, tmp_path: Path
) -> None:
    primary.behave(temporary="^later@")
    primary.up()
    (queue_id,) = instance.inject("", ["info@example.org", "later@example.org"])
    wait_until(lambda: len(primary.accepted) == 1)
    settled(layout, [queue_id], "deferred")
    target = delete_with_copy(layout, queue_id, tmp_path)
    primary.behave(temporary="(?!)")
    assert restore(layout, tmp_path, target.identity, running=True).result == "done"
    wait_until(lambda: len(primary.accepted) == 2)
    assert primary.accepted[1].recipients == ("later@example.org",)
    assert primary.accepted[1].sender == ""


def test_smtputf8_mail_comes_back(
    instance: PrivatePostfix, layout: Layout, primary: FakePrimary, tmp_path: Path
) -> None:
    (queue_id,) = instance.inject(
        "jürgen@client.example", ["øre@example.org"], "Subject: grüße\n\nx\n".encode(), mail_options=["SMTPUTF8"]
    )
    settled(layout, [queue_id], "deferred")
    target = delete_with_copy(layout, queue_id, tmp_path)
    primary.up()
    assert restore(layout, tmp_path, target.identity, running=True).result == "done"
    wait_until(lambda: primary.accepted)
    assert primary.accepted[0].recipients == ("øre@example.org",)
    assert "SMTPUTF8" in primary.accepted[0].mail_parameters


def test_copies_are_private_and_exact(instance: PrivatePostfix, layout: Layout, tmp_path: Path) -> None:
    (queue_id,) = instance.inject("s@client.example", ["info@example.org"], AWKWARD)
    settled(layout, [queue_id], "deferred")
    target = held(layout, queue_id)
    save(layout, target, tmp_path)
    copy = tmp_path / kept_name(target.identity)
    assert copy.stat().st_mode & 0o777 == 0o600
    original = layout.queue_directory / layout.hashing.folder("hold", queue_id) / queue_id
    assert copy.read_bytes().partition(b"\n")[2] == original.read_bytes()
    assert list(tmp_path.iterdir()) == [copy]


def test_a_full_disk_keeps_nothing_half_and_says_so(
    instance: PrivatePostfix, layout: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (queue_id,) = instance.inject("s@client.example", ["info@example.org"])
    settled(layout, [queue_id], "deferred")
    target = held(layout, queue_id)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mxtui.queues.postfix.kept.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        save(layout, target, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_message_under_the_same_id_and_one_that_waits_are_not_kept(
    instance: PrivatePostfix, layout: Layout, tmp_path: Path
) -> None:
    (queue_id,) = instance.inject("s@client.example", ["info@example.org"])
    settled(layout, [queue_id], "deferred")
    (waiting,) = targets(layout, [queue_id])
    with pytest.raises(NoQueue, match="no longer held"):
        save(layout, waiting, tmp_path)
    target = held(layout, queue_id)
    with pytest.raises(NoQueue):
        save(layout, target._replace(identity=target.identity._replace(inode=1)), tmp_path)


def test_a_damaged_or_missing_copy_is_told(instance: PrivatePostfix, layout: Layout, tmp_path: Path) -> None:
    (queue_id,) = instance.inject("s@client.example", ["info@example.org"])
    settled(layout, [queue_id], "deferred")
    target = delete_with_copy(layout, queue_id, tmp_path)
    copy = tmp_path / kept_name(target.identity)
    copy.write_bytes(copy.read_bytes()[:-100])
    assert restore(layout, tmp_path, target.identity, running=True).result == "failed"
    copy.unlink()
    assert restore(layout, tmp_path, target.identity, running=True).result == "gone"


def fake_sendmail(layout: Layout, folder: Path, second: str) -> Layout:
    """A sendmail that does as told from its second call on."""
    program = folder / "sendmail"
    program.write_text(f"#!/bin/sh\nif test -e {folder}/called; then {second}; fi\ntouch {folder}/called\n")
    program.chmod(0o755)
    return replace(layout, sendmail_path=program, maillog_file=None)


def two_parts(instance: PrivatePostfix, layout: Layout, folder: Path) -> Target:
    """A kept message whose recipients ask for different notices."""
    ids = instance.inject("s@client.example", ["info@example.org"], rcpt_options=["NOTIFY=NEVER"])
    settled(layout, ids, "deferred")
    return delete_with_copy(layout, ids[0], folder)


@pytest.mark.parametrize(
    ("second", "detail"),
    [("exit 75", "in part only: queued again, then sendmail gave 75: "), ("kill -9 $$", "outcome unknown")],
)
def test_a_restore_that_breaks_off_half_way_says_that_it_may_be_queued(
    instance: PrivatePostfix,
    layout: Layout,
    tmp_path: Path,
    second: str,
    detail: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = two_parts(instance, layout, tmp_path)
    plain = commands
    monkeypatch.setattr("mxtui.queues.postfix.kept.commands", lambda *args: [*plain(*args), *plain(*args)])
    result = restore(fake_sendmail(layout, tmp_path, second), tmp_path, target.identity, running=True)
    assert (result.result, result.unsure) == ("failed", True)
    assert detail in result.detail


def test_a_restore_that_is_refused_at_once_queued_nothing(
    instance: PrivatePostfix, layout: Layout, tmp_path: Path
) -> None:
    target = two_parts(instance, layout, tmp_path)
    (tmp_path / "called").touch()
    result = restore(fake_sendmail(layout, tmp_path, "exit 75"), tmp_path, target.identity, running=True)
    assert (result.result, result.unsure) == ("failed", False)
