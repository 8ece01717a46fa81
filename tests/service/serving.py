"""`mxtui serve` as an operator runs it: a process, its log, its clients."""

import os
import re
import signal
import smtplib
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from mxtui.demo.ports import free_port
from mxtui.demo.primary import FakePrimary
from mxtui.model.service import Service
from mxtui.queues.spool.control import Control
from mxtui.queues.spool.store import Spool
from tests.support.waiting import wait_until

QUICK = """
[probe]
interval = "1s"
transition = "1s"
fall = 1
rise = 1
[drain]
settle = "0s"
"""
"""Settings that notice a primary within a second."""

HOSTNAME = "backup.example.net"


class Serve:
    """One `mxtui serve`, between `__enter__` and `__exit__`. `start` again after it ended goes on with its spool."""

    def __init__(
        self,
        folder: Path,
        relay: Mapping[str, int],
        *flags: str,
        settings: str = QUICK,
        port: int | None = None,
        recipients: str = "any",
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.spool = folder / "spool"
        self.port = port if port is not None else free_port()
        self.config = folder / "mxtui.toml"
        self.config.write_text(settings)
        self.log = folder / "serve.log"
        self.flags = [
            *(word for domain, at in relay.items() for word in ("--relay", f"{domain}=127.0.0.1:{at}")),
            *("--recipients", recipients, "--hostname", HOSTNAME, *flags),
        ]
        self.listen = ("--listen", f"127.0.0.1:{self.port}")
        self.env = dict(env or {})
        self.process: subprocess.Popen[bytes] | None = None

    def argv(self) -> list[str]:
        words = ["serve", str(self.spool), "--config", str(self.config), *self.listen, *self.flags]
        return [sys.executable, "-m", "mxtui", *words]

    def begin(self, *, pass_fds: Sequence[int] = ()) -> Self:
        """Start, without waiting for anything."""
        env = {**os.environ, "XDG_CONFIG_HOME": str(self.folder), **self.env}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.argv(), stderr=log, env=env, pass_fds=pass_fds)
        return self

    def start(self) -> Self:
        """Start, and wait until it is ready."""
        before = self.events("ready")
        self.begin()
        wait_until(lambda: self.events("ready") > before or self.ended, what=f"ready\n{self.text}")
        assert not self.ended, self.text
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None and not self.ended:
            self.process.kill()
            self.process.wait()

    @property
    def ended(self) -> bool:
        return self.running.poll() is not None

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None
        return self.process

    def send(self, number: signal.Signals) -> None:
        self.running.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout: float = 20.0) -> int:
        """Tell it to end; its exit status."""
        self.send(number)
        return self.running.wait(timeout)

    # -- what it says ---------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def events(self, name: str) -> int:
        """How often this happened."""
        return len(re.findall(rf"^level=\w+ event={name}\b", self.text, re.MULTILINE))

    @property
    def control(self) -> Control:
        return Control(self.spool)

    def state(self) -> Service:
        found = self.control.service()
        assert found is not None, self.text
        return found

    def is_at(self, state: str) -> bool:
        """Whether it answers, and is at that."""
        found = self.control.service()
        return found is not None and found.state == state

    # -- clients --------------------------------------------------------------------------------------------------

    def smtp(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.port, "localhost", timeout=60)

    def send_mail(self, recipient: str, content: bytes, sender: str = "a@example.com") -> None:
        """One message. Raises smtplib.SMTPException, OSError."""
        with self.smtp() as client:
            client.sendmail(sender, [recipient], content)

    def takes_nothing(self) -> bool:
        with suppress(OSError, smtplib.SMTPException):
            self.smtp().close()
            return False
        return True

    def spooled(self) -> dict[str, list[str]]:
        """IDs by state."""
        return {state: ids for state, ids in Spool.open(self.spool).names().items() if ids}


def marked(number: int | str, body: bytes = b"hello\r\n") -> bytes:
    """A message that can be told from others."""
    return b"Subject: test\r\nX-Number: %s\r\n\r\n%s" % (str(number).encode(), body)


def numbers(primary: FakePrimary) -> list[str]:
    """The marks of what a primary accepted, in order."""
    found = (re.search(rb"^X-Number: (\S+)\r$", message.content, re.MULTILINE) for message in primary.accepted)
    return [match[1].decode() for match in found if match]


def less_received(content: bytes) -> bytes:
    """A message without the one Received field on top."""
    assert content.startswith(b"Received: ")
    end = re.search(rb"\r\n(?![ \t])", content)
    assert end is not None
    return content[end.end() :]
