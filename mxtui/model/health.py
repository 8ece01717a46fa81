"""Health of a primary: what one climb of the ladder found, and the state that a run of climbs adds up to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mxtui.model.words import clock, duration

HealthState = Literal["up", "down", "degraded", "flapping", "unknown"]
"""`degraded` is reachable but not well: busy (421), or STARTTLS broken."""

WORST_FIRST: Final[Sequence[HealthState]] = ("down", "flapping", "degraded", "unknown", "up")
"""How they are listed."""

RUNGS: tuple[str, ...] = ("dns", "tcp", "banner", "ehlo", "starttls")


@dataclass(frozen=True, slots=True)
class Primary:
    """Where a domain's mail goes when all is well."""

    host: str
    port: int
    source: Literal["config", "transport", "mx"]
    """Who says so: our configuration, the mail system's own routing, or a live MX lookup."""
    lookup_mx: bool = False
    """The host is a domain whose MX records are to be followed (a next hop without brackets)."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder."""

    name: str
    """One of `RUNGS`."""
    outcome: Literal["passed", "failed", "busy", "warning", "skipped"]
    milliseconds: float | None
    detail: str
    """Plain words, or the server's reply; hostile text."""


@dataclass(frozen=True, slots=True)
class Climb:
    """One climb of the ladder."""

    taken_at: float
    rungs: tuple[Rung, ...]
    expires: float | None = None
    """When the server's certificate expires, verified or not, seconds since the epoch; None where none was seen."""

    @property
    def failed(self) -> Rung | None:
        """The rung that ended the climb."""
        return next((rung for rung in self.rungs if rung.outcome in ("failed", "busy")), None)

    @property
    def in_the_clear(self) -> bool:
        """Whether the server was reached and offers no STARTTLS, and so has no certificate."""
        return self.failed is None and any(rung.name == "starttls" and rung.outcome == "skipped" for rung in self.rungs)


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of one primary."""

    state: HealthState
    since: float | None
    """When this state began; None while unknown."""
    rung: str
    """The rung that failed, or the last that passed; of one that is not believed yet the rung that failed before."""
    detail: str
    """Why, in plain words: `connection refused`, `421 too many connections`."""
    latency_ms: float | None
    """Of the whole climb, when it reached the top."""
    climb: Climb | None = None
    consecutive: int = 0
    """Climbs in a row with the latest outcome."""
    next_check: float | None = None
    last_up: float | None = None
    beneath: HealthState = "unknown"
    """What the state would be without flapping."""
    turns: tuple[float, ...] = ()
    """When the latest climbs began to end otherwise, within the policy's window; newest last."""
    found_so: bool = False
    """The first climb found this state: it began before `since`, nobody knows when."""
    failure: Rung | None = None
    """What ended the last climb that failed: the reason, also while it answers again and is not believed yet."""

    @property
    def unasked(self) -> bool:
        """Whether nobody looked yet, not even for where the mail goes."""
        return self == UNKNOWN


UNKNOWN = Health("unknown", None, "", "not checked yet", None)


def lasting(health: Health, now: float) -> str:
    """How long a state has lasted, as far as is known: `for 2h 10m`, or `since before 07:24` where it was found so."""
    if health.since is None:
        return ""
    return f"since before {clock(health.since, now)}" if health.found_so else f"for {duration(now - health.since)}"
