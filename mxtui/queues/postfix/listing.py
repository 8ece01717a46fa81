"""The third road to a queue: `postqueue -j`, for everybody whom authorized_mailq_users lets see the queue."""

import selectors
import time
from collections.abc import Iterator
from typing import IO

import msgspec

from mxtui.errors import CommandFailed, NotPermitted, Unreachable
from mxtui.model.message import QueuedMessage
from mxtui.queues.postfix.layout import Layout
from mxtui.queues.postfix.listed import listed_message
from mxtui.queues.postfix.run import started

TIMEOUT = 60.0
"""Seconds of silence after which postqueue is taken for dead."""

LONGEST = 64 * 1024 * 1024
"""Bytes of one message's line: a hundred thousand recipients with their reasons."""

_CHUNK = 65536


class _Recipient(msgspec.Struct):
    address: str
    delay_reason: str | None = None


class _Message(msgspec.Struct):
    queue_name: str
    queue_id: str
    arrival_time: float
    message_size: int
    sender: str
    recipients: list[_Recipient]
    forced_expire: bool = False


class Listing:
    """Runs and reads `postqueue -j`."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.skipped = 0
        """Messages of the last listing that were not valid JSON: up to 3.7.10 control characters break it."""

    def messages(self) -> Iterator[QueuedMessage]:
        """Every message, streamed. Raises NotPermitted, Unreachable (Postfix is stopped) and CommandFailed."""
        self.skipped = 0
        argv = [str(self._layout.command_directory / "postqueue"), "-c", str(self._layout.config_directory), "-j"]
        with started(argv) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            complaint = bytearray()
            for line in _lines(child.stdout, child.stderr, complaint):
                message = self.message(line)
                if message is not None:
                    yield message
            if child.wait(TIMEOUT):
                raise _failure(child.returncode, complaint.decode("utf-8", "replace").strip())

    def message(self, line: bytes) -> QueuedMessage | None:
        """One line as a message; what cannot be read is counted in `skipped`."""
        try:
            listed = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.skipped += 1
            return None
        return listed_message(
            listed.queue_name,
            listed.queue_id,
            listed.arrival_time,
            listed.message_size,
            listed.forced_expire,
            listed.sender,
            ((recipient.address, recipient.delay_reason) for recipient in listed.recipients),
            self._layout.lifetimes,
        )


_decode = msgspec.json.Decoder(_Message).decode


def _lines(stdout: IO[bytes], stderr: IO[bytes], complaint: bytearray) -> Iterator[bytes]:
    """Lines as they come; both streams are read, or a program that complains a lot would wait for us."""
    rest = bytearray()
    with selectors.DefaultSelector() as ready:
        ready.register(stdout, selectors.EVENT_READ)
        ready.register(stderr, selectors.EVENT_READ)
        deadline = time.monotonic() + TIMEOUT
        while ready.get_map():
            events = ready.select(max(0.0, deadline - time.monotonic()))
            if not events:
                raise CommandFailed(f"postqueue said nothing for {TIMEOUT:g} s", "Is the host overloaded?")
            for key, _ in events:
                chunk = key.fileobj.read(_CHUNK)  # type: ignore[union-attr]
                deadline = time.monotonic() + TIMEOUT
                if not chunk:
                    ready.unregister(key.fileobj)
                elif key.fileobj is stderr:
                    complaint += chunk[: _CHUNK - len(complaint)]
                else:
                    rest += chunk
                    *lines, rest = rest.split(b"\n")
                    yield from map(bytes, lines)
                    if len(rest) > LONGEST:
                        raise CommandFailed("postqueue wrote a line without end")
    if rest:
        yield bytes(rest)


def _failure(status: int, complaint: str) -> NotPermitted | Unreachable:
    """postqueue(1) gives 69 for everything; its words tell."""
    text = complaint.rpartition("fatal: ")[2] or complaint
    if "not allowed to view the mail queue" in text:
        return NotPermitted(text, "authorized_mailq_users in main.cf says who may.")
    if "mail system is down" in text:
        return Unreachable(text, "Start Postfix; or look as root, who can read its files.")
    if "multi_instance_directories" in text or "alternate_config_directories" in text:
        return NotPermitted(text, "List this instance in multi_instance_directories of the default main.cf.")
    return CommandFailed(f"postqueue gave {status}: {text}", "Run it by hand to see why.")
