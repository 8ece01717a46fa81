"""While `serve` runs somebody is told of alerts, and no console is needed for it."""

import json
from pathlib import Path
from typing import Any

from mxtui.config import Notify, Settings
from mxtui.demo.primary import FakePrimary
from mxtui.model.health import Health, Primary
from mxtui.service.alerts import AlertWatch
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
    for state in ("down", "down", "up"):
        health["state"] = state
        watch.look()
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
        watch.look()
        clock[0] += 60
    assert logged == [("alerts_not_told", "warning")]


def test_nobody_to_tell_is_no_look(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    assert not AlertWatch(spool, Settings(state=tmp_path / "state"), dict, dict, lambda *_, **__: None).wanted


def test_a_running_serve_looks(tmp_path: Path, primary: FakePrimary) -> None:
    settings = f'state = "{tmp_path}/state"\n[notify]\ncommand = ["{recorder(tmp_path)}"]\n'
    with Serve(tmp_path, {"example.org": primary.port}, settings=settings) as backup:
        wait_until(lambda: list((tmp_path / "state").rglob("memory.json")), what="it looked")
        assert backup.events("alerts_not_told") == 0
        assert backup.stop() == 0
