"""One connection to an agent: questions and answers side by side, bounded, and found out when it is dead."""

import os
import select
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

import msgspec

from mxtui import errors
from mxtui.errors import MxtuiError, Unreachable
from mxtui.queues.remote import frames
from mxtui.queues.remote.boundary import Nonsense, clean, received
from mxtui.queues.remote.calls import Call
from mxtui.queues.remote.frames import MAGIC, NOISE, WINDOW, Hello

PATIENCE: Final = 30.0
"""Seconds for ssh to connect and the agent to say hello: jump hosts, slow DNS, a cold Python on a busy host."""

BEAT: Final = 2.0
"""Seconds between signs of life, each way."""

STALLED: Final = 20.0
"""Seconds without one after which the connection is dead, whatever TCP hopes."""

COMPLAINT: Final = 8192
"""Bytes of stderr that are kept, the latest."""

AGAIN: Final = "It is tried again by itself."

STEP: Final = 0.2
"""Seconds after which somebody who waits for an answer looks whether he is to stop."""

GOING: Final = 2.0
"""Seconds for ssh to say how it ended."""

Asked = TypeVar("Asked")
Piece = TypeVar("Piece")
Answer = TypeVar("Answer")

_KINDS: Final[dict[str, type[MxtuiError]]] = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, MxtuiError) and kind is not errors.FilterError
}


class _Answers:
    """Of one question, between the thread that hears them and the one that asked."""

    def __init__(self) -> None:
        self.arrived = threading.Condition()
        self.waiting: deque[msgspec.Raw] = deque()
        self.over = False
        self.fault: MxtuiError | None = None

    def end(self, fault: MxtuiError | None = None) -> None:
        with self.arrived:
            self.over, self.fault = True, self.fault or fault
            self.arrived.notify_all()


class Link:
    """Over the pipes of a process that is ours. Any thread may ask; each question blocks its own thread."""

    def __init__(
        self,
        argv: Sequence[str],
        host: str,
        failure: Callable[[int | None, str], Unreachable],
        *,
        patience: float = PATIENCE,
        stalled: float = STALLED,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Connect. `failure` tells by exit status and stderr why that did not come about. Raises Unreachable."""
        self._host, self._failure, self._stalled, self._clock = host, failure, stalled, clock
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._calls: dict[int, _Answers] = {}
        self._number = 0
        self._complaint = b""
        self.fault: MxtuiError | None = None
        """Why it is no longer alive."""
        try:
            # In a session of its own: Ctrl-C is for us, and with no terminal nothing can be asked on it.
            self._process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
            )
        except OSError as error:
            raise Unreachable(f"{argv[0]}: {error.strerror}", "Is OpenSSH's client installed?") from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._to, False)
        self._splitter = frames.Splitter()
        self._complaining = threading.Thread(target=self._hear_complaints, name="mxtui-ssh-stderr", daemon=True)
        self._complaining.start()
        try:
            self.hello, more = self._greeted(time.monotonic() + patience)
        except BaseException:
            self._end(Unreachable(f"not connected to {host}"))
            self._release()
            raise
        self.ahead = self.hello.clock - clock()
        """Seconds that the clock there is ahead of ours."""
        threading.Thread(target=self._listen, args=(more,), name="mxtui-ssh", daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
        return self.fault is None

    def require(self) -> None:
        """Raise why it is no longer alive, where it is not: a new exception each time, for each grows where raised."""
        if self.fault is not None:
            raise type(self.fault)(self.fault.message, self.fault.hint)

    def close(self) -> None:
        """End it; whoever waits for an answer is told."""
        self._end(Unreachable(f"the connection to {self._host} is closed"))

    # -- asking -------------------------------------------------------------------------------------------------

    def ask(
        self,
        call: Call[Asked, Piece, Answer],
        asked: Asked,
        pieces: Iterable[Piece] = (),
        *,
        stop: threading.Event | None = None,
        idle: Answer | None = None,
        idle_for: float = 0.0,
    ) -> Iterator[Answer]:
        """The answers as they come. Raises what the agent says, and Unreachable where it goes away.

        When `stop` is set the agent is told; it ends in its own way. Closing the iterator leaves the rest. `idle` is
        given once a second until `idle_for` seconds after the last answer.
        """
        number, answers = self._begin()
        try:
            self._question(number, call, asked, pieces)
            yield from self._told(number, answers, call, stop, idle, idle_for)
        finally:
            with self._lock:
                self._calls.pop(number, None)
            if not answers.over:
                with suppress(Unreachable):
                    self._send(frames.Enough(number))

    def one(self, call: Call[Asked, Piece, Answer], asked: Asked, pieces: Iterable[Piece] = ()) -> Answer:
        """The only answer. Raises as `ask`."""
        for answer in self.ask(call, asked, pieces):
            return answer
        raise Unreachable(f"{self._host} did not answer", "Its mxtui may be of another version.")

    def _begin(self) -> tuple[int, _Answers]:
        with self._lock:
            self.require()
            self._number += 1
            answers = self._calls[self._number] = _Answers()
            return self._number, answers

    def _question(self, number: int, call: Call[Any, Any, Any], asked: Any, pieces: Iterable[Any]) -> None:
        body = msgspec.Raw(frames.encoder.encode(asked))
        parts = iter(pieces)
        following = next(parts, None)
        self._send(frames.Ask(number, call.name, body, following is None))
        while following is not None:
            part, following = following, next(parts, None)
            self._send(frames.Part(number, msgspec.Raw(frames.encoder.encode(part)), following is None))

    def _told(
        self,
        number: int,
        answers: _Answers,
        call: Call[Any, Any, Answer],
        stop: threading.Event | None,
        idle: Answer | None,
        idle_for: float,
    ) -> Iterator[Answer]:
        stopped = False
        heard_at = idle_at = time.monotonic()
        while True:
            if stop is not None and stop.is_set() and not stopped:
                stopped = True
                self._send(frames.Enough(number))
            with answers.arrived:
                if not answers.waiting and not answers.over:
                    answers.arrived.wait(None if stop is None and idle is None else STEP)
                body = answers.waiting.popleft() if answers.waiting else None
                over = body is None and answers.over
            if body is not None:
                answer = self._understood(body, call)
                heard_at = idle_at = time.monotonic()
                self._send_quietly(frames.Granted(number, 1))
                yield answer
            elif over:
                if answers.fault is not None:
                    raise type(answers.fault)(answers.fault.message, answers.fault.hint)
                return
            elif idle is not None and (now := time.monotonic()) - idle_at >= 1 and now - heard_at < idle_for:
                idle_at = now
                yield idle

    def _understood(self, body: msgspec.Raw, call: Call[Any, Any, Answer]) -> Answer:
        try:
            answer: Answer = received(body, call.answer)
        except Nonsense as error:
            fault = self._nonsense(str(error))
            self._end(fault)
            raise fault from None
        return answer

    # -- hearing ------------------------------------------------------------------------------------------------

    def _greeted(self, deadline: float) -> tuple[Hello, Sequence[bytes]]:
        """What the agent says first, and the frames that came with it."""
        heard = b""
        while MAGIC not in heard:
            if len(heard) > NOISE:
                raise Unreachable(
                    f"{self._host} says something else than an agent: {clean(heard.decode('utf-8', 'replace'), 80)}",
                    "Does its login shell print that? It must not, where there is no terminal.",
                )
            heard += self._received_by(deadline)
        told = list(self._splitter.feed(heard.partition(MAGIC)[2]))
        while not told:
            told = list(self._splitter.feed(self._received_by(deadline)))
        return self._hello(told[0]), told[1:]

    def _received_by(self, deadline: float) -> bytes:
        """Some bytes. Raises Unreachable: none came, or will."""
        if not select.select([self._from], [], [], max(0.0, deadline - time.monotonic()))[0]:
            said = clean(self._said(), 200)
            raise Unreachable(f"no answer from {self._host} in time{said and f': {said}'}", "Try it by hand.")
        data = os.read(self._from, 1 << 16)
        if not data:
            raise self._failure(self._ended_with(), self._said())
        return data

    def _hello(self, frame: bytes) -> Hello:
        try:
            hello: Hello = received(msgspec.Raw(frame), Hello)
        except Nonsense as error:
            raise self._nonsense(str(error)) from None
        return hello

    def _listen(self, told: Sequence[bytes]) -> None:
        heard_at = said_at = time.monotonic()
        try:
            while self.alive:
                for frame in told:
                    self._heard(frames.from_agent.decode(frame))
                now = time.monotonic()
                if now - heard_at >= self._stalled:
                    raise Unreachable(f"{self._host} gave no sign of life for {self._stalled:g} s", AGAIN)
                if now - said_at >= BEAT:
                    said_at = now
                    self._send(frames.Alive(self._clock()))
                told = ()
                if select.select([self._from], [], [], min(BEAT, self._stalled / 4))[0]:
                    data = os.read(self._from, 1 << 16)
                    if not data:
                        self._ended_with()
                        said = self._said().strip().splitlines()
                        last = f": {clean(said[-1], 300)}" if said else ""
                        raise Unreachable(f"the connection to {self._host} was lost{last}", AGAIN)
                    heard_at = time.monotonic()
                    told = list(self._splitter.feed(data))
        except MxtuiError as error:
            self._end(error)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, Nonsense) as error:
            self._end(self._nonsense(str(error)))
        except OSError as error:
            self._end(Unreachable(f"the connection to {self._host} was lost: {error.strerror}", AGAIN))
        finally:
            self._release()

    def _heard(self, message: frames.FromAgent) -> None:
        match message:
            case frames.Alive(clock):
                if not 0 <= clock < 1 << 37:
                    raise Nonsense("a clock")
                self.ahead = clock - self._clock()
            case frames.Told(number, body):
                answers = self._calls.get(number)
                if answers is not None:  # else nobody wants it any more
                    with answers.arrived:
                        if len(answers.waiting) >= WINDOW:
                            raise Nonsense("more than it was asked for")
                        # The frame is a buffer of its own, of which this is a view.
                        answers.waiting.append(body)
                        answers.arrived.notify_all()
            case frames.Over(number):
                self._finish(number, None)
            case frames.Failed(number, kind, text, hint):
                failed = _KINDS.get(kind, MxtuiError)(clean(text), clean(hint))
                self._finish(number, failed)

    def _finish(self, number: int, fault: MxtuiError | None) -> None:
        if (answers := self._calls.get(number)) is not None:
            answers.end(fault)

    # -- saying -------------------------------------------------------------------------------------------------

    def _send_quietly(self, message: msgspec.Struct) -> None:
        """What matters only while the connection lasts."""
        with suppress(Unreachable):
            self._send(message)

    def _send(self, message: msgspec.Struct) -> None:
        data = memoryview(frames.framed(message))
        deadline = time.monotonic() + self._stalled
        with self._writing:
            while data:
                self.require()
                try:
                    data = data[os.write(self._to, data) :]
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        stalled = Unreachable(f"{self._host} takes nothing in", AGAIN)
                        self._end(stalled)
                        raise stalled from None
                    select.select([], [self._to], [], 1.0)
                except (OSError, ValueError):  # closed, by them or by us; whoever listens finds out why
                    raise self._why_lost() from None

    def _why_lost(self) -> MxtuiError:
        deadline = time.monotonic() + GOING
        while self.fault is None and time.monotonic() < deadline:
            time.sleep(0.02)
        return self.fault or Unreachable(f"the connection to {self._host} was lost")

    # -- ending -------------------------------------------------------------------------------------------------

    def _end(self, fault: MxtuiError) -> None:
        with self._lock:
            if self.fault is not None:
                return
            self.fault = fault
            calls = list(self._calls.values())
        self._process.terminate()  # ssh ends its ProxyCommand then
        for answers in calls:
            answers.end(fault)

    def _release(self) -> None:
        """Let go of process and pipes: by whoever reads from them, and while nobody writes."""
        try:
            self._process.wait(GOING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with self._writing:
            for stream in (self._process.stdin, self._process.stdout):
                assert stream is not None
                with suppress(OSError):
                    stream.close()

    def _nonsense(self, what: str) -> Unreachable:
        return Unreachable(
            f"{self._host} says what cannot be meant ({clean(what, 120)}); the connection was closed",
            "Is that really mxtui there, and of this version?",
        )

    def _ended_with(self) -> int | None:
        """Its exit status, when all that it complained of has been heard; None where it does not end."""
        self._complaining.join(GOING)  # a ControlMaster that stays may keep stderr open
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(GOING)
        return None

    def _said(self) -> str:
        return self._complaint.decode("utf-8", "replace")

    def _hear_complaints(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as stream:
            descriptor = stream.fileno()
            with suppress(OSError):
                while data := os.read(descriptor, 4096):
                    self._complaint = (self._complaint + data)[-COMPLAINT:]
