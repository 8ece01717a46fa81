"""What is remembered of a queue: a sample of each domain every minute, kept the coarser the older it is.

A minute in which nobody watched has no sample: it is a gap, never a zero.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from mxtui.model.health import Health, HealthState
from mxtui.model.source import Space

MINUTE: Final = 60

LEVELS: Final[tuple[tuple[int, int], ...]] = ((60, 3 * 3600), (300, 26 * 3600), (1800, 7 * 86400 + 3600))
"""(step, how long samples of it are kept), seconds, finest first. Each step is a multiple of the one before."""

SPANS: Final[Mapping[str, int]] = {"1h": 3600, "6h": 6 * 3600, "24h": 24 * 3600, "7d": 7 * 86400}
"""What one looks at, seconds by name."""

WHOLE: Final = ""
"""Stands for the whole queue where a domain's name is expected; no domain has it."""

MOST: Final = 2_000
"""Domains remembered of each minute, deepest first: bounces to forged senders make domains without end."""

COARSE: Final = 1_000
"""The same of each coarser step: these are kept for days, and each minute may bring other domains."""

STATES: Final[tuple[HealthState, ...]] = ("unknown", "up", "degraded", "flapping", "down")
"""By gravity: of several the last one counts."""

SILENCE: Final = 150.0
"""Seconds between two samples beyond which nobody can say what came and went in a minute."""


class Sample(NamedTuple):
    """One domain, or the whole queue, over one step."""

    depth: int
    """Messages, the most there were."""
    oldest: int | None
    """Age of the oldest in seconds, the most it was; None where nothing waited."""
    arrived: int | None
    """Messages that came; None where that was not counted."""
    left: int | None
    """Messages that left: delivered for the most part, else returned or removed."""
    state: HealthState
    """Of the primary, the gravest."""
    down: int
    """Seconds that it was down."""
    latency_ms: float | None
    """Of a whole check of the primary, on average."""
    watched: int = MINUTE
    """Seconds of the step that somebody watched."""


class Tick(NamedTuple):
    """Everything that is kept of one minute."""

    at: int
    """Begin of the minute, seconds since the epoch."""
    samples: Mapping[str, Sample]
    """By domain; `WHOLE` is the queue."""
    space: Space | None = None
    arrived_bytes: int | None = None


class Point(NamedTuple):
    """A sample and its place in time."""

    at: int
    seconds: int
    """How long a time it stands for."""
    sample: Sample


class Seen(NamedTuple):
    """What is known of a domain at a moment."""

    domain: str
    depth: int
    oldest_arrival: float | None
    health: Health | None = None


class Counted(NamedTuple):
    """Counters that only grow: messages that came and went by domain, and the bytes of those that came."""

    arrived: Mapping[str, int]
    left: Mapping[str, int]
    arrived_bytes: int = 0


class Sampler:
    """Makes a tick of each minute. The clock may be set, and the host may sleep: then nothing is counted across."""

    def __init__(self) -> None:
        self._minute: int | None = None
        self._steady = 0.0
        self._before: Counted | None = None

    def due(self, now: float) -> bool:
        """Whether this minute was not sampled yet."""
        return int(now // MINUTE) != self._minute

    def take(self, now: float, steady: float, seen: Iterable[Seen], counted: Counted, space: Space | None) -> Tick:
        """The sample of this minute. `seen` deepest first, the whole queue among them; `steady` is monotonic time."""
        before = self._before if self._follows(now, steady) else None
        self._minute, self._steady, self._before = int(now // MINUTE), steady, counted
        samples: dict[str, Sample] = {}
        for domain, depth, oldest, health in seen:
            if len(samples) > MOST:
                break
            state: HealthState = health.state if health is not None else "unknown"
            samples[domain] = Sample(
                depth,
                max(0, int(now - oldest)) if oldest is not None else None,
                _growth(counted.arrived, before.arrived, domain) if before is not None else None,
                _growth(counted.left, before.left, domain) if before is not None else None,
                state,
                MINUTE if state == "down" else 0,
                health.latency_ms if health is not None and state in ("up", "degraded") else None,
            )
        size = max(0, counted.arrived_bytes - before.arrived_bytes) if before is not None else None
        return Tick(int(now // MINUTE) * MINUTE, samples, space, size)

    def _follows(self, now: float, steady: float) -> bool:
        """Whether it is the next minute, by both clocks."""
        minute = int(now // MINUTE)
        return self._minute is not None and 0 < minute - self._minute <= 2 and 0 <= steady - self._steady <= SILENCE


def _growth(now: Mapping[str, int], before: Mapping[str, int], domain: str) -> int:
    return max(0, now.get(domain, 0) - before.get(domain, 0))


def worst(states: Iterable[HealthState]) -> HealthState:
    """The gravest.

    >>> worst(["up", "down", "unknown"])
    'down'
    """
    return max(states, key=STATES.index, default="unknown")


def level_for(span: float) -> int:
    """The finest step that is kept for so long, seconds.

    >>> level_for(3600), level_for(86400), level_for(7 * 86400)
    (60, 300, 1800)
    """
    return next((step for step, kept in LEVELS if span <= kept), LEVELS[-1][0])


class Column(NamedTuple):
    """What a chart shows of an equal part of its span."""

    depth: int
    oldest: int | None
    in_per_minute: float | None
    out_per_minute: float | None
    state: HealthState
    latency_ms: float | None


def columns(points: Sequence[Point], start: float, end: float, number: int) -> list[Column | None]:
    """A span in so many parts of equal length; None is a gap: nobody watched. The most of what falls into each."""
    width = (end - start) / number
    parts: list[list[Point]] = [[] for _ in range(number)]
    for point in points:
        since, until = max(point.at, start), min(point.at + point.seconds, end)
        first, last = int((since - start) // width), int((until - start) // width)
        for column in range(max(0, first), min(number - 1, last) + 1):
            # What only touches a column says nothing of it, unless the one lies within the other.
            overlap = min(until, start + (column + 1) * width) - max(since, start + column * width)
            if overlap > 0 and 2 * overlap >= min(width, until - since):
                parts[column].append(point)
    return [_joined(part) if part else None for part in parts]


def _joined(points: Sequence[Point]) -> Column:
    samples = [point.sample for point in points]
    ages = [each.oldest for each in samples if each.oldest is not None]
    latencies = [each.latency_ms for each in samples if each.latency_ms is not None]
    return Column(
        max(each.depth for each in samples),
        max(ages, default=None),
        _per_minute([(each.arrived, each.watched) for each in samples]),
        _per_minute([(each.left, each.watched) for each in samples]),
        worst(each.state for each in samples),
        sum(latencies) / len(latencies) if latencies else None,
    )


def _per_minute(counts: Iterable[tuple[int | None, int]]) -> float | None:
    known = [(count, seconds) for count, seconds in counts if count is not None]
    return sum(count for count, _ in known) * MINUTE / sum(seconds for _, seconds in known) if known else None


class Summary(NamedTuple):
    """A span in a few figures."""

    watched: int
    """Seconds of it that somebody watched."""
    down: int
    """Seconds that the primary was down, as far as it was watched."""
    outages: int
    """Times that it went down."""
    most: int
    most_at: int | None
    """Messages at most, and when."""
    oldest: int | None
    oldest_at: int | None
    """Greatest age in seconds, and when."""
    arrived: int
    left: int
    latency_ms: float | None
    known: bool = True
    """Whether anybody ever saw how the primary was."""


def summary(points: Sequence[Point]) -> Summary:
    """What there is to tell of some points in the order of time."""
    deepest = max(points, key=lambda point: point.sample.depth, default=None)
    aged = max(
        (point for point in points if point.sample.oldest is not None),
        key=lambda point: point.sample.oldest or 0,
        default=None,
    )
    latencies = [point.sample.latency_ms for point in points if point.sample.latency_ms is not None]
    outages, was_down = 0, False
    for point in points:
        outages += bool(point.sample.down) and not was_down
        was_down = bool(point.sample.down)
    return Summary(
        sum(point.sample.watched for point in points),
        sum(point.sample.down for point in points),
        outages,
        deepest.sample.depth if deepest is not None else 0,
        deepest.at if deepest is not None and deepest.sample.depth else None,
        aged.sample.oldest if aged is not None else None,
        aged.at if aged is not None else None,
        sum(point.sample.arrived or 0 for point in points),
        sum(point.sample.left or 0 for point in points),
        sum(latencies) / len(latencies) if latencies else None,
        any(point.sample.state != "unknown" for point in points),
    )
