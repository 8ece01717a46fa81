import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mxtui.errors import NoQueue
from mxtui.model.envelope import EnvelopeRecipient
from mxtui.model.message import QueuedMessage, Recipient
from mxtui.model.tally import Tallies, tally
from mxtui.queues.spool import scan
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.rows import DUPLICATE
from mxtui.queues.spool.store import Spool
from mxtui.queues.workers import Crew
from tests.benchmarks.spool_factory import Spooled, make
from tests.queues.postfix.test_scan import children
from tests.queues.spool.making import DAY, TEXT, envelope, place, put


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Spool:
    return make(tmp_path_factory.mktemp("large") / "spool", Spooled(messages=3000, domains=20, size=200))


def read(spool: Spool) -> dict[str, QueuedMessage]:
    told = [message for changes in SpoolQueue(spool).read() for message in changes.present]
    assert len({message.queue_id for message in told}) == len(told), "no message twice"
    return {message.queue_id: message for message in told}


def same(one: Tallies, other: Tallies) -> bool:
    return one.plain() == other.plain()


def test_a_message_is_told_with_all_that_is_known_of_it(spool: Spool) -> None:
    tried = EnvelopeRecipient(
        "a@Example.ORG", attempts=3, at=1.0, host="mx[192.0.2.1]:25", code=450, dsn="4.2.0", text="450 4.2.0 later"
    )
    had = EnvelopeRecipient("b@example.org", "delivered", text="250 ok")
    gone = EnvelopeRecipient("c@example.net", "refused", dsn="5.1.1", text="550 who?", possible_duplicate=True)
    new = EnvelopeRecipient("d@example.net")
    made = put(spool, envelope(recipients=(tried, had, gone, new), attempts=3, next_retry=1e9, sender=""))
    assert SpoolQueue(spool).find(made.id) == QueuedMessage(
        made.id,
        "deferred",
        0,
        made.arrival,
        len(TEXT),
        "",
        (
            Recipient("a@Example.ORG", "example.org", "450 4.2.0 later", "4.2.0"),
            Recipient("c@example.net", "example.net", f"550 who?{DUPLICATE}", "5.1.1"),
            Recipient("d@example.net", "example.net"),
        ),
        1,
        1e9,
        made.arrival + 5 * DAY,
        False,
        "192.0.2.7",
        "Hello",
        3,
        None,
    )


@pytest.mark.parametrize("state", ["hold", "quarantine", "failed"])
def test_what_waits_for_the_operator_says_why_and_has_no_next_try(spool: Spool, state: str) -> None:
    made = put(spool, envelope(why="suspected spam", next_retry=1e9), state)  # type: ignore[arg-type]
    found = SpoolQueue(spool).find(made.id)
    assert found is not None
    assert (found.state, found.next_retry, found.recipients[0].reason) == (state, None, "suspected spam")


def test_addresses_that_are_not_utf8_are_shown_and_others_left_as_they_are(spool: Spool) -> None:
    made = put(spool, envelope(to=["caf\udce9@example.org", "\u0000\u202e@example.org"], sender="\udcff"))
    found = SpoolQueue(spool).find(made.id)
    assert found is not None
    assert found.sender == "\ufffd"
    assert [each.address for each in found.recipients] == ["caf\ufffd@example.org", "\u0000\u202e@example.org"]


def test_workers_find_what_one_process_finds(large: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    alone = read(large)
    counted = SpoolQueue(large).count(now)
    assert len(alone) == 3000
    assert not any(message.fault for message in alone.values())
    assert same(counted, tally(alone.values(), now)), "counting and telling agree"

    monkeypatch.setattr(scan, "ALONE", 0)
    assert read(large) == alone
    assert same(SpoolQueue(large).count(now), counted)


def test_what_a_killed_worker_had_in_hand_is_read_here(large: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "ALONE", 0)
    reading = SpoolQueue(large).read()
    found = {message.queue_id for message in next(reading).present}
    for pid in children():
        os.kill(pid, signal.SIGKILL)
    for changes in reading:
        found |= {message.queue_id for message in changes.present}
    assert len(found) == 3000


def test_what_a_killed_worker_had_counted_is_counted_here(large: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    counted = SpoolQueue(large).count(now)
    monkeypatch.setattr(scan, "ALONE", 0)
    spread = Crew.spread

    def deadly(*arguments: Any) -> Iterator[Any]:
        for number, answer in enumerate(spread(*arguments)):
            if number == 5:
                os.kill(min(children()), signal.SIGKILL)
            yield answer

    monkeypatch.setattr(Crew, "spread", deadly)
    assert same(SpoolQueue(large).count(now), counted)


def test_a_read_left_early_leaves_no_worker(large: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "ALONE", 0)
    before = children()
    reading = SpoolQueue(large).read()
    next(reading)
    assert children() - before
    reading.close()  # type: ignore[attr-defined]
    assert children() == before


def test_depth_counts_names(spool: Spool) -> None:
    for number, state in enumerate(("deferred", "hold", "quarantine", "failed")):
        for _ in range(number + 1):
            put(spool, state=state)  # type: ignore[arg-type]
    spool.set_aside(str(place(spool, bad := put(spool))), bad.id, "why not")
    assert SpoolQueue(spool).depth() == {"deferred": 1, "hold": 2, "quarantine": 3, "failed": 4, "corrupt": 1}


def test_what_cannot_be_read_is_shown_with_its_fault_and_counted(spool: Spool) -> None:
    torn, aside, sound = put(spool), put(spool), put(spool)
    place(spool, torn).write_bytes(b"{")
    spool.set_aside(str(place(spool, aside)), aside.id, "found wanting")
    found = read(spool)
    assert (found[torn.id].fault or "").startswith("torn or not JSON")
    assert (found[aside.id].state, found[aside.id].fault) == ("corrupt", "found wanting")
    assert found[aside.id].recipients, "as much as can be told"
    assert found[sound.id].fault is None
    assert same(SpoolQueue(spool).count(1e9), tally(found.values(), 1e9))


@pytest.mark.parametrize(("before", "after"), [("deferred", "hold"), ("hold", "deferred"), ("failed", "deferred")])
def test_a_message_that_moves_between_listing_and_reading_is_told_once(spool: Spool, before: str, after: str) -> None:
    made = put(spool, state=before)  # type: ignore[arg-type]
    root = str(spool.path)
    listed = list(scan.folders(root))
    place(spool, made, before).rename(place(spool, made, after))  # type: ignore[arg-type]
    answers = list(scan.scan(root, listed))
    assert [(row[0], row[1]) for answer in answers for row in answer.rows] == [(made.id, after)]
    assert not [queue_id for answer in answers for queue_id in answer.gone]


def test_a_message_that_passed_the_first_look_is_in_the_second_and_one_that_left_is_told_gone(spool: Spool) -> None:
    root = str(spool.path)
    left = put(spool)
    listed = list(scan.folders(root))
    new = put(spool)
    place(spool, left).unlink()
    answers = list(scan.scan(root, listed))
    assert [row[0] for answer in answers for row in answer.rows] == [new.id]
    assert [queue_id for answer in answers for queue_id in answer.gone] == [left.id]


def test_an_envelope_longer_than_a_block_is_read_whole(spool: Spool) -> None:
    made = put(spool, envelope(to=[f"user{number}@example.org" for number in range(5000)]))
    assert place(spool, made).stat().st_size > 100_000
    found = SpoolQueue(spool).find(made.id)
    assert found is not None
    assert len(found.recipients) == 5000


def test_a_spool_that_is_taken_away_is_an_error_and_not_an_empty_queue(spool: Spool) -> None:
    queue = SpoolQueue(spool)
    shutil.rmtree(spool.path / "queue")
    with pytest.raises(NoQueue):
        list(queue.read())
    with pytest.raises(NoQueue):
        queue.count(1.0)
    with pytest.raises(NoQueue):
        queue.depth()


def test_no_message_itself_is_opened(spool: Spool) -> None:
    made = put(spool)
    Path(spool.places.message(made.id)).unlink()
    assert read(spool)[made.id].subject == "Hello"


def test_ids_that_are_none_are_gone_and_nothing_is_looked_up(spool: Spool) -> None:
    queue = SpoolQueue(spool)
    for name in ("", "../../spool", "x" * 18, "\0" * 18):
        assert queue.find(name) is None
        assert spool.claim(name) is None
        with pytest.raises(NoQueue):
            queue.content(name, 10)
        with pytest.raises(NoQueue):
            queue.envelope(name)
    made = put(spool)
    assert set(queue.find_all([made.id, "x", replace(made, id="0" * 18).id])) == {made.id}
    assert queue.envelope(made.id) == made


def test_what_was_given_up_expires_no_more(spool: Spool) -> None:
    made, waits = put(spool, state="failed"), put(spool, state="hold")
    found = read(spool)
    assert (found[made.id].expires, found[waits.id].expires) == (None, waits.expires)
    assert same(SpoolQueue(spool).count(1e9), tally(found.values(), 1e9))


def test_a_strangers_file_is_as_old_as_it_is_whatever_its_name_says(spool: Spool) -> None:
    began = time.time() - 5
    name = "0" * 16 + "1f"
    Path(spool.places.envelope("deferred", name)).write_text("hello")
    aside = Path(spool.places.corrupt("0" * 15 + "11f", "foreign"))
    aside.write_text("hello")
    for _ in range(2):
        oldest = min(message.arrival for message in read(spool).values())
        assert oldest >= began
        assert SpoolQueue(spool).count(time.time()).whole.oldest == oldest
        spool.claim(name)  # which sets it aside
    assert {message.state for message in read(spool).values()} == {"corrupt"}
