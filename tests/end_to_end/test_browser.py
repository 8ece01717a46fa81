"""The console in a browser, through `textual serve` on loopback."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mxtui.demo.ports import free_port
from mxtui.queues.spool.store import Spool
from tests.end_to_end.browser import Browser, find_chromium
from tests.end_to_end.terminal import Screen
from tests.queues.spool.making import envelope, put
from tests.support.waiting import wait_until

QUIET = "[probe]\nenabled = false\n"

END = 20.0
"""Seconds for the server to end when it is told to, before it is killed."""


@pytest.fixture
def need_chromium() -> None:
    """Skips without Chromium, and fails in CI."""
    if find_chromium() is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is not installed")
        pytest.skip("chromium is not installed")


@pytest.fixture
def queue(tmp_path: Path) -> list[str]:
    """The options that name a spool with mail for ten domains."""
    spool = Spool.open(tmp_path / "spool", create=True)
    for number in range(10):
        for _ in range(number + 1):
            put(spool, envelope(to=[f"anna@domain{number}.example"]))
    settings = tmp_path / "mxtui.toml"
    settings.write_text(
        f'audit = "{tmp_path}/audit.jsonl"\nstate = "{tmp_path}/state"\nhistory = "{tmp_path}/history"\n'
        "[probe]\nenabled = false\n"
    )
    return ["-q", str(tmp_path / "spool"), "--config", str(settings)]


@contextmanager
def served(queue: list[str]) -> Iterator[str]:
    """`textual serve` as README has it; its address."""
    port = free_port()
    textual = str(Path(sys.executable).with_name("textual"))
    command = shlex.join([sys.executable, "-m", "mxtui", *queue])
    argv = [textual, "serve", "--host", "127.0.0.1", "--port", str(port), "--command", command]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: answers(port) or server.poll() is not None, what="served")
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                server.wait(END)
            server.kill()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def line_of(screen: Screen, text: str) -> int:
    return next(number for number, line in enumerate(screen) if text in line)


def test_the_console_is_drawn_and_used_in_a_browser(need_chromium: None, queue: list[str], tmp_path: Path) -> None:
    with served(queue) as address, Browser(address, tmp_path / "profile") as browser:
        screen = browser.wait_for("domain9.example")
        assert screen[0].startswith(" mxtui")
        assert len(browser.picture()) > 30_000, "a page with nothing drawn on it"

        browser.click(10, line_of(screen, "domain6.example"))
        browser.wait_for(lambda screen: screen[line_of(screen, "domain6.example")].startswith("▌"))
        browser.press("Enter")
        browser.wait_for("7 of 55 match")

        browser.press("1")
        browser.wait_for("domain9.example")
        browser.resize(720, 460)
        # Textual is told the new size, and what a terminal of another size would tell is not asked.
        browser.wait_for(lambda screen: len(screen) < 25 and screen[-1].startswith(" Enter Messages"))
