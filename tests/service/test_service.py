"""The service from inside, where a process cannot be made to fail."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mxtui.demo.ports import free_port
from mxtui.primary.prober import Prober
from mxtui.queues.spool.control import Control
from mxtui.queues.spool.store import Spool
from mxtui.service.notify import Notifier
from mxtui.service.service import CRASHED, Service
from mxtui.service.sockets import bind
from mxtui.service.wanted import wanted


class Events:
    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, level: str = "info", **fields: Any) -> None:
        self.seen.append((event, {"level": level, **fields}))

    def of(self, event: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.seen if name == event]


@pytest.fixture
def log() -> Events:
    return Events()


def service(folder: Path, log: Events) -> Service:
    flags = {
        "spool": str(folder / "spool"),
        "listen": (f"127.0.0.1:{free_port()}",),
        "relay": ("example.org=127.0.0.1:1",),
        "recipients": "any",
    }
    asked = wanted(flags, None)
    spool = Spool.open(asked.spool, create=True, hostname="mx2.example.org")
    return Service(
        asked, spool, bind(asked.serve.listen), log=log, notifier=Notifier(), read=lambda: wanted(flags, None)
    )


@pytest.fixture(autouse=True)
def own_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "nothing"))


async def test_a_part_that_crashes_ends_all_of_it_with_a_last_word(
    tmp_path: Path, log: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(self: Prober) -> None:
        await asyncio.sleep(0.1)
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(Prober, "run", crash)
    async with asyncio.timeout(60):
        assert await service(tmp_path, log).run() == CRASHED
    assert log.of("crashed") == [{"level": "error", "part": "prober", "error": "RuntimeError('a mistake of ours')"}]
    assert log.seen[-1] == ("stopped", {"level": "error", "status": CRASHED})
    assert Control(tmp_path / "spool").service() is None


async def test_a_part_that_just_ends_is_a_crash_too(
    tmp_path: Path, log: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def end(self: Prober) -> None:
        return

    monkeypatch.setattr(Prober, "run", end)
    async with asyncio.timeout(60):
        assert await service(tmp_path, log).run() == CRASHED
    assert log.of("crashed")[0]["error"] == "it ended"


async def test_told_to_stop_it_ends_well_and_can_begin_again(tmp_path: Path, log: Events) -> None:
    for _ in range(2):
        one = service(tmp_path, log)
        running = asyncio.create_task(one.run())
        async with asyncio.timeout(60):
            while not log.of("ready"):  # noqa: ASYNC110 (the log is no event)
                await asyncio.sleep(0.01)
            one.stop()
            assert await running == 0
        log.seen.clear()
