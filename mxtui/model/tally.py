"""Counts of a queue, by recipient domain and whole: small however much is queued, cheap to hand on and to add up.

A process that reads queue files counts them here, and so do the running totals of a console (`totals`).
"""

from collections.abc import Iterable, Mapping, Sequence

from mxtui.model.age import BUCKETS, bucket
from mxtui.model.message import QueuedMessage, State
from mxtui.model.reason import Summaries

Cause = tuple[str, str | None]
"""Of one recipient: its domain, and why the last attempt failed, as `reason.summarise` puts it."""

NEVER = float("inf")
"""An expiry that will not come."""

DELIVERABLE: frozenset[State] = frozenset({"incoming", "active", "deferred"})
"""Queues whose mail is tried: what is held, given up or set aside waits for an operator."""

Plain = tuple[int, int, int, float, float, float, float, dict[State, int], list[int], dict[str, int]]
"""A `Tally` for another process."""


class Tally:
    """Counts for one domain, or for the whole queue (ages and reasons are kept by domain only)."""

    __slots__ = (
        "ages", "bytes", "edges_stale", "expires", "held", "messages", "oldest", "reasons", "recipients", "states",
        "waiting",
    )  # fmt: skip

    def __init__(self) -> None:
        self.messages = self.recipients = self.bytes = 0
        self.oldest = self.expires = NEVER
        self.waiting = self.held = NEVER
        """Arrival of the oldest that is tried, and of the oldest in hold."""
        self.edges_stale = False
        """Whether the message that held one of these four may have left."""
        self.states: dict[State, int] = {}
        self.ages = [0] * BUCKETS
        self.reasons: dict[str, int] = {}

    def count(self, sign: int, state: State, arrival: float, size: int, expires: float) -> None:
        """One message that came (1) or left (-1)."""
        self.messages += sign
        self.bytes += sign * size
        self.states[state] = self.states.get(state, 0) + sign
        if sign > 0:
            if arrival < self.oldest:
                self.oldest = arrival
            if expires < self.expires:
                self.expires = expires
            if state in DELIVERABLE:
                if arrival < self.waiting:
                    self.waiting = arrival
            elif state == "hold" and arrival < self.held:
                self.held = arrival
        elif (
            arrival <= self.oldest
            or expires <= self.expires
            or (arrival <= self.waiting if state in DELIVERABLE else state == "hold" and arrival <= self.held)
        ):
            self.edges_stale = True

    def count_alike(self, alike: "Alike", until: float) -> None:
        """Messages that came (see `Tallies.count_alike`)."""
        self.messages += alike.messages
        self.bytes += alike.bytes
        self.states[alike.state] = self.states.get(alike.state, 0) + alike.messages
        self.oldest = min(self.oldest, alike.oldest)
        self.expires = min(self.expires, until)
        if alike.state in DELIVERABLE:
            self.waiting = min(self.waiting, alike.oldest)
        elif alike.state == "hold":
            self.held = min(self.held, alike.oldest)

    def blame(self, sign: int, reason: str) -> None:
        """Why that message waits."""
        left = self.reasons.get(reason, 0) + sign
        if left > 0:
            self.reasons[reason] = left
        else:
            self.reasons.pop(reason, None)

    def plain(self) -> Plain:
        """For another process."""
        return (
            self.messages, self.recipients, self.bytes, self.oldest, self.expires, self.waiting, self.held,
            self.states, self.ages, self.reasons,
        )  # fmt: skip

    def merge(self, plain: Plain) -> None:
        """Add what another process counted."""
        messages, recipients, size, oldest, expires, waiting, held, states, ages, reasons = plain
        self.messages += messages
        self.recipients += recipients
        self.bytes += size
        self.oldest = min(self.oldest, oldest)
        self.expires = min(self.expires, expires)
        self.waiting = min(self.waiting, waiting)
        self.held = min(self.held, held)
        self.ages = [ours + theirs for ours, theirs in zip(self.ages, ages, strict=True)]
        for state, number in states.items():
            self.states[state] = self.states.get(state, 0) + number
        for reason, number in reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + number


class Alike:
    """Sums of messages that differ in age and size only."""

    __slots__ = ("ages", "bytes", "expires", "messages", "oldest", "state")

    def __init__(self, state: State) -> None:
        self.state = state
        self.messages = self.bytes = 0
        self.oldest = self.expires = NEVER
        self.ages = [0] * BUCKETS


class Tallies:
    """Counts of a whole queue and of each domain in it, ages at `now` (seconds since the epoch)."""

    __slots__ = ("_summaries", "domains", "now", "whole")

    def __init__(self, now: float) -> None:
        self.now = now
        self.whole = Tally()
        self.domains: dict[str, Tally] = {}
        self._summaries = Summaries()

    def summary(self, reason: str) -> str:
        """A reason in few words (see `reason.summarise`)."""
        return self._summaries[reason]

    def add(self, message: QueuedMessage) -> Iterable[Cause]:
        """Count a message that came; its causes."""
        return self._count(message, 1)

    def remove(self, message: QueuedMessage) -> Iterable[Cause]:
        """Uncount one that left, exactly as it was added; its causes."""
        return self._count(message, -1)

    def _count(self, message: QueuedMessage, sign: int) -> Iterable[Cause]:
        summaries = self._summaries
        causes = [(each.domain, None if each.reason is None else summaries[each.reason]) for each in message.recipients]
        self.count(sign, message.state, message.arrival, message.size, message.expires, causes)
        return causes

    def count(
        self, sign: int, state: State, arrival: float, size: int, expires: float | None, causes: Sequence[Cause]
    ) -> None:
        """One message that came (1) or left (-1); `causes`: of each recipient to do."""
        # With everyone served there is nothing left to expire.
        until = expires if expires is not None and causes else NEVER
        self.whole.count(sign, state, arrival, size, until)
        self.whole.recipients += sign * len(causes)
        age = bucket(self.now - arrival)
        domains = self.domains
        for domain, _ in causes:
            tally = domains.get(domain)
            if tally is None:
                tally = domains[domain] = Tally()
            tally.recipients += sign
            tally.ages[age] += sign
        # A message counts once in each of its domains, and once for each reason there.
        counted: set[str] = set()
        for domain, reason in causes if len(causes) == 1 else set(causes):
            tally = domains[domain]
            if domain not in counted:
                counted.add(domain)
                tally.count(sign, state, arrival, size, until)
            if reason is not None:
                tally.blame(sign, reason)

    def count_alike(self, alike: "Alike", causes: Sequence[Cause]) -> None:
        """Messages in one queue that wait for the same recipients' domains, for the same reasons, all at once."""
        until = alike.expires if causes else NEVER
        self.whole.count_alike(alike, until)
        self.whole.recipients += alike.messages * len(causes)
        for domain, _ in causes:
            tally = self.domains.setdefault(domain, Tally())
            tally.recipients += alike.messages
            tally.ages = [ours + theirs for ours, theirs in zip(tally.ages, alike.ages, strict=True)]
        for domain in dict.fromkeys(domain for domain, _ in causes):
            self.domains[domain].count_alike(alike, until)
        for domain, reason in dict.fromkeys(causes):
            if reason is not None:
                reasons = self.domains[domain].reasons
                reasons[reason] = reasons.get(reason, 0) + alike.messages

    def recount(self, was: State, now: State, messages: int, domains: Mapping[str, int]) -> None:
        """So many, and so many in each of these domains, were counted in one state and are in another."""
        for tally, number in ((self.whole, messages), *((self.domains.get(each), n) for each, n in domains.items())):
            if tally is not None and (moved := min(number, tally.states.get(was, 0))):
                tally.states[was] -= moved
                tally.states[now] = tally.states.get(now, 0) + moved
                if was == "hold" and not tally.states[was]:
                    tally.held = NEVER

    def plain(self) -> tuple[Plain, dict[str, Plain]]:
        """For another process."""
        return self.whole.plain(), {domain: tally.plain() for domain, tally in self.domains.items()}

    def merge(self, whole: Plain, domains: Mapping[str, Plain]) -> None:
        """Add what another process counted at the same moment."""
        self.whole.merge(whole)
        for domain, plain in domains.items():
            self.domains.setdefault(domain, Tally()).merge(plain)


def tally(messages: Iterable[QueuedMessage], now: float) -> Tallies:
    """Counts of messages that will not change."""
    tallies = Tallies(now)
    for message in messages:
        tallies.add(message)
    return tallies
