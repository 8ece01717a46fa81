"""One next hop, and how much it is trusted with at the moment: pure rules, no I/O, no clock.

A host that was down gets one connection. Each message it takes allows one more, so that their number doubles with every
round, up to the limit; a failure takes all of that back. Pauses double too, and vary, or hosts that failed together
would be tried together for ever.
"""

import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from mxtui.delivery.outcome import pause
from mxtui.delivery.policy import Policy
from mxtui.model.flushing import Rate

JITTER: Final = 0.15
"""Share by which a pause varies either way."""

STUMBLES: Final = 3
"""Connections in a row that may break, of a host that worked a moment ago."""

PUT_OFF: Final = 20
"""Messages in a row that may be put off whole before it is the host that is unwell."""

DISTRUSTED: Final = 3
"""Messages that a host may refuse on trial before it is left alone again: more than one in twenty of fifty."""

LET_GO: Final = 0.5
"""Seconds in which its connections put back what they had read ahead."""

CROWDED: Final = 60.0
"""Seconds without another connection, after the host had no room for one more."""


SAMPLE: Final = 1.0
"""Seconds between two messages to a host that checks find down, while it takes them."""

Mode = Literal["open", "sampled", "guarded", "fed"]
"""What may go to it: `sampled`, one message at a time, for checks find it down; `guarded`, only what somebody drains to
it, for it is back and not trusted; `fed`, the same, and whoever drains takes care of new mail, too."""


class HostKey(NamedTuple):
    """What domains have in common whose mail goes in one transaction."""

    host: str
    """Empty: no route; `why` says so, and `port` is 0."""
    port: int
    lookup_mx: bool
    why: str = ""
    domain: str = ""
    """Of a host that is none: domains without a route have nothing in common."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}" if self.host else f"no route for {self.domain}"


@dataclass(frozen=True, slots=True)
class HostSnapshot:
    """How deliveries to one host go."""

    host: str
    """`mx1.example.org:25`"""
    domains: tuple[str, ...]
    waiting: int
    """Messages in line for it."""
    connections: int
    allowed: int
    """Connections that it is trusted with now."""
    resumes: float | None
    """It is left alone until then (epoch seconds); None while it is not."""
    last_reply: str
    """The latest that was said, or what went wrong; clean."""
    delivered: int
    """Recipients, since the start; so are the next two."""
    deferred: int
    refused: int
    per_second: float
    """Recipients delivered, as a moving average."""
    last_delivery: float | None
    """Epoch seconds."""


class Host:
    """One next hop."""

    def __init__(self, key: HostKey, policy: Policy, now: float, vary: Callable[[], float] = random.random) -> None:
        self.key = key
        self.domains: deque[str] = deque()
        """In the order of their turns."""
        self.connections = 0
        self.allowed = 1
        self.most = policy.connections
        """Connections that it may ever have; a drain begins with fewer."""
        self.cap = policy.connections
        """Those that it bears however well it goes."""
        self.resumes = 0.0
        """Monotonic seconds; until then it is left alone."""
        self.left_for = ""
        """Why it was, the last time; others may have been served since."""
        self.asked_only = False
        """Somebody drains to it: only what he wants tried now is, or his canary would have all other mail behind it."""
        self.mode: Mode = "open"
        self.samples = 0
        """Messages that it took in a row while it was sampled."""
        self.last_reply = ""
        self.counts: dict[str, int] = {"delivered": 0, "waiting": 0, "refused": 0}
        self.last_tried = 0.0
        """Epoch seconds; when something was last heard of it."""
        self.last_delivery: float | None = None
        """Epoch seconds."""
        self._policy = policy
        self._vary = vary
        self._alone_until = 0.0
        self._failures = 0
        self._stumbles = 0
        self._put_off = 0
        self._proven = False
        self._crowded_until = 0.0
        self._trial = 0
        self._distrusted = 0
        self._rate = Rate(now)

    def open(self, now: float) -> bool:
        """Whether it may be talked to."""
        return now >= self.resumes

    def wants(self, now: float) -> bool:
        """Whether another connection may be made."""
        return self.open(now) and self.connections < min(self.allowed, self.most, self.cap)

    def next_domain(self) -> str:
        """Whose turn it is; the next time it is another's."""
        self.domains.rotate(-1)
        return self.domains[-1]

    @property
    def on_trial(self) -> bool:
        """Back for so short a time that what it refuses may be due to its own trouble, such as half a user table."""
        return self._trial > 0

    def took(self, now: float, wall: float, recipients: int) -> None:
        """A message was accepted."""
        self._trial = max(0, self._trial - 1)
        self._failures = self._stumbles = self._put_off = 0
        self._proven = True
        self._alone_until = 0.0
        self.last_delivery = wall
        for _ in range(recipients):
            self._rate.add(now)
        if self._sampling:
            self.samples += 1
            self.allowed, self.resumes = 1, now + SAMPLE
        elif now >= self._crowded_until:
            self.allowed = min(self.most, self.cap, max(self.allowed, self.connections) + 1)

    def put_off(self, now: float) -> bool:
        """A message was put off whole, by replies; whether the host has to be left alone now."""
        self._put_off += 1
        if self._sampling:
            return self.fail(now)
        if self._put_off < PUT_OFF and (self._proven or self._put_off < self.allowed + STUMBLES):
            return False
        return self.fail(now)

    def answered(self, now: float) -> bool:
        """It refused a message for good: it works, whatever one thinks of the answer.

        One that has just come back and refuses again and again is not all there: whether it has to be left alone now.
        While somebody drains to it, it is his guard that counts refusals.
        """
        self._put_off = 0
        self._distrusted += self.on_trial and not self.asked_only
        return (self._sampling or self._distrusted >= DISTRUSTED) and self.fail(now)

    def stumble(self, now: float) -> bool:
        """A connection broke; whether the host has to be left alone now."""
        self._stumbles += 1
        if self._proven and self._stumbles < STUMBLES:
            self.allowed = max(1, self.allowed // 2)
            return False
        return self.fail(now)

    def refuse_connection(self, now: float) -> bool:
        """No new connection was to be had; whether the host has to be left alone now, or only has no room for more."""
        if self._proven and self.connections > 1:
            self.allowed = max(1, self.connections - 1)
            self._crowded_until = now + CROWDED
            return False
        return self.fail(now)

    def fail(self, now: float) -> bool:
        """Leave it alone for a while. Several connections that break at once are one failure."""
        if self.open(now):
            self._failures += 1
            share = 1 + JITTER * (2 * self._vary() - 1)
            self.resumes = now + share * pause(self._failures, self._policy.retry, self._policy.retry_longest)
        self.allowed = 1
        self.samples = 0
        self._proven = False
        self._stumbles = self._put_off = 0
        self._trial = self._policy.trial
        self._distrusted = 0
        return True

    def change(self, mode: Mode, now: float) -> None:
        """Other mail may go to it from now on; what was read ahead is let go of where it may not."""
        if mode == self.mode:
            return
        if self.mode == "open":
            self.try_out()
        self.mode, self.samples = mode, 0
        if mode in ("guarded", "sampled") and not self.asked_only:
            self.resumes = max(self.resumes, now + LET_GO)
        elif mode == "open":
            self.asked_only = False
            self.resume()

    @property
    def _sampling(self) -> bool:
        return self.mode == "sampled" and not self.asked_only

    def try_out(self) -> None:
        """It was down, whether mail has met with that here or not."""
        self._trial, self._distrusted, self.allowed, self._proven = self._policy.trial, 0, 1, False

    @property
    def flows(self) -> bool:
        """The next message need not wait for the reply to the one before."""
        return self.asked_only or self.mode in ("open", "fed")

    @property
    def only_urgent(self) -> bool:
        """Only what somebody wants tried now may go."""
        return self.asked_only or self.mode in ("guarded", "fed")

    def resume(self) -> None:
        """Try it now, by one connection: it was seen to be well."""
        self.resumes = self._alone_until = self._crowded_until = 0.0

    def ask(self, *, alone: bool = True) -> None:
        """Try it now, by one connection, for what somebody wants tried; if `alone`, for nothing else until
        `asked_no_more`."""
        if alone and not self.asked_only:
            self.asked_only, self._alone_until = True, self.resumes
        self.resumes = self._crowded_until = 0.0

    @property
    def takes_new(self) -> bool:
        """Whether mail that comes now need not wait for the end of a drain: it took some of that."""
        return self.asked_only and self._proven and self.mode != "fed"

    def asked_no_more(self) -> None:
        """All may go; where it took nothing it is left alone as it was."""
        if self.asked_only:
            self.asked_only, self.resumes = False, max(self.resumes, self._alone_until)

    def snapshot(self, now: float, wall: float, waiting: Mapping[str, int]) -> HostSnapshot:
        """`waiting` is by domain."""
        return HostSnapshot(
            host=str(self.key),
            domains=tuple(sorted(self.domains)),
            waiting=sum(waiting.get(domain, 0) for domain in self.domains),
            connections=self.connections,
            allowed=self.allowed,
            resumes=None if self.open(now) else wall + self.resumes - now,
            last_reply=self.last_reply,
            delivered=self.counts["delivered"],
            deferred=self.counts["waiting"],
            refused=self.counts["refused"],
            per_second=self._rate.at(now),
            last_delivery=self.last_delivery,
        )
