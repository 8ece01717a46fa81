import errno
import os
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from mxtui.errors import Guarded, InDelivery, NoQueue
from mxtui.queues.spool.ids import folder_of
from mxtui.queues.spool.layout import MARKER, unreadable
from mxtui.queues.spool.store import Spool
from mxtui.users import user_name
from tests.queues.spool.making import TEXT, envelope, files, place, put, queued, state_of
from tests.support.waiting import wait_until


def test_a_committed_message_is_two_files_of_mode_0600_and_nothing_else(spool: Spool) -> None:
    made = put(spool)
    here = folder_of(made.id)
    assert files(spool) == {f"msg/{here}/{made.id}.eml", f"queue/deferred/{here}/{made.id}.json"}
    assert spool.find(made.id) == ("deferred", made)
    assert spool.content(made.id, 1_000_000) == TEXT
    assert spool.content(made.id, 4) == TEXT[:4]
    for path in spool.path.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_content_in_many_pieces_is_written_whole(spool: Spool) -> None:
    pieces = [bytes([number % 256]) * (number % 3000) for number in range(2500)]
    text = b"".join(pieces)
    assert spool.commit([(envelope(text), pieces)]) == [None]
    (queue_id,) = spool.names()["deferred"]
    assert spool.content(queue_id, len(text) + 1) == text


def test_one_of_a_group_that_fails_leaves_the_others_in(spool: Spool) -> None:
    first, last = envelope(), envelope()
    taken = put(spool, state="hold")
    bad = replace(envelope(), sender="x" * 10_000)
    outcomes = spool.commit([(first, [TEXT]), (bad, [TEXT]), (replace(taken, size=0), [b""]), (last, [TEXT])])
    assert [outcome and outcome.errno for outcome in outcomes] == [None, errno.EINVAL, errno.EEXIST, None]
    assert queued(spool) == {first.id: "deferred", last.id: "deferred", taken.id: "hold"}
    assert spool.content(taken.id, 1000) == TEXT, "an ID that is taken is an error, never another message"
    assert len(files(spool)) == 6


def test_a_claimed_message_is_nobody_elses_through_every_change(spool: Spool) -> None:
    made = put(spool)
    claim = spool.claim(made.id)
    assert claim is not None

    def refused() -> None:
        with pytest.raises(InDelivery):
            spool.claim(made.id)

    refused()
    claim.record(replace(made, attempts=1))
    refused()
    claim.move("failed", replace(made, attempts=2, why="550 no such user"))
    refused()
    assert spool.find(made.id) == ("failed", claim.envelope)
    assert (claim.envelope.attempts, claim.state) == (2, "failed")
    claim.release()
    with spool.claim(made.id) or pytest.fail("free again") as again:
        assert again.envelope.why == "550 no such user"
        again.finish()
    assert not files(spool)
    assert spool.claim(made.id) is None
    assert spool.find(made.id) is None


def test_a_claim_ends_with_its_process(spool: Spool) -> None:
    made = put(spool)
    program = (
        "import sys\nfrom pathlib import Path\nfrom mxtui.queues.spool.store import Spool\n"
        "claim = Spool.open(Path(sys.argv[1])).claim(sys.argv[2])\nprint('claimed', flush=True)\ninput()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(spool.path), made.id], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"claimed\n"
        with pytest.raises(InDelivery):
            spool.claim(made.id)
        other.kill()
    claim = spool.claim(made.id)
    assert claim is not None
    claim.release()


def test_of_many_who_claim_at_once_one_has_it_though_it_is_rewritten_all_the_time(spool: Spool) -> None:
    made = put(spool)
    inside: list[int] = []
    most: list[int] = []
    rounds = [0] * 4

    def work(number: int) -> None:
        while rounds[number] < 25:
            try:
                claim = spool.claim(made.id)
            except InDelivery:
                continue
            assert claim is not None
            with claim:
                inside.append(number)
                most.append(len(inside))
                claim.record(replace(claim.envelope, attempts=claim.envelope.attempts + 1))
                claim.move("hold" if claim.state == "deferred" else "deferred")
                inside.remove(number)
                rounds[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    found = spool.find(made.id)
    assert found is not None
    assert found[1].attempts == 100, "no change was lost"


def test_what_a_hand_took_away_meanwhile_is_not_brought_back(spool: Spool) -> None:
    made = put(spool)
    claim = spool.claim(made.id)
    assert claim is not None
    place(spool, made).unlink()
    with pytest.raises(FileNotFoundError, match="by hand"):
        claim.record(replace(made, attempts=1))
    claim.finish()
    assert not files(spool)


def test_a_message_is_not_moved_over_another_envelope(spool: Spool) -> None:
    made = put(spool)
    place(spool, made, "hold").write_bytes(place(spool, made).read_bytes())
    with spool.claim(made.id) or pytest.fail("there") as claim, pytest.raises(FileExistsError):
        claim.move("hold")


def test_names_are_told_oldest_first_and_strangers_are_no_messages(spool: Spool) -> None:
    made = [put(spool).id for _ in range(100)]
    folder = spool.path / "queue" / "deferred" / folder_of(made[0])
    for name in ("x.json", f"{made[0]}.json~", f"{made[0][:-2]}zz.json", f".{made[0]}.json", f"{made[0]}.json.swp"):
        (folder / name).touch()
    assert spool.names()["deferred"] == made
    assert [each.id for each in spool.envelopes("deferred")] == made


def test_two_forwarders_are_refused_and_told_who_has_it(spool: Spool) -> None:
    other = Spool.open(spool.path)
    told = pytest.raises(Guarded, match=f"process {os.getpid()} forwards from")
    with spool.lock_forwarder(), told, other.lock_forwarder():
        pytest.fail("both have it")
    with other.lock_forwarder():
        pass


def test_what_is_no_spool_is_not_taken_for_one(tmp_path: Path) -> None:
    with pytest.raises(NoQueue, match="is not there"):
        Spool.open(tmp_path / "none")
    with pytest.raises(NoQueue, match="is no spool"):
        Spool.open(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NoQueue):
        Spool.open(tmp_path / "file", create=True)
    with pytest.raises(NoQueue, match="not empty: 'file'"):
        Spool.open(tmp_path, create=True)


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        (b'{"schema": 2, "hostname": "x", "made_at": 1.0}', "newer version"),
        (b"rubbish", "cannot be understood"),
        (b"", "cannot be understood"),
    ],
)
def test_a_spool_of_a_newer_version_or_a_damaged_marker_is_left_alone(spool: Spool, marker: bytes, said: str) -> None:
    (spool.path / MARKER).write_bytes(marker)
    for create in (False, True):
        with pytest.raises(NoQueue, match=said):
            Spool.open(spool.path, create=create)


def test_a_spool_remembers_its_host_and_gets_missing_folders_back(spool: Spool) -> None:
    made = put(spool)
    for path in sorted(spool.path.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()  # as backups do that keep files only
    again = Spool.open(spool.path)
    assert again.hostname == "mx2.example.net"
    assert state_of(again, made) == "deferred"
    for _ in range(300):
        put(again)


def test_files_that_root_writes_belong_to_the_spools_user(spool: Spool) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    for path in (spool.path, *spool.path.rglob("*")):
        os.chown(path, 65534, 65534)
    again = Spool.open(spool.path)
    made = put(again)
    with again.claim(made.id) or pytest.fail("there") as claim, again.lock_forwarder():
        claim.record(replace(made, attempts=1))
    assert {path.stat().st_uid for path in spool.path.rglob("*")} == {65534}


def test_a_message_moved_by_others_while_it_is_looked_for_is_found(spool: Spool) -> None:
    made = put(spool)
    stop = threading.Event()
    turns = 0

    def move() -> None:
        nonlocal turns
        while not stop.is_set():
            with spool.claim(made.id) or pytest.fail("there") as claim:
                claim.move("hold" if claim.state == "deferred" else "deferred")
                turns += 1

    mover = threading.Thread(target=move)
    mover.start()
    try:
        wait_until(lambda: turns > 3)
        missed = sum(spool.find(made.id) is None for _ in range(500))
    finally:
        stop.set()
        mover.join()
    assert missed == 0


def test_whose_a_spool_is_that_one_may_not_use_is_said(spool: Spool) -> None:
    denied = PermissionError(errno.EACCES, "Permission denied")
    if os.geteuid() == 0:
        assert unreadable(spool.path, denied).hint == "Try as root."
        os.chown(spool.path, 4321, -1)
    said = f"Try as root or as {user_name(spool.path.stat().st_uid)}."
    assert unreadable(spool.path, denied).hint == said
    assert unreadable("0" * 18, denied, spool.path).hint == said
