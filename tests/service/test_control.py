"""The control socket, with both ends as they are."""

import asyncio
import json
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mxtui.errors import Guarded, MxtuiError, NotPermitted, Unreachable
from mxtui.model.drain.way import Settled
from mxtui.model.plan import Target, Verdict
from mxtui.model.service import Service
from mxtui.queues.spool.control import Control, short_name
from mxtui.service import control as server
from mxtui.service.control import ControlServer
from tests.support.feeding import deliver
from tests.support.plans import target

T = TypeVar("T")

STATE = Service("accepting", 1000.0, 1001.5, 42, "1.0", "mx2.example.org", ("127.0.0.1:25",), 3, 20, 1)


class FakeErrand:
    """Delivers what it is given at once, when `go_on` is set; complains of nothing."""

    def __init__(self, service: "FakeService") -> None:
        self._service = service
        self._ids: list[str] = []

    async def add(self, ids: Collection[str], connections: int) -> None:
        if not ids:
            raise Guarded("nothing to flush", "Name some.")
        self._service.seen.append(("add", (list(ids), connections)))
        self._service.asked.set()
        self._ids += ids

    async def settled(self, within: float) -> Sequence[Settled]:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(within, 0.05)):
                await self._service.go_on.wait()
        await asyncio.sleep(0)  # as the real one: others have their turn
        if not self._service.go_on.is_set():
            return ()
        ids, self._ids = self._ids, []
        return [Settled(each, "delivered", (verdict(each),), 0.5) for each in ids]

    def stop(self) -> None:
        self._service.seen.append(("stop", None))
        self._service.stopped.set()

    @property
    def done(self) -> bool:
        return not self._ids

    @property
    def broken_off(self) -> bool:
        return self._service.broken_off


def verdict(id: str) -> Verdict:
    return Verdict(id, "a@example.org", "delivered", "2.0.0", "250 Ok", 5.0)


class FakeService:
    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []
        self.go_on = asyncio.Event()
        self.given_up = asyncio.Event()
        self.asked = asyncio.Event()
        self.stopped = asyncio.Event()
        self.broken_off = False

    def state(self) -> Service:
        return STATE

    def progress(self) -> dict[str, object]:
        return {"left": 3}

    @asynccontextmanager
    async def errand(self, *, alone: bool) -> AsyncIterator[FakeErrand]:
        try:
            yield FakeErrand(self)
        finally:
            self.given_up.set()

    def look(self, ids: Collection[str]) -> None:
        self.seen.append(("look", list(ids)))

    def suspend(self) -> None:
        self.seen.append(("suspend", None))

    def resume(self) -> None:
        self.seen.append(("resume", None))

    def read_holds(self) -> None:
        self.seen.append(("holds", None))


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
        await asked(control.holds)
        await asked(control.suspend)
        await asked(control.resume)
        await asked(lambda: control.look(["a", "b"]))
        assert service.seen == [("holds", None), ("suspend", None), ("resume", None), ("look", ["a", "b"])]
        assert (tmp_path / "control.sock").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "control.sock").exists()


def mail(*ids: str) -> list[Target]:
    return [target(each) for each in ids]


async def test_what_is_fed_is_tried_and_each_verdict_comes_back_whole(tmp_path: Path) -> None:
    async with serving(tmp_path) as (service, control):
        service.go_on.set()
        outcome = await asked(lambda: deliver(control, mail("x", "y")))
        assert outcome.settled == [Settled(each, "delivered", (verdict(each),), 0.5) for each in ("x", "y")]
        assert service.seen == [("add", (["x", "y"], 20))]


async def test_a_flush_that_nobody_follows_any_more_is_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mxtui.queues.spool.carrier.STOP_SECONDS", 0.3)
    async with serving(tmp_path) as (service, control):
        outcome = await asked(lambda: deliver(control, mail("x"), threading.Event()))
        assert outcome.left == 1
        service.go_on.set()
        async with asyncio.timeout(60):
            await service.given_up.wait()


async def test_a_flush_that_is_stopped_after_the_last_was_fed_says_so_and_the_next_question_is_heard(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as (service, _):
        said = [b'{"do":"flush"}', b'{"ids":["x"],"connections":1}', b'{"over":true}']
        reader, writer = await asyncio.open_unix_connection(tmp_path / "control.sock")
        async with asyncio.timeout(10):
            writer.write(b"\n".join(said) + b"\n")
            await service.asked.wait()
            writer.write(b'{"over":true,"stop":true}\n{"do":"progress"}\n')
            await service.stopped.wait()
            service.go_on.set()
            answers = [json.loads(await reader.readline()) for _ in range(3)]
        writer.close()
        assert (answers[0]["settled"][0][:2], answers[1]["ok"], answers[2]) == (["x", "delivered"], True, {"left": 3})


async def test_a_serve_that_stops_delivering_says_so(tmp_path: Path) -> None:
    async with serving(tmp_path) as (service, control):
        service.broken_off = True
        with pytest.raises(MxtuiError, match="has stopped delivering"):
            await asked(lambda: deliver(control, mail("x")))


async def test_a_serve_that_goes_away_amid_a_flush_is_no_end_of_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as (service, control):
        flushing = asyncio.create_task(asked(lambda: deliver(control, mail("x"))))
        async with asyncio.timeout(10):
            await service.asked.wait()
    with pytest.raises(Unreachable, match="went away"):
        await flushing


@pytest.mark.parametrize("fed", ["{}", '{"ids": "x", "connections": 1}', '{"ids": ["x"]}', "nonsense"])
async def test_what_cannot_be_understood_amid_a_flush_is_refused(tmp_path: Path, fed: str) -> None:
    async with serving(tmp_path):
        reader, writer = await asyncio.open_unix_connection(tmp_path / "control.sock")
        writer.write(b'{"do": "flush"}\n' + fed.encode() + b"\n")
        assert "error" in json.loads(await reader.readline())
        writer.close()
        await writer.wait_closed()


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
        assert [answer.get("status") for answer in answers[:3]] == [4, 4, 4], "as its asker is to exit"


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
