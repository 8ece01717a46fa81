"""Asking a running `serve` through `control.sock` in its spool: one JSON object a line each way.

    {"do": "state"}                    how it stands: `model.service.Service`
    {"do": "progress"}                 {"left": n, "per_second": x, "delivering": n, "domains": {…}}
    {"do": "flush", "alone": true}     then {"ids": ["…"], "connections": n} as often as liked, and {"over": true}:
                                       {"settled": [`model.drain.way.Settled`…]} until all are, then {"ok": true}.
                                       {"over": true, "stop": true}: and what was not begun is settled as untried.
                                       Alone, the default: their hosts get nothing else meanwhile, but for new mail
    {"do": "look", "ids": ["…"]}       these were held, released or restored by somebody: {"ok": true}
    {"do": "suspend"} {"do": "resume"} as `state`: all deliveries
    {"do": "holds"}                    holds of domains were changed on disk, and are in force now: {"ok": true}

Whatever goes wrong is {"error": "…", "hint": "…", "status": 4}, as its asker is to exit. The socket has mode 0600, and
answers its own user and root only.
"""

import os
import socket
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from mxtui.errors import Guarded, MxtuiError, NotPermitted, Unreachable
from mxtui.model.drain.way import Feed, Settled
from mxtui.model.service import Service
from mxtui.queues.spool.carrier import carry
from mxtui.queues.spool.layout import CONTROL

PATIENCE: Final = 10.0
"""Seconds that an answer may take: the service syncs disks in threads, so its loop is never long away."""

LINE_LIMIT: Final = 32 << 20
"""Bytes of one line either way; a million IDs are 21 MB."""


class Control:
    """A client. Blocks; each question has a connection of its own, so threads do not wait for each other."""

    def __init__(self, spool: Path, *, alone: bool = True) -> None:
        """`alone`: hosts that are drained to get nothing else until the end of it; else `serve` knows what they get."""
        self._path = spool / CONTROL
        self._alone = alone

    def service(self) -> Service | None:
        """How it stands; None where none runs, or may not be asked. Cheap: 1 ms."""
        try:
            return msgspec.convert(self._ask({"do": "state"}), Service)
        except (Unreachable, NotPermitted, msgspec.ValidationError):
            return None

    @property
    def listening(self) -> bool:
        """Whether one runs, also where it may not be asked, or does not answer. Cheap: no answer is waited for."""
        try:
            with self._connected():
                return True
        except NotPermitted:
            return True
        except Unreachable:
            return False

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

    def deliver(self, feed: Feed, stop: threading.Event) -> Iterator[Sequence[Settled]]:
        """Try what the feed gives, and follow it to its verdicts (see `Way`). Raises Unreachable, NotPermitted."""
        with self._connected() as connection:
            _send(connection, {"do": "flush", "alone": self._alone})
            yield from carry(_Served(connection), feed, stop)

    def _ask(self, request: Mapping[str, object]) -> Mapping[str, Any]:
        with self._connected() as connection:
            _send(connection, request)
            answers = _Answers(connection)
            deadline = time.monotonic() + PATIENCE
            while (left := deadline - time.monotonic()) > 0 and not answers.ended:
                for answer in answers.within(left):
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


class _Answers:
    """What comes back over a connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.ended = False
        self._connection = connection
        self._buffer = bytearray()

    def within(self, seconds: float) -> Iterator[Mapping[str, Any]]:
        """The answers that are complete by the first piece that comes, if any comes so soon.

        Raises Unreachable, OSError, and MxtuiError as the answer says.
        """
        self._connection.settimeout(seconds)
        try:
            received = self._connection.recv(1 << 16)
        except TimeoutError:
            return
        self.ended = not received
        self._buffer += received
        while (end := self._buffer.find(b"\n")) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            yield _understood(line)
        if len(self._buffer) > LINE_LIMIT:
            raise Unreachable("serve says more than a line may hold", _OTHER_VERSION)


class _Served:
    """A running `serve` as the carrier."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._answers = _Answers(connection)
        self._done = False

    def add(self, ids: Sequence[str], connections: int) -> None:
        _send(self._connection, {"ids": list(ids), "connections": connections})

    def over(self) -> None:
        _send(self._connection, {"over": True})

    def stop(self) -> None:
        _send(self._connection, {"over": True, "stop": True})

    def settled(self, within: float) -> Sequence[Settled] | None:
        if self._done:
            return None
        settled: list[Settled] = []
        for answer in self._answers.within(within):
            try:
                settled += msgspec.convert(answer.get("settled", ()), list[Settled])
            except msgspec.ValidationError as error:
                raise Unreachable(f"serve says what is not understood: {error}", _OTHER_VERSION) from None
            self._done = self._done or "ok" in answer
        if self._answers.ended and not self._done:
            raise Unreachable("serve went away", "What it had in hand is safe in the spool; see its log.")
        return settled


_KINDS: Final[Mapping[str, type[MxtuiError]]] = {str(each.exit_status): each for each in (Unreachable, Guarded)}
"""What serve could not do, by the exit status of whoever asked for it."""


def _understood(line: bytes) -> Mapping[str, Any]:
    try:
        answer = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        raise Unreachable("serve says what is not understood", _OTHER_VERSION)
    if "error" in answer:
        kind = _KINDS.get(str(answer.get("status")), MxtuiError)
        raise kind(str(answer["error"]), str(answer.get("hint", "")))
    return answer


@contextmanager
def short_name(path: Path) -> Iterator[str]:
    """A name for a socket that fits into the 107 bytes that unix(7) has for it, however long the spool's path is."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
