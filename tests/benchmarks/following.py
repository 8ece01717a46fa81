"""How the console does while the whole queue is drained and followed to its verdicts: keys, beside keys at rest.

It empties the queue, so it comes last.
"""

import itertools
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Final

from mxtui.drains import Drains
from mxtui.model.plan import FlushProgress
from tests.benchmarks.console import (
    BEGIN,
    TABS,
    cursor,
    moved,
    open_console,
    percentile,
    wait_until_read,
)
from tests.benchmarks.draining import sink
from tests.benchmarks.film import FilmedTerminal
from tests.benchmarks.site import Site
from tests.benchmarks.table import Figure

KEYS: Final = ("j", "2", "j", "k", "1", "k")
"""Down a domain, to the messages, there and back, and up again: domains may become few."""

AT_REST: Final = 48
"""Keys: eight times round."""

MOST: Final = 200
"""Keys during the drain; it may take minutes."""

WELL: Final = 0.999
"""Share that has to be delivered. A few messages of the factory name a recipient twice, as no Postfix would write them,
and of these one delivery too few is seen."""

PATIENCE: Final = 900.0
"""Seconds for all of it."""


def following(site: Site) -> Iterator[Figure]:
    """Each key from the keystroke to the bytes that show its effect."""
    assert site.primary is not None
    site.primary.down()
    site.postfix.postconf(defer_transports="")
    drains = Drains(str(site.postfix.queue_directory), site.settings.parent / "drains")
    with sink(site.primary.port), open_console(site) as terminal:
        terminal.wait_for(lambda screen: cursor(screen) is not None, BEGIN)
        wait_until_read(terminal)
        terminal.idle(2)
        rest = _keys(terminal, AT_REST, lambda: True)
        subprocess.run(
            site.mxtui("flush", "--all", "--yes", "--force", "--detach"),
            stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=120,
        )  # fmt: skip
        began = time.perf_counter()
        meanwhile = _keys(terminal, MOST, lambda: _runs(drains))
        while _runs(drains):
            terminal.idle(0.5)
            if time.perf_counter() - began > PATIENCE:
                drains.wish("stop")
                raise TimeoutError("the drain does not come to its end")
        took = time.perf_counter() - began
        last = _progress(drains)
        assert last is not None
        if last.phase != "done" or last.delivered < WELL * last.queued:
            raise RuntimeError(f"not everything was delivered: {drains.report(as_json=False)[-2000:]}")
    yield Figure(f"console: keys at rest, 95th percentile of {len(rest)}", 1000 * percentile(rest), "ms")
    name = f"console: keys while {last.queued:,} messages are followed to their verdicts, 95th percentile of"
    if meanwhile:
        yield Figure(f"{name} {len(meanwhile)}", 1000 * percentile(meanwhile), "ms", 100)
    else:
        yield Figure(f"{name} none", None, "ms", 100, "it was over before the first key")
    yield Figure("followed to their verdicts a second, with the console beside", last.delivered / took, "")


def _keys(terminal: FilmedTerminal, most: int, go_on: Callable[[], bool]) -> list[float]:
    seconds: list[float] = []
    for key in itertools.islice(itertools.cycle(KEYS), most):
        if not go_on() or cursor(terminal.screen()) is None:  # the last row may be gone
            break
        seconds.append(terminal.time_key(key, TABS.get(key, moved)))
    return seconds


def _progress(drains: Drains) -> FlushProgress | None:
    standing = drains.standing()
    return standing.progress if standing is not None else None


def _runs(drains: Drains) -> bool:
    standing = drains.standing()
    return standing is not None and standing.running
