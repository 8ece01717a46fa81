"""Where words are typed: a terminal or a pipe. Whoever has typed nothing yet hears news at once."""

import os
import select
import signal
import sys
import termios
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from mxtui.cli.plain.editor import Editor
from mxtui.message.sanitize import block

PROMPT: Final = "> "


class Prompt:
    """Reads lines from a descriptor, and has `news` said between them.

    At a terminal what is typed is echoed by us; elsewhere whoever types sees it already, and the prompt is a line.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        news: Callable[[bool], Sequence[str]],
        wakes: int,
        awake: Callable[[], None],
        *,
        source: int | None = None,
    ) -> None:
        """`news` are lines to be said now; True is for an operator who has just pressed Enter.

        It is asked again whenever `wakes` can be read, after `awake`.
        """
        self._write, self._news = write, news
        self._wakes, self._awake = wakes, awake
        self._source = sys.stdin.fileno() if source is None else source
        self._terminal = os.isatty(self._source)
        self._editor = Editor(echo=self._terminal)

    def line(self, prompt: str = PROMPT, *, with_news: bool = True) -> str | None:
        """The next line; None where there will be none. Ctrl-C raises KeyboardInterrupt, and forgets what was typed."""
        shown = prompt if self._terminal else f"{prompt.rstrip()}\n"
        self._editor.go_on()
        with self._typing():
            if with_news:
                self._say_news("", asked=True)
            self._write(shown)
            try:
                return self._wait(shown, with_news=with_news)
            except KeyboardInterrupt:
                self._editor.clear()
                self._write("\n")
                raise

    def _wait(self, shown: str, *, with_news: bool) -> str | None:
        while True:
            echo, line = self._editor.take()
            if echo:
                self._write(echo)
            if line is not None:
                return line
            if self._editor.ended:
                self._write("\n" if self._terminal else "")
                return None
            ready, _, _ = select.select([self._source, self._wakes], [], [])
            if self._wakes in ready:
                self._awake()
                before = "\n" if self._terminal else ""
                if with_news and not self._editor.begun and self._say_news(before, asked=False):
                    self._write(shown)
            if self._source in ready:
                self._editor.feed(self._read())

    def _read(self) -> bytes:
        try:
            return os.read(self._source, 4096)
        except OSError:  # the terminal is gone
            return b""

    def _say_news(self, before: str, *, asked: bool) -> bool:
        lines = self._news(asked)
        if lines:
            self._write(before)
            for line in lines:
                self._write(f"{block(line)}\n")
        return bool(lines)

    @contextmanager
    def _typing(self) -> Iterator[None]:
        """Each key as it is typed, and no echo by the terminal, for as long as a line is read."""
        if not self._terminal:
            yield
            return
        before = termios.tcgetattr(self._source)
        raw = termios.tcgetattr(self._source)
        raw[3] &= ~(termios.ICANON | termios.ECHO)
        raw[6][termios.VMIN], raw[6][termios.VTIME] = 1, 0

        def take(*_: object) -> None:
            termios.tcsetattr(self._source, termios.TCSADRAIN, raw)

        continued = signal.signal(signal.SIGCONT, take)  # a shell may have had the terminal meanwhile
        try:
            take()
            yield
        finally:
            signal.signal(signal.SIGCONT, continued)
            termios.tcsetattr(self._source, termios.TCSADRAIN, before)
