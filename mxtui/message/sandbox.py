"""Hostile mail is read in a process of its own, which may hang, die or be taken over without harm to who asked.

One process, kept warm: its start takes as long as several messages. It has no more than pipes to us, is nobody where
this is root, and is killed at the time limit; the next message gets a new one. What it answers is checked to be an
`Inspection` and nothing else.
"""

import os
import selectors
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import msgspec

from mxtui.errors import Unreadable
from mxtui.message.inspect import DEFAULT_LIMITS, Inspection
from mxtui.message.limits import Limits, amount

KILLED_AFTER = 10.0
"""Seconds by the clock for one message; three times what it sets itself (`Limits.seconds`), for busy machines."""

LARGEST_ANSWER = 16 << 20
"""Bytes; what `Limits` allows takes a few hundred kilobytes."""

SIZE = struct.Struct("!Q")

# A pipe's 64 kB would be 400 turns between the two for 25 MB (fcntl(2); unprivileged users may have a megabyte).
_PIPE = 1 << 20

_INSTEAD = "Its raw source can be shown and saved as it is stored."
_READ = 1 << 20


class Question(msgspec.Struct, frozen=True):
    """What goes before a message's bytes."""

    size: int
    """Bytes of the message that follow."""
    truncated: bool
    limits: Limits
    seconds: int
    """Of processor time, after which the kernel ends the process."""


_ANSWER = msgspec.msgpack.Decoder(Inspection)
_QUESTION = msgspec.msgpack.Encoder()


class Sandbox:
    """Lays messages open, one after the other; for threads. A context manager: the process is gone when it ends."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS, killed_after: float = KILLED_AFTER) -> None:
        self._limits = limits
        self._killed_after = killed_after
        self._process: subprocess.Popen[bytes] | None = None
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm(self) -> None:
        """Have the process started: 5 ms here, and in the background what it imports."""
        with self._one_at_a_time:
            self._running()

    @property
    def pid(self) -> int | None:
        """The process; None while there is none."""
        return self._process.pid if self._process is not None else None

    def inspect(self, raw: bytes, *, truncated: bool = False) -> Inspection:
        """As `mxtui.message.inspect.inspect`; blocks for up to the time limit, and while other messages are read.

        Raises:
            Unreadable: the message took too long or too much memory, or the process died over it.
        """
        question = _QUESTION.encode(Question(len(raw), truncated, self._limits, max(1, int(self._killed_after / 2))))
        with self._one_at_a_time:
            deadline = time.monotonic() + self._killed_after
            process = self._running()
            try:
                answer = _exchange(process, (SIZE.pack(len(question)) + question, raw), deadline)
                return _ANSWER.decode(answer)
            except TimeoutError:
                self._end()
                why = f"reading this message took more than {self._killed_after:g} s and was stopped"
                raise Unreadable(why, _INSTEAD) from None
            except (OSError, EOFError, msgspec.DecodeError) as error:
                status = self._end()
                why = f"the process that reads messages ended over this one ({_how(status)})"
                raise Unreadable(why, f"{_INSTEAD} The next message is read by a new one.") from error
            except BaseException:  # interrupted between question and answer: the next would get this one's
                self._end()
                raise

    def close(self) -> None:
        """End the process."""
        with self._one_at_a_time:
            self._end()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is not None and self._process.poll() is not None:
            self._end()
        if self._process is None:
            start = f"import sys; sys.path[:0] = {_paths()!r}; from mxtui.message.sandboxed import serve; serve()"
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", start],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"LC_ALL": "C.UTF-8"},
                pipesize=_PIPE,
                start_new_session=True,  # ^C in the terminal is for the console; this ends by the end of its input
            )
        return self._process

    def _end(self) -> int:
        """Its exit status; -9 where it had to be killed."""
        process, self._process = self._process, None
        if process is None:
            return 0
        assert process.stdin is not None
        assert process.stdout is not None
        process.kill()  # there is nothing that it would have to finish
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()
        return process.wait()


def _exchange(process: "subprocess.Popen[bytes]", pieces: tuple[bytes, ...], deadline: float) -> bytearray:
    """Write everything, read one answer. Raises TimeoutError, OSError, EOFError."""
    assert process.stdin is not None
    assert process.stdout is not None
    for piece in pieces:
        _write(process.stdin, piece, deadline)
    (length,) = SIZE.unpack(_read(process.stdout, SIZE.size, deadline))
    if length > LARGEST_ANSWER:
        raise EOFError(f"an answer of {amount(length)}")
    return _read(process.stdout, length, deadline)


def _write(stream: IO[bytes], data: bytes, deadline: float) -> None:
    os.set_blocking(stream.fileno(), False)
    with memoryview(data) as left, selectors.DefaultSelector() as waiting:
        waiting.register(stream, selectors.EVENT_WRITE)
        at = 0
        while at < len(left):
            if not waiting.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            at += os.write(stream.fileno(), left[at : at + _READ])


def _read(stream: IO[bytes], count: int, deadline: float) -> bytearray:
    data = bytearray()
    with selectors.DefaultSelector() as waiting:
        waiting.register(stream, selectors.EVENT_READ)
        while len(data) < count:
            if not waiting.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError
            piece = os.read(stream.fileno(), min(_READ, count - len(data)))
            if not piece:
                raise EOFError("it ended before its answer did")
            data += piece
    return data


def _how(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


@cache
def _paths() -> list[str]:
    """Where we are, and where libraries are: without site packages it starts in half the time."""
    from importlib.util import find_spec

    found = [Path(__file__), Path(msgspec.__file__)]
    lexbor = find_spec("selectolax")
    if lexbor is not None and lexbor.origin is not None:
        found.append(Path(lexbor.origin))
    parents = (path.resolve().parents[2 if path.name == "sandbox.py" else 1] for path in found)
    return list(dict.fromkeys(map(str, parents)))
