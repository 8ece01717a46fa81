"""One console on four hosts behind ssh. All four agents read the one queue: what is measured is the console over them,
and the two cores that agents and console share here are each host's own elsewhere."""

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.console import ARRIVALS, BEGIN, COLUMNS, LINES, LOAD
from tests.benchmarks.film import FilmedTerminal
from tests.benchmarks.processes import memory
from tests.benchmarks.remote import SETTLE, Line, path_of
from tests.benchmarks.site import Site
from tests.benchmarks.table import Figure
from tests.end_to_end.terminal import Screen
from tests.support.sshd import HOST, sshd

NAMES = ("mx1", "mx2", "mx3", "mx4")


def hosts(site: Site, idle: float) -> Iterator[Figure]:
    """Debian's sshd on loopback, through one counted line."""
    total = sum(map(len, site.names().values()))
    with tempfile.TemporaryDirectory(prefix="mxtui-bench-") as folder, sshd(Path(folder) / "ssh") as server:
        (server.there / "mxtui" / "config.toml").write_text(site.settings.read_text())
        source = f"ssh://{HOST}{site.postfix.config_directory}"
        settings = Path(folder) / "settings.toml"
        named = "".join(f'[[hosts]]\nname = "{name}"\nqueue = "{source}"\n' for name in NAMES)
        settings.write_text(f"{site.settings.read_text()}\n{named}")
        queues = [word for name in NAMES for word in ("-q", name)]
        argv = [sys.executable, "-m", "mxtui", *queues, "--config", str(settings)]
        with Line(server.port) as line, path_of(server.path):
            server.lead(line.port)
            began = time.perf_counter()
            with FilmedTerminal(argv, columns=COLUMNS, lines=LINES) as terminal:
                terminal.wait_for(lambda screen: _showing(screen, total), BEGIN)
                yield Figure(
                    "four hosts: depth of each on screen, from the keystroke", time.perf_counter() - began, "s", 3
                )
                terminal.wait_for(lambda screen: _live(screen) == len(NAMES), LOAD)
                yield Figure("four hosts: everything read", time.perf_counter() - began)
                yield Figure("four hosts: memory, once read (PSS, with its helpers)", memory(terminal.pid), "MB")
                terminal.idle(min(SETTLE, idle))
                began, before = time.perf_counter(), line.carried
                terminal.idle(idle)
                a_second = (line.carried - before) / (time.perf_counter() - began) / len(NAMES)
                yield Figure("four hosts: idle, over the line, each", a_second, "B/s", 2_000)
                seconds = []
                for number in range(1, ARRIVALS + 1):
                    site.postfix.inject("sender@example.com", ["info@d0.example.org"])
                    accepted = time.perf_counter()
                    wanted = total + number
                    terminal.wait_for(lambda screen, wanted=wanted: _showing(screen, wanted), BEGIN)  # type: ignore[misc]
                    seconds.append(time.perf_counter() - accepted)
                yield Figure(f"four hosts: a new message on each, slowest of {ARRIVALS}", max(seconds), "s", 1.5)


def _showing(screen: Screen, messages: int) -> bool:
    """Whether each host has that many."""
    return sum(f"{messages:,}" in line.split() for line in screen if _host(line)) == len(NAMES)


def _live(screen: Screen) -> int:
    return sum("live" in line.split() for line in screen if _host(line))


def _host(line: str) -> bool:
    return any(name in line.split()[:3] for name in NAMES)
