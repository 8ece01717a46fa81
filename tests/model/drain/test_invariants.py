"""Whatever happens in whatever order, with either pace: nothing is tried twice, and nothing is lost from the count."""

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mxtui.model.drain.machine import Drain
from mxtui.model.drain.way import Settled
from mxtui.model.flushing import FATES
from mxtui.model.plan import Fate, Target
from tests.model.drain.drains import drain, settle
from tests.support.plans import target

fates = st.sampled_from([*["delivered"] * 12, *FATES])
"""Mostly well, or every drain would be over with its canary."""


class Draining(RuleBasedStateMachine):
    """A drain, and what its callers know themselves."""

    @initialize(
        number=st.sampled_from([1000, 300, 30, 3, 1, 0]),
        rounds=st.sampled_from([3, 2, 5, 1, 0]),
        begun=st.sampled_from([True, True, True, False]),
        engine=st.booleans(),
        canary=st.booleans(),
        limit=st.sampled_from([None, None, 1, 40]),
        rate=st.sampled_from([None, None, 2.5]),
        share=st.sampled_from([0.05, 1.0]),
    )
    def begin(
        self,
        number: int,
        rounds: int,
        begun: bool,
        engine: bool,
        canary: bool,
        limit: int | None,
        rate: float | None,
        share: float,
    ) -> None:
        self.now = 0.0
        self.made = 0
        self.hand: list[Target] = []
        self.taken: list[str] = []
        self.counts: dict[Fate, int] = dict.fromkeys(FATES, 0)
        self.stopped = self.paused = self.proven = False
        self.canary = canary
        self.accepted = min(number, limit or number)
        self.drain: Drain = drain(
            self._mail(number),
            engine=engine,
            begun=begun,
            canary=canary,
            limit=limit,
            ahead=2,
            messages_per_second=rate,
            refused_share=share,
            deferred_share=share if share == 1.0 else 0.5,
        )
        for _ in range(rounds):
            self._take(1000)
            self._settle(len(self.hand), "delivered")

    def _mail(self, number: int) -> list[Target]:
        mail = [
            target(
                f"M{self.made + n:08X}",
                sender="" if n % 7 == 3 else "a@b.example",
                domains=("a.example", "b.example", "c.example")[n % 3 : n % 3 + 1],
                arrival=1000.0 + (self.made + n) * (1 if n % 5 else -1),
            )
            for n in range(number)
        ]
        self.made += number
        return mail

    @rule(well=st.sampled_from([True, True, True, False]))
    def probe(self, well: bool) -> None:
        self.drain.probed(well, "" if well else "connection refused", self.now)

    @rule(
        most=st.sampled_from([1000, 3, 1]),
        share=st.sampled_from([0.5, 1.0, 0.2, 0.0]),
        fate=fates,
        trouble=st.booleans(),
        newest=st.booleans(),
    )
    def round(self, most: int, share: float, fate: Fate, trouble: bool, newest: bool) -> None:
        """Take, and settle some of what is in hand."""
        self._take(most)
        if newest:
            self.hand.reverse()
        self._settle(int(share * len(self.hand)), fate, dsn="4.4.1" if trouble and fate == "deferred" else None)

    def _settle(self, number: int, fate: Fate, *, dsn: str | None = None) -> None:
        for _ in range(number):
            each = self.hand.pop(0)
            assert self.drain.settled(settle(each.queue_id, fate, dsn=dsn, seconds=0.1), self.now)
            self.counts[fate] += 1
            self.proven = self.proven or fate == "delivered"
            assert not self.drain.settled(Settled(each.queue_id, fate), self.now)

    def _take(self, most: int) -> None:
        before = self.drain.progress(self.now)
        taken = self.drain.take(most, self.now)
        assert len(taken) <= most
        if self.stopped or self.paused or before.phase in ("probe", "stopped", "done"):
            assert not taken
        if taken:
            assert len(self.hand) + len(taken) <= before.window
        if taken and self.canary and not self.proven:
            assert (len(taken), len(self.hand)) == (1, 0)
        self.hand += taken
        self.taken += [each.queue_id for each in taken]

    @rule(number=st.integers(1, 5))
    def add(self, number: int) -> None:
        mail = self._mail(number)
        if self.drain.add(mail, self.now):
            self.accepted += number
            assert not self.drain.over

    @rule(seconds=st.sampled_from([0.1, 5.0, 60.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def pause(self) -> None:
        self.drain.pause()
        self.paused = True

    @rule()
    def resume(self) -> None:
        self.drain.resume(self.now)
        self.paused = False

    @precondition(lambda self: len(self.taken) > 5)
    @rule()
    def stop(self) -> None:
        self.drain.stop("stopped by anna")
        self.stopped = True

    @invariant()
    def each_is_taken_at_most_once(self) -> None:
        assert len(set(self.taken)) == len(self.taken)

    @invariant()
    def counts_add_up(self) -> None:
        progress = self.drain.progress(self.now)
        settled = progress.delivered + progress.deferred + progress.bounced + progress.refused + progress.unknown
        assert settled + progress.left == progress.queued == self.accepted
        assert settled == sum(self.counts.values())
        assert progress.delivered == self.counts["delivered"]
        assert progress.in_hand == len(self.hand) == len(self.drain.in_hand)
        assert len(self.drain.untaken) == progress.left - progress.in_hand

    @invariant()
    def it_is_done_only_when_nothing_is_in_hand_or_waits(self) -> None:
        if self.drain.phase == "done":
            assert not self.hand
            assert not self.drain.untaken
        if self.drain.over and self.drain.phase != "stopped":
            assert not self.drain.untaken

    @invariant()
    def what_stopped_says_why(self) -> None:
        assert bool(self.drain.why(self.now)) or self.drain.phase != "stopped"

    @invariant()
    def an_eta_is_in_order(self) -> None:
        progress = self.drain.progress(self.now)
        known = [
            seconds for seconds in (progress.eta_low, progress.eta_seconds, progress.eta_high) if seconds is not None
        ]
        assert known == sorted(known)
        assert not (progress.growing and known)

    def teardown(self) -> None:
        """Left alone with a primary that takes everything, it comes to its end."""
        if not hasattr(self, "drain"):
            return
        self.drain.probed(True, "", self.now)
        self.drain.resume(self.now)
        for _ in range(2 * self.accepted + 50):
            if self.drain.over and not self.hand:
                break
            self.hand += self.drain.take(1000, self.now)
            for each in self.hand:
                self.drain.settled(settle(each.queue_id), self.now)
            self.hand.clear()
            self.now += 60.0
        assert self.drain.phase in ("done", "stopped")


TestDraining = Draining.TestCase
TestDraining.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
