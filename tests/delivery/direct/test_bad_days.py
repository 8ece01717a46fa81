"""Primaries, disks and Postfix on their worst days: counts of delivered, kept and doubled."""

import errno
import fcntl
import os
import resource
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from mxtui.delivery.direct.ending import Endings
from mxtui.delivery.host import HostKey
from mxtui.demo.primary import FakePrimary
from mxtui.errors import MxtuiError, Unreachable
from mxtui.model.drain.way import Settled
from mxtui.queues.postfix.direct.journal import Begun, Entry, Journal
from mxtui.queues.postfix.sockets import request_delivery
from mxtui.queues.postfix.whereabouts import locate
from tests.delivery.direct.conftest import Site
from tests.delivery.direct.feeding import Given, deliver, release, run_through, tell
from tests.queues.postfix.acting import log_of
from tests.queues.postfix.acting import settled as settle
from tests.support.waiting import wait_until

pytestmark = pytest.mark.postfix


@contextmanager
def cut_off_in_the_middle() -> Iterator[int]:
    """A server that breaks off each connection within the content; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, client.makefile("rb") as lines:
                client.sendall(b"220 mx1.example.org ESMTP\r\n")
                while line := lines.readline():
                    data = line.upper().startswith(b"DATA")
                    client.sendall(b"354 go on\r\n" if data else b"250 2.0.0 Ok\r\n")
                    if data:
                        lines.read(1000)
                        break

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def test_a_primary_that_dies_within_the_content_has_not_got_it(site: Site, primary: FakePrimary) -> None:
    ids = site.waiting("info@example.org", content=b"Subject: x\n\n" + (b"0123456789" * 20 + b"\n") * 40_000)
    folder = site.journal()
    with cut_off_in_the_middle() as port:
        settled = deliver(site.way(port, folder), site.targets(ids))
    assert (settled[ids[0]].fate, settled[ids[0]].possible_duplicate) == ("deferred", False)
    assert site.states(ids) == ["deferred"]
    again = site.way(primary.port, folder)
    assert deliver(again, site.targets(ids))[ids[0]].fate == "delivered"
    assert again.unknown == ()
    assert len(primary.accepted) == 1


@pytest.mark.parametrize("stage", ["dot", "accepted"])
def test_a_primary_that_dies_after_the_dot_is_never_sent_it_again(site: Site, primary: FakePrimary, stage: str) -> None:
    primary.behave(close=stage)
    ids = site.waiting("info@example.org", count=2)
    folder = site.journal()
    settled = deliver(site.way(primary.port, folder), site.targets(ids))
    assert all(each.possible_duplicate and each.fate == "deferred" for each in settled.values())
    assert set(site.states(ids)) == {"hold"}
    had = len(primary.accepted)
    primary.behave(close="")
    for _ in range(2):  # however often
        way = site.way(primary.port, folder)
        settled = deliver(way, site.targets(ids))
        assert all(each.possible_duplicate for each in settled.values())
        assert all("never answered" in each.verdicts[0].reply for each in settled.values())
        assert {each.queue_id for each in way.unknown} == set(ids)
    assert len(primary.accepted) == had
    # An operator decides: released, they are ordinary mail again.
    tell(site.layout, "-H", ids, "hold")
    way = site.way(primary.port, folder)
    assert {each.fate for each in deliver(way, site.targets(ids)).values()} == {"delivered"}
    assert way.unknown == ()
    assert len(primary.accepted) == had + 2


def test_a_primary_that_goes_down_in_the_middle_keeps_what_it_said_it_took(site: Site, primary: FakePrimary) -> None:
    primary.behave(delay=0.02)
    ids = site.waiting(*(f"user{number}@example.org" for number in range(3)), count=40)
    running = site.way(primary.port).deliver(Given(site.targets(ids), 4), threading.Event())
    settled: list[Settled] = []
    for some in running:
        settled += some
        if len(primary.accepted) > 8:
            primary.down()
    fates = Counter(each.fate for each in settled)
    doubtful = [each.queue_id for each in settled if each.possible_duplicate]
    states = Counter(site.states(ids))
    assert fates["delivered"] == states[""] <= len(primary.accepted)
    assert states["hold"] == len(doubtful) <= 4, "one for each connection at most"
    assert states["deferred"] == len(ids) - states[""] - states["hold"]
    assert len(primary.accepted) <= states[""] + len(doubtful)


def test_postfix_may_reload_and_stop_meanwhile(site: Site, primary: FakePrimary) -> None:
    primary.behave(delay=0.02)
    ids = site.waiting("info@example.org", count=30)
    settled: list[Settled] = []
    events = [site.postfix.stop, site.postfix.reload]
    try:
        for some in site.way(primary.port).deliver(Given(site.targets(ids)), threading.Event()):
            settled += some
            if events and len(primary.accepted) > 6 * (3 - len(events)):
                events.pop()()
        assert not events
        assert not site.postfix.is_running()
    finally:
        if not site.postfix.is_running():
            site.postfix.start()
    assert {each.fate for each in settled} == {"delivered"}
    assert len(primary.accepted) == 30
    assert set(site.states(ids)) == {""}


def test_it_works_while_postfix_is_stopped(site: Site, primary: FakePrimary) -> None:
    primary.behave(permanent="^bad@", temporary="^later@")
    ids = [
        *site.waiting("info@example.org", count=5),
        *site.held("info@example.org", count=3),
        *site.waiting("later@example.org"),
        *site.waiting("bad@example.org"),
    ]
    targets = site.targets(ids)
    site.postfix.stop()
    try:
        settled = deliver(site.way(primary.port), targets)
        assert [settled[each].fate for each in ids] == ["delivered"] * 8 + ["deferred", "refused"]
        assert site.states(ids) == [""] * 8 + ["deferred", "hold"]
    finally:
        site.postfix.start()
    assert len(primary.accepted) == 8


def test_a_message_that_somebody_has_locked_is_left_alone(site: Site, primary: FakePrimary) -> None:
    waiting, held = site.waiting("info@example.org"), site.held("info@example.org")
    files = []
    for each in waiting + held:
        here = locate(site.layout, each)
        assert here is not None
        files.append(os.open(here.path, os.O_RDONLY))
        fcntl.flock(files[-1], fcntl.LOCK_SH)  # as a delivery agent does
    settled = deliver(site.way(primary.port), site.targets(waiting + held))
    for file in files:
        os.close(file)
    assert all("locked" in each.verdicts[0].reply for each in settled.values())
    assert site.states(waiting + held) == ["deferred", "hold"]
    assert primary.accepted == []


def test_what_an_operator_releases_while_it_is_sent_is_not_sent_twice(site: Site, primary: FakePrimary) -> None:
    for domain in ("example.org", "example.net"):
        site.postfix.route(domain, primary.port)
    primary.behave(delay=0.5)
    ids = _held(site, primary)
    before = len(primary.accepted)
    settled: list[Settled] = []
    released = False
    for some in site.way(primary.port).deliver(Given(site.targets(ids), 1), threading.Event()):
        settled += some
        if not released and primary.connections:
            release(site.layout, ids)
            released = True
    assert released
    assert [each.fate for each in settled] == ["delivered"]
    wait_until(lambda: site.states(ids) == [""])
    assert len(primary.accepted) == before + 1


def test_what_postfix_and_we_deliver_at_the_same_time_arrives_once(site: Site, primary: FakePrimary) -> None:
    primary.down()
    names = [f"both{number}@example.org" for number in range(150)]
    site.postfix.route("example.org", primary.port)
    ids = [site.postfix.inject("sender@example.com", [name])[0] for name in names]
    settle(site.layout, ids, "deferred")
    targets = site.targets(ids)
    primary.behave(delay=0.01)
    primary.up()
    settled: list[Settled] = []
    running = site.way(primary.port).deliver(Given(targets, 4), threading.Event())
    for turn, some in enumerate(running):
        settled += some
        left = [each for each, now in zip(ids, site.states(ids), strict=True) if now == "deferred"]
        for _ in request_delivery(site.layout.queue_directory, left[-8:] if turn % 2 else left[8:12]):
            pass
    release(site.layout, ids)
    settle(site.layout, ids, "")
    got = Counter(message.recipients[0] for message in primary.accepted)
    assert got == dict.fromkeys(names, 1)
    assert sorted(each.queue_id for each in settled) == sorted(ids)
    by_us = sum(each.fate == "delivered" for each in settled)
    print(f"{by_us} by us, {len(ids) - by_us} by Postfix")
    assert 0 < by_us < len(ids)


def _held(site: Site, primary: FakePrimary) -> list[str]:
    """Held though Postfix could deliver it at once."""
    primary.down()
    try:
        return site.held("info@example.org")
    finally:
        primary.up()


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """For this process: what a full disk is to whoever writes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_without_room_for_a_journal_nothing_is_touched(site: Site, primary: FakePrimary) -> None:
    ids = site.waiting("info@example.org", count=5)
    targets = site.targets(ids)
    with files_no_larger_than(64 * 1024), pytest.raises(MxtuiError, match="cannot be written") as caught:
        deliver(site.way(primary.port), targets)
    assert "Free some space" in caught.value.hint
    assert set(site.states(ids)) == {"deferred"}
    assert primary.connections == 0


@pytest.mark.parametrize("at", [1, 8])
def test_a_disk_that_fills_up_stops_it_before_anything_is_sent_that_is_not_recorded(
    site: Site, primary: FakePrimary, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    append = Journal.append
    begun: list[Entry] = []

    def full(journal: Journal, entries: Sequence[Entry]) -> None:
        begun.extend(entry for entry in entries if isinstance(entry, Begun))
        if len(begun) >= at and any(isinstance(entry, Begun) for entry in entries):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(journal, entries)

    monkeypatch.setattr(Journal, "append", full)
    ids = site.waiting("info@example.org", count=20) + site.held("info@example.org")
    settled: list[Settled] = []
    feed = Given(site.targets(ids))
    with pytest.raises(MxtuiError, match="No space left on device"):
        settled.extend(run_through(site.way(primary.port), feed))
    delivered = {each.queue_id for each in settled if each.fate == "delivered"}
    assert {each.queue_id for each in settled} == set(ids) - {target.queue_id for target in feed.left}
    assert len(primary.accepted) == len(delivered) < at
    expected = ["" if each in delivered else "hold" if each == ids[-1] else "deferred" for each in ids]
    assert site.states(ids) == expected


def test_who_could_not_be_marked_is_marked_by_the_next_run(
    site: Site, primary: FakePrimary, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unwritable(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    primary.behave(temporary="^later@")
    ids = site.waiting("good@example.org", "later@example.org")
    folder = site.journal()
    monkeypatch.setattr("mxtui.delivery.direct.ending.mark_done", unwritable)
    with pytest.raises(MxtuiError, match="cannot be marked: Input/output error"):
        deliver(site.way(primary.port, folder), site.targets(ids))
    monkeypatch.undo()
    assert site.states(ids) == ["hold"], "released, it would reach somebody twice"
    assert site.todo(ids[0]) == {"good@example.org", "later@example.org"}
    assert deliver(site.way(primary.port, folder), site.targets(ids))[ids[0]].fate == "deferred"
    assert site.states(ids) == ["deferred"]
    assert site.todo(ids[0]) == {"later@example.org"}
    assert [message.recipients for message in primary.accepted] == [("good@example.org",)]


def test_a_domain_whose_route_is_not_to_be_had_keeps_its_mail(site: Site, primary: FakePrimary) -> None:
    def route(domain: str) -> HostKey:
        if domain == "example.net":
            raise Unreachable("the rewrite service does not answer")
        return HostKey("127.0.0.1", primary.port, lookup_mx=False)

    ids = site.waiting("info@example.net") + site.waiting("info@example.org")
    settled = deliver(site.way(route), site.targets(ids))
    assert [settled[each].fate for each in ids] == ["deferred", "delivered"]
    assert "rewrite service" in settled[ids[0]].verdicts[0].reply
    assert site.states(ids) == ["deferred", ""]


def test_what_an_operator_deletes_meanwhile_is_no_failure(site: Site, primary: FakePrimary) -> None:
    primary.behave(delay=0.5)
    ids = site.waiting("info@example.org")
    settled: list[Settled] = []
    for some in site.way(primary.port).deliver(Given(site.targets(ids)), threading.Event()):
        settled += some
        if primary.connections:
            tell(site.layout, "-d", ids, "hold")
    assert [each.fate for each in settled] == ["delivered"]
    assert len(primary.accepted) == 1


def test_what_only_postfix_can_do_is_left_to_it(site: Site, primary: FakePrimary) -> None:
    checks = "regexp:{{/^Subject: filter/ FILTER smtp:[127.0.0.1]:1}, {/^Subject: redirect/ REDIRECT x@example.org}}"
    site.postfix.postconf(header_checks=checks)
    try:
        ids = [
            site.waiting("info@example.org", content=b"Subject: %s\n\nx\n" % subject)[0]
            for subject in (b"filter", b"redirect", b"plain")
        ]
    finally:
        site.postfix.postconf(header_checks="")
    expired = site.waiting("info@example.org")
    tell(site.layout, "-h", expired, "deferred")
    tell(site.layout, "-e", expired, "hold")
    settled = deliver(site.way(primary.port), site.targets(ids + expired))
    assert [settled[each].fate for each in ids + expired] == ["deferred", "deferred", "delivered", "deferred"]
    assert ["FILTER" in settled[ids[0]].verdicts[0].reply, "REDIRECT" in settled[ids[1]].verdicts[0].reply] == [1, 1]
    assert site.states(ids + expired) == ["deferred", "deferred", "", "hold"]
    assert len(primary.accepted) == 1
    assert "status=bounced" not in log_of(site.postfix)


def test_a_damaged_message_is_left_where_it_is(site: Site, primary: FakePrimary) -> None:
    ids = site.waiting("info@example.org", count=2)
    here = locate(site.layout, ids[0])
    assert here is not None
    raw = here.path.read_bytes()
    with here.path.open("r+b") as file:
        file.seek(raw.index(b"N\x04body"))
        file.write(b"Z")
    settled = deliver(site.way(primary.port), site.targets(ids))
    assert [settled[each].fate for each in ids] == ["deferred", "delivered"]
    assert site.states(ids) == ["deferred", ""]
    assert len(primary.accepted) == 1


def test_the_folder_of_the_journal_has_to_be_one(site: Site, primary: FakePrimary, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MxtuiError, match="cannot be written"):
        deliver(site.way(primary.port, tmp_path / "file"), [])


def test_what_goes_wrong_while_it_winds_up_leaves_no_thread_behind(
    site: Site, primary: FakePrimary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process would never exit."""
    ids = site.waiting("info@example.org", count=20)
    primary.behave(delay=0.1)
    before = set(threading.enumerate())
    going = site.way(primary.port).deliver(Given(site.targets(ids), connections=2), threading.Event())
    while not any(settled.fate == "delivered" for some in [next(going)] for settled in some):
        pass

    async def broken(*_: object) -> Settled:
        raise RuntimeError("broken")

    monkeypatch.setattr(Endings, "end", broken)
    with pytest.raises(RuntimeError, match="broken"):
        going.close()  # type: ignore[attr-defined]  # a generator
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert left <= {"postsuper_0"}, "whose work is done, and who ends with the process"
