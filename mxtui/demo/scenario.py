"""An outage on loopback: a private Postfix, primaries in every condition, mail that waits, and mail that keeps coming.

Everything is real but for the ages: a queue that filled up over hours cannot be had in seconds, so the arrival times
of the first messages are set back in their queue files while that Postfix is stopped.
"""

import os
import random
import re
import smtplib
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from mxtui.demo.letters import letter
from mxtui.demo.ports import free_port
from mxtui.demo.postfix import PrivatePostfix
from mxtui.demo.primary import FakePrimary

HOUR, DAY = 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Site:
    """One domain and how it fares."""

    domain: str
    condition: str
    """`down`, `busy`, `full`, `up`."""
    messages: int
    """Waiting when the demonstration begins."""
    oldest: float
    """Seconds."""


SITES = (
    Site("example.org", "down", 160, 6.2 * HOUR),
    Site("clinic.example", "busy", 42, 1.8 * HOUR),
    Site("museum.example", "full", 3, 4.4 * DAY),
    Site("example.net", "up", 0, 0),
    Site("school.example", "up", 0, 0),
)

SETTINGS = {
    "minimal_backoff_time": "300s",
    "maximal_backoff_time": "900s",
    "queue_run_delay": "60s",
    "smtp_connect_timeout": "5s",
}


class Scenario:
    """Runs between `__enter__` and `__exit__`, in `directory`.

    Args:
        directory: for everything; left behind.
        recovery: seconds until the primary that is down comes back; None leaves it down.
        traffic: seconds between new messages; None sends none.
        tell: called with a line for each step of the preparation.
    """

    def __init__(
        self,
        directory: Path,
        *,
        recovery: float | None = 180.0,
        traffic: float | None = 1.5,
        seed: int = 7,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._recovery = recovery
        self._traffic = traffic
        self._tell = tell
        self._chance = random.Random(seed)
        self._over = threading.Event()
        self._open = ExitStack()
        self.primaries = {site.domain: FakePrimary(free_port(), hostname=f"mx1.{site.domain}") for site in SITES}
        routes = {domain: primary.port for domain, primary in self.primaries.items()}
        self.postfix = PrivatePostfix(directory, routes=routes, settings=SETTINGS, long_queue_ids=True)

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._open.close()

    def _start(self) -> None:
        self._tell("starting primaries and a private Postfix on loopback")
        for site in SITES:
            primary = self._open.enter_context(self.primaries[site.domain])
            if site.condition == "down":
                primary.down()
            primary.behave(busy=site.condition == "busy", temporary=".*" if site.condition == "full" else r"(?!)")
        self._open.enter_context(self.postfix)
        self._tell("queueing mail for primaries that are down, busy or full")
        for site in SITES:
            for _ in range(site.messages):
                self._send(site.domain)
        self._wait_until_deferred()
        self.postfix.stop()
        self._tell("setting arrival times back, as if the outage had gone on for hours")
        for path in _messages(self.postfix.queue_directory):
            self._set_back(path)
        self.postfix.start()
        if self._traffic is not None:
            self._go(self._keep_sending)
        if self._recovery is not None:
            self._go(self._recover)

    def _go(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, name=f"demo-{work.__name__}", daemon=True)
        thread.start()
        self._open.callback(thread.join, 10)
        self._open.callback(self._over.set)

    def _send(self, domain: str) -> None:
        sent = letter(domain, self._chance)
        self.postfix.inject(sent.sender, sent.recipients, sent.content, client_address=sent.client_address)

    def _wait_until_deferred(self) -> None:
        deadline = time.monotonic() + 60
        while _moving(self.postfix.queue_directory) and time.monotonic() < deadline:
            self._over.wait(0.1)

    def _set_back(self, path: Path) -> None:
        """Overwrite the seconds in a queue file's time record: `T`, length, `seconds microseconds`."""
        content = path.read_bytes()[:4096]
        time_record = re.search(rb"T[\x0c-\x20](\d{10}) \d{1,6}", content)
        site = next((site for site in SITES if f"@{site.domain}".encode() in content), None)
        if time_record is None or site is None:
            return
        status = path.stat()
        # More of them young than old, as mail comes.
        age = site.oldest * (1 - self._chance.random() ** 1.6) if site.messages > 5 else site.oldest
        with path.open("r+b") as file:
            file.seek(time_record.start(1))
            file.write(b"%010d" % (int(time_record[1]) - int(age)))
        # The modification time is when Postfix tries next.
        os.utime(path, (status.st_atime, status.st_mtime))

    def _keep_sending(self) -> None:
        domains = [site.domain for site in SITES]
        while not self._over.wait(self._traffic):
            try:
                self._send(self._chance.choices(domains, (6, 3, 0.1, 3, 2))[0])
            except (OSError, smtplib.SMTPException):
                if self._over.is_set():
                    return

    def _recover(self) -> None:
        if not self._over.wait(self._recovery):
            self.primaries["example.org"].up()


def _messages(queue: Path) -> list[Path]:
    return [path for path in (queue / "deferred").rglob("*") if path.is_file()]


def _moving(queue: Path) -> list[Path]:
    return [path for name in ("incoming", "active", "maildrop") for path in (queue / name).rglob("*") if path.is_file()]
