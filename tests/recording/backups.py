"""Both kinds of backup MX, real ones on loopback, with thousands of senders at the door."""

import os
import smtplib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from mxtui.demo.ledger import MARK, BookedPrimary, Ledger
from mxtui.demo.postfix import PrivatePostfix
from tests.service.serving import Serve
from tests.support.waiting import wait_until

DOMAIN: Final = "example.org"
USERS: Final = 50
SENDERS: Final = 4
"""Connections over which the mail comes."""

PATIENT: Final = {
    "minimal_backoff_time": "1h", "maximal_backoff_time": "1h", "queue_run_delay": "1h", "default_process_limit": "100",
}  # fmt: skip
"""Postfix tries nothing by itself meanwhile: what is delivered is delivered by the drain."""

SETTINGS: Final = """
audit = "{folder}/audit.jsonl"

[primaries]
"{domain}" = "127.0.0.1:{port}"

[kept]
folder = "{folder}/kept"
[drain]
folder = "{folder}/drains"
batch = 250

[probe]
interval = "1h"
transition = "1h"
fall = 1
rise = 1
[probe.recipients]
"{domain}" = "postmaster@{domain}"
"""
"""Nor does `serve`: it sees nothing of the primary's return. Smaller batches than usual, for a shorter report: all that
Postfix has in hand when the primary goes is put off, and named."""


@dataclass(frozen=True, slots=True)
class Backup:
    """One that runs."""

    name: str
    folder: Path
    """All it has is in here."""
    source: str
    config: Path
    smtp_port: int
    waiting: Callable[[], int]
    """Messages in its queue, after they were tried in vain."""

    def argv(self, verb: str, *words: str) -> list[str]:
        """A command on its queue."""
        return [sys.executable, "-m", "mxtui", verb, "-q", self.source, "--config", str(self.config), *words]

    def receive(self, ledger: Ledger, count: int, *, beside: int = 0) -> None:
        """Hand in so many messages, each with a number of its own; whatever was answered with 250 is a promise.

        `beside` as many are there already.
        """
        with ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(lambda first: self._send(ledger, range(first, count, SENDERS)), range(SENDERS)))
        wait_until(lambda: self.waiting() == beside + count, timeout=300, what=f"{count} messages wait")

    def _send(self, ledger: Ledger, numbers: range) -> None:
        with smtplib.SMTP("127.0.0.1", self.smtp_port, local_hostname="client.example.com", timeout=60) as smtp:
            for number in numbers:
                recipient = f"user{number % USERS}@{DOMAIN}"
                sender = f"sender{number % 7}@client.example" if number % 20 else ""
                smtp.sendmail(sender, [recipient], _letter(number, sender, recipient))
                ledger.promised(number, [recipient], "backup")


def _letter(number: int, sender: str, recipient: str) -> bytes:
    head = f"{MARK}: {number}\r\nFrom: <{sender}>\r\nTo: <{recipient}>\r\nSubject: letter {number}\r\n\r\n"
    return head.encode() + b"It was sent while nobody was at home to take it.\r\n" * (5 + number % 40)


def queued(here: PrivatePostfix, state: str) -> int:
    """Messages in one of a Postfix's queues, by the names of their files."""
    return sum(len(names) for _, _, names in os.walk(here.queue_directory / state))


@contextmanager
def postfix(folder: Path, primary: BookedPrimary) -> Iterator[Backup]:
    """A private Postfix."""
    config = _settings(folder, primary)
    with PrivatePostfix(
        folder / "postfix", routes={DOMAIN: primary.port}, settings=PATIENT, long_queue_ids=True
    ) as here:
        waiting = partial(queued, here, "deferred")
        yield Backup("Postfix", folder, str(here.config_directory), config, here.smtp_port, waiting)


@contextmanager
def spool(folder: Path, primary: BookedPrimary) -> Iterator[Backup]:
    """`mxtui serve` on a spool of its own."""
    config = _settings(folder, primary)
    with Serve(folder, {DOMAIN: primary.port}, "--standby", "off", settings=config.read_text()) as serve:

        def waiting() -> int:
            return sum(len(ids) for ids in serve.spooled().values())

        yield Backup("mxtui serve", folder, str(serve.spool), config, serve.port, waiting)


def _settings(folder: Path, primary: BookedPrimary) -> Path:
    config = folder / "mxtui.toml"
    config.write_text(SETTINGS.format(folder=folder, domain=DOMAIN, port=primary.port))
    return config
