"""One primary of a backup MX, from its outage until it is trusted again: pure rules, no I/O, no clock.

    well ─ fall ─► down ─ rise ─► settling ─ its time ─► due ─► draining ─ to its end ─► well
                    ▲                │                    │         │
                    └── down again ──┴────────────────────┴─────────┤ guard, or an operator
                                                                    ▼
                            due ◄─ an operator's word, or a long time ─ stopped

A serve that ends writes this down, and the next one goes on with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from mxtui.model.health import HealthState

RecoveryWord = Literal["well", "down", "settling", "due", "draining", "stopped"]
"""`due`: nothing speaks against a drain, which begins as soon as it can."""

WELL: Final[frozenset[HealthState]] = frozenset({"up", "degraded"})
UNWELL: Final[frozenset[HealthState]] = frozenset({"down", "flapping"})


@dataclass(frozen=True, slots=True)
class Recovery:
    """How one stands. Times in epoch seconds."""

    primary: str
    """`mx1.example.org:25`"""
    domains: tuple[str, ...]
    word: RecoveryWord = "well"
    since: float = 0.0
    until: float | None = None
    """When it has settled; of one that was stopped, when it is tried again all the same; of one that is well, until
    when `why` is told."""
    why: str = ""
    """Of one that was stopped, and what to do; of one that is well, why it is without a drain. May quote a server."""
    drained_by_hand: bool = False
    """An operator drains to it now, whatever was to be waited for."""
    proven: bool = False
    """It took mail while checks of it failed: what it takes counts for more."""

    def seen(self, health: HealthState, now: float, settle: float) -> "Recovery":
        """As checks of it find it now; said again it changes nothing. `settle` is seconds."""
        if health in WELL and self.proven:  # once they agree they are believed again, also when it goes away
            return replace(self, proven=False).seen(health, now, settle)
        if health in UNWELL and not self.proven and self.word not in ("down", "stopped"):
            return self._as("down", now)
        if health in WELL and self.word == "down":
            return self._as("settling", now, until=now + settle)
        due = self.until is not None and now >= self.until
        if due and self.word == "well":
            return replace(self, until=None, why="")
        # A clock that was set back must not make it wait for longer than it ever would have.
        late = self.word == "settling" and self.until is not None and self.until > now + settle
        if late:
            return replace(self, until=now + settle)
        if due and (health in WELL or self.proven) and self.word in ("settling", "stopped"):
            return replace(self._as("due", now), proven=self.proven)
        return self

    def took(self, now: float, settle: float) -> "Recovery":
        """It took several messages in a row, whatever checks say."""
        return replace(self._as("settling", now, until=now + settle), proven=True) if self.word == "down" else self

    def begun(self, now: float) -> "Recovery":
        """A drain to it began."""
        return replace(self._as("draining", now), proven=self.proven) if self.word == "due" else self

    def not_yet(self, why: str, now: float, settle: float) -> "Recovery":
        """A drain could not begin: the ladder was not climbed to its top."""
        if self.word not in ("due", "draining"):
            return self
        return replace(self._as("settling", now, until=now + settle, why=why), proven=self.proven)

    def stopped(self, why: str, now: float, again: float) -> "Recovery":
        """By the guard of a drain, or by whoever stopped it: left alone for `again` seconds."""
        return self._as("stopped", now, until=now + again, why=why)

    def freed(self, now: float) -> "Recovery":
        """An operator wants it tried: the guard decides once more."""
        return self._as("settling", now, until=now) if self.word == "stopped" else self

    def trusted(self, now: float) -> "Recovery":
        """A drain to it came to its end."""
        return self._as("well", now)

    def unguarded(self, why: str, now: float, told: float) -> "Recovery":
        """No drain to it can be had, and mail must not wait for that for ever; `why` is told for so many seconds."""
        return self._as("well", now, until=now + told, why=why)

    def interrupted(self, now: float) -> "Recovery":
        """As the next serve has to take it: what was draining goes on, as soon as a check finds it well."""
        return self._as("settling", now, until=now) if self.word in ("due", "draining") else self

    def _as(self, word: RecoveryWord, now: float, *, until: float | None = None, why: str = "") -> "Recovery":
        return Recovery(self.primary, self.domains, word, now, until, why)


def settled_at(recovering: Iterable[Recovery]) -> Mapping[str, float]:
    """When a drain begins by itself to those that are back and have no other reason to wait; by domain."""
    return {
        domain: each.until
        for each in recovering
        if each.word == "settling" and each.until is not None and not each.why
        for domain in each.domains
    }
