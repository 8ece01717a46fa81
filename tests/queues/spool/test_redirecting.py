"""Mail that an operator sends elsewhere."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.audit import Audit, Operator
from mxtui.errors import UsageError
from mxtui.model.envelope import Envelope, EnvelopeRecipient
from mxtui.model.plan import Result
from mxtui.model.planning import target_of
from mxtui.model.redirect import BACK, Redirect, read_redirect
from mxtui.model.service import Service
from mxtui.model.source import Verb
from mxtui.operations import Operations
from mxtui.queues.spool.elsewhere import vet
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from mxtui.vault import Vault
from tests.queues.spool.disks import FailingDisk
from tests.queues.spool.making import DAY, TEXT, envelope, put

REFUSED = EnvelopeRecipient("old@example.org", "refused", attempts=2, code=550, dsn="5.1.1", text="550 who?")


def redirect(spool: Spool, made: Envelope, where: Redirect) -> Result:
    queue = SpoolQueue(spool)
    found = queue.find(made.id)
    assert found is not None
    (result,) = queue.redirect([target_of(found)], where)
    return result


def stored(spool: Spool, made: Envelope) -> tuple[str, Envelope]:
    found = spool.find(made.id)
    assert found is not None
    return found


def test_what_had_failed_waits_for_another_address_with_its_own_kept(spool: Spool) -> None:
    had = EnvelopeRecipient("had@example.org", "delivered", text="250 ok")
    made = put(spool, envelope(recipients=(had, REFUSED), why="550 who?"), "failed")
    result = redirect(spool, made, read_redirect("new@example.org", ""))
    assert (result.result, result.detail) == ("done", "was for old@example.org")
    assert stored(spool, made) == (
        "deferred",
        replace(made, recipients=(had, EnvelopeRecipient("new@example.org", original="old@example.org")), why=""),
    )
    shown = SpoolQueue(spool).find(made.id)
    assert shown is not None
    assert [(each.address, each.domain, each.reason) for each in shown.recipients] == [
        ("new@example.org", "example.org", "redirected from <old@example.org>")
    ]


def test_what_is_held_stays_held_and_what_is_deferred_is_due_at_once(spool: Spool) -> None:
    later = time.time() + DAY
    held, waits = put(spool, envelope(why="look"), "hold"), put(spool, envelope(next_retry=later))
    where = read_redirect("", "mx3.example.net:2525")
    for made, state in ((held, "hold"), (waits, "deferred")):
        assert redirect(spool, made, where).result == "done"
        found = stored(spool, made)
        assert (found[0], found[1].recipients[0].via) == (state, "[mx3.example.net]:2525")
    assert stored(spool, held)[1].why == "look"
    assert stored(spool, waits)[1].next_retry is None


def test_past_its_lifetime_it_gets_a_new_one(spool: Spool) -> None:
    made = put(spool, envelope(arrival=time.time() - 9 * DAY, recipients=(REFUSED,)), "failed")
    assert redirect(spool, made, read_redirect("new@example.org", "")).detail == (
        "was for old@example.org; renewed: 5d 00h more to live"
    )
    assert stored(spool, made)[1].expires > time.time() + 4 * DAY


def test_where_nothing_would_change_nothing_is_done(spool: Spool) -> None:
    made = put(spool, envelope(recipients=(REFUSED,)), "failed")
    for where in (read_redirect("new@example.org", "", "somebody@example.org"), BACK):
        result = redirect(spool, made, where)
        assert (result.result, result.detail) == ("refused", "none of its recipients would go elsewhere")
    assert stored(spool, made) == ("failed", made)


def test_what_is_in_delivery_is_left_alone(spool: Spool) -> None:
    made = put(spool)
    with spool.claim(made.id) or pytest.fail("there"):
        assert redirect(spool, made, read_redirect("new@example.org", "")).detail == "in delivery now"


def test_on_a_disk_that_fails_it_is_as_it_was_or_said_to_be_unsure_and_never_lost(tmp_path: Path) -> None:
    unsure, steps = 0, 0
    while True:
        disk = FailingDisk(0)
        spool = Spool.open(tmp_path / str(steps), create=True, hostname="mx2.example.net", disk=disk)
        made = put(spool, envelope(recipients=(REFUSED,)), "failed")
        steps += 1
        disk.at = disk.steps + steps
        result = redirect(spool, made, read_redirect("new@example.org", ""))
        if not disk.failed:
            break
        assert result.result == "failed"
        if not result.unsure:
            assert stored(spool, made) == ("failed", made)
        unsure += result.unsure
        assert spool.content(made.id, 1000) == TEXT
    assert result.result == "done"
    assert 0 < unsure < steps


SERVE = Service("accepting", 1.0, 2.0, 3, listening=("0.0.0.0:25", "127.0.0.2:2525", "[::1]:2626"))


@pytest.mark.parametrize(
    ("host", "us"),
    [
        ("mx2.example.net", True), ("MX2.example.net:25", True), ("mx2.example.net:2525", True), ("localhost", True),
        ("127.0.0.2:2525", True), ("[::1]:2626", True), ("mx2.example.net:10025", False), ("127.0.0.1:10025", False),
        ("mx1.example.net", False),
    ],
)  # fmt: skip
def test_mail_is_never_redirected_to_ourselves(host: str, us: bool) -> None:
    where = read_redirect("", host)
    if us:
        with pytest.raises(UsageError, match="this backup itself"):
            vet(where, (), "mx2.example.net", SERVE)
    else:
        vet(where, (), "mx2.example.net", SERVE)
    if host == "mx2.example.net":
        with pytest.raises(UsageError):
            vet(where, (), "mx2.example.net", None)


def test_an_address_has_to_be_relayed_unless_a_host_is_named(spool: Spool) -> None:
    queue = SpoolQueue(spool, relayed=lambda: {"example.org", "b.example", "c.example", "d.example"})
    queue.vet(read_redirect("a@Example.ORG", ""))
    queue.vet(read_redirect("a@elsewhere.example", "mx.elsewhere.example"))
    with pytest.raises(UsageError, match="it is not relayed here") as caught:
        queue.vet(read_redirect("a@elsewhere.example", ""))
    assert caught.value.hint == "Name a host for it as well, or an address in b.example, c.example, d.example …."
    with pytest.raises(UsageError):
        SpoolQueue(spool).vet(read_redirect("a@example.org", ""))


@pytest.fixture
def operations(spool: Spool, tmp_path: Path) -> Operations:
    queue = SpoolQueue(spool, relayed=lambda: {"example.org"})
    return Operations(
        queue, audit=Audit(tmp_path / "audit.jsonl"), vault=Vault(tmp_path / "kept"), operator=Operator("op", "op", 0)
    )


def test_it_is_planned_recorded_and_taken_back_by_way_of_the_first_address(
    spool: Spool, operations: Operations
) -> None:
    made = put(spool, envelope(to=["old@example.org"]), "hold")

    def run(where: Redirect) -> None:
        found = SpoolQueue(spool).find(made.id)
        assert found is not None
        plan = operations.plan(Verb.REDIRECT, [target_of(found)], "id", where=where)
        assert [result.result for result in operations.execute(plan)] == ["done"]

    run(read_redirect("new@example.org", ""))
    run(read_redirect("newer@example.net", "mx9.example.net"))
    (record,) = operations.audit.records(limit=1)
    assert record.begin.to == "newer@example.net through [mx9.example.net]"
    back = operations.undo(record)
    assert (back.verb, back.where, back.selection) == (Verb.REDIRECT, BACK, f"undo redirect {record.id}")
    assert [result.result for result in operations.execute(back, undoes=record.id)] == ["done"]
    assert stored(spool, made) == ("hold", made)
    (record,) = operations.audit.records(limit=1)
    with pytest.raises(UsageError, match="lost where it went"):
        operations.undo(record)
    with pytest.raises(UsageError, match="not relayed here"):
        operations.plan(Verb.REDIRECT, [], "id", where=read_redirect("a@b.example", ""))


def test_what_was_done_to_another_queue_is_not_taken_back_here(
    spool: Spool, operations: Operations, tmp_path: Path
) -> None:
    elsewhere = Operations(SpoolQueue(Spool.open(tmp_path / "other", create=True)), audit=operations.audit)
    found = SpoolQueue(spool).find(put(spool).id)
    assert found is not None
    list(operations.execute(operations.plan(Verb.HOLD, [target_of(found)], "id")))
    record = operations.latest_undoable()
    assert record is not None
    assert elsewhere.latest_undoable() is None
    with pytest.raises(UsageError, match="another queue"):
        elsewhere.undo(record)
