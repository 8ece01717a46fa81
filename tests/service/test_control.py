"""The control socket, with both ends as they are."""

import asyncio
import json
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mxtui.errors import Guarded, MxtuiError, NotPermitted, Unreachable
from mxtui.model.plan import FlushProgress, Verdict
from mxtui.model.service import Service
from mxtui.queues.spool.control import Control, short_name
from mxtui.service import control as server
from mxtui.service.control import ControlServer

T = TypeVar("T")

STATE = Service("accepting", 1000.0, 1001.5, 42, "1.0", "mx2.example.org", ("127.0.0.1:25",), 3, 20, 1)


def progress(left: int, phase: Any = "steady") -> FlushProgress:
    verdict = Verdict("06412ab34cd5ef9c1f", "a@example.org", "delivered", "2.0.0", "250 Ok", 5.0)
    return FlushProgress(2, 2 - left, 0, 0, left, 1.5, None, phase, recent=[verdict], closed=[verdict])


class FakeService:
    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []
        self.go_on = asyncio.Event()
        self.given_up = asyncio.Event()

    def state(self) -> Service:
        return STATE

    def progress(self) -> dict[str, object]:
        return {"left": 3}

    async def flush(self, ids: Collection[str]) -> AsyncIterator[FlushProgress]:
        if not ids:
            raise Guarded("nothing to flush", "Name some.")
        try:
            self.seen.append(("flush", list(ids)))
            yield progress(2)
            await self.go_on.wait()
            yield progress(0, "done")
        finally:
            self.given_up.set()

    def look(self, ids: Collection[str]) -> None:
        self.seen.append(("look", list(ids)))

    def suspend(self) -> None:
        self.seen.append(("suspend", None))

    def resume(self) -> None:
        self.seen.append(("resume", None))


def silent(event: str, level: Any = "info", **fields: Any) -> None:
    pass


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[FakeService, Control]]:
    service = FakeService()
    async with ControlServer(folder / "control.sock", service, silent):
        yield service, Control(folder)


async def asked(question: Callable[[], T]) -> T:
    return await asyncio.to_thread(question)


async def test_each_question_has_its_answer(tmp_path: Path) -> None:
    async with serving(tmp_path) as (service, control):
        assert await asked(control.service) == STATE
        assert await asked(control.progress) == {"left": 3}
        await asked(control.suspend)
        await asked(control.resume)
        await asked(lambda: control.look(["a", "b"]))
        assert service.seen == [("suspend", None), ("resume", None), ("look", ["a", "b"])]
        assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "control.sock").exists()


async def test_a_flush_streams_its_progress_whole(tmp_path: Path) -> None:
    async with serving(tmp_path) as (service, control):
        service.go_on.set()
        steps = await asked(lambda: list(control.flush(["x"], threading.Event())))
        assert steps == [progress(2), progress(0, "done")]


async def test_a_flush_that_nobody_follows_any_more_is_let_go(tmp_path: Path) -> None:
    async with serving(tmp_path) as (service, control):
        stop = threading.Event()

        def first_then_stop() -> list[FlushProgress]:
            steps = []
            for step in control.flush(["x"], stop):
                steps.append(step)
                stop.set()
            return steps

        assert await asked(first_then_stop) == [progress(2)]
        service.go_on.set()
        async with asyncio.timeout(60):
            await service.given_up.wait()


async def test_a_refusal_reaches_whoever_asked_with_its_hint(tmp_path: Path) -> None:
    async with serving(tmp_path) as (_, control):
        with pytest.raises(MxtuiError, match="nothing to flush") as caught:
            await asked(lambda: list(control.flush([], threading.Event())))
        assert caught.value.hint == "Name some."


async def test_without_a_serve_the_question_says_how_to_start_one(tmp_path: Path) -> None:
    assert Control(tmp_path).service() is None
    with pytest.raises(Unreachable, match="no serve runs") as caught:
        Control(tmp_path).suspend()
    assert "mxtui serve" in caught.value.hint


async def talk(folder: Path, *sent: bytes) -> list[Any]:
    def exchange() -> list[Any]:
        with socket.socket(socket.AF_UNIX) as connection, short_name(folder / "control.sock") as name:
            connection.settimeout(10)
            connection.connect(name)
            file = connection.makefile("rwb")
            answers = []
            for line in sent:
                file.write(line)
                file.flush()
                answers.append(json.loads(file.readline()))
            return answers

    return await asyncio.to_thread(exchange)


async def test_nonsense_is_answered_and_the_next_question_heard(tmp_path: Path) -> None:
    async with serving(tmp_path):
        answers = await talk(
            tmp_path,
            b"hello\n",
            b"[" * 5000 + b"\n",
            b'{"do": 3}\n',
            b'{"do": "look", "ids": "all"}\n',
            b'{"do": "explode"}\n',
            b'{"do": "progress"}\n',
        )
        assert [answer.get("error") for answer in answers] == [
            "not a request",
            "not a request",
            "not a request",
            "which messages?",
            "cannot explode",
            None,
        ]


async def test_an_endless_line_and_a_crowd_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "LINE_LIMIT", 4096)
    monkeypatch.setattr(server, "MOST_CLIENTS", 2)
    async with serving(tmp_path) as (_, control):
        assert "a line of more than" in (await talk(tmp_path, b"x" * 100_000))[0]["error"]
        crowd = [socket.socket(socket.AF_UNIX) for _ in range(2)]
        for one in crowd:
            one.connect(str(tmp_path / "control.sock"))
        with pytest.raises(MxtuiError, match="too many"):
            await asked(control.progress)
        for one in crowd:
            one.close()


async def test_a_stranger_is_sent_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_peer_user", lambda writer: os.geteuid() + 1)
    async with serving(tmp_path) as (service, control):
        with pytest.raises(MxtuiError, match="not permitted"):
            await asked(control.suspend)
        assert service.seen == []


async def test_the_socket_of_a_dead_process_is_replaced(tmp_path: Path) -> None:
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(tmp_path / "control.sock"))
    dead.close()
    async with serving(tmp_path) as (_, control):
        assert await asked(control.service) == STATE


async def test_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    async with serving(tmp_path) as (_, control):
        with pytest.raises(Guarded, match="another serve answers"):
            async with serving(tmp_path):
                pass
        assert await asked(control.service) == STATE


async def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "control.sock").write_text("mine")
    with pytest.raises(Unreachable, match="is no socket"):
        async with serving(tmp_path):
            pass
    assert (tmp_path / "control.sock").read_text() == "mine"


async def test_a_spool_with_a_long_name_has_a_socket_too(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 100) / ("y" * 100)
    deep.mkdir(parents=True)
    async with serving(deep) as (_, control):
        assert await asked(control.service) == STATE


async def test_who_may_not_open_the_socket_is_told_who_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(tmp_path) as (_, control):

        def refuse(self: socket.socket, name: str) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        with pytest.raises(NotPermitted) as caught:
            await asked(control.suspend)
        assert "Root and the spool's user" in caught.value.hint
        assert await asked(control.service) is None
