"""postsuper(1) that stays for the next messages: it acts on each line as it comes, and to start it takes 5 ms.

It says nothing of an ID that it does not find. So where it has not named all of them it is brought to its end: what it
said by then is all that it did.
"""

import os
import selectors
import subprocess
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Final

from mxtui.queues.postfix.actions import NAMED
from mxtui.queues.postfix.run import LIMIT, CutShort, started

SILENCE: Final = 0.1
"""Seconds without a word after which those that were not named are not expected to be any more."""

_CHUNK: Final = 65_536


class Standing:
    """One process. For one thread at a time."""

    def __init__(self, argv: Sequence[str]) -> None:
        """Raises CommandFailed: it cannot be started."""
        self._argv = argv
        self._stack = ExitStack()
        self._child = self._stack.enter_context(started(argv, stdin=True))
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        assert self._child.stderr is not None
        self._in, self._err = self._child.stdin, self._child.stderr
        os.set_blocking(self._in.fileno(), False)
        self._ready = self._stack.enter_context(selectors.DefaultSelector())
        self._ready.register(self._child.stdout, selectors.EVENT_READ)
        self._ready.register(self._err, selectors.EVENT_READ)

    @property
    def alive(self) -> bool:
        """Whether it can be told more."""
        return not self._in.closed and self._child.poll() is None

    def tell(self, queue_ids: Sequence[bytes], timeout: float) -> bytes:
        """What it says to these; where it did not name each, it has ended. Raises CutShort: it was killed, too slow."""
        deadline = time.monotonic() + timeout
        rest = memoryview(b"".join(each + b"\n" for each in queue_ids))
        said = bytearray()
        self._ready.register(self._in, selectors.EVENT_WRITE)
        while rest or not set(queue_ids).issubset(NAMED.findall(said)):
            left = deadline - time.monotonic()
            talking = bool(rest) or self._in.closed
            events = self._ready.select(max(0.0, left if talking else min(left, SILENCE)))
            if left <= 0 or len(said) > LIMIT:
                self._stack.close()
                raise CutShort(f"{self._argv[0]} took too long and was ended", "Try it by hand to see why.")
            if not events and not talking:
                self._in.close()
            for key, _ in events:
                if key.fileobj is self._in:
                    rest = self._written(rest)
                elif chunk := os.read(key.fd, _CHUNK):
                    said += chunk if key.fileobj is self._err else b""
                else:
                    self._ready.unregister(key.fileobj)
            if not self._ready.get_map():
                self.close()
                break
        return bytes(said)

    def _written(self, rest: memoryview) -> memoryview:
        """What is still to be written."""
        try:
            rest = rest[os.write(self._in.fileno(), rest[:_CHUNK]) :]
        except BrokenPipeError:  # it has read enough; its output says why
            rest = rest[:0]
        if not rest:
            self._ready.unregister(self._in)
        return rest

    def close(self) -> None:
        """Have it come to its end, where it logs how many there were."""
        self._in.close()
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(1.0)
        self._stack.close()
