import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mxtui.service.notify import Notifier, inherited

US = str(os.getpid())


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """systemd's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiving:
        receiving.bind(str(tmp_path / "notify"))
        receiving.settimeout(5)
        yield receiving


def told(manager: socket.socket) -> dict[str, str]:
    return dict(line.split("=", 1) for line in manager.recv(4096).decode().splitlines())


def test_the_manager_is_told_of_each_state(manager: socket.socket) -> None:
    environment = {"NOTIFY_SOCKET": manager.getsockname()}
    notifier = Notifier.from_environment(environment)
    assert environment == {}, "what is started from here is not the service"
    notifier.ready("standing by")
    assert told(manager) == {"READY": "1", "STATUS": "standing by"}
    notifier.reloading()
    reloading = told(manager)
    assert reloading["RELOADING"] == "1"
    assert abs(int(reloading["MONOTONIC_USEC"]) - time.monotonic_ns() // 1000) < 5_000_000
    notifier.status("a\nREADY=0")
    assert told(manager) == {"STATUS": "a␊READY=0"}
    notifier.stopping("bye")
    assert told(manager) == {"STOPPING": "1", "STATUS": "bye"}


def test_an_abstract_socket_is_a_socket_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"\0mxtui-test-{US}")
        manager.settimeout(5)
        Notifier(f"@mxtui-test-{US}").ready("x")
        assert told(manager)["READY"] == "1"


def test_without_a_manager_or_with_a_dead_one_nothing_happens(tmp_path: Path) -> None:
    Notifier.from_environment({}).ready("x")
    Notifier(str(tmp_path / "nobody")).ready("x")
    assert Notifier.from_environment({"NOTIFY_SOCKET": "relative"}).watchdog is None


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"WATCHDOG_USEC": "3000000"}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": US}, 3.0),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_watchdog_is_ours_only_if_it_says_so(environment: dict[str, str], expected: float | None) -> None:
    assert Notifier.from_environment(environment).watchdog == expected


async def test_a_loop_that_runs_is_heard_twice_an_interval_and_one_that_hangs_is_not(manager: socket.socket) -> None:
    manager.settimeout(2)
    task = asyncio.create_task(Notifier(manager.getsockname(), watchdog=1.0).keep_alive())
    started = time.monotonic()
    for _ in range(5):
        assert await asyncio.to_thread(told, manager) == {"WATCHDOG": "1"}
    assert time.monotonic() - started < 1.0 * 5, "with time to spare"
    with pytest.raises(TimeoutError):
        told(manager)  # blocks the loop itself
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


def test_inherited_sockets_are_taken_by_the_process_that_is_meant_and_only_once() -> None:
    environment = {"LISTEN_PID": US, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "smtp:smtp"}
    assert inherited(environment) == [3, 4]
    assert environment == {}
    assert inherited(environment) == []
    assert inherited({"LISTEN_PID": "1", "LISTEN_FDS": "2"}) == []
    assert inherited({"LISTEN_PID": US, "LISTEN_FDS": "many"}) == []
    assert len(inherited({"LISTEN_PID": US, "LISTEN_FDS": "99999999"})) == 64


def test_it_needs_no_library_and_little_time() -> None:
    script = "import mxtui.service.notify, sys; print('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
