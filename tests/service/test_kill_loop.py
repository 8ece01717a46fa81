"""SIGKILL at any moment, over and over, under load: a 250 is a promise, and a refusal is one, too.

Bounded for CI; MXTUI_KILLS sets how often, MXTUI_SEED when.
"""

import os
import random
import signal
import smtplib
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mxtui.demo.primary import FakePrimary
from tests.service.serving import Serve, marked, numbers
from tests.support.waiting import wait_until

KILLS = int(os.environ.get("MXTUI_KILLS", "6"))
SEED = int(os.environ.get("MXTUI_SEED", "3"))
CLIENTS = 6
CONNECTIONS = 20
"""To one primary: so many deliveries may be under way when it is killed, and not on record."""

LOOPING = b"Received: from a by b; Sun, 22 Nov 2026 19:00:00 +0000\r\n" * 101
"""More hops than are allowed: refused when all of it is there."""


@dataclass
class Load:
    """What clients were told, by mark."""

    answered: set[str] = field(default_factory=set)
    """250."""
    refused: set[str] = field(default_factory=set)
    unanswered: set[str] = field(default_factory=set)
    """The connection broke before there was an answer: either is right, once."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def told(self, mark: str, book: set[str]) -> None:
        with self.lock:
            book.add(mark)


def keep_sending(backup: Serve, load: Load, marks: Iterator[str]) -> None:
    """One client: sends until its connection breaks."""
    try:
        with smtplib.SMTP("127.0.0.1", backup.port, "localhost", timeout=60) as client:
            for mark in marks:
                kind = mark.rpartition("-")[2]
                to = "nobody@example.org" if kind == "unknown" else "anna@example.org"
                content = (LOOPING if kind == "loop" else b"") + marked(mark, b"x" * 3000 + b"\r\n")
                try:
                    client.sendmail("a@example.com", [to], content)
                except (smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError):
                    load.told(mark, load.refused)
                except (smtplib.SMTPException, OSError):
                    load.told(mark, load.unanswered)
                    return
                else:
                    load.told(mark, load.answered)
    except (smtplib.SMTPException, OSError):
        return


def marks_of(client: str) -> Iterator[str]:
    for number in range(1_000_000):
        yield f"{client}-{number}-{('mail', 'mail', 'mail', 'unknown', 'mail', 'loop')[number % 6]}"


def load_and_kill(backup: Serve, load: Load, name: str, seconds: float) -> None:
    backup.start()
    clients = [
        threading.Thread(target=keep_sending, args=(backup, load, marks_of(f"{name}.{number}")))
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    threading.Event().wait(seconds)  # the moment is what is being chosen here
    backup.send(signal.SIGKILL)
    backup.running.wait(20)
    for client in clients:
        client.join(20)
        assert not client.is_alive()


@pytest.fixture
def backup(tmp_path: Path, primary: FakePrimary) -> Iterator[Serve]:
    known = tmp_path / "known"
    known.write_text("anna@example.org\n")
    made = Serve(tmp_path, {"example.org": primary.port}, "--standby", "off", recipients=str(known))
    with_end = made.__exit__
    yield made
    with_end(None, None, None)


def drained(backup: Serve, primary: FakePrimary) -> Counter[str]:
    """What is at the primary in the end, by mark."""
    primary.up()
    backup.start()
    wait_until(lambda: not backup.spooled(), what="the spool is empty")
    assert backup.stop() == 0
    return Counter(numbers(primary))


def test_each_250_is_found_again_once_however_often_it_is_killed(backup: Serve, primary: FakePrimary) -> None:
    primary.down()
    chance, load = random.Random(SEED), Load()
    for kill in range(KILLS):
        load_and_kill(backup, load, f"k{kill}", chance.uniform(0.05, 0.7))
        kept = sum(map(len, backup.spooled().values()))
        assert kept >= len(load.answered)
    arrived = drained(backup, primary)
    assert len(load.answered) > KILLS * CLIENTS
    assert load.answered <= arrived.keys(), "a 250 was lost"
    assert not load.refused & arrived.keys(), "what was refused was delivered"
    assert arrived.keys() <= load.answered | load.unanswered
    assert set(arrived.values()) == {1}, "doubled"
    taken = len(arrived.keys() & load.unanswered)
    print(
        f"\n{KILLS} kills: {len(load.answered)} answered 250, all found once; {len(load.refused)} refused, none found; "
        f"{len(load.unanswered)} cut off, {taken} of them had been committed"
    )


def test_killed_while_it_delivers_nothing_is_lost_and_only_what_was_under_way_can_double(
    backup: Serve, primary: FakePrimary
) -> None:
    chance, load = random.Random(SEED + 1), Load()
    for kill in range(KILLS):
        load_and_kill(backup, load, f"d{kill}", chance.uniform(0.05, 0.7))
    arrived = drained(backup, primary)
    assert load.answered <= arrived.keys(), "a 250 was lost"
    assert not load.refused & arrived.keys(), "what was refused was delivered"
    doubled = sum(arrived.values()) - len(arrived)
    assert doubled <= KILLS * CONNECTIONS
    print(
        f"\n{KILLS} kills while delivering: {len(load.answered)} answered 250, none lost; "
        f"{len(load.refused)} refused, none delivered; {doubled} doubled of at most {KILLS * CONNECTIONS} under way"
    )
