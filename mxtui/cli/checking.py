"""Primaries as the host of a queue sees them, told to a console elsewhere: what matters at once, the rest sparingly."""

import asyncio
import threading
from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Final

from mxtui.model.health import Health, Primary
from mxtui.queues.remote.calls import Primaries

if TYPE_CHECKING:
    from mxtui.monitor import Primaries as Rounds

PATIENCE: Final = 10.0
"""Seconds for the loop of the checks to answer; it never waits for anything itself."""

LOOK: Final = 1.0
"""Seconds between looks for what changed."""

A_SECOND: Final = 500
"""Bytes that figures without news may take (how long a climb took, when the next is due): an idle line stays idle."""

SAVED: Final = 5_000
"""Bytes of these that may be saved up."""

EACH: Final = 600
"""Bytes that one primary takes, and its domains, each."""
NAME: Final = 20

_Value = tuple[Primary | None, Health]


class Checks:
    """The rounds of checks, begun when somebody asks, in a thread with a loop of its own; it ends with the process."""

    def __init__(self, make: "Callable[[], Rounds | None]") -> None:
        self._make = make
        self._lock = threading.Lock()
        self._prober: Rounds | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def news(self, domains: frozenset[str], stop: threading.Event) -> Generator[Primaries, None, None]:
        """Of these domains, from now on: all that is known, then what is new."""
        self._begin()
        if self._prober is None or self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._prober.follow, domains)
        told: dict[str, _Value] = {}
        left = 0.0
        while not stop.is_set():
            known = self._asked(self._prober.snapshot)
            together, left = _chosen(told, {name: known[name] for name in domains if name in known}, left)
            if together.known:
                yield together
            left = min(SAVED, left + A_SECOND * LOOK)
            stop.wait(LOOK)

    def probe_now(self, domain: str) -> None:
        """Check a domain's primary without waiting for its turn."""
        if self._prober is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._prober.probe_now, domain)

    def _begin(self) -> None:
        with self._lock:
            if self._loop is not None:
                return
            self._prober = self._make()
            if self._prober is None:  # switched off there
                return
            ready = threading.Event()
            threading.Thread(target=lambda: asyncio.run(self._run(ready)), name="mxtui-checks", daemon=True).start()
            ready.wait()

    async def _run(self, ready: threading.Event) -> None:
        assert self._prober is not None
        self._loop = asyncio.get_running_loop()
        ready.set()
        await self._prober.run()

    def _asked(self, question: Callable[[], Mapping[str, _Value]]) -> Mapping[str, _Value]:
        """The answer, from the thread that it belongs to."""
        assert self._loop is not None

        async def ask() -> Mapping[str, _Value]:
            return question()

        return asyncio.run_coroutine_threadsafe(ask(), self._loop).result(PATIENCE)


def _chosen(told: dict[str, _Value], known: Mapping[str, _Value], left: float) -> tuple[Primaries, float]:
    """What to tell, one value for all domains that share it; and how many bytes are left for what is no news."""
    alike: dict[_Value, list[str]] = {}
    for domain, value in known.items():
        if told.get(domain) != value:
            alike.setdefault(value, []).append(domain)
    chosen: list[tuple[Primary | None, Health, list[str]]] = []
    oldest = sorted(alike, key=lambda value: value[1].climb.taken_at if value[1].climb is not None else 0.0)
    for value in oldest:
        domains = alike[value]
        cost = EACH + NAME * len(domains)
        if not any(_is_news(told.get(domain), value) for domain in domains):
            if cost > left:
                continue
            left -= cost
        chosen.append((*value, domains))
        told.update(dict.fromkeys(domains, value))
    return Primaries(chosen), left


def _is_news(before: _Value | None, now: _Value) -> bool:
    """Whether an operator would want to know at once."""
    if before is None:
        return True

    def matters(value: _Value) -> tuple[object, ...]:
        primary, health = value
        return primary, health.state, health.since, health.rung, health.detail

    return matters(before) != matters(now)
