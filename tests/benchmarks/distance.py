"""A primary that is far away: a proxy that takes its time, in a process of its own.

`python -m tests.benchmarks.distance PORT TARGET SECONDS` listens on loopback, and passes everything on to the other
port after so many seconds, in either direction. Any number of connections; what is on its way is not held up by what
went before, as on a long cable. TCP's own handshake takes its three ways, too, before the greeting can set out.
"""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Final, cast

from mxtui.demo.ports import free_port

BACKLOG: Final = 512


class _Way(asyncio.Protocol):
    """One direction of one connection: what arrives here leaves there, later."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._under_way: deque[tuple[float, bytes | None]] = deque()
        self._there: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport | None = None

    def lead_to(self, there: asyncio.Transport) -> None:
        """The other end is there now."""
        self._there = there
        self._send()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._enter(data)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._enter(None)

    def _enter(self, data: bytes | None) -> None:
        self._under_way.append((time.monotonic() + self._seconds, data))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._send)

    def _send(self) -> None:
        self._timer = None
        if self._there is None:
            return
        while self._under_way and self._under_way[0][0] <= time.monotonic():
            data = self._under_way.popleft()[1]
            if data is None:
                self._there.close()
            else:
                self._there.write(data)
        if self._under_way:
            rest = max(0.0, self._under_way[0][0] - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(rest, self._send)


async def serve(port: int, target: int, seconds: float) -> None:
    """Until cancelled."""
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()

    def accept() -> _Way:
        forth = _Way(seconds)
        task = loop.create_task(_connect(forth, target, seconds))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return forth

    server = await loop.create_server(accept, "127.0.0.1", port, backlog=BACKLOG)
    await server.serve_forever()


async def _connect(forth: _Way, target: int, seconds: float) -> None:
    await asyncio.sleep(3 * seconds)
    assert forth.transport is not None
    try:
        there, back = await asyncio.get_running_loop().create_connection(lambda: _Way(seconds), "127.0.0.1", target)
    except OSError:
        forth.transport.close()
        return
    back.lead_to(forth.transport)
    forth.lead_to(there)


@contextlib.contextmanager
def distant(target: int, seconds: float, port: int | None = None) -> Iterator[int]:
    """What listens on port `target`, so many seconds away in either direction; the port where it is found there."""
    port = free_port() if port is None else port
    argv = [sys.executable, "-m", "tests.benchmarks.distance", str(port), str(target), str(seconds)]
    process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            if process.poll() is not None or time.monotonic() > deadline:
                raise TimeoutError("the proxy does not start")
            time.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
