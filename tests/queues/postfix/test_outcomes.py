"""How deliveries ended, from a log that grows, is rotated, and is cut."""

import threading
from pathlib import Path

import pytest

from mxtui.queues.postfix.outcomes import PIECE, Place, follow, outcomes
from mxtui.queues.queue import Outcome


def line(domain: str, status: str, dsn: str = "2.0.0") -> str:
    return (
        f"Nov 22 15:54:42 mx2 postfix/smtp[8949]: CA6A420C29D: to=<x@{domain}>, relay=mx1[192.0.2.1]:25, delay=0.02, "
        f"delays=0.01/0.02/0/0, dsn={dsn}, status={status} (250 fine)\n"
    )


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "mail.log"
    path.write_text(line("old.example", "sent"))
    return path


def append(log: Path, text: str) -> None:
    with log.open("a") as file:
        file.write(text)


def test_the_first_look_only_says_where_to_go_on(log: Path) -> None:
    place, told = outcomes(log, None)
    assert (place, told) == (Place(log.stat().st_ino, log.stat().st_size), {})


def test_each_line_counts_once(log: Path) -> None:
    place, _ = outcomes(log, None)
    append(
        log,
        line("a.example", "sent") * 2 + line("a.example", "bounced", "5.1.1") + line("b.example", "deferred", "4.4.1"),
    )
    place, told = outcomes(log, place)
    assert told == {"a.example": Outcome(2, 1)}
    assert outcomes(log, place)[1] == {}


def test_half_a_line_is_read_when_it_is_whole(log: Path) -> None:
    place, _ = outcomes(log, None)
    whole = line("a.example", "sent")
    append(log, whole[:50])
    place, told = outcomes(log, place)
    assert told == {}
    append(log, whole[50:])
    assert outcomes(log, place)[1] == {"a.example": Outcome(1, 0)}


def test_who_follows_is_told_what_comes_from_then_on_also_over_a_rotation(log: Path) -> None:
    stop = threading.Event()
    following = follow(log, stop, every=0.0)
    assert next(following) == {}
    append(log, line("a.example", "sent") * 2 + line("a.example", "bounced", "5.1.1"))
    assert next(following) == {"a.example": Outcome(2, 1)}
    log.rename(log.with_name("mail.log.1"))
    log.write_text(line("b.example", "sent") * (PIECE + 1))
    told = [next(each for each in following if each) for _ in range(2)]
    assert [each["b.example"].sent for each in told] == [PIECE, 1], "piece by piece"
    stop.set()
    assert not any(following)


def test_without_a_log_there_is_nothing_to_follow(tmp_path: Path) -> None:
    assert list(follow(tmp_path / "none.log", threading.Event())) == []


def test_a_rotated_log_is_read_to_its_end(log: Path) -> None:
    place, _ = outcomes(log, None)
    append(log, line("a.example", "sent"))
    log.rename(log.with_name("mail.log.1"))
    log.write_text(line("b.example", "sent"))
    assert outcomes(log, place)[1] == {"a.example": Outcome(1, 0), "b.example": Outcome(1, 0)}


def test_a_log_that_was_cut_is_read_from_its_start(log: Path) -> None:
    place, _ = outcomes(log, None)
    log.write_text("")
    append(log, line("a.example", "sent")[:-10] + "\n")
    assert outcomes(log, place)[1] == {"a.example": Outcome(1, 0)}


def test_without_a_log_nothing_is_told(tmp_path: Path) -> None:
    assert outcomes(tmp_path / "none.log", None) == (None, {})


def test_what_a_stranger_writes_into_a_line_is_no_outcome(log: Path) -> None:
    place, _ = outcomes(log, None)
    append(log, "Nov 22 15:54:42 mx2 postfix/smtpd[1]: NOQUEUE: reject: to=<x@a.example>, dsn=5.1.1, status=bounced\n")
    append(log, "x" * 100_000 + "\n" + line("a.example", "sent"))
    assert outcomes(log, place)[1] == {"a.example": Outcome(1, 0)}
