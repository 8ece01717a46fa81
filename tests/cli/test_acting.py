"""The verbs: what they do to a real queue, what they tell scripts, and what they refuse."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import Behaviour, FakePrimary
from tests.cli.running import Mxtui, postfix_says
from tests.end_to_end.terminal import Terminal
from tests.queues.postfix.acting import QUIET, layout_of, settled, state
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postfix

SENDER = "a@client.example"


class Outage:
    """A Postfix that all tests here share, and the primary it waits for. Each test sends to a recipient of its own."""

    def __init__(self, instance: PrivatePostfix, primary: FakePrimary) -> None:
        self.instance = instance
        self.primary = primary
        self.layout = layout_of(instance)

    def queued(
        self, to: str, count: int = 1, sender: str = SENDER, content: bytes = b"Subject: x\n\nbody\n"
    ) -> list[str]:
        """So many messages to `to`@example.org, deferred."""
        ids = self.instance.inject(sender, [f"{to}@example.org"], content, count=count)
        settled(self.layout, ids, "deferred")
        return ids

    def states(self, ids: list[str]) -> set[str]:
        return {state(self.layout, queue_id) for queue_id in ids}

    def received(self, recipient: str) -> list[bytes]:
        """The bodies that the primary accepted for an address."""
        return [
            message.content.partition(b"\r\n\r\n")[2]
            for message in self.primary.accepted
            if recipient in message.recipients
        ]


@pytest.fixture(scope="module")
def shared(folder: Path, servers: ExitStack) -> Outage:
    primary = servers.enter_context(FakePrimary())
    routes = {"example.org": primary.port, "client.example": primary.port}
    return Outage(
        servers.enter_context(PrivatePostfix(folder / "postfix", routes=routes, settings=QUIET, long_queue_ids=True)),
        primary,
    )


@pytest.fixture
def outage(shared: Outage) -> Iterator[Outage]:
    """The primary is down when a test begins."""
    shared.primary.down()
    shared.primary.behaviour = Behaviour()
    yield shared
    assert shared.instance.is_running()


@pytest.fixture
def mxtui(outage: Outage, tmp_path: Path) -> Mxtui:
    """With an audit and kept copies of the test's own."""
    return Mxtui(outage.instance, tmp_path)


def results(lines: list[dict[str, Any]]) -> dict[str, str]:
    return {line["queue_id"]: line["result"] for line in lines[1:-1]}


def test_hold_and_release_tell_plan_results_and_summary(outage: Outage, mxtui: Mxtui) -> None:
    ids = outage.queued("lines", 3)
    done = mxtui("hold", "to:lines@example.org", "--json", "--yes", "--reason", "forged invoices")
    assert done.status == 0, done.err
    plan, *told, summary = done.objects
    assert (plan["plan"], plan["messages"], plan["recipients"], plan["reversible"]) == ("hold", 3, 3, True)
    assert (plan["selection"], plan["senders"], plan["null_senders"]) == ("to:lines@example.org", 1, 0)
    assert set(plan["queue_ids"]) == set(ids)
    assert plan["steps"][0].endswith(
        f"postsuper -c {outage.layout.config_directory} -h - deferred incoming  < 3 queue IDs"
    )
    assert told == [{"queue_id": each, "action": "hold", "result": "done", "detail": ""} for each in plan["queue_ids"]]
    assert (summary["summary"], summary["done"], summary["not_tried"]) == ("hold", 3, 0)
    assert outage.states(ids) == {"hold"}

    outage.primary.up()
    done = mxtui("release", "to:lines@example.org", "--json", "--yes")
    assert (done.status, results(done.objects)) == (0, dict.fromkeys(ids, "done"))
    wait_until(lambda: len(outage.received("lines@example.org")) == 3, what="released mail is tried at once")

    release, hold = mxtui("audit", "--json").objects
    assert (hold["verb"], hold["reason"], hold["messages"], hold["counts"]) == (
        "hold",
        "forged invoices",
        3,
        {"done": 3},
    )
    assert (hold["user"], hold["complete"], hold["queue"]) == ("root", True, str(outage.instance.queue_directory))
    assert (release["verb"], release["counts"]) == ("release", {"done": 3})
    elsewhere = json.loads(mxtui.audit.read_bytes().splitlines()[0]) | {"id": "elsewhere", "queue": "/var/spool/other"}
    with mxtui.audit.open("a") as audit:
        audit.write(json.dumps(elsewhere) + "\n")
    assert len(mxtui("audit", "--json").objects) == 3
    here = mxtui("audit", "--json", "-q", str(outage.instance.config_directory)).objects
    assert [act["id"] for act in here] == [release["id"], hold["id"]]
    messages = mxtui("audit", "--json", hold["id"]).objects
    assert {entry["queue_id"] for entry in messages} == set(ids)
    assert {(entry["result"], entry["sender"]) for entry in messages} == {("done", SENDER)}


def test_rejected_mail_goes_back_with_a_notice_and_the_null_sender_hears_nothing(outage: Outage, mxtui: Mxtui) -> None:
    ids = outage.queued("reject") + outage.queued("reject", sender="")
    outage.primary.behave(permanent="^reject@")
    outage.primary.up()
    done = mxtui("reject", "to:reject@example.org", "--json", "--yes", "--reason", "spam")
    assert (done.status, results(done.objects)) == (0, dict.fromkeys(ids, "done"))
    assert (done.objects[0]["null_senders"], done.objects[0]["reversible"]) == (1, False)
    settled(outage.layout, ids, "")
    (notice,) = wait_until(lambda: outage.received(SENDER), what="the notice arrives")
    assert b"reject@example.org" in notice


def test_deleted_mail_is_put_back_byte_by_byte(outage: Outage, mxtui: Mxtui) -> None:
    body = b"\n".join([b"caf\xe9", b".", b"..", b"x" * 990, b""])
    ids = outage.queued("delete", 2, content=b"Subject: x\n\n" + body)
    assert mxtui("delete", "to:delete@example.org", "--yes", "--reason", "a mistake").status == 0
    assert outage.states(ids) == {""}

    kept = mxtui("restore", "--list", "--json").objects
    assert {copy["queue_id"] for copy in kept} == set(ids)
    (act,) = {copy["audit_id"] for copy in kept}
    done = mxtui("restore", "--act", act, "--json", "--yes")
    assert (done.status, results(done.objects)) == (0, dict.fromkeys(ids, "done"))
    new = [line["detail"].removeprefix("queued as ") for line in done.objects[1:-1]]
    settled(outage.layout, new, "deferred")

    again = mxtui("restore", "--act", act, "--json", "--yes")
    assert [each["result"] for each in again.objects[0]["excluded"]] == ["refused", "refused"]
    outage.primary.up()
    assert mxtui("flush", "to:delete@example.org", "--yes").status == 0
    assert outage.received("delete@example.org") == [body.replace(b"\n", b"\r\n")] * 2
    assert [act["verb"] for act in mxtui("audit", "--json").objects] == ["flush", "restore", "delete"]


def test_kept_copies_are_their_owners_alone(outage: Outage, mxtui: Mxtui) -> None:
    outage.queued("secret")
    assert mxtui("delete", "to:secret@example.org", "--yes").status == 0
    files = [path for path in (mxtui.folder / "kept").rglob("*") if path.is_file()]
    assert files
    assert {path.stat().st_mode & 0o777 for path in [*files, mxtui.audit]} == {0o600}


def test_what_is_deleted_without_a_copy_cannot_be_restored(outage: Outage, mxtui: Mxtui) -> None:
    (queue_id,) = outage.queued("nocopy")
    done = mxtui("delete", "to:nocopy@example.org", "--no-copy", "--json", "--yes")
    assert (done.status, done.objects[0]["reversible"]) == (0, False)
    assert outage.states([queue_id]) == {""}
    refused = mxtui("restore", queue_id, "--yes")
    assert refused.status == 4
    assert f"no copy is kept of {queue_id}" in refused.err


def test_flush_streams_progress_to_the_verdicts_and_says_what_was_not_delivered(outage: Outage, mxtui: Mxtui) -> None:
    outage.queued("flush", 3)
    outage.queued("later")
    outage.primary.behave(temporary="^later@")
    outage.primary.up()
    done = mxtui("flush", "to:flush@example.org", "or", "to:later@example.org", "--json", "--yes")
    assert done.status == 1, "one was not delivered"
    plan, *steps = done.objects
    assert (plan["plan"], plan["messages"]) == ("flush", 4)
    shape = {"queued", "delivered", "deferred", "bounced", "left", "per_second", "eta_seconds", "phase"}
    assert all(shape <= set(step) for step in steps)
    last = steps[-1]
    assert {name: last[name] for name in ("queued", "delivered", "deferred", "bounced", "left", "phase")} == {
        "queued": 4, "delivered": 3, "deferred": 1, "bounced": 0, "left": 0, "phase": "done",
    }  # fmt: skip
    assert len(outage.received("flush@example.org")) == 3
    (act,) = mxtui("audit", "--json").objects
    assert (act["verb"], act["complete"]) == ("flush", True)
    assert {name: count for name, count in act["counts"].items() if count} == {"delivered": 3, "deferred": 1}


def test_flush_to_a_dead_primary_is_refused_unless_forced(outage: Outage, mxtui: Mxtui) -> None:
    (queue_id,) = outage.queued("guarded")
    refused = mxtui("flush", "to:guarded@example.org", "--yes")
    assert refused.status == 5
    assert "the primary of example.org is down" in refused.err
    assert "--force" in refused.err
    assert not mxtui.audit.exists()
    assert mxtui("flush", "to:guarded@example.org", "--yes", "--force").status == 1
    assert outage.states([queue_id]) == {"deferred"}
    assert "Connection refused" in mxtui("list", "--json", "to:guarded@example.org").text


def test_probe_tells_a_primary_that_is_down_from_one_that_is_up(outage: Outage, mxtui: Mxtui) -> None:
    down = mxtui("probe", "example.org", "--json")
    assert down.status == 4
    (told,) = down.objects
    assert (told["primary"]["state"], told["primary"]["rung"]) == ("down", "tcp")
    assert told["primary"]["port"] == outage.primary.port
    outage.primary.up()
    up = mxtui("probe", "example.org", "--json")
    assert up.status == 0, up.err
    assert up.objects[0]["primary"]["state"] == "up"
    assert [rung["name"] for rung in up.objects[0]["rungs"]] == ["dns", "tcp", "banner", "ehlo", "starttls"]
    outage.primary.behave(busy=True)
    busy = mxtui("probe", "example.org", "--json")
    assert (busy.status, busy.objects[0]["primary"]["state"]) == (0, "degraded")


def test_a_message_in_delivery_is_left_out_and_named(outage: Outage, mxtui: Mxtui) -> None:
    outage.primary.behave(delay=600)
    outage.primary.up()
    (queue_id,) = outage.instance.inject(SENDER, ["busy@example.org"])
    settled(outage.layout, [queue_id], "active")
    done = mxtui("hold", "to:busy@example.org", "--json", "--yes")
    (left_out,) = done.objects[0]["excluded"]
    assert (left_out["queue_id"], left_out["result"], left_out["detail"]) == (queue_id, "refused", "in delivery now")
    assert outage.states([queue_id]) == {"active"}
    outage.primary.down()
    settled(outage.layout, [queue_id], "deferred")


def test_nothing_is_everything_by_accident(outage: Outage, mxtui: Mxtui) -> None:
    for verb, *words in (["hold"], ["release"], ["reject"], ["delete"], ["flush"], ["delete", ""], ["delete", "  "]):
        done = mxtui(verb, *words, "--yes")
        assert (done.status, done.out) == (2, b"")
        assert "--all" in done.err
    assert mxtui("delete", "--all", "state:deferred", "--yes").status == 2
    assert not mxtui.audit.exists()


def test_what_postsuper_would_take_for_an_option_or_for_everything_harms_nothing(outage: Outage, mxtui: Mxtui) -> None:
    ids = outage.queued("harmless")
    for words in (["id:ALL"], ["id:-x"], ["-x"], ["-y"], ["-d", "ALL"], ["id:../../etc/passwd"]):
        done = mxtui("delete", *words, "--yes")
        assert (done.status, done.out) == (2, b"")
    assert outage.states(ids) == {"deferred"}
    assert not mxtui.audit.exists()


def test_all_as_a_bare_word_is_a_text_to_look_for(outage: Outage, mxtui: Mxtui) -> None:
    ids = outage.queued("somebody")
    done = mxtui("delete", "ALL", "to:somebody@example.org", "--yes", "--json")
    assert (done.status, done.objects[0]["messages"]) == (0, 0)
    assert outage.states(ids) == {"deferred"}


def test_without_a_terminal_yes_has_to_be_said(outage: Outage, mxtui: Mxtui) -> None:
    ids = outage.queued("unconfirmed")
    done = mxtui("delete", "to:unconfirmed@example.org")
    assert done.status == 2
    assert "--yes" in done.err
    plan = mxtui("delete", "to:unconfirmed@example.org", "--dry-run", "--json")
    assert (plan.status, plan.objects[0]["queue_ids"]) == (0, ids)
    assert outage.states(ids) == {"deferred"}
    assert not mxtui.audit.exists()


def test_at_a_terminal_it_asks_and_no_means_no(outage: Outage, mxtui: Mxtui) -> None:
    ids = outage.queued("asked", 2)
    for answer, status, expected in (("n", 0, {"deferred"}), ("y", 0, {"hold"})):
        with Terminal(mxtui.argv("hold", "to:asked@example.org"), columns=160) as terminal:
            terminal.wait_for("Hold 2 messages?")
            terminal.press(answer, "Enter")
            assert terminal.wait_for_exit() == status
        assert outage.states(ids) == expected


def test_what_vanished_between_plan_and_act_is_named_and_told_by_the_status(outage: Outage, mxtui: Mxtui) -> None:
    gone, here = outage.queued("vanishing", 2)
    with Terminal(mxtui.argv("hold", "to:vanishing@example.org"), columns=160) as terminal:
        terminal.wait_for("Hold 2 messages?")
        postfix_says(outage.instance, "postsuper", "-d", gone)
        terminal.press("y", "Enter")
        terminal.wait_for(f"{gone}  gone: no longer queued")
        terminal.wait_for("1 message held, 1 gone")
        assert terminal.wait_for_exit() == 1
    assert outage.states([here]) == {"hold"}
    assert {entry["queue_id"]: entry["result"] for entry in entries(mxtui)} == {gone: "gone", here: "done"}


def entries(mxtui: Mxtui) -> list[dict[str, Any]]:
    """Every message of the latest act on record."""
    return mxtui("audit", "--json", mxtui("audit", "--json").objects[0]["id"]).objects


def test_held_mail_is_not_flushed_and_says_so(outage: Outage, mxtui: Mxtui) -> None:
    ids = outage.queued("heldback")
    assert mxtui("hold", "to:heldback@example.org", "--yes").status == 0
    outage.primary.up()
    done = mxtui("flush", "to:heldback@example.org", "--yes")
    assert "held: release it first" in done.err
    assert outage.states(ids) == {"hold"}
