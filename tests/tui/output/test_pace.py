"""A terminal is sent what it has time for: by a line that is simulated, and by a sender on a real pipe."""

import io
import threading
from collections import deque

import pytest

from mxtui.tui.output.pace import ASK, FIRST, LEAST, LOST, MOST, SILENT, Pace
from mxtui.tui.output.sender import Sender
from tests.support.waiting import wait_until
from tests.tui.output.test_screenful import Seen


def test_a_terminal_that_answers_at_once_is_soon_sent_all_there_is() -> None:
    pace, now = Pace(), 0.0
    for _ in range(12):
        if pace.sends(pace.room(now), now):
            now += 0.001
            pace.answers(now)
    assert pace.room(now) == MOST


@pytest.mark.parametrize("rate", [1200.0, 12_000.0, 125_000.0])  # bytes a second: 9,600 bit/s to 1 Mbit/s
def test_what_is_under_way_is_seen_within_seconds(rate: float) -> None:
    """With 300 ms of delay, and always more to send."""
    pace, now, line_free = Pace(), 0.0, 0.0
    answers: deque[float] = deque()
    worst, sent = 0.0, 0
    while now < 60:
        while (room := pace.room(now)) > 0:
            size = min(room, 400)
            line_free = max(now, line_free) + size / rate
            sent += size
            if pace.sends(size, now):
                answers.append(line_free + 0.3)
        if now > 20:  # once it has found out
            worst = max(worst, line_free - now)
        if not answers:
            break
        now = max(now, answers.popleft())
        pace.answers(now)
    assert worst <= max(1.0, 2 * LEAST / rate)
    assert sent >= 0.5 * rate * 40  # and the line is not left idle


def test_one_that_never_answers_is_not_held_back() -> None:
    pace = Pace()
    while pace.room(0.0):
        pace.sends(500, 0.0)
    assert pace.wait(0.0) == pytest.approx(SILENT)
    assert pace.room(SILENT) == MOST
    assert not pace.sends(5000, SILENT)


def test_an_answer_that_is_lost_is_not_waited_for_for_ever() -> None:
    pace = Pace()
    assert pace.sends(FIRST, 0.0)
    pace.answers(0.1)
    while pace.room(1.0):
        pace.sends(1000, 1.0)
    assert not pace.room(1.0 + LOST - 1)
    assert pace.room(1.0 + LOST)


def test_answers_that_nobody_asked_for_change_nothing() -> None:
    pace = Pace()
    pace.answers(1.0)
    assert pace.room(1.0) == FIRST


class Slow(io.StringIO):
    """A terminal that takes something only when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.may = threading.Event()
        self.taken: list[str] = []

    def write(self, text: str) -> int:
        self.may.wait()
        self.taken.append(text)
        return len(text)

    def fileno(self) -> int:
        return 1


def shown(slow: Slow) -> str:
    """The first line that a terminal shows."""
    seen = Seen()
    seen.feed("".join(slow.taken).replace("\x1b[?1049h", ""))
    return "".join(str(cell[0]) for cell in seen.cells()[0])


def frame(text: str) -> str:
    return f"\x1b[1;1H\x1b[31m{text}\x1b[0m"


def test_whoever_draws_never_waits_and_only_the_latest_is_sent() -> None:
    slow = Slow()
    sender = Sender(slow, lambda: None)
    sender.write("\x1b[?1049h")
    for number in range(1000):  # would block for ever behind a queue of frames
        sender.write(frame(f"frame {number:04}"))
    slow.may.set()
    wait_until(lambda: shown(slow).startswith("frame 0999"))
    assert len(slow.taken) < 10
    assert slow.taken[0].startswith("\x1b[?1049h")


def test_leaving_is_sent_after_everything_and_nothing_after_it() -> None:
    slow = Slow()
    slow.may.set()
    sender = Sender(slow, lambda: None)
    sender.write("\x1b[?1049h" + frame("hello"))
    wait_until(lambda: "hello" in "".join(slow.taken))
    sender.write(frame("other"))
    sender.write("\x1b[?1049l\x1b[?25h")
    sender.write(frame("late"))
    sender.finish()
    assert "".join(slow.taken).endswith("\x1b[?1049l\x1b[?25h")
    assert "late" not in "".join(slow.taken)


def test_a_terminal_that_does_not_answer_yet_gets_no_more_than_that() -> None:
    slow = Slow()
    slow.may.set()
    clock = [0.0]
    sender = Sender(slow, lambda: None, clock=lambda: clock[0])
    sender.write("\x1b[?1049h")
    picture = "".join(f"\x1b[{row + 1};1H{'x' * 200}" for row in range(200))
    sender.write(picture)
    wait_until(lambda: ASK in "".join(slow.taken))
    wait_until(lambda: len("".join(slow.taken)) >= FIRST)
    before = len("".join(slow.taken))
    assert before < FIRST + 1000
    sender.answered()
    wait_until(lambda: len("".join(slow.taken)) > before)


def test_a_terminal_that_is_gone_is_told_of_once_and_fails_nobody() -> None:
    class Gone(Slow):
        def write(self, text: str) -> int:
            raise OSError(5, "gone")

    lost = threading.Event()
    sender = Sender(Gone(), lost.set)
    sender.write("\x1b[?1049h" + frame("hello"))
    assert lost.wait(10)
    sender.write(frame("more"))
