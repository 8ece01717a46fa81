import sys
from pathlib import Path

import pytest

from tests.end_to_end.terminal import Terminal

# Reads keys one at a time and says what it got, and how large its window is when that changes.
ECHO = """
import os, signal, sys, termios, tty
def size(*_):
    print("size {}x{}".format(*os.get_terminal_size()), end="\\r\\n", flush=True)
tty.setraw(0)
signal.signal(signal.SIGWINCH, size)
size()
while (key := os.read(0, 16)) != b"q":
    print(repr(key), end="\\r\\n", flush=True)
sys.exit(7)
"""


def program(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def test_the_screen_shows_what_was_drawn_not_what_was_sent() -> None:
    drawing = (
        r"print('\x1b[2J\x1b[2;3H\x1b[1;31mred\x1b[0m \x1b[>25u\x1b[?u\x1b[?2026$p\x1bP+q544e\x1b\\done'); input()"
    )
    with Terminal(program(drawing), columns=20, lines=4) as terminal:
        assert terminal.wait_for("done") == ["", "  red done", "", ""]


def test_keys_reach_the_program() -> None:
    with Terminal(program(ECHO)) as terminal:
        terminal.wait_for("size 80x24")
        for key, shown in [("j", "b'j'"), ("Enter", r"b'\r'"), ("^p", r"b'\x10'"), ("PageDown", r"b'\x1b[6~'")]:
            terminal.press(key)
            terminal.wait_for(shown)
        terminal.press("q")
        assert terminal.wait_for_exit() == 7


def test_the_program_learns_its_size_and_every_change_of_it() -> None:
    with Terminal(program(ECHO), columns=200, lines=60) as terminal:
        assert len(terminal.wait_for("size 200x60")) == 60
        terminal.resize(20, 5)
        assert len(terminal.wait_for("size 20x5")) == 5


def test_questions_to_the_terminal_are_answered() -> None:
    asking = "import os, tty; tty.setraw(0); os.write(1, b'\\x1b[6n'); print(os.read(0, 16), flush=True); os.read(0, 1)"
    with Terminal(program(asking)) as terminal:
        terminal.wait_for(r"b'\x1b[1;1R'")


def test_bytes_are_counted_and_silence_is_none() -> None:
    with Terminal(program(ECHO)) as terminal:
        terminal.wait_for(lambda _: terminal.received == b"size 80x24\r\n")
        assert terminal.bytes_received == 12
        assert terminal.idle(0.1) == 0
        terminal.press("j")
        terminal.wait_for(lambda _: terminal.received == b"size 80x24\r\nb'j'\r\n")
        assert terminal.bytes_received == 18


def test_a_flood_of_output_is_taken_in() -> None:
    with Terminal(program("print('line\\n' * 20000 + 'end'); input()")) as terminal:
        terminal.wait_for("end")
        assert terminal.bytes_received > 100_000


def test_a_lost_terminal_hangs_the_program_up(tmp_path: Path) -> None:
    witness = tmp_path / "hung-up"
    source = (
        "import pathlib, signal, sys\n"
        f"def hung_up(*_): pathlib.Path({str(witness)!r}).touch(); sys.exit(3)\n"
        "signal.signal(signal.SIGHUP, hung_up)\n"
        "print('ready', flush=True)\n"
        "signal.pause()\n"
    )
    with Terminal(program(source)) as terminal:
        terminal.wait_for("ready")
        terminal.hangup()
        assert terminal.wait_for_exit() == 3
    assert witness.exists()


def test_waiting_in_vain_shows_the_screen() -> None:
    with Terminal(program("print('something else', flush=True); input()")) as terminal:
        terminal.wait_for("something")
        with pytest.raises(AssertionError, match=r"'wanted': not within 0.1 s\nsomething else"):
            terminal.wait_for("wanted", timeout=0.1)


def test_waiting_for_a_program_that_ended_does_not_last() -> None:
    with (
        Terminal(program("print('bye')")) as terminal,
        pytest.raises(AssertionError, match=r"the program ended first\nbye"),
    ):
        terminal.wait_for("wanted")
