"""The console on a queue behind ssh: its first figures, and what the line carries, counted outside of ssh."""

import contextlib
import os
import selectors
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.console import ARRIVALS, open_console, wait_for_depth, wait_for_total, wait_until_read
from tests.benchmarks.site import Site
from tests.benchmarks.table import Figure
from tests.support.sshd import HOST, sshd

SETTLE = 20.0
"""Seconds until what the first read left to do is done, and primaries have been told of."""


def remote(site: Site, idle: float) -> Iterator[Figure]:
    """Debian's sshd on loopback; nothing on this host is read but through it."""
    names = site.names()
    with tempfile.TemporaryDirectory(prefix="mxtui-bench-") as folder, sshd(Path(folder) / "ssh") as server:
        (server.there / "mxtui" / "config.toml").write_text(site.settings.read_text())
        total, held = sum(map(len, names.values())), len(names["hold"])
        source = f"ssh://{HOST}{site.postfix.config_directory}"
        far = replace(site, elsewhere=source, messages=total, held=held)
        with Line(server.port) as line, path_of(server.path):
            server.lead(line.port)
            began = time.perf_counter()
            with open_console(far) as terminal:
                wait_for_depth(terminal, far)
                yield Figure(
                    "remote: depth of the queue on screen, from the keystroke", time.perf_counter() - began, "s", 3
                )
                wait_until_read(terminal)
                yield Figure("remote: everything read", time.perf_counter() - began)
                yield Figure("remote: sent over the line by then, a message", line.carried / total, "B")
                terminal.idle(min(SETTLE, idle))
                began, before = time.perf_counter(), line.carried
                terminal.idle(idle)
                a_second = (line.carried - before) / (time.perf_counter() - began)
                yield Figure("remote: idle, over the line", a_second, "B/s", 2_000)
                seconds = []
                for number in range(1, ARRIVALS + 1):
                    site.postfix.inject("sender@example.com", ["info@d0.example.org"])
                    accepted = time.perf_counter()
                    wait_for_total(terminal, total + number)
                    seconds.append(time.perf_counter() - accepted)
                yield Figure(f"remote: a new message on screen, slowest of {ARRIVALS}", max(seconds), "s", 1.5)


@contextlib.contextmanager
def path_of(path: str) -> Iterator[None]:
    """With this PATH, as long as the context lasts."""
    before = os.environ["PATH"]
    os.environ["PATH"] = path
    try:
        yield
    finally:
        os.environ["PATH"] = before


class Line:
    """Passes connections on to a port of this host, and counts what they carry in either direction: TCP's payload."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.carried = 0

    def __enter__(self) -> "Line":
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)  # wakes who waits for connections
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listening.accept()
                threading.Thread(target=self._pass_on, args=(here,), daemon=True).start()

    def _pass_on(self, here: socket.socket) -> None:
        with here, socket.create_connection(("127.0.0.1", self._target)) as there, selectors.DefaultSelector() as ready:
            ready.register(here, selectors.EVENT_READ, there)
            ready.register(there, selectors.EVENT_READ, here)
            with contextlib.suppress(OSError):
                while True:
                    for key, _ in ready.select():
                        assert isinstance(key.fileobj, socket.socket)
                        if not (data := key.fileobj.recv(1 << 16)):
                            return
                        self.carried += len(data)
                        key.data.sendall(data)
