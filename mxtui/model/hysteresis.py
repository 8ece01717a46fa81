"""From climbs to a state that does not jump: worse needs `fall` climbs in a row, better needs `rise`."""

from dataclasses import dataclass, replace
from typing import Literal

from mxtui.model.health import UNKNOWN, Climb, Health, HealthState, Rung

Outcome = Literal["up", "degraded", "down"]

_RANK: dict[HealthState, int] = {"down": 0, "degraded": 1, "up": 2}


@dataclass(frozen=True, slots=True)
class Policy:
    """When a state changes, and when to look again. Times in seconds."""

    interval: float = 30.0
    transition: float = 5.0
    """Between climbs while they contradict the state: a dead primary is called down within two intervals."""
    fall: int = 3
    rise: int = 3
    flap_turns: int = 5
    """Turns between reachable and not, within the window, that make it flapping: two outages have four."""
    flap_window: float = 600.0


def outcome(climb: Climb) -> Outcome:
    """What one climb says: reachable and well, reachable but busy or with broken TLS, or down."""
    outcomes = {rung.outcome for rung in climb.rungs}
    if "failed" in outcomes or not climb.rungs:
        return "down"
    return "degraded" if outcomes & {"busy", "warning"} else "up"


def advance(health: Health, climb: Climb, now: float, policy: Policy) -> Health:
    """The health after one more climb, with the time of the next."""
    if climb.expires is None and health.climb is not None and not climb.in_the_clear:
        # The last one seen: it is as old while the server is down, and when the handshake breaks off for its age.
        climb = replace(climb, expires=health.climb.expires)
    latest = outcome(climb)
    state = _beneath(health)
    before = outcome(health.climb) if health.climb is not None else None
    same_way = before is not None and _way(before, state) == _way(latest, state)
    consecutive = health.consecutive + 1 if same_way else 1
    way = _way(latest, state)
    needed = policy.rise if way > 0 else policy.fall
    if state == "unknown" or (way and consecutive >= needed):
        state, way = latest, 0
    turned = before is not None and (before == "down") != (latest == "down")
    turns = tuple(at for at in health.turns if at > now - policy.flap_window)
    if turned:
        turns = (*turns, now)[-2 * policy.flap_turns :]
    # Left only when half the turns have aged away, or flapping itself would flap.
    enough = (policy.flap_turns + 1) // 2 if health.state == "flapping" else policy.flap_turns
    shown: HealthState = "flapping" if len(turns) >= enough else state
    rung = telling(climb)
    failure = rung if latest == "down" else health.failure
    detail = rung.detail if rung else "nothing was checked"
    if latest != "down" and failure is not None and shown in ("down", "flapping"):
        rung, detail = failure, f"{failure.detail}; it answers again"
    return Health(
        state=shown,
        since=health.since if shown == health.state else now,
        rung=rung.name if rung else "",
        detail=detail + (f" ({consecutive} of {needed})" if way else ""),
        latency_ms=latency(climb),
        climb=climb,
        consecutive=consecutive,
        next_check=now + (policy.transition if way else policy.interval),
        last_up=climb.taken_at if latest != "down" else health.last_up,
        beneath=state,
        turns=turns,
        found_so=health.found_so if shown == health.state else health.state == "unknown",
        failure=failure,
    )


def telling(climb: Climb) -> Rung | None:
    """The rung that says most: the one that failed, else one with a warning, else the last that passed."""
    if (failed := climb.failed) is not None:
        return failed
    warned = next((rung for rung in climb.rungs if rung.outcome == "warning"), None)
    return warned or next((rung for rung in reversed(climb.rungs) if rung.outcome == "passed"), None)


def latency(climb: Climb) -> float | None:
    """Milliseconds of the whole climb, when it reached the top."""
    if climb.failed is not None or not climb.rungs:
        return None
    return sum(rung.milliseconds or 0.0 for rung in climb.rungs)


def unknown(why: str) -> Health:
    """A primary that cannot be judged."""
    return replace(UNKNOWN, detail=why)


def _beneath(health: Health) -> HealthState:
    return health.beneath if health.climb is not None else "unknown"


def _way(outcome: Outcome, state: HealthState) -> int:
    """Above 0 when an outcome is better than the state, below when worse."""
    if state == "unknown":
        return 0
    difference = _RANK[outcome] - _RANK[state]
    return (difference > 0) - (difference < 0)
