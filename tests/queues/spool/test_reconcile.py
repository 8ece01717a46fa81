import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.model.envelope import EnvelopeRecipient
from mxtui.queues.spool.format import encode
from mxtui.queues.spool.ids import folder_of
from mxtui.queues.spool.layout import DELIVERABLE
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.reconcile import ORPHAN_SECONDS, Reconciled
from mxtui.queues.spool.store import Spool
from tests.queues.spool.making import TEXT, envelope, files, place, put, queued, state_of

NOW = time.time()


def reasons(done: Reconciled) -> list[str]:
    return [why for _, why in done.aside]


def test_a_sound_spool_is_left_as_it_is(spool: Spool) -> None:
    for state in DELIVERABLE:
        put(spool, state=state)
    before = files(spool)
    done = spool.reconcile(NOW)
    assert files(spool) == before
    assert done == Reconciled(messages=4)


def test_our_own_unfinished_files_are_removed_unless_somebody_writes_them(spool: Spool) -> None:
    made = envelope()
    places = spool.places
    dead = [places.unfinished(made.id, suffix) for suffix in ("eml", "json", "why")]
    for path in dead:
        Path(path).write_bytes(b"half")
    living = places.unfinished(made.id, "json")
    descriptor = spool.disk.create(living, [b"half"])
    assert spool.reconcile(NOW).debris == 3
    assert files(spool) == {os.path.relpath(living, spool.path)}
    os.close(descriptor)
    assert spool.reconcile(NOW).debris == 1


def instead(path: Path, make: Callable[[], None]) -> None:
    path.unlink()
    make()


Spoil = Callable[[Spool, Path, bytes], object]

SPOILT: dict[str, tuple[Spoil, str]] = {
    "empty": (lambda _, path, __: path.write_bytes(b""), "torn: the file is empty"),
    "torn": (lambda _, path, data: path.write_bytes(data[:100]), "torn or not JSON"),
    "zeros": (lambda _, path, data: path.write_bytes(b"\0" * len(data)), "torn"),
    "foreign": (lambda _, path, __: path.write_bytes(b'{"some": "thing"}'), "not an envelope of this spool"),
    "edited": (lambda _, path, data: path.write_bytes(data.replace(b'"size"', b'"sise"')), "unknown field `sise`"),
    "newer": (lambda _, path, data: path.write_bytes(data.replace(b'"schema":1', b'"schema":9')), "schema 9"),
    "of another": (lambda _, path, __: path.write_bytes(encode(envelope())), "the envelope of another message"),
    "a link": (lambda _, path, __: instead(path, lambda: path.symlink_to("/etc/passwd")), "cannot be opened"),
    "a folder": (lambda _, path, __: instead(path, path.mkdir), "not a file"),
    "a pipe": (lambda _, path, __: instead(path, lambda: os.mkfifo(path)), "not a file"),
    "no message": (lambda spool, path, _: Path(spool.places.message(path.stem)).unlink(), "its message is missing"),
    "half a message": (
        lambda spool, path, _: Path(spool.places.message(path.stem)).write_bytes(TEXT[:10]),
        f"its message has 10 bytes, and {len(TEXT)} were received",
    ),
}


@pytest.mark.parametrize("how", SPOILT)
def test_what_cannot_be_delivered_is_set_aside_with_its_reason_and_kept(spool: Spool, how: str) -> None:
    spoil, said = SPOILT[how]
    made, sound = put(spool), put(spool)
    path = place(spool, made)
    spoil(spool, path, path.read_bytes())
    before = path.lstat()

    done = spool.reconcile(NOW)

    ((queue_id, why),) = done.aside
    assert queue_id == made.id
    assert said in why
    assert queued(spool) == {made.id: "corrupt", sound.id: "deferred"}
    kept = Path(spool.places.corrupt(made.id, "json"))
    assert os.path.samestat(kept.lstat(), before), "the very file, never deleted or rewritten"
    assert Path(spool.places.corrupt(made.id, "why")).read_text() == f"{why}\n"

    shown = SpoolQueue(spool).find(made.id)
    assert shown is not None
    assert (shown.state, shown.fault) == ("corrupt", why)
    found = spool.find(made.id)
    assert found is not None
    assert (found[0], found[1].why) == ("corrupt", why)
    assert spool.claim(made.id) is None
    again = spool.reconcile(NOW + ORPHAN_SECONDS * 2)
    assert (again.aside, again.messages, again.orphans) == ([], 1, 0), "and it stays so"


def test_a_mended_envelope_is_put_back_by_hand(spool: Spool) -> None:
    made = put(spool)
    place(spool, made).write_bytes(b"{")
    spool.reconcile(NOW)
    aside = Path(spool.places.corrupt(made.id, "json"))
    aside.write_bytes(encode(made))
    aside.rename(place(spool, made, "hold"))
    assert spool.reconcile(NOW).messages == 1
    assert spool.find(made.id) == ("hold", made)
    assert len(files(spool)) == 2, "the reason goes when there is nothing that it is about"


def test_a_message_without_envelope_is_kept_and_after_36_hours_set_aside(spool: Spool) -> None:
    made = put(spool)
    place(spool, made).unlink()
    for age in (-3600.0, 0.0, ORPHAN_SECONDS - 60):
        assert (spool.reconcile(made.arrival + age).orphans, queued(spool)) == (1, {})
    done = spool.reconcile(made.arrival + ORPHAN_SECONDS + 60)
    assert "no envelope for 36 hours" in reasons(done)[0]
    assert queued(spool) == {made.id: "corrupt"}
    assert spool.content(made.id, 1000) == TEXT
    shown = SpoolQueue(spool).find(made.id)
    assert shown is not None
    assert shown.size == len(TEXT)


@pytest.mark.parametrize(
    "name",
    [
        "queue/deferred/notes.txt",
        "queue/hold/1f/.x.json.swp",
        "msg/1f/backup.tar",
        "tmp/letter",
        "queue/failed/gg/x",
        "msg/x",
    ],
)
def test_files_that_are_not_ours_are_set_aside_wherever_they_are(spool: Spool, name: str) -> None:
    (spool.path / name).parent.mkdir(exist_ok=True)
    (spool.path / name).write_bytes(b"somebody's")
    done = spool.reconcile(NOW)
    ((queue_id, why),) = done.aside
    assert name.rpartition("/x")[0] in why
    assert (spool.path / name).exists() is False
    assert state_of_id(spool, queue_id) == "corrupt"
    assert not spool.reconcile(NOW).aside
    assert any(path.read_bytes() == b"somebody's" for path in spool.path.rglob("*") if path.is_file())


def state_of_id(spool: Spool, queue_id: str) -> str:
    return queued(spool).get(queue_id, "")


def test_of_two_envelopes_the_one_that_delivers_least_stays(spool: Spool) -> None:
    made = put(spool, state="hold")
    place(spool, made, "deferred").write_bytes(place(spool, made, "hold").read_bytes())
    done = spool.reconcile(NOW)
    assert reasons(done) == [f"a second envelope of {made.id}, found in deferred"]
    assert state_of(spool, made) == "hold"
    assert sorted(queued(spool).values()) == ["corrupt", "hold"]


def test_a_file_in_the_wrong_folder_is_no_message(spool: Spool) -> None:
    made = put(spool)
    wrong = "00" if folder_of(made.id) != "00" else "01"
    place(spool, made).rename(spool.path / "queue" / "deferred" / wrong / f"{made.id}.json")
    done = spool.reconcile(NOW)
    assert reasons(done) == [f"no file of ours, found as 'queue/deferred/{wrong}/{made.id}.json'"]
    assert spool.find(made.id) is None


def test_what_was_delivered_to_all_and_not_removed_is_not_delivered_again(spool: Spool) -> None:
    had = EnvelopeRecipient("a@example.org", "delivered")
    no = EnvelopeRecipient("b@example.org", "refused", text="550 no such user")
    wants = EnvelopeRecipient("c@example.org")
    all_had = put(spool, envelope(recipients=(had,)))
    refused = put(spool, envelope(recipients=(had, no)))
    waits = put(spool, envelope(recipients=(had, no, wants)))
    held = put(spool, envelope(recipients=(had,)), "hold")
    done = spool.reconcile(NOW)
    assert (done.finished, done.messages, done.aside) == (1, 3, [])
    assert queued(spool) == {refused.id: "failed", waits.id: "deferred", held.id: "hold"}
    assert spool.find(refused.id) == ("failed", replace(refused, why="550 no such user"))
    assert not Path(spool.places.message(all_had.id)).exists()


def test_an_envelope_that_is_damaged_later_is_set_aside_when_it_is_met(spool: Spool) -> None:
    first, second, sound = put(spool), put(spool), put(spool)
    place(spool, first).write_bytes(b"{")
    place(spool, second).write_bytes(b"")
    assert spool.claim(first.id) is None
    assert list(spool.envelopes("deferred")) == [sound]
    assert queued(spool) == {first.id: "corrupt", second.id: "corrupt", sound.id: "deferred"}
    assert [each.why.partition(":")[0] for each in spool.envelopes("corrupt")] == ["torn or not JSON", "torn"]


def test_what_cannot_be_set_aside_keeps_nobody_from_the_rest(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    bad, sound = put(spool), put(spool)
    place(spool, bad).write_bytes(b"{")

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool.disk, "create", full)
    done = spool.reconcile(NOW)
    assert (done.messages, [path for path, _ in done.left]) == (1, [str(place(spool, bad))])
    assert queued(spool) == {bad.id: "deferred", sound.id: "deferred"}
