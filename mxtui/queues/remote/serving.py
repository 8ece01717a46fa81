"""The agent's side of a connection: questions in, each answered in a thread of its own, until nobody listens.

Bounded: so many questions at a time, so many answers under way to each. Who takes nothing in makes the queue's own
watching wait, which then tells the latest of each message; nothing piles up here.
"""

import os
import select
import threading
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import Any, Final

import msgspec

from mxtui.errors import MxtuiError, Unreachable
from mxtui.queues.remote import frames
from mxtui.queues.remote.boundary import Nonsense, received
from mxtui.queues.remote.calls import Call
from mxtui.queues.remote.frames import MAGIC, WINDOW, Hello
from mxtui.queues.remote.link import BEAT

ABANDONED: Final = 60.0
"""Seconds without a sign of life from whoever asks after which the agent ends."""

AT_ONCE: Final = 12
"""Questions answered side by side."""

PARTS: Final = 5_000
"""Parts of one question; five million messages."""

Handler = Callable[[Any, list[Any], threading.Event], Generator[Any, None, None]]
"""Answers a question: what was asked, its parts one after the other, and when to stop."""


class _Asked:
    """One question, and how many answers may be under way to it."""

    def __init__(self, call: Call[Any, Any, Any], asked: Any) -> None:
        self.call = call
        self.asked = asked
        self.parts: list[Any] = []
        self.stop = threading.Event()
        self._granted = WINDOW
        self._changed = threading.Condition()

    def grant(self, answers: int) -> None:
        with self._changed:
            self._granted = min(WINDOW, self._granted + answers)
            self._changed.notify_all()

    def enough(self) -> None:
        with self._changed:
            self.stop.set()
            self._changed.notify_all()

    def may_tell(self, gone: threading.Event) -> bool:
        """Wait until another answer may be told; False: it is not wanted any more."""
        with self._changed:
            while not gone.is_set():
                if self._granted > 0:
                    self._granted -= 1
                    return True
                if self.stop.is_set() and not self.call.to_the_end:
                    return False
                self._changed.wait(1.0)
        return False


class Serving:
    """One connection, over two descriptors."""

    def __init__(
        self,
        source: int,
        sink: int,
        handlers: Mapping[str, tuple[Call[Any, Any, Any], Handler]],
        *,
        abandoned: float = ABANDONED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source, self._sink, self._handlers = source, sink, handlers
        self._abandoned, self._clock = abandoned, clock
        self._writing = threading.Lock()
        self._gone = threading.Event()
        self._asked: dict[int, _Asked] = {}
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="mxtui-agent")

    def run(self, hello: Hello) -> None:
        """Say hello, and answer until whoever asks is gone. What is being done to messages comes to an end of its own.

        Raises Unreachable: they say what is not understood.
        """
        os.set_blocking(self._sink, False)
        beating = threading.Thread(target=self._beat, name="mxtui-agent-beat", daemon=True)
        try:
            self._write(MAGIC + frames.framed(hello))
            beating.start()
            self._listen()
        except OSError:  # they are gone, which is how every conversation ends
            pass
        finally:
            self._gone.set()
            for asked in list(self._asked.values()):
                asked.enough()
            self._threads.shutdown(wait=True, cancel_futures=True)

    def _listen(self) -> None:
        splitter = frames.Splitter()
        heard_at = time.monotonic()
        while not self._gone.is_set() and time.monotonic() - heard_at < self._abandoned:
            if not select.select([self._source], [], [], 1.0)[0]:
                continue
            data = os.read(self._source, 1 << 16)
            if not data:
                return
            heard_at = time.monotonic()
            try:
                for frame in splitter.feed(data):
                    self._heard(frames.to_agent.decode(frame))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, Nonsense) as error:
                raise Unreachable(f"what was asked is not understood: {error}", "Is it another mxtui?") from None

    def _heard(self, message: frames.ToAgent) -> None:
        match message:
            case frames.Ask(number, name, body, whole):
                if name not in self._handlers or len(self._asked) >= AT_ONCE or number in self._asked:
                    self._fail(number, Unreachable(f"{name[:40]} cannot be answered now", "Are both of one version?"))
                    return
                call, _ = self._handlers[name]
                self._asked[number] = _Asked(call, received(body, call.asked))
                self._go_on(number, whole)
            case frames.Part(number, body, whole) if number in self._asked:
                asked = self._asked[number]
                if len(asked.parts) >= PARTS:
                    raise Nonsense("a question without end")
                asked.parts.append(received(body, asked.call.piece))
                self._go_on(number, whole)
            case frames.Granted(number, answers) if number in self._asked:
                self._asked[number].grant(answers)
            case frames.Enough(number) if number in self._asked:
                self._asked[number].enough()
            case _:
                pass  # a sign of life, or about what has been answered

    def _go_on(self, number: int, whole: bool) -> None:
        if whole:
            future = self._threads.submit(self._answer, number, self._asked[number])
            future.add_done_callback(lambda done: self._over(number, done))

    def _answer(self, number: int, asked: _Asked) -> None:
        _, handler = self._handlers[asked.call.name]
        with closing(handler(asked.asked, asked.parts, asked.stop)) as answers:
            for answer in answers:
                if asked.may_tell(self._gone):
                    self._tell(frames.Told(number, msgspec.Raw(frames.encoder.encode(answer))))
                elif not asked.call.to_the_end:
                    return

    def _over(self, number: int, done: "Future[None]") -> None:
        """Whatever nobody foresaw must not leave somebody waiting."""
        self._asked.pop(number, None)
        error = None if done.cancelled() else done.exception()
        if error is None:
            self._tell(frames.Over(number))
        elif isinstance(error, MxtuiError):
            self._fail(number, error)
        elif isinstance(error, OSError):
            self._fail(number, Unreachable(f"it cannot be done there: {error}"))
        else:
            self._fail(number, MxtuiError(f"the agent failed: {error!r}", "Report this."))

    def _fail(self, number: int, error: MxtuiError) -> None:
        kind = next(each.__name__ for each in type(error).__mro__ if each.__module__ == MxtuiError.__module__)
        self._tell(frames.Failed(number, kind, error.message, error.hint))

    def _tell(self, message: msgspec.Struct) -> None:
        """What cannot be told is lost with the connection."""
        if self._gone.is_set():
            return
        try:
            self._write(frames.framed(message))
        except OSError:
            self._gone.set()

    def _beat(self) -> None:
        while not self._gone.wait(BEAT):
            self._tell(frames.Alive(self._clock()))

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        with self._writing:
            while left and not self._gone.is_set():
                try:
                    left = left[os.write(self._sink, left) :]
                except BlockingIOError:
                    select.select([], [self._sink], [], 1.0)
