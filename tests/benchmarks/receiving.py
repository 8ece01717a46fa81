"""Taking mail in over SMTP, synced to disk before every 250: `mxtui serve` beside Postfix's smtpd, with one client."""

import smtplib
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

from mxtui.demo.ports import free_port
from mxtui.demo.postfix import SBIN, PrivatePostfix
from mxtui.demo.primary import FakePrimary
from tests.benchmarks.processes import Peak, memory
from tests.benchmarks.site import LEAVES_MAIL_ALONE
from tests.benchmarks.table import Figure
from tests.service.serving import Serve
from tests.support.waiting import wait_until

DOMAIN: Final = "example.org"
CONNECTIONS: Final = 20
SIZE: Final = 4_000
LARGE: Final = 25 * 1024 * 1024
LIMIT: Final = 300.0


def receiving(messages: int, times: int) -> Iterator[Figure]:
    """Messages a second that each takes, in turns; then the memory of ours under large messages."""
    ours: list[float] = []
    theirs: list[float] = []
    with _folder() as folder:
        closed = free_port()
        with (
            PrivatePostfix(folder / "postfix", routes={DOMAIN: closed}, settings=LEAVES_MAIL_ALONE) as postfix,
            Serve(_made(folder / "ours"), {DOMAIN: closed}, "--standby", "off") as serve,
        ):
            for turn in range(times + 1):
                for port, rates in ((serve.port, ours), (postfix.smtp_port, theirs)):
                    rate = messages / _send(port, messages)
                    if turn:  # the first round starts processes and fills caches
                        rates.append(rate)
            held = sum(len(ids) for ids in serve.spooled().values())
            if held != messages * (times + 1):
                raise RuntimeError(f"{held} messages in the spool of {messages * (times + 1)} that were answered 250")
    yield Figure("received a second by `mxtui serve`", median(ours), "")
    yield Figure("received a second by Postfix", median(theirs), "")
    yield Figure("time to receive ÷ Postfix's", median(theirs) / median(ours), "×", 1 / 1.2)
    yield _memory()


def _send(port: int, messages: int) -> float:
    began = time.perf_counter()
    subprocess.run(
        [
            "smtp-source", "-s", str(CONNECTIONS), "-m", str(messages), "-l", str(SIZE),
            "-f", "sender@example.com", "-t", f"someone@{DOMAIN}", f"127.0.0.1:{port}",
        ],
        env={"PATH": SBIN}, check=True, timeout=LIMIT,
    )  # fmt: skip
    return time.perf_counter() - began


def _memory() -> Figure:
    """What 20 clients with 25 MB each, at once, make of `serve`."""
    answers: list[int] = []
    content = b"Subject: large\r\n\r\n" + (b"x" * 74 + b"\r\n") * (LARGE // 76)

    def send() -> None:
        with smtplib.SMTP("127.0.0.1", serve.port, "localhost", timeout=LIMIT) as client:
            try:
                client.sendmail("sender@example.com", [f"someone@{DOMAIN}"], content)
                answers.append(250)
            except smtplib.SMTPResponseException as error:
                answers.append(error.smtp_code)

    with (
        _folder() as folder,
        FakePrimary() as primary,
        Serve(_made(folder / "large"), {DOMAIN: primary.port}, "--standby", "off") as serve,
    ):
        # A primary that was never seen is promised no large messages.
        wait_until(lambda: _offered(serve.port) > LARGE * 1.1)
        primary.down()
        before = memory(serve.running.pid)
        with Peak(serve.running.pid, 0.02) as peak:
            clients = [threading.Thread(target=send) for _ in range(CONNECTIONS)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
    if not set(answers) <= {250, 452} or 250 not in answers or len(answers) != CONNECTIONS:
        raise RuntimeError(f"answers other than 250 and 452: {answers}")
    note = f"{answers.count(250)} taken, the others told 452"
    grown = max(0.0, peak.megabytes - before)
    return Figure("memory that receiving 20 × 25 MB at once takes", grown, "MB", 256 * 1.048576, note)


def _offered(port: int) -> int:
    with smtplib.SMTP("127.0.0.1", port, "localhost", timeout=LIMIT) as client:
        client.ehlo()
        return int(client.esmtp_features.get("size", "0"))


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mxtui-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postfix's daemons are not root
        yield folder


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
