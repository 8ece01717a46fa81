"""A drill of a Postfix: in by SMTP, followed in the mail log by its queue ID; never by its absence."""

import time
from collections.abc import Callable
from contextlib import closing
from typing import Final

from mxtui.drilling.course import Evidence
from mxtui.drilling.handing import hand_in
from mxtui.drilling.letter import Letter
from mxtui.errors import Guarded, NotPermitted
from mxtui.holding import Holding
from mxtui.model.message import recipient_domain
from mxtui.model.next_hop import NextHop
from mxtui.queues.postfix.logtail import LogTail, open_tail
from mxtui.queues.postfix.maillog import Attempt, Returned
from mxtui.queues.postfix.postfix import PostfixQueue

LOOK: Final = 0.1


class PostfixCourse:
    """See `drilling.course.Course`."""

    def __init__(self, queue: PostfixQueue, holding: Holding, via: NextHop, timeout: float) -> None:
        self._queue = queue
        self._holding = holding
        self._via = via
        self._timeout = timeout

    def straight(self, letter: Letter) -> Evidence:
        """In, and on to the primary."""
        with self._log() as log:
            queue_id = self._hand_in(letter)
            return self._follow(log, queue_id)

    def by_queue(self, letter: Letter, say: Callable[[str], None]) -> Evidence:
        """The domain is suspended for the moment, as `mxtui suspend` does."""
        holding, domain = self._holding, recipient_domain(letter.recipient)
        hold = holding.wanted(domain, "suspend", f"drill {letter.mark}", self._timeout + 60)
        if not holding.catching(hold).works:
            raise Guarded(
                f"new mail for {domain} cannot be kept in the queue: smtpd does not ask the access table",
                "mxtui migrate status shows the lines that wire it in; or drill without --by-queue.",
            )
        if holding.holds.get(domain) is not None:
            raise Guarded(f"{domain} is held already", "Drill it when that is over.")
        with self._log() as log:
            for result in holding.begin(hold):
                if result.result not in ("done", "gone"):
                    say(f"{result.queue_id}  {result.result}: {result.detail}")
            try:
                queue_id = self._hand_in(letter)
                held = self._held(queue_id)
                if not held:
                    return Evidence(False, f"{queue_id} was not kept in the queue, though {domain} was suspended")
                say(f"{queue_id} is in the queue, in hold; {domain} is resumed")
            finally:
                for result in holding.end(hold, "the drill is over"):
                    if result.result not in ("done", "gone"):
                        say(f"{result.queue_id}  {result.result}: {result.detail}")
            return self._follow(log, queue_id, kept="kept in hold; ")

    def _log(self) -> "closing[_Tail]":
        tail = open_tail(self._queue.layout.maillog_file)
        if tail is None:
            raise NotPermitted("the mail log cannot be read, so nobody could tell how the drill ends", "Run as root.")
        return closing(_Tail(tail))

    def _hand_in(self, letter: Letter) -> str:
        return hand_in(letter, self._via, self._queue.layout.hostname)

    def _held(self, queue_id: str) -> bool:
        deadline = time.monotonic() + min(20.0, self._timeout)
        while time.monotonic() < deadline:
            message = self._queue.find(queue_id)
            if message is not None and message.state == "hold":
                return True
            time.sleep(LOOK)
        return False

    def _follow(self, log: "_Tail", queue_id: str, kept: str = "") -> Evidence:
        deadline, last = time.monotonic() + self._timeout, ""
        while True:
            for event in log.tail.events():
                if isinstance(event, Returned) and event.queue_id == queue_id:
                    return Evidence(False, f"{queue_id} was returned: expired")
                if not isinstance(event, Attempt) or event.queue_id != queue_id:
                    continue
                said = f"status={event.status} relay={event.relay} ({event.text})"
                if event.status == "sent":
                    return Evidence(True, f"{kept}{queue_id} {said}")
                if event.status in ("bounced", "expired"):
                    return Evidence(False, f"{kept}{queue_id} {said}")
                last = said
            if time.monotonic() >= deadline:
                waits = (
                    "is still queued" if self._queue.find(queue_id) is not None else "is gone, and no line says where"
                )
                return Evidence(False, f"{kept}{queue_id} {waits} after {self._timeout:g} s; {last or 'not tried'}")
            time.sleep(LOOK)


class _Tail:
    """A log that is followed from before the drill begins."""

    def __init__(self, tail: LogTail) -> None:
        self.tail = tail
        tail.__enter__()

    def close(self) -> None:
        self.tail.__exit__(None, None, None)
