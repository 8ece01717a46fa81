"""Messages in custody taken apart by a worker: the same as here, and only of the very files that we have open."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from mxtui.queues.postfix.direct import reading, worker
from mxtui.queues.postfix.direct.custody import OPEN
from mxtui.queues.postfix.direct.reading import File, Reader
from tests.queues.postfix.test_scan import children
from tests.queues.postfix.writer import QueueFile, record
from tests.support.waiting import wait_until

UNUSUAL = (
    QueueFile(message=b"Subject: dots\n\n.\n..two\n" + b"x" * 3000 + b"\n", done=("gone@example.org",)),
    QueueFile(message=b"Subject: large\n\n" + b"a line of it, again and again\n" * 12_000),
    QueueFile(message=b"Subject: bare\n\none\rtwo\n"),
    QueueFile(extra=record("L", "smtp:[127.0.0.1]:10025")),
    QueueFile(sender="", recipients=("a b@example.org", "jos\xe9@example.org"), extracted=("copy@example.net",)),
    QueueFile(recipients=(b"\xff@example.org".decode("latin-1"),), attributes=(("envelope_id", "a=b"),)),
)


@contextmanager
def opened(folder: Path, made: Sequence[bytes]) -> Iterator[list[File]]:
    files = []
    for number, raw in enumerate(made):
        path = folder / f"{number:010X}"
        path.write_bytes(raw)
        fd = os.open(path, OPEN)
        files.append(File(str(path), fd, os.fstat(fd)))
    try:
        yield files
    finally:
        for file in files:
            os.close(file.fd)


def queue(count: int) -> list[bytes]:
    usual = [QueueFile(recipients=(f"user{number}@example.org",)).raw() for number in range(count - len(UNUSUAL) - 1)]
    return [*usual, *(each.raw() for each in UNUSUAL), QueueFile().raw()[:-40]]


def test_a_worker_reads_what_is_read_here(tmp_path: Path) -> None:
    with opened(tmp_path, queue(70)) as files, closing(Reader(cores=1)) as alone, closing(Reader(cores=2)) as helped:
        before = children()
        here = alone.read(files)
        assert children() == before
        assert helped.read(files) == here
        assert len(children() - before) == 1
    assert [each.why_not for each in here].count("") == 67
    assert here[64].why_not == ""
    assert here[64].whole is None, "what is large is read when it is sent"
    assert here[65].why_not == "left to Postfix: its content has a bare CR or LF"
    assert here[66].why_not == "has a FILTER that only Postfix follows"
    assert here[69].why_not.startswith("damaged")
    assert all(each.envelope is not None for each in here)


def test_what_a_killed_worker_had_in_hand_is_read_here(tmp_path: Path) -> None:
    with opened(tmp_path, queue(60)) as files, closing(Reader(cores=2)) as reader:
        before = children()
        expected = reader.read(files)
        (pid,) = children() - before
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: children() == before)
        assert reader.read(files) == expected


def test_no_worker_stays_behind(tmp_path: Path) -> None:
    before = children()
    with opened(tmp_path, queue(60)) as files, closing(Reader(cores=2)) as reader:
        reader.read(files)
    assert children() == before


def test_few_messages_need_no_worker(tmp_path: Path) -> None:
    with opened(tmp_path, queue(reading.ENOUGH - 1)) as files, closing(Reader(cores=2)) as reader:
        before = children()
        assert len(reader.read(files)) == reading.ENOUGH - 1
        assert children() == before


def test_another_file_under_the_name_is_not_read(tmp_path: Path) -> None:
    with opened(tmp_path, queue(30)) as files, closing(Reader(cores=2)) as reader:
        Path(files[0].path).unlink()
        Path(files[1].path).rename(tmp_path / "away")
        Path(files[1].path).write_bytes(QueueFile(recipients=("stranger@example.net",)).raw())
        gone, replaced, *others = reader.read(files)
    assert (gone.envelope, gone.why_not) == (None, "No such file or directory")
    assert (replaced.envelope, replaced.why_not) == (None, worker.ANOTHER)
    assert all(each.envelope is not None for each in others)


def test_without_a_process_to_be_had_it_is_done_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mxtui.queues.workers.sys.executable", str(tmp_path / "missing"))
    with opened(tmp_path, queue(30)) as files, closing(Reader(cores=2)) as reader:
        assert len([each for each in reader.read(files) if each.whole]) == 26
