"""One primary's part of a drain: its mail in order, its pace, its guard. What ails it concerns no other primary.

probe ─ probed well ─► canary ─ delivered ─► running ─ all settled ─► done
  │                      │                     │  ▲
  │                      │                     └──┘ waits: for a pause to end, for a probe after it
  └──────────────────────┴──── guard, operator ────► stopped
"""

from collections.abc import Callable, Iterable
from typing import Final, Literal

from mxtui.model.drain.guard import ADVICE, Guard
from mxtui.model.drain.order import Canary, Order
from mxtui.model.drain.pace import Pace
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.drain.way import Settled
from mxtui.model.flushing import Phase
from mxtui.model.plan import Target
from mxtui.model.words import duration

Stage = Literal["probe", "canary", "running", "stopped", "done"]

SLOW_CANARY: Final = 30.0
"""Seconds that a canary may take; one that took longer was delivered by a primary that may be gone again by then."""

SILENT: Final = 10.0
"""Seconds after which an operator is told what it waits for."""


class Leg:
    """Belongs to its drain, which has the lock. `now` is monotonic seconds."""

    def __init__(
        self, primary: str, settings: DrainSettings, pace: Pace, suspect: Callable[[Target], bool], *, probing: bool
    ) -> None:
        """`probing`: somebody climbs the primary's ladder whenever it is in `doubt`."""
        self.primary = primary
        self.pace = pace
        self.guard = Guard(settings)
        self.order = Order((), suspect)
        self.stage: Stage = "probe"
        self.canary: Canary | None = None
        self.in_hand = 0
        self.by_guard = False
        """Its guard stopped it: what is left is to be held."""
        self.put_back: list[Target] = []
        """Were in hand then, and a way put them back: untried, or because their primary could not be reached."""
        self.untried: list[Target] = []
        """Were in hand when it stopped, for whatever reason, and are left as if they had never been taken."""
        self._told: int | None = None
        """How many of those were told as left; None: nothing was."""
        self._settings = settings
        self._probing = probing
        self._taken_at = 0.0
        self._doubt = False
        self._unwell = ""
        self._why = ""

    # -- what happens -------------------------------------------------------------------------------------------

    def probed(self, well: bool, why: str, now: float) -> bool:
        """See `Drain.probed`; whether it goes on only now after it was held up."""
        fine = well or self._settings.force
        if self.stage == "probe":
            if fine:
                self.stage = "canary" if self._settings.canary else "running"
            else:
                self.end(f"the primary is not well ({why}); nothing was tried: wait until it is, or force it")
            return False
        held_up = bool(self._unwell) and fine
        self._unwell = "" if fine else why
        if fine:
            self._doubt = False
        elif self._doubt and self.active:
            # As a message would have found it, without spending one.
            self.pace.unwell(why, now)
            if failed := self._given_up():
                self.end(failed, by_guard=True)
        return held_up

    def add(self, targets: Iterable[Target]) -> None:
        """They are its own, too; one that was done goes on where it was."""
        self.order.add(targets)
        if self.stage == "done" and len(self.order):
            self.stage = "running"

    def start(self, targets: Iterable[Target]) -> None:
        """Its backlog."""
        self.order.begin(targets)

    def take(self, now: float) -> Target:
        """The next; there has to be `room`."""
        self._taken_at = now
        if self.stage == "canary":
            self.canary = self.order.pop_canary()
            target = self.canary.target
        else:
            target = self.order.pop()
        self.in_hand += 1
        self.pace.took(1)
        return target

    def settled(self, settled: Settled, taken_at: float, now: float) -> None:
        """One of those taken was.

        What its primary took a part of speaks for it, whatever became of the rest: recipients elsewhere whose own
        primary is down would hold up, in the end for good, all that is for both.
        """
        self.in_hand -= 1
        failures = self.pace.failures
        if settled.fate == "deferred" and any(verdict.fate == "delivered" for verdict in settled.verdicts):
            settled = settled._replace(fate="delivered", busy=False, unreachable=False)
        echo = not self.pace.settled(settled, taken_at, now)
        late = self.stage == "canary" and now - taken_at > SLOW_CANARY
        if self._probing and not self._settings.force:
            self._doubt = self._doubt or late or self.pace.failures > failures
        if why := self._judge(settled, echo=echo):
            self.end(why, by_guard=True)
        elif self.stage == "canary" and settled.fate == "delivered":
            self.stage = "running"
        self.close()

    def give_back(self, target: Target) -> None:
        """One of those taken was put back untried after it stopped."""
        self.in_hand -= 1
        # Whatever it was when it was taken: what a guard had held was let go of then.
        self.put_back.append(target._replace(state="deferred"))
        self.untried.append(self.put_back[-1])

    def close(self) -> None:
        """Done, where nothing is left."""
        if not self.in_hand and not len(self.order) and self.stage != "stopped":
            self.stage = "done"

    def end(self, why: str, *, by_guard: bool = False) -> None:
        """Take nothing any more. Does nothing once it has ended."""
        if self.active:
            self.stage, self._why, self.by_guard = "stopped", why, by_guard

    def tell_left(self) -> Iterable[Target]:
        """What is left, each message once."""
        left = [*self.put_back[self._told or 0 :], *(self.order if self._told is None else ())]
        self._told = len(self.put_back)
        return left

    # -- how it stands ------------------------------------------------------------------------------------------

    @property
    def active(self) -> bool:
        """It has not ended."""
        return self.stage not in ("stopped", "done")

    @property
    def over(self) -> bool:
        """Nothing will be taken any more."""
        return not self.active or not len(self.order)

    @property
    def through(self) -> bool:
        """All of it was taken, and went so well that the primary is believed: what is in hand may take its time."""
        ailing = self._unwell or self._doubt or self.pace.failures or self.guard.on_trial
        return self.stage == "done" or (self.stage == "running" and not len(self.order) and not ailing)

    @property
    def name(self) -> str:
        """Of its primary, or of all of them, in a sentence."""
        return " and ".join(self.primary.split("+"))

    def goes_to(self, primary: str) -> bool:
        """Whether its mail is for that primary, be it not alone."""
        return primary in self.primary.split("+")

    def doubted(self, now: float) -> bool:
        """Whether somebody has to climb its ladder before it goes on."""
        return self._doubt and self.active and bool(len(self.order)) and now >= self.pace.resumes

    def room(self, now: float) -> int:
        """Messages that may be taken now."""
        if self._unwell or self._doubt or self.stage not in ("canary", "running"):
            return 0
        room = min(self.pace.room(now), len(self.order))
        return min(room, 1 - self.in_hand) if self.stage == "canary" else room

    def going(self, now: float) -> bool:
        """Whether its rate says something of how long the rest will take."""
        return self.stage == "running" and not (self._unwell or self._doubt or now < self.pace.resumes)

    @property
    def window(self) -> int:
        """Messages in hand at most."""
        return self.pace.window if self.stage == "running" else 1

    @property
    def connections(self) -> int:
        """That the primary is trusted with."""
        return self.pace.connections if self.stage == "running" else 1

    @property
    def phase(self) -> Phase:
        """Where it is."""
        if self.stage != "running":
            return self.stage
        if self._unwell or self.pace.trouble:
            return "backoff"
        return "steady" if self.pace.steady else "ramp"

    def words(self, now: float, *, paused: bool = False) -> str:
        """Why it stopped or is slower than it could be, and what follows; empty while all is well.

        `paused`: nothing follows before somebody has it go on.
        """
        if self._why or not self.active:
            return self._why
        wait = self.pace.resumes - now
        if self._unwell:
            again = f", the next in {duration(wait)}" if self._doubt and wait > 0 else ""
            return f"the primary is not well ({self._unwell}); it goes on when a probe finds it well{again}"
        if paused:
            return self.pace.trouble
        if trouble := self.pace.trouble:
            return f"{trouble}; " + (f"tried again in {duration(wait)}" if wait > 0 else "slower until it goes well")
        if self.stage == "canary" and self.in_hand and now - self._taken_at >= SILENT and self.canary is not None:
            since = duration(now - self._taken_at)
            return f"the canary {self.canary.target.queue_id} has no verdict since {since}; nothing else goes before"
        if self.stage == "canary" and self.canary is not None and not self.canary.clean:
            return f"no message above suspicion waits; the canary is {self.canary.target.queue_id}, the oldest"
        return ""

    # -- inside -------------------------------------------------------------------------------------------------

    def _judge(self, settled: Settled, *, echo: bool) -> str:
        """Why to stop after this verdict; empty while all is well."""
        first = self.guard.canary(settled) if self.stage == "canary" else ""
        too_many = self.guard.settled(settled, echo=echo)
        return first or too_many or self._given_up()

    def _given_up(self) -> str:
        failures = self.pace.failures
        if failures < self._settings.patience:
            return ""
        return f"{failures} tries in a row failed, the last because {self.pace.trouble}: {ADVICE}"
