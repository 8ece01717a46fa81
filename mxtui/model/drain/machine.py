"""The drain: what goes next, how much at once, and when to stop.

    probe ─ probed well ─► canary ─ delivered ─► ramp ─ at the cap ─► steady ─ all settled ─► done
      │                      │                     └── backoff ◄───┘
      └──────────────────────┴──── guard, operator ────► stopped

Each primary goes through that by itself (`leg.Leg`): one that drowns, or is stopped by its guard, holds up no other.
What may go a second, and how much may be in hand, is for all of them together.

A message is in one of three places: the order (not taken), the hand (taken, no verdict yet), the books (settled).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from threading import RLock
from typing import Final, NamedTuple

from mxtui.model.drain.books import Books
from mxtui.model.drain.eta import UNKNOWN, Speed
from mxtui.model.drain.leg import Leg
from mxtui.model.drain.limits import Limits
from mxtui.model.drain.order import Canary, Order
from mxtui.model.drain.pace import Pace
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.way import Settled
from mxtui.model.flushing import Phase
from mxtui.model.plan import FlushProgress, Target

PHASES: Final[tuple[Phase, ...]] = ("ramp", "steady", "backoff", "canary", "probe")
"""The first of those that a primary is in is the drain's: what goes on says more than what does not yet."""


class InHand(NamedTuple):
    """A message that a way has."""

    target: Target
    taken_at: float
    leg: Leg


class Left(NamedTuple):
    """What a guard left untried."""

    targets: Sequence[Target]
    why: str
    """Why it stopped, and what to do."""
    primary: str
    """Whose; empty where the drain tells no primaries apart."""


class Primaries(NamedTuple):
    """How a drain tells several primaries apart; neither blocks."""

    of: Callable[[Target], str]
    """Whom a message goes to, by name (`mx1.example.org:25`)."""
    pace: Callable[[str], Pace]
    """A pace of its own for a primary; asked for once."""


class Drain:
    """One drain. `now` is always monotonic seconds.

    Any thread may call: a way takes in its own, an operator pauses from another. The lock is held for microseconds, but
    by `add` and `untaken` of very many.
    """

    def __init__(
        self,
        targets: Iterable[Target],
        settings: DrainSettings,
        pace: "Pace | Primaries",
        now: float,
        *,
        suspect: Callable[[Target], bool] = lambda _: False,
        probing: bool = False,
        joinable: bool = False,
    ) -> None:
        """`pace` is that of the one primary whom all of it goes to, or tells of several.

        `suspect` says of a message whether it is likely spam: such go last, and never first as a canary. `probing`: who
        has the drain asks `doubted`, and probes those between. `joinable`: mail may come to it as long as some is in
        hand, which may take its time while others are back.
        """
        if settings.limit is not None:
            order = Order(targets, suspect)
            targets = [order.pop() for _ in range(min(settings.limit, len(order)))]
        self.settings = settings
        self.books = Books()
        self._primaries = pace if isinstance(pace, Primaries) else Primaries(lambda _: "", lambda _: pace)
        self._suspect = suspect
        self._probing = probing
        self._joinable = joinable
        self._ended = False
        """By `stop`."""
        self._limits = Limits(settings, now)
        self._speed = Speed(now)
        self._lock = RLock()
        self._in_hand: dict[str, InHand] = {}
        self._legs: dict[str, Leg] = {}
        self._turns: deque[Leg] = deque()
        self._canary: Canary | None = None
        self._paused = False
        for primary, its_own in self._by_primary(targets).items():
            self._enter(self._made(primary, its_own))

    # -- what happens -------------------------------------------------------------------------------------------

    def probed(self, well: bool, why: str, now: float, primary: str | None = None) -> None:
        """What a probe found, `why` where it is not well. The first one begins or refuses; later ones hold it up.

        Of one primary, or of all.
        """
        with self._lock:
            legs = list(self._legs.values()) if primary is None else [self._legs[primary]]
            held_up = [leg.probed(well, why, now) for leg in legs]
            if any(held_up):
                self._speed.restart(now)

    def take(self, most: int, now: float) -> Sequence[Target]:
        """See `Feed`: at most so many, each once. What was settled and not told yet keeps its place in the window."""
        with self._lock:
            taken: list[Target] = []
            if self._paused:
                return taken
            ready = deque(leg for leg in self._turns if leg.room(now) > 0)
            most = min(most, self.settings.most_in_hand - len(self._in_hand))
            while ready and len(taken) < most and self._limits.ready(now):
                leg = ready.popleft()
                target = leg.take(now)
                self._canary = leg.canary or self._canary
                self._limits.spend(target.size)
                self._in_hand[target.queue_id] = InHand(target, now, leg)
                taken.append(target)
                if leg.room(now) > 0:
                    ready.append(leg)
            self._turns.rotate(-1)
            return taken

    def settled(self, settled: Settled, now: float) -> bool:
        """A way is done with a message; False where it had no such message, which then counts nowhere."""
        with self._lock:
            held = self._in_hand.pop(settled.queue_id, None)
            if held is None:
                return False
            if settled.untried and settled.seconds is None and self._stopped(held.leg):
                held.leg.give_back(held.target)
                return True
            self.books.close(held.target, settled)
            if held.leg.by_guard and settled.fate == "deferred" and settled.seconds is None:
                held.leg.put_back.append(held.target._replace(state="deferred"))
            self._speed.settled(held.target.size, now, delivered=settled.fate == "delivered")
            held.leg.settled(settled, held.taken_at, now)
            return True

    def add(self, targets: Iterable[Target], now: float) -> bool:
        """Mail that came while it runs. False, and nothing added, once the last was taken, with a limit, or stopped.

        That of a primary which is new here waits for a probe of it, or for its canary.
        """
        with self._lock:
            wanted = self._by_primary(targets)
            known = {primary: leg for primary in wanted if (leg := self._legs.get(primary)) is not None}
            stopped = any(leg.stage == "stopped" for leg in known.values())
            if self.over or stopped or self.settings.limit is not None:
                return False
            before = self._waiting
            for primary, its_own in wanted.items():
                self._leg(primary).add(its_own)
            self._speed.arrived(self._waiting - before, now)
            return True

    def arrived(self, number: int, now: float) -> None:
        """New mail that the same primary has to take and that is not added: its share of the rate is not ours."""
        with self._lock:
            self._speed.arrived(number, now)

    def pause(self) -> None:
        """Take nothing until `resume`; what is in hand goes on."""
        with self._lock:
            self._paused = True

    def resume(self, now: float) -> None:
        """Go on."""
        with self._lock:
            self._paused = False
            self._speed.restart(now)

    def stop(self, why: str, primary: str | None = None) -> None:
        """Take nothing any more, of one primary's or of all mail; what is in hand is still to be settled.

        What goes to others than that primary, too, waits with it. Does nothing once it has ended.
        """
        with self._lock:
            self._ended = self._ended or primary is None
            for leg in self._legs.values():
                if primary is None or leg.goes_to(primary):
                    leg.end(why)

    def open(self, targets: Iterable[Target], now: float) -> bool:
        """All that waits for primaries that are back, or join: from the probe on, whatever became of them before.
        False, and nothing done, once the drain is over or stopped, and with a limit.

        What is in hand stays there, and a part that goes on stays as it is: it has its mail. Costs a sort, during which
        others are not kept waiting.
        """
        with self._lock:
            in_hand = frozenset(self._in_hand)
        waiting = [each for each in targets if each.queue_id not in in_hand]
        legs = [self._made(primary, its_own) for primary, its_own in self._by_primary(waiting).items()]
        ids = frozenset(each.queue_id for each in waiting)
        with self._lock:
            if self.over or self.settings.limit is not None:
                return False
            for leg in legs:
                before = self._legs.get(leg.primary)
                if before is None or not before.active:
                    self._enter(leg)
            self.books.reopen(ids)
            self._speed.restart(now)
            return True

    # -- how it stands ------------------------------------------------------------------------------------------

    def still(self) -> AbstractContextManager[object]:
        """While it is held nothing moves, so that what is read of it fits together."""
        return self._lock

    @property
    def over(self) -> bool:
        """See `Feed`; never takes it back."""
        with self._lock:
            waits = self._joinable and bool(self._in_hand)
            return self._ended or not (waits or any(not leg.over for leg in self._legs.values()))

    def doubted(self, now: float) -> Sequence[str]:
        """Primaries whose ladder has to be climbed before they get more; the first time all of them."""
        with self._lock:
            return [leg.primary for leg in self._legs.values() if leg.stage == "probe" or leg.doubted(now)]

    @property
    def connections(self) -> int:
        """See `Feed`."""
        with self._lock:
            return max(1, sum(leg.connections for leg in self._active))

    def connections_to(self, primary: str) -> int:
        """See `Feed`."""
        leg = self._legs.get(primary) or self._legs.get("")
        if leg is not None and leg.stage == "stopped" and not self._shared(primary):
            return 0
        return leg.connections if leg is not None else 1

    def connections_for(self, target: Target) -> int:
        """See `Feed`."""
        held = self._in_hand.get(target.queue_id)
        return held.leg.connections if held is not None else 1

    @property
    def on_trial(self) -> bool:
        """A primary is not believed yet: a lasting refusal is to be taken for a passing one."""
        with self._lock:
            return any(leg.guard.on_trial for leg in self._active)

    @property
    def canary(self) -> Canary | None:
        """The latest message that went first."""
        return self._canary

    @property
    def untaken(self) -> Sequence[Target]:
        """Messages that were never taken, or put back untried after a stop. Costs a copy of the list."""
        with self._lock:
            return tuple(target for leg in self._legs.values() for target in (*leg.untried, *leg.order))

    @property
    def left_by_guard(self) -> Sequence[Target]:
        """Of those what a guard left by stopping, and what a way put back untried then: to be held."""
        with self._lock:
            legs = [leg for leg in self._legs.values() if leg.by_guard]
            return tuple(target for leg in legs for target in (*leg.put_back, *leg.order))

    def left_since(self) -> Iterator[Left]:
        """The same, each message once, with the reason: what was in hand is put back later."""
        with self._lock:
            legs = [leg for leg in self._legs.values() if leg.by_guard]
            left = [Left(tuple(leg.tell_left()), leg.words(0.0), leg.primary) for leg in legs]
        yield from (each for each in left if each.targets)

    @property
    def in_hand(self) -> Sequence[Target]:
        """Messages that a way has now."""
        with self._lock:
            return tuple(held.target for held in self._in_hand.values())

    @property
    def phase(self) -> Phase:
        """Where it is."""
        with self._lock:
            phases = {leg.phase for leg in self._legs.values()}
        return next((phase for phase in PHASES if phase in phases), "stopped" if "stopped" in phases else "done")

    def why_of(self, primary: str, now: float) -> str:
        """As `why`, of one primary."""
        leg = self._legs.get(primary)
        return leg.words(now) if leg is not None else ""

    def stopped_by_guard(self, primary: str) -> bool:
        """Whether its guard stopped it, and neither an operator nor whoever has the drain."""
        leg = self._legs.get(primary)
        return leg is not None and leg.by_guard

    def through(self, primary: str) -> bool:
        """Whether mail may go to it without a drain: all that waited was taken, and it is believed."""
        leg = self._legs.get(primary)
        return leg is None or leg.through

    def phase_of(self, primary: str) -> Phase | None:
        """Where it is with one primary; None where it has none of its mail."""
        leg = self._legs.get(primary)
        return leg.phase if leg is not None else None

    def progress(self, now: float) -> FlushProgress:
        """Everything for screens and commands; each verdict is in `recent`, each message in `closed`, once."""
        with self._lock:
            counts = self.books.counts
            left = self._waiting + len(self._in_hand)
            # The canary's time, or a pause's, says nothing of how long the rest will take.
            going = not self._paused and any(leg.going(now) for leg in self._legs.values())
            eta = self._speed.eta(left, now) if going or not left else UNKNOWN
            recent, closed = self.books.tell()
            return FlushProgress(
                queued=self.books.settled + left,
                delivered=counts["delivered"],
                deferred=counts["deferred"],
                bounced=counts["bounced"] + counts["expired"],
                left=left,
                per_second=self._speed.messages.at(now),
                eta_seconds=eta.likely,
                phase=self.phase,
                unknown=counts["vanished"],
                recent=recent,
                closed=closed,
                refused=counts["refused"],
                possible_duplicates=len(self.books.possible_duplicates),
                bytes_delivered=self.books.bytes_delivered,
                bytes_per_second=self._speed.bytes.at(now),
                in_hand=len(self._in_hand),
                window=max(1, sum(leg.window for leg in self._active)),
                connections=self.connections,
                eta_low=eta.low,
                eta_high=eta.high,
                growing=eta.growing,
                paused=self._paused,
                why=self.why(now),
            )

    def why(self, now: float) -> str:
        """Why it stopped or is slower than it could be, and what follows; empty while all is well.

        With several primaries that of the gravest, by its name, and how many more there are.
        """
        said = [(leg, words) for leg in self._legs.values() if (words := leg.words(now, paused=self._paused))]
        said.sort(key=lambda each: each[0].active)
        if not said:
            return ""
        (first, words), alike = said[0], len({words for _, words in said}) == 1
        if len(self._legs) == 1 or (alike and len(said) == len(self._legs)):
            return words
        more = f" (and {len(said) - 1} more)" if len(said) > 1 else ""
        return f"{first.name}: {words}{more}"

    # -- inside -------------------------------------------------------------------------------------------------

    @property
    def _active(self) -> Sequence[Leg]:
        return [leg for leg in self._legs.values() if leg.active]

    @property
    def _waiting(self) -> int:
        return sum(len(leg.untried) + len(leg.order) for leg in self._legs.values())

    def _stopped(self, leg: Leg) -> bool:
        """Whether what it has left is what is left of its primary's mail: it did not begin anew since."""
        return leg.stage == "stopped" and self._legs.get(leg.primary) is leg

    def _shared(self, primary: str) -> bool:
        """Whether it still gets mail that goes to others, too, whose part of the drain is not stopped."""
        return any(leg.primary != primary and leg.goes_to(primary) for leg in self._active)

    def _by_primary(self, targets: Iterable[Target]) -> dict[str, list[Target]]:
        found: dict[str, list[Target]] = {}
        for target in targets:
            found.setdefault(self._primaries.of(target), []).append(target)
        return found

    def _made(self, primary: str, targets: Iterable[Target]) -> Leg:
        """A part from its beginning, with its backlog."""
        leg = Leg(primary, self.settings, self._primaries.pace(primary), self._suspect, probing=self._probing)
        leg.start(targets)
        return leg

    def _enter(self, leg: Leg) -> None:
        """In the place of what the primary had before."""
        if (before := self._legs.get(leg.primary)) is not None:
            self._turns.remove(before)
        self._legs[leg.primary] = leg
        self._turns.append(leg)

    def _leg(self, primary: str) -> Leg:
        if primary not in self._legs:
            self._enter(self._made(primary, ()))
        return self._legs[primary]
