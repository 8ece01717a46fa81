"""The drain: what goes next, how much at once, and when to stop.

    probe ─ probed well ─► canary ─ delivered ─► ramp ─ at the cap ─► steady ─ all settled ─► done
      │                      │                     └── backoff ◄───┘
      └──────────────────────┴──── guard, operator ────► stopped

A message is in one of three places: the order (not taken), the hand (taken, no verdict yet), the books (settled).
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from threading import RLock
from typing import Literal, NamedTuple

from mxtui.model.drain.books import Books
from mxtui.model.drain.eta import UNKNOWN, Speed
from mxtui.model.drain.guard import ADVICE, Guard
from mxtui.model.drain.limits import Limits
from mxtui.model.drain.order import Canary, Order
from mxtui.model.drain.pace import Pace
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.way import Settled
from mxtui.model.flushing import Phase
from mxtui.model.plan import FlushProgress, Target
from mxtui.model.words import duration

Stage = Literal["probe", "canary", "running", "stopped", "done"]


class InHand(NamedTuple):
    """A message that a way has."""

    target: Target
    taken_at: float


class Drain:
    """One drain, to primaries that share one pace. `now` is always monotonic seconds.

    Any thread may call: a way takes in its own, an operator pauses from another. The lock is held for microseconds, but
    by `add` and `untaken` of very many.
    """

    def __init__(
        self,
        targets: Iterable[Target],
        settings: DrainSettings,
        pace: Pace,
        now: float,
        *,
        suspect: Callable[[Target], bool] = lambda _: False,
    ) -> None:
        """`suspect` says of a message whether it is likely spam: such go last, and never first as a canary."""
        order = Order(targets, suspect)
        if settings.limit is not None and settings.limit < len(order):
            order = Order([order.pop() for _ in range(settings.limit)], suspect)
        self.settings = settings
        self.books = Books()
        self._order = order
        self._pace = pace
        self._guard = Guard(settings)
        self._limits = Limits(settings, now)
        self._speed = Speed(now)
        self._lock = RLock()
        self._in_hand: dict[str, InHand] = {}
        self._put_back: list[Target] = []
        self._canary: Canary | None = None
        self._paused = False
        self._unwell = ""
        self._why = ""
        self._stage: Stage = "probe" if len(order) else "done"

    # -- what happens -------------------------------------------------------------------------------------------

    def probed(self, well: bool, why: str, now: float) -> None:
        """What a probe found, `why` where it is not well. The first one begins or refuses; later ones hold it up."""
        with self._lock:
            fine = well or self.settings.force
            if self._stage != "probe":
                if self._unwell and fine:
                    self._speed.restart(now)
                self._unwell = "" if fine else why
            elif fine:
                self._stage = "canary" if self.settings.canary else "running"
            else:
                self._end(f"the primary is not well ({why}); nothing was tried: wait until it is, or force it")

    def take(self, most: int, now: float) -> Sequence[Target]:
        """See `Feed`: at most so many, each once. What was settled and not told yet keeps its place in the window."""
        with self._lock:
            if self._paused or self._unwell or self._stage not in ("canary", "running"):
                return []
            taken: list[Target] = []
            for _ in range(min(most, self._room(now), len(self._order))):
                if not self._limits.ready(now):
                    break
                target = self._next()
                self._limits.spend(target.size)
                self._in_hand[target.queue_id] = InHand(target, now)
                taken.append(target)
            self._pace.took(len(taken))
            return taken

    def settled(self, settled: Settled, now: float) -> bool:
        """A way is done with a message; False where it had no such message, which then counts nowhere."""
        with self._lock:
            held = self._in_hand.pop(settled.queue_id, None)
            if held is None:
                return False
            self.books.close(held.target, settled)
            if self._stage == "stopped" and settled.fate == "deferred" and settled.seconds is None:
                self._put_back.append(held.target)
            self._speed.settled(held.target.size, now, delivered=settled.fate == "delivered")
            echo = not self._pace.settled(settled, held.taken_at, now)
            if why := self._judge(settled, echo=echo):
                self._end(why)
            elif self._stage == "canary" and settled.fate == "delivered":
                self._stage = "running"
            if not self._in_hand and not len(self._order) and self._stage != "stopped":
                self._stage = "done"
            return True

    def add(self, targets: Iterable[Target], now: float) -> bool:
        """Mail that came while it runs. False, and nothing added, once the last was taken, with a limit, or stopped."""
        with self._lock:
            if self.over or self.settings.limit is not None:
                return False
            before = len(self._order)
            self._order.add(targets)
            self._speed.arrived(len(self._order) - before, now)
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

    def stop(self, why: str) -> None:
        """Take nothing any more; what is in hand is still to be settled. Does nothing once it has ended."""
        with self._lock:
            self._end(why)

    # -- how it stands ------------------------------------------------------------------------------------------

    def still(self) -> AbstractContextManager[object]:
        """While it is held nothing moves, so that what is read of it fits together."""
        return self._lock

    @property
    def over(self) -> bool:
        """See `Feed`; never takes it back."""
        return self._stage in ("stopped", "done") or not len(self._order)

    @property
    def connections(self) -> int:
        """See `Feed`."""
        return self._pace.connections if self._stage == "running" else 1

    @property
    def on_trial(self) -> bool:
        """The primary is not believed yet: a lasting refusal is to be taken for a passing one."""
        return self._guard.on_trial

    @property
    def canary(self) -> Canary | None:
        """The latest message that went first."""
        return self._canary

    @property
    def untaken(self) -> Sequence[Target]:
        """Messages that were never taken. Costs a copy of the list."""
        with self._lock:
            return tuple(self._order)

    @property
    def untried(self) -> Sequence[Target]:
        """The same, and those that a way put back untried when it stopped: to be held after the guard's stop."""
        with self._lock:
            return (*self._put_back, *self._order)

    @property
    def in_hand(self) -> Sequence[Target]:
        """Messages that a way has now."""
        with self._lock:
            return tuple(held.target for held in self._in_hand.values())

    @property
    def phase(self) -> Phase:
        """Where it is."""
        if self._stage != "running":
            return self._stage
        if self._unwell or self._pace.trouble:
            return "backoff"
        return "steady" if self._pace.steady else "ramp"

    def progress(self, now: float) -> FlushProgress:
        """Everything for screens and commands; each verdict is in `recent`, each message in `closed`, once."""
        with self._lock:
            counts = self.books.counts
            left = len(self._order) + len(self._in_hand)
            # The canary's time, or a pause's, says nothing of how long the rest will take.
            going = self._stage == "running" and not (self._paused or self._unwell or now < self._pace.resumes)
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
                window=self._window,
                connections=self.connections,
                eta_low=eta.low,
                eta_high=eta.high,
                growing=eta.growing,
                paused=self._paused,
                why=self.why(now),
            )

    def why(self, now: float) -> str:
        """Why it stopped or is slower than it could be, and what follows; empty while all is well."""
        if self._why or self._stage in ("stopped", "done"):
            return self._why
        if self._unwell:
            return f"the primary is not well ({self._unwell}); it goes on when a probe finds it well"
        if trouble := self._pace.trouble:
            wait = self._pace.resumes - now
            return f"{trouble}; " + (f"tried again in {duration(wait)}" if wait > 0 else "slower until it goes well")
        if self._stage == "canary" and self._canary is not None and not self._canary.clean:
            return f"no message above suspicion waits; the canary is {self._canary.target.queue_id}, the oldest"
        return ""

    # -- inside -------------------------------------------------------------------------------------------------

    @property
    def _window(self) -> int:
        return self._pace.window if self._stage == "running" else 1

    def _room(self, now: float) -> int:
        room = self._pace.room(now)
        return min(room, 1 - len(self._in_hand)) if self._stage == "canary" else room

    def _next(self) -> Target:
        if self._stage != "canary":
            return self._order.pop()
        self._canary = self._order.pop_canary()
        return self._canary.target

    def _judge(self, settled: Settled, *, echo: bool) -> str:
        """Why to stop after this verdict; empty while all is well."""
        first = self._guard.canary(settled) if self._stage == "canary" else ""
        too_many = self._guard.settled(settled, echo=echo)
        if first or too_many:
            return first or too_many
        if self._pace.failures >= self.settings.patience:
            return f"{self._pace.failures} tries in a row failed, the last because {self._pace.trouble}: {ADVICE}"
        return ""

    def _end(self, why: str) -> None:
        if self._stage not in ("stopped", "done"):
            self._stage, self._why = "stopped", why
