"""While `serve` runs somebody is told of alerts, and no console is needed for it."""

import asyncio
import json
import os
import threading
from pathlib import Path
from typing import Any

from mxtui.config import Notify, Settings
from mxtui.demo.primary import FakePrimary
from mxtui.model.health import Health, Primary
from mxtui.service.alerts import EVERY, GAP, AlertWatch, pause
from tests.delivery.spooling import make_spool
from tests.queues.spool.making import put
from tests.service.serving import Serve
from tests.support.waiting import wait_until

NOW = 1_800_000_000.0


def recorder(folder: Path) -> Path:
    command = folder / "tell"
    command.write_text(f"#!/bin/sh\ncat >> {folder}/told.jsonl\n")
    command.chmod(0o755)
    return command


def look(watch: AlertWatch) -> None:
    """Look once, and tell."""

    async def once() -> None:
        await watch.look()
        await watch.told()

    asyncio.run(once())


def test_what_lasts_is_told_and_what_is_over(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    put(spool)
    settings = Settings(state=tmp_path / "state", notify=Notify(command=(str(recorder(tmp_path)),)))
    primary = Primary("mx1.example.org", 25, "config")
    health = {"state": "down"}
    logged: list[str] = []
    clock = [NOW]

    def known() -> dict[str, tuple[Primary | None, Health]]:
        return {"example.org": (primary, Health(health["state"], NOW, "tcp", "connection refused", None))}  # type: ignore[arg-type]

    def log(event: str, level: str = "info", **fields: Any) -> None:
        logged.append(event)

    watch = AlertWatch(spool, settings, known, lambda: {"example.org": None}, log, clock=lambda: clock[0])
    assert watch.wanted
    for state in ("down", "down", "up", "up"):
        health["state"] = state
        look(watch)
        clock[0] += 60
    lines = [json.loads(line) for line in (tmp_path / "told.jsonl").read_text().splitlines()]
    news = [[(item["word"], item["name"]) for item in line["news"]] for line in lines]
    # No serve runs on this spool, and so it is told.
    assert ("raised", "primary_down") in news[0]
    assert ("resolved", "primary_down") in news[1]
    assert logged == []


def test_what_cannot_be_told_is_logged_once_and_serve_goes_on(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    settings = Settings(state=tmp_path / "state", notify=Notify(command=("/nowhere/page",)))
    logged: list[tuple[str, str]] = []

    def log(event: str, level: str = "info", **fields: Any) -> None:
        logged.append((event, level))

    clock = [NOW]
    watch = AlertWatch(spool, settings, dict, dict, log, clock=lambda: clock[0])
    for _ in range(4):
        look(watch)
        clock[0] += 60
    assert logged == [("alerts_not_told", "warning")]


def test_no_look_is_so_costly_that_nobody_watches_afterwards() -> None:
    assert [pause(cost) for cost in (0.0, 0.5, 2.0)] == [EVERY, EVERY, 100.0]
    assert pause(1000.0) == GAP / 2


def test_a_command_that_hangs_keeps_nobody_from_looking(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    command = tmp_path / "tell"
    command.write_text(f"#!/bin/sh\ntouch {tmp_path}/begun\nread line < {tmp_path}/go\n")
    command.chmod(0o755)
    os.mkfifo(tmp_path / "go")
    settings = Settings(state=tmp_path / "state", notify=Notify(command=(str(command),), after=0.001))
    clock = [NOW]

    def down() -> dict[str, tuple[Primary | None, Health]]:
        clock[0] += 30
        return {"example.org": (None, Health("down", NOW, "tcp", "connection refused", None))}

    async def watched() -> None:
        watch = AlertWatch(
            spool, settings, down, lambda: {"example.org": None}, lambda *_, **__: None, clock=lambda: clock[0]
        )
        while not (tmp_path / "begun").exists():
            await watch.look()
        before = clock[0]
        for _ in range(5):
            await watch.look()
        assert clock[0] == before + 150
        with (tmp_path / "go").open("w") as go:  # it still waited
            go.write("on\n")
        await watch.told()

    asyncio.run(watched())


def test_what_nobody_foresaw_is_logged_once_and_the_next_look_is_taken(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    settings = Settings(state=tmp_path / "state", notify=Notify(command=(str(recorder(tmp_path)),)))
    logged: list[tuple[str, str]] = []
    looks = threading.Semaphore(0)

    def broken() -> dict[str, tuple[Primary | None, Health]]:
        looks.release()
        raise ZeroDivisionError("a fault of ours")

    def log(event: str, level: str = "info", **fields: Any) -> None:
        logged.append((event, fields["why"]))

    async def watched() -> None:
        watch = AlertWatch(spool, settings, broken, dict, log, rest=lambda _: 0.0)
        running = asyncio.create_task(watch.run())
        for _ in range(3):
            await asyncio.to_thread(looks.acquire)
        assert not running.done()
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(watched())
    assert logged == [("alerts_not_watched", "ZeroDivisionError('a fault of ours')")]


def test_nobody_to_tell_is_no_look(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    assert not AlertWatch(spool, Settings(state=tmp_path / "state"), dict, dict, lambda *_, **__: None).wanted


def test_a_running_serve_looks(tmp_path: Path, primary: FakePrimary) -> None:
    settings = f'state = "{tmp_path}/state"\n[notify]\ncommand = ["{recorder(tmp_path)}"]\n'
    with Serve(tmp_path, {"example.org": primary.port}, settings=settings) as backup:
        wait_until(lambda: list((tmp_path / "state").rglob("memory.json")), what="it looked")
        assert backup.events("alerts_not_told") == 0
        assert backup.stop() == 0
