"""Asking a running `serve` through `control.sock` in its spool: one JSON object a line each way.

    {"do": "state"}                    how it stands: `model.service.Service`
    {"do": "progress"}                 {"left": n, "per_second": x, "delivering": n, "domains": {…}}
    {"do": "flush", "ids": ["…"]}      progress objects as `mxtui flush --json` prints them, then {"ok": true}
    {"do": "look", "ids": ["…"]}       these were held, released or restored by somebody: {"ok": true}
    {"do": "suspend"} {"do": "resume"} as `state`: all deliveries
    {"do": "holds"}                    holds of domains were changed on disk, and are in force now: {"ok": true}

Whatever goes wrong is {"error": "…", "hint": "…"}. The socket has mode 0600, and answers its own user and root only.
"""

import os
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from mxtui.errors import MxtuiError, NotPermitted, Unreachable
from mxtui.model.plan import FlushProgress
from mxtui.model.service import Service
from mxtui.queues.spool.layout import CONTROL

PATIENCE: Final = 10.0
"""Seconds that an answer may take: the service syncs disks in threads, so its loop is never long away."""

LINE_LIMIT: Final = 32 << 20
"""Bytes of one line either way; a million IDs are 21 MB."""

_TICK = 0.25
"""Seconds after which a flush looks whether it is to stop."""


class Control:
    """A client. Blocks; each question has a connection of its own, so threads do not wait for each other."""

    def __init__(self, spool: Path) -> None:
        self._path = spool / CONTROL

    def service(self) -> Service | None:
        """How it stands; None where none runs, or may not be asked. Cheap: 1 ms."""
        try:
            return msgspec.convert(self._ask({"do": "state"}), Service)
        except (Unreachable, NotPermitted, msgspec.ValidationError):
            return None

    def suspend(self) -> None:
        """Deliver nothing until `resume`. Raises Unreachable, NotPermitted."""
        self._ask({"do": "suspend"})

    def resume(self) -> None:
        """Go on delivering. Raises Unreachable, NotPermitted."""
        self._ask({"do": "resume"})

    def holds(self) -> None:
        """Tell that holds of domains were changed; in force when this returns. Raises Unreachable, NotPermitted."""
        self._ask({"do": "holds"})

    def look(self, ids: Collection[str]) -> None:
        """Tell that these were changed in the spool. Raises Unreachable, NotPermitted."""
        self._ask({"do": "look", "ids": list(ids)})

    def progress(self) -> Mapping[str, Any]:
        """How deliveries go. Raises Unreachable, NotPermitted."""
        return self._ask({"do": "progress"})

    def flush(self, ids: Collection[str], stop: threading.Event) -> Iterator[FlushProgress]:
        """Try these now, and follow each to its verdict or until `stop`. Raises Unreachable, NotPermitted."""
        with self._connected() as connection:
            _send(connection, {"do": "flush", "ids": list(ids)})
            for answer in _answers(connection, stop):
                if "phase" not in answer:
                    return
                try:
                    yield msgspec.convert(answer, FlushProgress)
                except msgspec.ValidationError as error:
                    raise Unreachable(f"serve says what is not understood: {error}", _OTHER_VERSION) from None

    def _ask(self, request: Mapping[str, object]) -> Mapping[str, Any]:
        with self._connected() as connection:
            _send(connection, request)
            for answer in _answers(connection, threading.Event(), PATIENCE):
                return answer
        raise Unreachable("serve does not answer", f"No answer at {self._path} within {PATIENCE:g} s.")

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            try:
                with short_name(self._path) as name:
                    connection.connect(name)
                yield connection
            except PermissionError as error:
                raise NotPermitted(f"{self._path}: {error.strerror}", "Root and the spool's user may ask.") from None
            except (FileNotFoundError, ConnectionRefusedError):
                raise Unreachable(
                    "no serve runs on this spool", f"mxtui serve {self._path.parent} starts it."
                ) from None
            except OSError as error:
                raise Unreachable(f"{self._path}: {error.strerror or 'no answer in time'}", "Does serve run?") from None


_OTHER_VERSION: Final = "It is another version of mxtui; restart it."


def _send(connection: socket.socket, request: Mapping[str, object]) -> None:
    # One that has no place for us says so and hangs up without listening.
    with suppress(BrokenPipeError):
        connection.sendall(msgspec.json.encode(request) + b"\n")


def _answers(
    connection: socket.socket, stop: threading.Event, within: float | None = None
) -> Iterator[Mapping[str, Any]]:
    """Each answer until the end of the connection, `stop`, or `within` seconds. Raises Unreachable, OSError."""
    deadline = time.monotonic() + within if within is not None else None
    connection.settimeout(_TICK)
    buffer = bytearray()
    while not stop.is_set() and (deadline is None or time.monotonic() < deadline):
        try:
            received = connection.recv(1 << 16)
        except TimeoutError:
            continue
        if not received:
            return
        buffer += received
        while (end := buffer.find(b"\n")) >= 0:
            line = bytes(buffer[:end])
            del buffer[: end + 1]
            yield _understood(line)
        if len(buffer) > LINE_LIMIT:
            raise Unreachable("serve says more than a line may hold", _OTHER_VERSION)


def _understood(line: bytes) -> Mapping[str, Any]:
    try:
        answer = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise Unreachable("serve says what is not understood", _OTHER_VERSION)
    if "error" in answer:
        raise MxtuiError(str(answer["error"]), str(answer.get("hint", "")))
    return answer


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name for a socket that fits into the 107 bytes that unix(7) has for it, however long the spool's path is."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
