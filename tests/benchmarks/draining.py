"""Draining a queue into a server that takes everything: our forwarder beside Postfix's own, on the same mail."""

import asyncio
import contextlib
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Final

from mxtui.delivery.forwarder import Forwarder
from mxtui.delivery.policy import Policy
from mxtui.demo.ports import free_port
from mxtui.demo.postfix import SBIN, PrivatePostfix
from mxtui.draining import Draining
from mxtui.model.drain.batches import Batches
from mxtui.model.drain.machine import Drain
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.next_hop import NextHop
from mxtui.model.route import Ourselves
from mxtui.primary.lookup import Lookup
from mxtui.primary.route import ConfiguredRouter, MxRouter
from mxtui.queues.postfix.postfix import PostfixQueue
from mxtui.queues.spool.committer import Committer
from mxtui.queues.spool.store import Spool
from tests.benchmarks.table import Figure
from tests.delivery.direct.feeding import deliver, direct
from tests.delivery.spooling import envelope
from tests.queues.postfix.acting import layout_of, targets

DOMAIN: Final = "example.org"
SIZE: Final = 4096
LIMIT: Final = 300.0


@contextlib.contextmanager
def sink(port: int) -> Iterator[None]:
    """smtp-sink on a loopback port."""
    server = subprocess.Popen(
        ["smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "256"], env={"PATH": SBIN}, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if time.monotonic() > deadline:
                raise TimeoutError("smtp-sink does not start")
            time.sleep(0.02)
        yield
    finally:
        server.terminate()
        server.wait(10)


def letter() -> bytes:
    """4 kB, LF line ends."""
    head = b"From: sender@example.com\nTo: someone@example.org\nSubject: to be drained\n\n"
    line = b"The quick brown fox jumps over the lazy dog, and then over the lazy dog.\n"
    return (head + line * (SIZE // len(line) + 1))[: SIZE - 1] + b"\n"


def drain_ours(folder: Path, count: int, connections: int) -> float:
    """Seconds from the start of a forwarder on a full spool until it is empty, every result durable."""
    spool = Spool.open(folder / "spool", create=True, hostname="mx2.example.net")
    content = letter()
    made = [(envelope(f"user{number}@{DOMAIN}", content=content), [content]) for number in range(count)]
    assert not any(spool.commit(made))
    port = free_port()
    with sink(port):
        started = time.perf_counter()
        asyncio.run(_drain(spool, port, connections))
        seconds = time.perf_counter() - started
    assert not list(spool.ids("deferred"))
    return seconds


async def _drain(spool: Spool, port: int, connections: int) -> None:
    ourselves = Ourselves("mx2.example.net")
    hop = NextHop("127.0.0.1", port, lookup_mx=False)
    committer = Committer(spool)
    forwarder = Forwarder(
        spool,
        committer,
        ConfiguredRouter({DOMAIN: hop}, MxRouter(ourselves)),
        Policy(connections=connections),
        log=lambda event, level="info", **fields: None,
        ourselves=ourselves,
        lookup=Lookup(),
    )
    running = asyncio.create_task(forwarder.run())
    async with asyncio.timeout(LIMIT):
        while True:
            await asyncio.sleep(0.01)
            state = forwarder.snapshot()
            if state.loaded and not state.waiting and not state.in_hand:
                break
    await forwarder.stop()
    await running
    await committer.close()


def drain_postfix(folder: Path, count: int, connections: int) -> float:
    """Seconds from `postqueue -f` until the queue of a private Postfix is empty.

    The server comes up where Postfix has found nobody before. A change of route in its place would want a reload, and
    whoever still had the old route would defer what it was given for the whole backoff.
    """
    port = free_port()
    with deferred(folder, count, port, _connections(connections)) as postfix, sink(port):
        started = time.perf_counter()
        subprocess.run(
            ["postqueue", "-c", str(postfix.config_directory), "-f"], env={"PATH": SBIN}, check=True, timeout=60
        )
        _until(lambda: not any(names(postfix, queue) for queue in ("deferred", "incoming", "active")))
        return time.perf_counter() - started


def drain_paced(folder: Path, count: int, connections: int) -> float:
    """Seconds that a guarded and paced drain takes through the same Postfix, from the canary to the last verdict."""
    port = free_port()
    with deferred(folder, count, port, _connections(connections)) as postfix, sink(port):
        layout = layout_of(postfix)
        found = targets(
            layout, [path.name for path in (postfix.queue_directory / "deferred").rglob("*") if path.is_file()]
        )
        settings = DrainSettings()
        started = time.perf_counter()
        drain = Drain(found, settings, Batches(settings), time.monotonic())
        *_, last = Draining(drain, PostfixQueue(layout)).run()
        seconds = time.perf_counter() - started
        assert (last.phase, last.delivered) == ("done", count)
    return seconds


def _connections(number: int) -> dict[str, str]:
    names = (
        "default_destination_concurrency_limit", "smtp_destination_concurrency_limit",
        "initial_destination_concurrency",
    )  # fmt: skip
    return dict.fromkeys(names, str(number))


def drain_direct(folder: Path, count: int, connections: int) -> float:
    """Seconds from the start of our sender on a Postfix queue full of held messages until all are delivered and gone.

    Journal and marks are on. Postfix runs beside it, as on the host of somebody who drains.
    """
    port = free_port()
    with deferred(folder, count, port, {}) as postfix, sink(port):
        held = subprocess.run(
            ["postsuper", "-c", str(postfix.config_directory), "-h", "ALL", "deferred"],
            env={"PATH": SBIN},
            check=True,
            timeout=60,
            stderr=subprocess.DEVNULL,
        )
        assert held.returncode == 0
        layout = layout_of(postfix)
        found = targets(layout, [path.name for path in (postfix.queue_directory / "hold").iterdir()])
        assert len(found) == count
        way = direct(layout, folder / "journal", port, Policy(xclient=False))
        started = time.perf_counter()
        settled = deliver(way, found, connections)
        seconds = time.perf_counter() - started
        assert all(each.fate == "delivered" for each in settled.values())
        assert not any(names(postfix, queue) for queue in ("hold", "deferred", "incoming", "active"))
    return seconds


@contextlib.contextmanager
def deferred(folder: Path, count: int, port: int, settings: Mapping[str, str]) -> Iterator[PrivatePostfix]:
    """A Postfix whose primary is not at this port yet, and the mail that waits for it."""
    settings = {
        "default_process_limit": "100",
        "minimal_backoff_time": "3600s",
        "maximal_backoff_time": "3600s",
        "queue_run_delay": "3600s",
        "qmgr_message_active_limit": "20000",
        **settings,
    }
    with PrivatePostfix(folder, routes={DOMAIN: port}, settings=settings) as postfix:
        content = letter().replace(b"\n", b"\r\n")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda share: _inject(postfix, content, share), [count // 4] * 4))
        _until(lambda: names(postfix, "deferred") == count)
        yield postfix


def _inject(postfix: PrivatePostfix, content: bytes, count: int) -> None:
    with postfix.connect() as smtp:
        for number in range(count):
            if refused := smtp.sendmail("sender@example.com", [f"user{number}@{DOMAIN}"], content):
                raise smtplib.SMTPRecipientsRefused(refused)


def names(postfix: PrivatePostfix, queue: str) -> int:
    return sum(1 for path in (postfix.queue_directory / queue).rglob("*") if path.is_file())


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("the queue does not come to where it should")
        time.sleep(0.02)


def draining(messages: int, times: int, connections: int = 20) -> Iterator[Figure]:
    """The same mail drained by all, in turns; the median of each."""
    ours: list[float] = []
    directly: list[float] = []
    paced: list[float] = []
    theirs: list[float] = []
    for _ in range(times):
        with tempfile.TemporaryDirectory(prefix="mxtui-bench-") as name:
            folder = Path(name)
            folder.chmod(0o755)  # Postfix's daemons are not root
            ours.append(drain_ours(folder / "ours", messages, connections))
            directly.append(drain_direct(folder / "direct", messages, connections))
            theirs.append(drain_postfix(folder / "postfix", messages, connections))
            paced.append(drain_paced(folder / "paced", messages, connections))
    yield Figure("drained a second by our forwarder", messages / median(ours), "")
    yield Figure("drained a second by `postqueue -f`", messages / median(theirs), "")
    yield Figure("time to drain ÷ Postfix's", median(ours) / median(theirs), "×", 1 / 2.5)
    yield Figure("drained a second from Postfix's queue by our sender", messages / median(directly), "")
    yield Figure("time to drain Postfix's queue ÷ its own", median(directly) / median(theirs), "×", 1 / 1.5)
    yield Figure("drained a second by Postfix, guarded and paced", messages / median(paced), "")
    yield Figure("time to drain, guarded and paced ÷ `postqueue -f`", median(paced) / median(theirs), "×", 1.15)
