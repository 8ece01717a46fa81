"""A drill of a Postfix: in by SMTP, followed in the mail log from queue ID to queue ID; never by its absence."""

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from types import MappingProxyType
from typing import Final

from mxtui.drilling.course import Evidence
from mxtui.drilling.following import Trail
from mxtui.drilling.handing import hand_in
from mxtui.drilling.letter import Letter
from mxtui.errors import Guarded, NotPermitted
from mxtui.holding import Holding
from mxtui.model.health import Primary
from mxtui.model.message import recipient_domain
from mxtui.model.next_hop import NextHop
from mxtui.primary.prober import ask
from mxtui.queues.postfix.logtail import LogTail, open_tail
from mxtui.queues.postfix.postfix import PostfixQueue
from mxtui.queues.postfix.routing import PostfixRouter

LOOK: Final = 0.1

SETTLES: Final = 1.0
"""Seconds within which a filter that hands mail in again has it in our queue or our log: it answers after that."""


class PostfixCourse:
    """See `drilling.course.Course`."""

    def __init__(
        self,
        queue: PostfixQueue,
        holding: Holding,
        via: NextHop,
        timeout: float,
        configured: Mapping[str, NextHop] = MappingProxyType({}),
    ) -> None:
        self._queue = queue
        self._holding = holding
        self._via = via
        self._timeout = timeout
        self._configured = configured

    def straight(self, letter: Letter) -> Evidence:
        """In, and on to the primary."""
        with self._log() as log:
            queue_id = self._hand_in(letter)
            return self._follow(log, queue_id, recipient_domain(letter.recipient))

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
            return self._follow(log, queue_id, domain, kept="kept in hold; ")

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

    def _follow(self, log: "_Tail", queue_id: str, domain: str, kept: str = "") -> Evidence:
        trail = Trail(queue_id, self._primaries(domain))
        deadline, settled = time.monotonic() + self._timeout, 0.0
        while True:
            for event in log.tail.events():
                if (evidence := trail.take(event)) is not None:
                    return Evidence(evidence.passed, f"{kept}{evidence.text}")
            if not trail.maybe:
                settled = time.monotonic() + SETTLES
            elif self._queue.find(trail.maybe) is not None:
                trail.follow()
            elif time.monotonic() >= settled:
                return Evidence(trail.taken.passed, f"{kept}{trail.taken.text}")
            if time.monotonic() >= deadline and not trail.maybe:
                known = self._queue.find(trail.queue_id) is not None
                waits = "is still queued" if known else "is gone, and no line says where"
                after = f"after {self._timeout:g} s; {trail.last or 'not tried'}"
                return Evidence(False, f"{kept}{trail.queue_id} {waits} {after}")
            time.sleep(LOOK)

    def _primaries(self, domain: str) -> list[Primary]:
        """Where its mail ought to go: as Postfix routes it, and as configured, which may be behind a tunnel."""
        hop = self._configured.get(domain)
        configured = [] if hop is None else [Primary(hop.host, hop.port, "config")]
        routed = ask(PostfixRouter(self._queue.layout), [domain])[domain].primary
        return configured if routed is None else [routed, *configured]


class _Tail:
    """A log that is followed from before the drill begins."""

    def __init__(self, tail: LogTail) -> None:
        self.tail = tail
        tail.__enter__()

    def close(self) -> None:
        self.tail.__exit__(None, None, None)
