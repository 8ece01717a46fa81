"""Following a log that is written, rotated and cut under us."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mxtui.queues.postfix.logtail import FileTail, JournalTail, Lines, journal_events, open_tail
from mxtui.queues.postfix.maillog import LINE_LIMIT, Attempt, Event, Removed
from tests.support.waiting import wait_until


def removed(queue_id: str) -> str:
    return f"Nov  2 15:54:42 mx2 postfix/qmgr[1]: {queue_id}: removed\n"


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.write_text(removed("BEFORE0"))
    return path


def test_only_what_comes_after_is_told(log: Path) -> None:
    with FileTail(log) as tail:
        assert list(tail.events()) == []
        append(log, removed("AAAAAA1") + removed("AAAAAA2"))
        assert list(tail.events()) == [Removed("AAAAAA1"), Removed("AAAAAA2")]
        assert list(tail.events()) == []


def test_a_line_written_in_two_halves_is_one(log: Path) -> None:
    with FileTail(log) as tail:
        append(log, removed("AAAAAA1")[:50])
        assert list(tail.events()) == []
        append(log, removed("AAAAAA1")[50:])
        assert list(tail.events()) == [Removed("AAAAAA1")]


def test_rotation_loses_nothing(log: Path) -> None:
    with FileTail(log) as tail:
        append(log, removed("AAAAAA1"))
        log.rename(log.with_suffix(".1"))
        assert list(tail.events()) == [Removed("AAAAAA1")]
        append(log.with_suffix(".1"), removed("AAAAAA2"))
        log.write_text(removed("AAAAAA3"))
        assert list(tail.events()) == [Removed("AAAAAA2"), Removed("AAAAAA3")]


def test_a_file_cut_in_place_is_read_from_its_start(log: Path) -> None:
    append(log, "x" * 1000 + "\n")
    with FileTail(log) as tail:
        log.write_text(removed("AAAAAA1"))
        assert list(tail.events()) == [Removed("AAAAAA1")]


def test_no_line_is_held_beyond_the_limit() -> None:
    lines = Lines(10)
    for _ in range(1000):
        assert list(lines.feed(b"x" * 100)) == []
    assert list(lines.feed(b"\nshort\n")) == [b"x" * 10, b"short"]


def test_a_line_without_end_does_not_hide_the_next(log: Path) -> None:
    with FileTail(log) as tail:
        append(log, "x" * (LINE_LIMIT * 50) + "\n" + removed("AAAAAA1"))
        assert list(tail.events()) == [Removed("AAAAAA1")]


def test_a_configured_file_that_cannot_be_read_is_no_log(tmp_path: Path) -> None:
    assert open_tail(tmp_path / "none") is None


JOURNALD = Path("/usr/lib/systemd/systemd-journald")


@pytest.fixture
def journal() -> Iterator[socket.socket]:
    """A journal of its own (systemd-journald(8), namespaces), by the socket that syslog(3) writes to."""
    if not JOURNALD.exists() or os.getuid() != 0:
        pytest.skip("needs root, and systemd's journald")
    folder = Path("/run/systemd") / f"journal.{NAMESPACE}"
    with subprocess.Popen([JOURNALD, NAMESPACE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until((folder / "dev-log").exists)
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as syslog:
                syslog.connect(os.fspath(folder / "dev-log"))
                yield syslog
        finally:
            server.terminate()
            server.wait(10)
            for left in (folder, *Path("/run/log/journal").glob(f"*.{NAMESPACE}")):
                shutil.rmtree(left)


NAMESPACE = f"mxtui{os.getpid()}"


def journalctl(*options: str) -> bytes:
    return subprocess.run(["journalctl", f"--namespace={NAMESPACE}", *options], capture_output=True, check=False).stdout


MAIL_INFO = "<22>"
"""Facility and severity (RFC 3164 4.1.1)."""


def test_the_journal_is_followed(journal: socket.socket) -> None:
    journal.send(f"{MAIL_INFO}postfix/qmgr[1]: BEFORE0: removed".encode())
    wait_until(lambda: b"BEFORE0" in journalctl("--output=cat"))
    found: list[Event] = []

    def told(queue_id: str) -> bool:
        found.extend(tail.events())
        return any(event.queue_id == queue_id for event in found)

    with JournalTail(NAMESPACE) as tail:
        journal.send(f"{MAIL_INFO}postfix/qmgr[1]: AAAAAA1: removed".encode())
        journal.send(b"<30>cron[1]: AAAAAA2: removed")
        journal.send(
            f"{MAIL_INFO}postfix-out/smtp[1]: AAAAAA3: to=<caf\udce9@example.org>, relay=none, delay=1, "
            "delays=0/0/1/0, dsn=4.4.1, status=deferred (refused)".encode(errors="surrogateescape")
        )
        wait_until(lambda: told("AAAAAA3"))
    assert found[0] == Removed("AAAAAA1")
    assert isinstance(found[1], Attempt)
    assert (found[1].status, found[1].text) == ("deferred", "refused")
    assert len(found) == 2


def test_entries_of_the_journal_that_make_no_sense_are_passed_over() -> None:
    entries = [b"not json", b'{"SYSLOG_IDENTIFIER":7}', b'{"MESSAGE":[1,"x"]}', b'{"MESSAGE":[300, -1]}', b""]
    assert list(journal_events(entries)) == []
