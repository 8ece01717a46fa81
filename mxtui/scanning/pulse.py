"""Whether scanners answer at all, by the ping of their own protocols: asked without mail, and without an event loop,
for `status` and `check` want to know it, too, and cannot wait for one to load.
"""

import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

from mxtui.config.readers import Scanning
from mxtui.config.settings import Spam

Name = Literal["rspamd", "spamassassin"]

LOOK: Final = 2.0
"""Seconds that a command waits for an answer."""

EVERY: Final = 10.0
"""Seconds between two pings of who watches."""

HEAD: Final = 512
"""Bytes of an answer that are read."""


class _Ping(NamedTuple):
    request: bytes
    answers: tuple[bytes, bytes]
    """What it begins with, and what its first line has in it."""


_PINGS: Final[Mapping[Name, _Ping]] = {
    "rspamd": _Ping(b"GET /ping HTTP/1.1\r\nHost: rspamd\r\nConnection: close\r\n\r\n", (b"HTTP/1.", b" 200 ")),
    "spamassassin": _Ping(b"PING SPAMC/1.2\r\n\r\n", (b"SPAMD/", b" PONG")),
}
"""rspamd: `/ping` of any worker; spamd(1): PING of its protocol."""


def silent(wanted: Spam, timeout: float = LOOK) -> tuple[str, ...]:
    """A sentence without its full stop for each configured scanner that does not answer within `timeout` seconds.

    Blocks for no longer than that, whatever name servers do. Raises nothing.
    """
    asked = [_Asked(name, where) for name, where in _configured(wanted)]
    deadline = time.monotonic() + timeout
    for each in asked:
        each.thread.start()
    for each in asked:
        each.thread.join(max(0.0, deadline - time.monotonic()))
    late = f"no answer within {timeout:g} s"
    found = ((each, late if each.thread.is_alive() else each.fault) for each in asked)
    return tuple(f"{each.name} at {_written(each.where)}: {fault}" for each, fault in found if fault)


class Pulse:
    """Asks again and again, aside: whoever shows what is known must not wait for a scanner that hangs."""

    def __init__(self, wanted: Spam, every: float = EVERY) -> None:
        self._wanted = wanted
        self._every = every
        self._stop = threading.Event()
        self.silent: Sequence[str] = ()
        """Those that did not answer when they were asked last; see `silent`."""
        if _configured(wanted):
            threading.Thread(target=self._run, name="pulse", daemon=True).start()

    def close(self) -> None:
        """Ask no more."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            self.silent = silent(self._wanted, self._wanted.timeout)
            self._stop.wait(self._every)


class _Asked:
    """One that is asked, in a thread of its own: a look-up of its name may take longer than anybody waits."""

    def __init__(self, name: Name, where: Scanning) -> None:
        self.name, self.where = name, where
        self.fault = ""
        self.thread = threading.Thread(target=self._ask, name=f"ping {name}", daemon=True)

    def _ask(self) -> None:
        try:
            self.fault = "" if _answers(self.where, _PINGS[self.name]) else f"it does not speak {self.name}'s protocol"
        except TimeoutError:
            self.fault = "no answer"
        except (OSError, UnicodeError) as error:
            number = error.errno if isinstance(error, OSError) and error.errno and error.errno > 0 else None
            words = os.strerror(number) if number else getattr(error, "strerror", "") or "it cannot be reached"
            self.fault = words[:1].lower() + words[1:]


def _answers(where: Scanning, ping: _Ping, patience: float = 30.0) -> bool:
    """Raises OSError, UnicodeError."""
    deadline = time.monotonic() + patience  # nobody waits for so long; a thread that nobody waits for has to end
    with _connected(where, patience) as connection:
        connection.sendall(ping.request)
        head = b""
        while b"\r\n" not in head and len(head) < HEAD:
            connection.settimeout(max(0.01, deadline - time.monotonic()))
            if time.monotonic() > deadline:
                raise TimeoutError
            more = connection.recv(HEAD - len(head))
            if not more:
                break
            head += more
    begins, has = ping.answers
    return head.startswith(begins) and has in head.partition(b"\r\n")[0]


def _connected(where: Scanning, patience: float) -> socket.socket:
    if not where.path:
        return socket.create_connection((where.host, where.port), patience)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(patience)
        connection.connect(where.path)
    except OSError:
        connection.close()
        raise
    return connection


def _configured(wanted: Spam) -> list[tuple[Name, Scanning]]:
    found: list[tuple[Name, Scanning | None]] = [("rspamd", wanted.rspamd), ("spamassassin", wanted.spamassassin)]
    return [(name, where) for name, where in found if where is not None]


def _written(where: Scanning) -> str:
    if where.path:
        return where.path
    return f"[{where.host}]:{where.port}" if ":" in where.host else f"{where.host}:{where.port}"
