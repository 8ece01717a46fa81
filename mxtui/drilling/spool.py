"""A drill of our own spool.

While `serve` stands by it tells everybody 451, as it should: then the drill is put into the spool as the receiver
would, and the way out is tried all the same. So it is where no `serve` runs, but that drill has failed.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from mxtui.drilling.course import Evidence
from mxtui.drilling.handing import NotTaken, hand_in
from mxtui.drilling.letter import Letter
from mxtui.errors import Unreachable
from mxtui.model.envelope import Client, Envelope, EnvelopeRecipient, SpoolState
from mxtui.model.next_hop import NextHop
from mxtui.model.plan import Target
from mxtui.model.planning import target_of
from mxtui.model.source import Verb
from mxtui.operations import Operations
from mxtui.queues.spool.ids import new_id
from mxtui.queues.spool.queue import SpoolQueue

STANDING_BY: Final = 451

LOOK: Final = 0.1


FIRST: Final = 2.0
"""Seconds after the first "not now" of a primary; twice as long after each further one."""

LONGEST: Final = 60.0


class Pauses:
    """Between tries: one that keeps strangers waiting (greylisting) is not to be hammered with connections."""

    def __init__(self) -> None:
        self._next = FIRST

    def after(self, *, heard: bool) -> float:
        """Seconds; `heard`: the try came to a verdict, and not to nothing."""
        if not heard:
            return LOOK
        pause, self._next = self._next, min(LONGEST, self._next * 2)
        return pause


class SpoolCourse:
    """See `drilling.course.Course`. `via`: where `serve` listens; None where none runs."""

    def __init__(
        self, queue: SpoolQueue, operations: Operations, via: NextHop | None, timeout: float, lifetime: float
    ) -> None:
        self._queue = queue
        self._operations = operations
        self._via = via
        self._timeout = timeout
        self._lifetime = lifetime

    def straight(self, letter: Letter) -> Evidence:
        """In, and on to the primary."""
        how, queue_id = self._in(letter)
        return self._with_way_in(self._deliver(how, queue_id))

    def by_queue(self, letter: Letter, say: Callable[[str], None]) -> Evidence:
        """It is put into hold, and released as an operator would."""
        how, queue_id = self._put(letter, "hold")
        message = self._queue.find(queue_id)
        if message is None or message.state != "hold":
            return Evidence(False, f"{queue_id} was put into the spool's hold, and is not there")
        say(f"{queue_id} is in the queue, in hold; it is released")
        plan = self._operations.plan(Verb.RELEASE, [target_of(message)], f"drill {letter.mark}")
        for result in self._operations.execute(plan, "drill"):
            if result.result != "done":
                return Evidence(False, f"{how}; it was not released: {result.detail}")
        return self._with_way_in(self._deliver(f"{how}, released", queue_id))

    def _with_way_in(self, out: Evidence) -> Evidence:
        """Where nobody takes mail nothing comes through, however well the way out works."""
        if self._via is not None or not out.passed:
            return out
        who = "serve does not say where it listens" if self._queue.control.listening else "no serve runs on this spool"
        return Evidence(False, f"{who}: no mail can come in; the way out works: {out.text}")

    def _in(self, letter: Letter) -> tuple[str, str]:
        if self._via is None:
            return self._put(letter, "deferred")
        try:
            queue_id = hand_in(letter, self._via, self._queue.spool.hostname)
        except NotTaken as error:
            if error.code != STANDING_BY:
                raise
            how, queue_id = self._put(letter, "deferred")
            return f"serve stands by ({error.message}); {how}", queue_id
        return f"taken by SMTP as {queue_id}", queue_id

    def _put(self, letter: Letter, state: SpoolState) -> tuple[str, str]:
        now = time.time()
        content = letter.content.replace(b"\r\n", b"\n")
        envelope = Envelope(
            id=new_id(now),
            arrival=now,
            expires=now + self._lifetime,
            sender=letter.sender,
            recipients=(EnvelopeRecipient(letter.recipient),),
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            client=Client("127.0.0.1", helo=self._queue.spool.hostname),
            subject=f"mxtui drill {letter.mark}",
            why="drill" if state == "hold" else "",
        )
        (failure,) = self._queue.spool.commit([(envelope, [content])], state)
        if failure is not None:
            raise Unreachable(f"the spool took no message: {failure.strerror}", "How full is its disk?")
        return f"put into the spool as {envelope.id}", envelope.id

    def _deliver(self, how: str, queue_id: str) -> Evidence:
        """Have it tried until it is delivered or the time is up."""
        deadline, last = time.monotonic() + self._timeout, "not tried"
        pauses = Pauses()
        while time.monotonic() < deadline:
            message = self._queue.find(queue_id)
            if message is None:
                break
            if message.state == "failed":
                return Evidence(False, f"{how}; refused: {message.recipients[0].reason or last}")
            heard = False
            for settled in self._queue.deliver(_One(target_of(message)), threading.Event()):
                for each in settled:
                    heard = heard or not each.untried
                    said = next((f"{v.dsn} {v.reply}".strip() for v in each.verdicts), "")
                    last = f"{each.fate}: {said}" if said else each.fate
                    if each.fate == "delivered":
                        return Evidence(True, f"{how}; {last}")
            time.sleep(max(0.0, min(pauses.after(heard=heard), deadline - time.monotonic())))
        gone = self._queue.find(queue_id) is None
        where = "it left the spool, and nobody saw how" if gone else f"it is still queued after {self._timeout:g} s"
        return Evidence(False, f"{how}; {where}; {last}")


class _One:
    """A feed of one message."""

    connections = 1
    stopped = False

    def __init__(self, target: Target) -> None:
        self._left = [target]

    def take(self, most: int) -> Sequence[Target]:
        taken, self._left = self._left[:most], self._left[most:]
        return taken

    @property
    def over(self) -> bool:
        return not self._left

    def connections_to(self, host: str) -> int:  # noqa: ARG002 (a feed's signature)
        return 1

    def connections_for(self, target: Target) -> int:  # noqa: ARG002
        return 1
