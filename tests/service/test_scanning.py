"""Scanning by `serve` as a whole: refused at the door, kept, tagged; and a scanner that is down loses nothing."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mxtui.demo.ports import free_port
from mxtui.demo.primary import FakePrimary
from mxtui.queues.spool.control import Control
from mxtui.queues.spool.queue import SpoolQueue
from mxtui.queues.spool.store import Spool
from mxtui.scanning.gate import Scanner
from mxtui.service.notify import Notifier
from mxtui.service.service import Service
from mxtui.service.sockets import bind
from mxtui.service.wanted import wanted
from tests.delivery.spooling import Events, until
from tests.scanning.scripted import Scripted
from tests.service.serving import QUICK


class Serving:
    """A service in this process, with scanners that do as told."""

    def __init__(self, folder: Path, primary: FakePrimary, *scanners: Scanner, settings: str = "") -> None:
        self.config = folder / "mxtui.toml"
        self.config.write_text(QUICK + settings)
        self.port = free_port()
        self.log = Events()
        flags = {
            "spool": str(folder / "spool"),
            "listen": (f"127.0.0.1:{self.port}",),
            "relay": (f"example.org=127.0.0.1:{primary.port}",),
            "recipients": "any",
            "standby": "off",
            "hostname": "mx2.example.net",
        }
        asked = wanted(flags, self.config)
        self.spool = Spool.open(asked.spool, create=True, hostname="mx2.example.net")
        self.service = Service(
            asked, self.spool, bind(asked.serve.listen), log=self.log, notifier=Notifier(),
            read=lambda: wanted(flags, self.config), scanners=lambda _: scanners,
        )  # fmt: skip

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Serving"]:
        with self.spool.lock_forwarder():
            task = asyncio.create_task(self.service.run())
            try:
                await until(lambda: self.log.of("ready") or task.done())
                yield self
            finally:
                self.service.stop()
                assert await task == 0

    async def send(self, action: str) -> str:
        """The reply."""

        def send() -> str:
            with smtplib.SMTP("127.0.0.1", self.port, "localhost", timeout=30) as client:
                client.ehlo("client.example.com")
                client.mail("a@example.com")
                client.rcpt("anna@example.org")
                code, text = client.data(f"Subject: x\r\nX-Action: {action}\r\n\r\nHello\r\n".encode())
                return f"{code} {text.decode()}"

        return await asyncio.to_thread(send)

    async def screened(self) -> dict[str, int]:
        found = await asyncio.to_thread(Control(self.spool.path).service)
        assert found is not None
        return dict(found.screened)

    def states(self) -> dict[str, int]:
        return {state: len(ids) for state, ids in self.spool.names().items() if ids}


Making = Callable[..., Serving]


@pytest.fixture
def make(tmp_path: Path, primary: FakePrimary, monkeypatch: pytest.MonkeyPatch) -> Making:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))
    return lambda *scanners, settings="": Serving(tmp_path, primary, *scanners, settings=settings)


async def test_at_the_door_and_on_the_way(make: Making, primary: FakePrimary) -> None:
    primary.down()
    async with make(Scripted(), settings="[serve.scan]\nheader = true\n").running() as serving:
        assert (await serving.send("reject")).startswith("554 5.7.1")
        assert (await serving.send("soft reject")).startswith("451 4.7.1")
        for action in ("quarantine", "add header", "no action"):
            assert (await serving.send(action)).startswith("250")
        assert serving.states() == {"deferred": 2, "quarantine": 1}
        counts = {"scanned": 5, "rejected": 1, "deferred": 1, "quarantined": 1, "tagged": 1, "clean": 1}
        assert await serving.screened() == counts
        told = await asyncio.to_thread(SpoolQueue(serving.spool).capabilities)
        assert dict(told.screened) == counts
        primary.up()
        await until(lambda: serving.states() == {"quarantine": 1}, 40)
        assert len(primary.accepted) == 2
    heads = sorted(message.content.partition(b"Received:")[0] for message in primary.accepted)
    assert heads[0].startswith(b"X-Mxtui-Evidence: mx2.example.net; accept; rspamd: no action, 0.5 of 15")
    assert heads[1].startswith(b"X-Spam-Flag: YES\r\nX-Mxtui-Evidence: mx2.example.net; tag; rspamd: add header")


async def test_a_scanner_that_is_down_is_scanned_by_when_it_is_back(
    make: Making, primary: FakePrimary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mxtui.scanning.gate.REST", 0.0)
    monkeypatch.setattr("mxtui.delivery.screening.FIRST", 0.2)
    scanner = Scripted(fault="connection refused")
    primary.down()
    async with make(scanner).running() as serving:
        for action in ("reject", "no action"):
            assert (await serving.send(action)).startswith("250")
        assert await serving.screened() == {"unscanned": 2}
        primary.up()
        await until(lambda: serving.log.of("waits_for_scan"), 40)
        assert not primary.accepted
        scanner.fault = ""
        await until(lambda: primary.accepted and serving.states() == {"quarantine": 1}, 40)
        assert await serving.screened() == {"unscanned": 2, "scanned": 2, "quarantined": 1, "clean": 1}
    assert len(primary.accepted) == 1


async def test_a_reload_follows_the_settings(make: Making, primary: FakePrimary) -> None:
    primary.down()
    async with make(Scripted()).running() as serving:
        assert (await serving.send("reject")).startswith("554")
        serving.config.write_text(f'{QUICK}[serve.scan.actions]\n"reject" = "quarantine"\n')
        serving.service.reload()
        await until(lambda: len(serving.log.of("reloaded")) == 1)
        assert (await serving.send("reject")).startswith("250")
        assert serving.states() == {"quarantine": 1}
        serving.config.write_text(f"{QUICK}[serve.scan]\nenabled = false\n")
        serving.service.reload()
        await until(lambda: len(serving.log.of("reloaded")) == 2)
        assert (await serving.send("reject")).startswith("250")
        assert serving.states() == {"quarantine": 1, "deferred": 1}
        assert await serving.screened() == {"scanned": 2, "rejected": 1, "quarantined": 1}
