"""`mxtui --plain`: words are typed, sentences come back, and news between them."""

import io
import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from mxtui.cli.asking import Asker
from mxtui.cli.attach import attach, named_source, settings_of
from mxtui.cli.common import NO_COLOR, fail
from mxtui.cli.console import choose, services
from mxtui.cli.draining import naming
from mxtui.cli.main import COMMANDS, run_words
from mxtui.cli.plain import words
from mxtui.cli.plain.following import Following
from mxtui.cli.plain.looking import Answer, Looking
from mxtui.cli.plain.news import Said, learn, news
from mxtui.cli.plain.pages import Output, Pages
from mxtui.cli.plain.prompt import Prompt
from mxtui.errors import MxtuiError, UsageError
from mxtui.message.sanitize import one_line
from mxtui.signals import GONE, handling

if TYPE_CHECKING:
    from mxtui.tui.services import Services

LOOK: Final = 1.0
"""Seconds between two times that it is worked out what is news, while nobody asks."""

REST: Final = 3.0
"""Seconds of silence after news."""

MOST_NEWS: Final = 10
"""Lines of news at once."""

ELSEWHERE: Final = ("serve", "agent", "demo", "check", "metrics", "sudoers")
"""Commands for others than operators at a prompt."""

CONCLUDING: Final = (
    "hold", "release", "quarantine", "renew", "redirect", "reject", "delete", "restore", "flush", "suspend",
    "resume", "migrate", "announce", "ack", "learn", "clear", "drill", "drain",
)  # fmt: skip
"""Commands whose last line says what was done."""


def open_plain(source: str | None, config: str | None) -> None:
    """Attach, tell, and answer until the operator leaves or closes stdin."""
    os.environ[NO_COLOR] = "1"
    if named_source(source, settings_of(config)) is None:
        source = choose()
    from mxtui.tui.services import Settings

    again = naming(source, config)
    with (
        _ended_by_signals(),
        attach(source, config) as attached,
        services(attached, Settings(), again=again) as known,
        Following(known) as following,
    ):
        Session(known, following, again).run()


def _ended_by_signals() -> AbstractContextManager[None]:
    """A terminal that closes, or SIGTERM, ends it and leaves the terminal as it was. A verb that runs is stopped by
    that, as on the command line, and recorded; then the next signal ends the prompt, or the end of stdin does.
    """

    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    return handling(GONE, end)


class Session(Asker):
    """One operator at the prompt."""

    def __init__(self, known: "Services", following: Following, again: Sequence[str]) -> None:
        """`again` are the options that name the queue, for commands."""
        self._following, self._again = following, again
        self._gone = False
        self._pages = Pages(self._write)
        self._prompt = Prompt(self._write, self._news, following.wakes, following.awake)
        self._output: Output | None = None
        self._said = Said()
        self._looking = Looking(known, following, self._pages, self._said)
        self._told_all = self._fault_told = False
        self._next_news = 0.0
        """When it is time for some, while nobody asks (monotonic)."""
        self._left = False
        self._ours: Mapping[str, tuple[Answer, str]] = {
            **self._looking.words,
            "suspects": (self._suspects, "campaigns and suspected spam"),
            "help": (self._help, "these words; help hold: one of them"),
            "quit": (self._quit, "leave; a drain goes on"),
        }

    def run(self) -> None:
        """Until `quit`, the end of stdin, or Ctrl-C twice."""
        self._looking.begin()
        self._pages.say("Type help for the words that this prompt knows.")
        interrupted = False
        while not (self._left or self._gone):
            try:
                line = self._prompt.line()
            except KeyboardInterrupt:
                if interrupted:
                    sys.exit(130)
                interrupted = True
                self._pages.say("Ctrl-C once more leaves; so does quit.")
                continue
            interrupted = False
            if line is None:
                return
            self._answer(line)

    def agrees(self, question: str) -> bool:
        """Asked of whoever is at the prompt, after all that the command has said so far."""
        sys.stderr.flush()
        sys.stdout.flush()
        if self._output is not None:
            self._output.say_all()
        answer = self._prompt.line(f"{question} Type yes or no: ", with_news=False) or ""
        agreed = answer.strip().lower() == "yes"
        if not agreed:
            self._pages.say("Not done.")
        return agreed

    # -- telling ----------------------------------------------------------------------------------------------------

    def _write(self, text: str) -> None:
        """To whoever listens; when nobody does any more, the session is over after what it is at."""
        out = sys.__stdout__
        assert out is not None
        try:
            out.buffer.write(text.encode(out.encoding or "utf-8", "replace"))
            out.buffer.flush()
        except OSError:
            self._gone = True

    def _news(self, asked: bool) -> list[str]:
        """To be said now; everything, once, when all has been read."""
        if self._following.fault and not self._fault_told:
            self._fault_told = True
            return [one_line(self._following.fault, 400)]
        overview = self._following.overview
        if overview is None or (overview.reading is not None and not overview.fault):
            return []
        if not self._told_all:
            self._told_all = True
            said = self._looking.everything(overview)
            learn(self._said, overview, self._following.standing)
            return said
        if not asked and time.monotonic() < self._next_news:
            return []
        said = list(news(self._said, overview, self._following.standing))
        self._next_news = time.monotonic() + (REST if said else LOOK)
        if more := said[MOST_NEWS:]:
            said = [*said[:MOST_NEWS], f"{len(more):,} more changes: overview tells how it is now."]
        return said

    # -- words ------------------------------------------------------------------------------------------------------

    def _answer(self, line: str) -> None:
        try:
            said = words.meant(words.split(line), self._looking.rows)
            if said and (ours := self._ours.get("quit" if said[0] == "exit" else said[0])):
                ours[0](said[1:])
            elif said:
                self._command(said)
        except MxtuiError as error:
            with self._captured(conclusion=False):
                fail(error)
        except KeyboardInterrupt:
            self._pages.say("stopped")

    def _command(self, said: list[str]) -> None:
        """As on the command line, to its end."""
        name = said[0]
        if name not in COMMANDS or name in ELSEWHERE:
            raise UsageError(f"{name} is no word of this prompt", "help tells which there are.")
        if name == "flush" and not {"--detach", "--dry-run", "--help", "-h"} & set(said):
            said = [*said, "--detach"]  # it goes on when the prompt is left, and the news tell how it fares
        with self._captured(conclusion=name in CONCLUDING, paged="--follow" not in said):
            run_words([*self._again, *said], self)
        self._following.nudge()

    @contextmanager
    def _captured(self, *, conclusion: bool, paged: bool = True) -> Iterator[None]:
        """What is written inside is said, in pages."""
        self._output = output = Output(self._pages, paged=paged)
        stream = io.TextIOWrapper(cast("BinaryIO", output), "utf-8", "surrogateescape", write_through=True)
        try:
            with redirect_stdout(stream), redirect_stderr(stream):
                yield
        finally:
            stream.flush()
            output.end(conclusion=conclusion)
            self._output = None

    def _suspects(self, said: Sequence[str]) -> None:
        if said or not self._looking.suspects():
            self._command(["suspects", *said])

    def _help(self, said: Sequence[str]) -> None:
        if said and (ours := self._ours.get(said[0])):
            self._pages.say(f"{said[0]}: {ours[1]}")
            return
        if said:
            self._command([said[0], "--help"])
            return
        others = [name for name in COMMANDS if name not in self._ours and name not in ELSEWHERE]
        lines = deque((
            *(f"{name}: {what}" for name, (_, what) in self._ours.items()),
            "A number alone opens that row of the last list. Behind a word it stands for it: hold 3, ack 1.",
            "Enter alone asks for news. Ctrl-C ends what runs. Quotes keep together what has spaces.",
            "What follows works as on the command line, with the same options; help hold tells them.",
            *(f"{name}: {COMMANDS[name][1]}" for name in others),
        ))  # fmt: skip
        self._pages.show((lines.popleft() for _ in range(len(lines))), lambda: len(lines))

    def _quit(self, _: Sequence[str]) -> None:
        self._left = True
