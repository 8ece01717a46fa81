"""The worker as its parent has it: started when there is something to read, and again when a message killed it."""

import select
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from mxtui.model.message import QueuedMessage
from mxtui.queues.frames import receive
from mxtui.queues.queue import Contents
from mxtui.sifting.worker import Answer, Message, Settings, transmit

PATIENCE: Final = 20.0
"""Seconds for one message: a thousand times what most take."""

STARTING: Final = 60.0
"""And until the first answer: what is remembered of a million messages has to be read."""

RECIPIENTS: Final = 8
"""Of a message, whose names are left out of what it says."""


class WorkerLost(Exception):  # noqa: N818 (named for what happened)
    """It died, or had to be killed, over what it had in hand."""


class Worker:
    """One process. Blocks; for one thread."""

    def __init__(self, contents: Contents, path: Path | None, relayed: Iterable[str] = ()) -> None:
        self._settings = Settings(
            contents.module, list(contents.arguments), "" if path is None else str(path), sorted(relayed)
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._patience = STARTING
        self.skipped = 0
        """Messages over which it died: they are not judged, and not tried again by this one."""

    def answer(self, batch: Sequence[QueuedMessage]) -> list[Answer]:
        """What became of these: all at once, or one by one where that kills it."""
        try:
            return [self._ask(batch)]
        except WorkerLost:
            if len(batch) == 1:
                self.skipped += 1
                return []
        return [answer for message in batch for answer in self.answer([message])]

    def end(self) -> None:
        """Nothing more is asked."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    stream.close()

    def _ask(self, batch: Sequence[QueuedMessage]) -> Answer:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(_framed(batch))
            process.stdin.flush()
            frame = self._received(process.stdout.fileno(), self._patience + PATIENCE * (len(batch) == 1))
            answer = None if frame is None else msgspec.msgpack.decode(frame, type=Answer)
        except (OSError, msgspec.DecodeError):
            answer = None
        if answer is None:
            self.end()
            raise WorkerLost
        self._patience = PATIENCE
        return answer

    def _received(self, fd: int, patience: float) -> bytes | None:
        deadline = time.monotonic() + patience
        while (left := deadline - time.monotonic()) > 0:
            if select.select([fd], [], [], left)[0]:
                return receive(fd)
        return None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            paths = [str(Path(__file__).resolve().parents[2])]
            start = f"import sys; sys.path[:0] = {paths!r}; from mxtui.sifting.worker import serve; serve()"
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", start],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # ^C in the terminal is for the console; it ends by the end of its input
            )
            self._patience = STARTING
            assert self._process.stdin is not None
            transmit(self._process.stdin, self._settings)
        return self._process


def _framed(batch: Sequence[QueuedMessage]) -> bytes:
    frame = msgspec.msgpack.encode([_message(each) for each in batch])
    return len(frame).to_bytes(8, "big") + frame


def _message(queued: QueuedMessage) -> Message:
    recipients = [recipient.address for recipient in queued.recipients[:RECIPIENTS]]
    return Message(
        queued.queue_id, queued.inode, queued.arrival, queued.size, queued.sender, recipients, queued.client_address
    )
