"""What a process and its own worker say to each other: eight bytes of length, then `marshal`.

Nothing hostile can write there. A worker whose parent is gone, however it died, reads the end of its input and ends.
Imports little: a worker's start is paid for on every first look at a large queue.
"""

import gc
import marshal
import os
import struct
import sys
from collections.abc import Callable
from typing import IO, Any

_FRAME = struct.Struct("!Q")


def work(hand: Callable[[Any], tuple[Callable[[Any], Any], Callable[[], Any]]]) -> None:
    """A worker's life: settings, then tasks on stdin until it ends; an answer to each, and in the end what it counted.

    `hand` makes of the settings what carries a task out, and what tells the counts.
    """
    tasks, answers = sys.stdin.fileno(), sys.stdout.buffer
    frame = receive(tasks)
    if frame is None:
        return
    gc.disable()  # nothing here makes cycles, and rows by the thousand would be looked at again and again
    carry_out, counted = hand(marshal.loads(frame))  # noqa: S302 (our own parent wrote it)
    try:
        while (frame := receive(tasks)) is not None:
            transmit(answers, carry_out(marshal.loads(frame)))  # noqa: S302
        transmit(answers, counted())
    except BrokenPipeError:  # the parent has seen enough
        # Python would flush stdout once more, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def transmit(stream: IO[bytes], message: Any) -> None:
    """Write one frame. Raises BrokenPipeError."""
    frame = marshal.dumps(message)
    stream.write(_FRAME.pack(len(frame)) + frame)
    stream.flush()


def receive(fd: int) -> bytes | None:
    """One frame and not a byte more, so that whoever waits for the next sees it; None at the end, also within one."""
    head = _read(fd, _FRAME.size)
    if len(head) < _FRAME.size:
        return None
    (length,) = _FRAME.unpack(head)
    frame = _read(fd, length)
    return frame if len(frame) == length else None


def _read(fd: int, count: int) -> bytes:
    """That many bytes, or all up to the end."""
    data = os.read(fd, count)
    if len(data) == count:
        return data
    pieces = [data]
    count -= len(data)
    while count and (piece := os.read(fd, count)):
        pieces.append(piece)
        count -= len(piece)
    return b"".join(pieces)
