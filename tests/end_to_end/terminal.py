"""A terminal for tests: a program in a real pty, its screen as text, an operator's hands at its keys.

    with Terminal([sys.executable, "-m", "mxtui"], columns=80, lines=24) as terminal:
        terminal.wait_for("Domains")
        terminal.press("j", "Enter")

Nothing runs beside the test: output is read while it waits, and the program may fill a pty's buffer meanwhile.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import pyte

from tests.support.waiting import PATIENCE

Screen = list[str]
Wanted = str | Callable[[Screen], object]
"""Text somewhere on one line of the screen, or a question about its lines."""

_KEYS = {
    "Enter": b"\r",
    "Esc": b"\x1b",
    "Tab": b"\t",
    "Backspace": b"\x7f",
    "Space": b" ",
    "Up": b"\x1b[A",
    "Down": b"\x1b[B",
    "Right": b"\x1b[C",
    "Left": b"\x1b[D",
    "Home": b"\x1b[H",
    "End": b"\x1b[F",
    "Delete": b"\x1b[3~",
    "F2": b"\x1bOQ",
    "PageUp": b"\x1b[5~",
    "PageDown": b"\x1b[6~",
}

# What pyte does not know and would print, take for something else, or fail at: the kitty keyboard protocol, secondary
# device attributes, device control strings.
_UNKNOWN = re.compile(rb"\x1b\[[<>=][0-9;:]*[@-~]|\x1b\[\?[0-9;]*[mu]|\x1bP[^\x1b]*\x1b\\")
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|P[^\x1b]*\x1b?)?\Z")

# Of the terminal that the tests themselves run in.
_OF_THE_TESTER = frozenset(("NO_COLOR", "LINES", "COLUMNS"))

_READ = 1 << 16
_EXIT = 30.0
"""Seconds for a program to end after its terminal is gone, before it is killed."""


class Terminal:
    """A program at a terminal. Leaving the context hangs up and waits for it to end.

    Unless `controlling`, it only reads and writes there, and no signal tells it when the terminal is gone: so it is
    below su(1) or runuser(1), whose session is another's.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 80,
        lines: int = 24,
        env: Mapping[str, str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        controlling: bool = True,
    ) -> None:
        self._received = bytearray()
        self._unfinished = b""
        self._open = True
        self._master, slave = pty.openpty()
        self._set_size(columns, lines)
        self._screen = _AnsweringScreen(columns, lines, self._answer)
        self._stream = pyte.ByteStream(self._screen)
        surroundings = {name: value for name, value in os.environ.items() if name not in _OF_THE_TESTER}
        surroundings |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LANG": "C.UTF-8", **(env or {})}
        try:
            # setsid makes the pty the controlling terminal; a preexec_fn could not do so in a test that has threads.
            self._process = subprocess.Popen(
                ["setsid", *(["--ctty"] if controlling else []), "env", "--default-signal=INT", *argv],
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env=surroundings,
                cwd=cwd,
            )
        except BaseException:
            os.close(self._master)
            raise
        finally:
            os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hangup()
        try:
            self._process.wait(_EXIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            if error is None:
                raise AssertionError(f"the program went on for {_EXIT} s after its terminal was gone") from None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def received(self) -> bytes:
        """Everything the program has sent so far, as far as it was read: what a terminal would have obeyed."""
        return bytes(self._received)

    @property
    def bytes_received(self) -> int:
        """How much that is."""
        return len(self._received)

    def modes(self) -> list[int]:
        """How the kernel treats input and output (termios(3)): raw or cooked, with echo or without."""
        return [int(flags) for flags in termios.tcgetattr(self._master)[:4]]

    def screen(self) -> Screen:
        """The lines as they are now, all output up to now taken in, without trailing spaces."""
        while self._read(0):
            pass
        return [line.rstrip() for line in self._screen.display]

    def press(self, *keys: str) -> None:
        """Press keys: `j`, `Enter`, `PageDown`, `^p`; every other text is typed as it is."""
        assert self._open, "nobody reads these keys: the program has ended"
        for key in keys:
            if len(key) == 2 and key[0] == "^":
                self._send(bytes([ord(key[1].upper()) & 0x1F]))
            else:
                self._send(_KEYS.get(key) or key.encode())

    def wait_for(self, wanted: Wanted, timeout: float = PATIENCE) -> Screen:
        """The first screen with what is wanted.

        Raises:
            AssertionError: not within `timeout` seconds, or the program ended without; shows the last screen.
        """
        deadline = time.monotonic() + timeout
        while True:
            screen = self.screen()
            if any(wanted in line for line in screen) if isinstance(wanted, str) else wanted(screen):
                return screen
            left = deadline - time.monotonic()
            if left <= 0 or not self._open:
                why = f"not within {timeout:g} s" if self._open else "the program ended first"
                raise AssertionError(f"{wanted!r}: {why}\n" + "\n".join(screen))
            self._read(left)

    def idle(self, seconds: float) -> int:
        """Bytes that the program sends in this time while nobody touches it."""
        before = self.bytes_received
        deadline = time.monotonic() + seconds
        while self._open and (left := deadline - time.monotonic()) > 0:
            self._read(left)
        return self.bytes_received - before

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the window; the program gets SIGWINCH."""
        self._screen.resize(lines, columns)
        self._set_size(columns, lines)

    def flicker(self, columns: int, lines: int) -> None:
        """Change the size and change it back before the program looks: what it drew is cut off, and nothing differs."""
        size = self._screen.columns, self._screen.lines
        self._screen.resize(lines, columns)
        self._screen.resize(size[1], size[0])
        os.kill(self.pid, signal.SIGWINCH)

    def wait_for_exit(self, timeout: float = PATIENCE) -> int:
        """The program's exit status, minus the signal's number where one ended it.

        Raises:
            AssertionError: it still runs after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while self._open and (left := deadline - time.monotonic()) > 0:
            self._read(left)
        try:
            return self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout:g} s\n" + "\n".join(self.screen())) from None

    def hangup(self) -> None:
        """Close the terminal, as a lost SSH connection does; the kernel sends SIGHUP."""
        self._open = False
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def _set_size(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _send(self, data: bytes) -> None:
        while data and self._open:
            _, writable, _ = select.select([], [self._master], [], 0)
            if writable:
                data = data[os.write(self._master, data) :]
            else:
                # Its input is full because its output is: a program that waits for us cannot read.
                self._read(0.05)

    def _answer(self, data: bytes) -> None:
        """Unlike keys, dropped when the program does not read: this runs amid taking in its output."""
        if self._open and select.select([], [self._master], [], 0)[1]:
            os.write(self._master, data)

    def _read(self, timeout: float) -> bool:
        """Take in what the program sends next; False when nothing came."""
        if not self._open or not select.select([self._master], [], [], timeout)[0]:
            return False
        data = b""
        # EIO: nobody has the other end open any more.
        with suppress(OSError):
            data = os.read(self._master, _READ)
        if not data:
            self._open = False
            return False
        self._received += data
        self._take_in(data)
        return True

    def _take_in(self, data: bytes) -> None:
        """Draw what the program sent."""
        data = _UNKNOWN.sub(b"", self._unfinished + data)
        cut = _UNFINISHED.search(data)
        self._unfinished = data[cut.start() :] if cut else b""
        self._stream.feed(data[: cut.start()] if cut else data)


class _AnsweringScreen(pyte.Screen):
    """Answers what programs ask their terminal."""

    def __init__(self, columns: int, lines: int, answer: Callable[[bytes], None]) -> None:
        super().__init__(columns, lines)
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        self._answer(data.encode())
