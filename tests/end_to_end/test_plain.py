"""`mxtui --plain`, through pipes and at a terminal, on a spool with a `serve` that has a primary."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from mxtui.demo.primary import FakePrimary
from tests.end_to_end.terminal import Terminal
from tests.service.serving import Serve
from tests.support.settings import FOLDERS
from tests.support.waiting import PATIENCE

SETTINGS = (
    FOLDERS
    + """settle = "0s"
[probe]
interval = "1s"
transition = "1s"
fall = 1
rise = 1
"""
)
HOSTILE = b"Subject: \x1b[2J=?utf-8?b?G1syShtdMDtvaACb4oCu?=\r\n\r\nhello\r\n"
MESSAGES = 30


class Spooling:
    """Mail for a primary that is down, and `mxtui --plain` on it."""

    def __init__(self, folder: Path, primary: FakePrimary, backup: Serve) -> None:
        self.folder, self.primary, self.backup = folder, primary, backup

    @property
    def argv(self) -> list[str]:
        return [
            sys.executable, "-m", "mxtui", "--plain", "-q", str(self.backup.spool), "--config", str(self.backup.config),
        ]  # fmt: skip

    @property
    def env(self) -> dict[str, str]:
        return {"XDG_CONFIG_HOME": str(self.folder), "LANG": "C.UTF-8"}

    def held(self) -> int:
        return len(self.backup.spooled().get("hold", ()))


@pytest.fixture
def spooling(tmp_path: Path, primary: FakePrimary) -> Iterator[Spooling]:
    primary.down()
    settings = SETTINGS.format(folder=tmp_path)
    with Serve(tmp_path, {"example.org": primary.port}, settings=settings) as backup:
        with backup.smtp() as client:
            for number in range(MESSAGES):
                client.sendmail(f"s{number}@example.com", ["anna@example.org"], HOSTILE)
        yield Spooling(tmp_path, primary, backup)


class Piped:
    """The prompt between two pipes."""

    def __init__(self, spooling: Spooling) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            spooling.argv, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, env={**os.environ, **spooling.env}
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self.heard = b""
        self._taken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()

    def say(self, line: str) -> None:
        self._in.write(f"{line}\n".encode())
        self._in.flush()

    def hear(self, *wanted: str) -> str:
        """All up to the first lines from here on that hold these, in whatever order."""
        deadline = time.monotonic() + PATIENCE
        while not all(found := [self._line_with(each) for each in wanted]):
            left = max(0.0, deadline - time.monotonic())
            assert select.select([self._out], [], [], left)[0], f"never said: {wanted}\n{self.heard.decode()}"
            data = os.read(self._out.fileno(), 1 << 16)
            assert data, f"ended without: {wanted}\n{self.heard.decode()}"
            self.heard += data
        start, self._taken = self._taken, self._taken + max(each.end() for each in found if each)
        return self.heard.decode()[start : self._taken]

    def _line_with(self, wanted: str) -> re.Match[str] | None:
        return re.search(rf"^.*{wanted}.*\n", self.heard.decode()[self._taken :], re.MULTILINE)

    def close(self) -> int:
        """No more words; its exit status."""
        self._in.close()
        self.heard += self._out.read()
        return self._process.wait(PATIENCE)


def test_an_outage_is_looked_at_and_acted_on_through_pipes(spooling: Spooling) -> None:
    with Piped(spooling) as plain:
        plain.hear(f"1. example.org: {MESSAGES} messages, oldest", f"port {spooling.primary.port} (is )?down")
        plain.say("1")
        plain.hear(f"{MESSAGES} messages for domain:example.org")
        assert "20. from s19@example.com to anna@example.org" in plain.hear("10 more: type more")
        plain.say("more")
        plain.hear("30. from s29@example.com")

        plain.say("hold 2 30 --reason look")
        plain.hear("hold 2 messages")
        plain.hear("Hold 2 messages.*yes or no")
        plain.say("y")
        plain.hear("Not done")
        assert spooling.held() == 0
        plain.say("hold 2 30 --reason look")
        plain.hear("yes or no")
        plain.say("yes")
        plain.hear("2 messages held")
        assert spooling.held() == 2
        acts = [json.loads(line) for line in (spooling.folder / "audit.jsonl").read_text().splitlines()]
        assert [act["reason"] for act in acts if act.get("verb") == "hold"][:1] == ["look"]

        plain.say("show 2")
        plain.hear("from     s1@example.com")
        plain.say("release state:hold")
        plain.hear("yes or no")
        assert plain.close() == 0, "nobody is there to answer, and nothing is wrong"
        assert spooling.held() == 2
    assert b"\x1b" not in plain.heard
    assert b"\x07" not in plain.heard
    assert "\u202e" not in plain.heard.decode()


def test_what_is_typed_is_never_interrupted_by_news(spooling: Spooling) -> None:
    with ExitStack() as stack:
        watching = stack.enter_context(Piped(spooling))
        terminal = stack.enter_context(Terminal(spooling.argv, env=spooling.env, lines=60, columns=200))
        down = f"port {spooling.primary.port} (is )?down"
        terminal.wait_for(lambda screen: re.search(down, " ".join(screen)) and ">" in screen)
        watching.hear(down)
        terminal.press("hepl", "Backspace", "Backspace", "l")
        terminal.wait_for("> hel")
        spooling.primary.up()
        watching.hear(
            f"Primary 127.0.0.1 port {spooling.primary.port} is up",
            "example.org has nothing queued",
            "Drain of .*: ended. 30 messages: 30 delivered",
        )
        terminal.press("p help", "Enter")
        terminal.wait_for("help: these words; help hold: one of them")
        terminal.wait_for("ended. 30 messages: 30 delivered")
        terminal.wait_for("is up. ")
        # While the prompt is empty they are said at once.
        spooling.primary.down()
        terminal.wait_for(lambda screen: "is down, connection refused" in "".join(screen).partition("is up. ")[2])
        assert b"> hepl\b \b\b \blp help\r\nhelp: these words" in terminal.received
        terminal.press("quit", "Enter")
        assert terminal.wait_for_exit() == 0
        said = terminal.received
    assert b"\x1b" not in said, "no colour, and no cursor that moves"
    assert said.count(b"is up. ") == 1, "nothing is told twice"


def test_ctrl_c_ends_what_runs_and_then_leaves(tmp_path: Path, primary: FakePrimary) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, ExitStack() as stack:
        settings = SETTINGS.format(folder=tmp_path).replace('interval = "1s"', 'interval = "1h"\ntimeout = "50s"')
        settings += f'total = "50s"\n[primaries]\n"example.org" = "127.0.0.1:{silent.getsockname()[1]}"\n'
        backup = stack.enter_context(Serve(tmp_path, {"example.org": silent.getsockname()[1]}, settings=settings))
        spooling = Spooling(tmp_path, primary, backup)
        terminal = stack.enter_context(Terminal(spooling.argv, env=spooling.env))
        silent.settimeout(PATIENCE)
        _of_serve, _of_the_monitor = (stack.enter_context(silent.accept()[0]) for _ in range(2))
        terminal.wait_for("Type help")
        terminal.press("probe example.org", "Enter")
        _of_the_command = stack.enter_context(silent.accept()[0])
        terminal.press("^c")
        terminal.wait_for("stopped")
        terminal.press("nonsense", "^c")
        terminal.wait_for("once more leaves")
        terminal.press("^c")
        assert terminal.wait_for_exit() == 130


def test_sigterm_leaves_the_terminal_as_it_was(spooling: Spooling) -> None:
    with Terminal(spooling.argv, env=spooling.env) as terminal:
        before = terminal.modes()
        assert before[3] & termios.ECHO
        terminal.wait_for(lambda screen: ">" in screen)
        assert not terminal.modes()[3] & termios.ECHO
        os.kill(terminal.pid, signal.SIGTERM)
        assert terminal.wait_for_exit() == 128 + signal.SIGTERM
        assert terminal.modes() == before
