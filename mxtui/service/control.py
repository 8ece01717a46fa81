"""The control socket of a running `serve`: console and commands ask it how it stands, and to flush, suspend and look.

One JSON object a line each way, as `queues.spool.control` says. Whoever may open the socket could also write the
spool itself; the peer is checked all the same, for a folder's mode is easily changed by accident.
"""

import asyncio
import os
import socket
import stat
import struct
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec

from mxtui.errors import Guarded, MxtuiError, Unreachable
from mxtui.model.drain.way import Settled
from mxtui.model.service import Service
from mxtui.queues.spool.control import LINE_LIMIT, short_name
from mxtui.service.log import Log

MOST_CLIENTS = 32
"""At once; a console has two."""

SILENCE = 60.0
"""Seconds in which a client has to ask its first question, and to read each answer."""

TELL = 1.0
"""Seconds after which the connection to a client that feeds us is looked after, though nothing was settled."""

Answer = Mapping[str, object] | Service
"""Anything that becomes a JSON object."""


class Errand(Protocol):
    """Messages that somebody wants tried now (see `delivery.forwarder.Errand`)."""

    async def add(self, ids: Collection[str], connections: int) -> None:
        """Try these, over so many connections to one host at most."""
        ...

    def stop(self) -> None:
        """Try no more of them: what was not begun is settled as untried."""
        ...

    async def settled(self, within: float) -> Sequence[Settled]:
        """Those that have a verdict, each once."""
        ...

    @property
    def done(self) -> bool:
        """All have theirs."""
        ...

    @property
    def broken_off(self) -> bool:
        """Deliveries were suspended, or stopped."""
        ...


class Controlled(Protocol):
    """What can be asked of the service."""

    def state(self) -> Service:
        """How it stands."""
        ...

    def progress(self) -> Answer:
        """How the deliveries go."""
        ...

    def errand(self, *, alone: bool) -> AbstractAsyncContextManager[Errand]:
        """Somebody wants messages tried now; `alone`: and nothing else at their hosts meanwhile. Raises Guarded."""
        ...

    def look(self, ids: Collection[str]) -> None:
        """Somebody changed these in the spool."""
        ...

    def suspend(self) -> None:
        """Deliver nothing until `resume`."""
        ...

    def resume(self) -> None:
        """Go on delivering."""
        ...

    def read_holds(self) -> None:
        """Holds of domains were changed on disk: go by them from now on. Raises MxtuiError where they are damaged."""
        ...


class ControlServer:
    """Answers on a socket in the spool between `__aenter__` and `__aexit__`; its clients are cut off at the end."""

    def __init__(self, path: Path, service: Controlled, log: Log) -> None:
        self._path = path
        self._service = service
        self._log = log
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Raises Guarded where another process answers there, Unreachable where there can be no socket."""
        listening = _bound(self._path)
        self._server = await asyncio.start_unix_server(self._greet, sock=listening, limit=LINE_LIMIT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        await self._server.wait_closed()
        with suppress(OSError):
            self._path.unlink()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._clients) >= MOST_CLIENTS:
            await self._leave(writer, _failure("too many consoles and commands at once", ""))
            return
        self._clients.add(task)
        try:
            user = _peer_user(writer)
            if user not in (0, os.geteuid()):
                self._log("control_refused", "warning", uid=user)
                await self._leave(writer, _failure("not permitted", "The spool's own user and root may ask."))
                return
            # A cancelled task would be reported by asyncio's own callback, and is the way all of this ends.
            with suppress(OSError, EOFError, TimeoutError, asyncio.CancelledError):
                await self._converse(reader, writer)
        finally:
            self._clients.discard(task)
            writer.transport.abort()

    async def _leave(self, writer: asyncio.StreamWriter, answer: Answer) -> None:
        with suppress(OSError, TimeoutError):
            await _say(writer, answer)
        writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                await _say(writer, _failure("a line of more than 32 MB", ""))
                return
            if not line.endswith(b"\n"):
                return
            try:
                await self._answer(_request(line), reader, writer)
            except MxtuiError as error:
                await _say(writer, _failure(error.message, error.hint, error.exit_status))

    async def _answer(
        self, request: Mapping[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        match request["do"]:
            case "state":
                await _say(writer, self._service.state())
            case "progress":
                await _say(writer, self._service.progress())
            case "suspend":
                self._log("suspended", by=_peer_user(writer))
                self._service.suspend()
                await _say(writer, self._service.state())
            case "resume":
                self._log("resumed", by=_peer_user(writer))
                self._service.resume()
                await _say(writer, self._service.state())
            case "holds":
                self._service.read_holds()
                await _say(writer, {"ok": True})
            case "look":
                self._service.look(_ids(request))
                await _say(writer, {"ok": True})
            case "flush":
                await self._run_errands(reader, writer, alone=request.get("alone") is not False)
            case asked:
                await _say(writer, _failure(f"cannot {asked}"[:80], "This serve is another version of mxtui."))

    async def _run_errands(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, alone: bool) -> None:
        """What a client feeds, until it says that this was all, or is gone."""
        async with self._service.errand(alone=alone) as errand:
            over = asyncio.Event()
            listening = asyncio.create_task(_listen(reader, errand, over))
            try:
                while not (over.is_set() and errand.done):
                    if errand.broken_off:
                        raise Unreachable("serve has stopped delivering", "It was suspended, or is being stopped.")
                    if settled := await errand.settled(TELL):
                        await _say(writer, {"settled": settled})
                    if listening.done():
                        listening.result()
                await _say(writer, {"settled": await errand.settled(0), "ok": True})
            finally:
                listening.cancel()
                await asyncio.wait([listening])  # or its question would be asked while it reads


async def _listen(reader: asyncio.StreamReader, errand: Errand, over: asyncio.Event) -> None:
    """Take in what a client wants tried, until it stops, or is gone; no more comes once it is `over`.

    Raises Unreachable.
    """
    while (line := await reader.readline()).endswith(b"\n"):
        fed = _object(line)
        if fed.get("stop"):
            errand.stop()
            break
        if fed.get("over"):
            over.set()
            continue
        connections = fed.get("connections")
        if not isinstance(connections, int) or connections < 1:
            raise Unreachable("over how many connections?", '{"ids": ["…"], "connections": 2}')
        await errand.add(_ids(fed), connections)
    over.set()


def _request(line: bytes) -> Mapping[str, Any]:
    request = _object(line)
    if not isinstance(request.get("do"), str):
        raise Unreachable("not a request", 'One JSON object a line: {"do": "state"}.')
    return request


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _ids(request: Mapping[str, Any]) -> list[str]:
    ids = request.get("ids")
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise Unreachable("which messages?", '{"do": "…", "ids": ["…"]}')
    return ids


def _failure(text: str, hint: str, status: int = MxtuiError.exit_status) -> Answer:
    return {"error": text, "hint": hint, "status": status}


async def _say(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(msgspec.json.encode(answer) + b"\n")
    async with asyncio.timeout(SILENCE):
        await writer.drain()


def _peer_user(writer: asyncio.StreamWriter) -> int:
    """The user of the process at the other end, as the kernel knows (SO_PEERCRED, unix(7))."""
    credentials = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    _, user, _ = struct.unpack("iII", credentials)
    return int(user)


def _bound(path: Path) -> socket.socket:
    """A socket that listens at `path`, in the place of one that a dead process left."""
    _clear(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with short_name(path) as name:
            listening.bind(name)
            path.chmod(0o600)
        listening.listen(MOST_CLIENTS)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise Unreachable(
            f"{path}: {error.strerror or error}", "The spool has to be on a file system with sockets."
        ) from None
    return listening


def _clear(path: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise Unreachable(f"{path} is no socket", "It is in the way; look what it is, and move it.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trial, short_name(path) as name:
        trial.settimeout(2)
        try:
            trial.connect(name)
        except ConnectionRefusedError:
            path.unlink()
            return
        except OSError as error:
            raise Guarded(f"{path}: {error.strerror or error}", "Another serve seems to have it.") from None
    raise Guarded(f"another serve answers at {path}", "One spool, one serve.")
