"""What systemd is told, and what it tells: sd_notify(3), without a library.

Outside systemd every call does nothing.
"""

import asyncio
import os
import socket
import time
from collections.abc import Mapping, MutableMapping
from contextlib import suppress

from mxtui.message.sanitize import one_line


class Notifier:
    """Tells the service manager how the service fares, over the socket that it named."""

    def __init__(self, address: str = "", watchdog: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog = watchdog
        """Seconds after which systemd thinks that the service hangs; None where it does not watch."""

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str] | None = None) -> "Notifier":
        """As systemd set NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, which are taken away: children are not us."""
        given = os.environ if environment is None else environment
        address = given.pop("NOTIFY_SOCKET", "")
        return cls(address if address[:1] in ("/", "@") else "", _watchdog(given))

    def ready(self, status: str) -> None:
        """Everything listens; or a reload is over."""
        self._send(READY="1", STATUS=status)

    def reloading(self) -> None:
        """A reload began: `Type=notify-reload` wants the time of it."""
        self._send(RELOADING="1", MONOTONIC_USEC=str(time.monotonic_ns() // 1000))

    def stopping(self, status: str) -> None:
        """The end has begun."""
        self._send(STOPPING="1", STATUS=status)

    def status(self, text: str) -> None:
        """A line for `systemctl status`."""
        self._send(STATUS=text)

    async def keep_alive(self) -> None:
        """Tell the watchdog at half its interval until cancelled.

        From the event loop itself: a loop that hangs falls silent, and systemd starts the service anew.
        """
        if self.watchdog is None:
            return
        while True:
            self._send(WATCHDOG="1")
            await asyncio.sleep(self.watchdog / 2)

    def _send(self, **variables: str) -> None:
        if not self._address:
            return
        text = "\n".join(f"{name}={one_line(value, 400)}" for name, value in variables.items())
        # A manager that went away is no reason to stop taking mail.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sending:
            sending.setblocking(False)
            sending.sendto(text.encode(), self._address)


def _watchdog(environment: MutableMapping[str, str]) -> float | None:
    microseconds, process = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
    meant = _is_us(process) if process else True
    return int(microseconds) / 1e6 if meant and microseconds.isdecimal() and int(microseconds) > 0 else None


def _is_us(process: str) -> bool:
    return process.isdecimal() and int(process) == os.getpid()


FIRST_INHERITED = 3
"""File descriptor of the first passed socket (SD_LISTEN_FDS_START)."""

MOST_INHERITED = 64


def inherited(environment: MutableMapping[str, str] | None = None, first: int = FIRST_INHERITED) -> list[int]:
    """Descriptors of sockets that systemd opened for this process: LISTEN_FDS, LISTEN_PID, which are taken away."""
    given: MutableMapping[str, str] = os.environ if environment is None else environment
    process, number = given.pop("LISTEN_PID", ""), given.pop("LISTEN_FDS", "")
    given.pop("LISTEN_FDNAMES", None)
    if not _is_us(process) or not number.isdecimal():
        return []
    return list(range(first, first + min(int(number), MOST_INHERITED)))


def under_journal(environment: Mapping[str, str] | None = None) -> bool:
    """Whether stderr goes to systemd's journal (JOURNAL_STREAM names its device and inode)."""
    given = os.environ if environment is None else environment
    with suppress(OSError):
        status = os.fstat(2)
        return given.get("JOURNAL_STREAM", "") == f"{status.st_dev}:{status.st_ino}"
    return False
