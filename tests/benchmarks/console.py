"""How the console does on a large queue, seen from a real terminal of 120×40."""

import itertools
import os
import pwd
import time
from collections.abc import Iterator, Mapping, Sequence
from statistics import median, quantiles

from mxtui.queues.postfix.queue_id import encode
from tests.benchmarks.film import Answer, FilmedTerminal
from tests.benchmarks.opens import opened_files
from tests.benchmarks.processes import Peak, cpu_seconds, memory
from tests.benchmarks.site import Site
from tests.benchmarks.table import Figure
from tests.end_to_end.terminal import Screen
from tests.queues.postfix.writer import QueueFile

COLUMNS, LINES = 120, 40

BEGIN, LOAD = 30.0, 600.0
"""Seconds to wait for, far beyond every limit: a slow console is to be measured, not given up."""

KEYS = ("j", "j", "2", "j", "k", "1")
"""Down two domains, to the messages, there and back; again and again."""

PAGES = 20
"""At most."""

ARRIVALS = 5


def console(site: Site, times: int, idle: float) -> Iterator[Figure]:
    """Every figure of the console."""
    starts = [_start(site) for _ in range(times)]
    yield Figure("console: depth of the queue on screen, from the keystroke", median(starts), "s", 1.0)
    with open_console(site) as terminal:
        began = time.perf_counter()
        wait_for_depth(terminal, site)
        with Peak(terminal.pid) as peak:
            wait_until_read(terminal)
        loading = time.perf_counter() - began
        yield Figure("console: everything read", loading)
        yield from _at_rest(terminal, idle)
        yield Figure("console: memory, most while reading (PSS, with its helpers)", peak.megabytes, "MB")
    with open_console(site) as terminal:
        yield _keys(terminal, site)
        wait_until_read(terminal)
        yield _paging(terminal, min(PAGES, site.messages // LINES))
        yield from _arrivals(terminal, site, min(3.0, idle))


def footprint(site: Site, limit: float) -> Iterator[Figure]:
    """Memory alone, for queues that take minutes."""
    with open_console(site) as terminal:
        began = time.perf_counter()
        wait_for_depth(terminal, site)
        yield Figure("console: depth of the queue on screen, from the keystroke", time.perf_counter() - began, "s", 1.0)
        with Peak(terminal.pid) as peak:
            wait_until_read(terminal)
        yield Figure("console: everything read", time.perf_counter() - began)
        terminal.idle(5)
        yield Figure("console: memory, once read (PSS, with its helpers)", memory(terminal.pid), "MB", limit)
        yield Figure("console: memory, most while reading (PSS, with its helpers)", peak.megabytes, "MB")


def open_console(site: Site) -> FilmedTerminal:
    return FilmedTerminal(site.mxtui(), columns=COLUMNS, lines=LINES)


def _start(site: Site) -> float:
    began = time.perf_counter()
    with open_console(site) as terminal:
        wait_for_depth(terminal, site)
        return time.perf_counter() - began


def wait_for_depth(terminal: FilmedTerminal, site: Site) -> None:
    """Total and held, on one line, of names alone."""
    wanted = [f"{site.messages:,}", *([f"{site.held:,}"] if site.held else [])]
    terminal.wait_for(lambda screen: any(all(figure in line.split() for figure in wanted) for line in screen), BEGIN)


def wait_until_read(terminal: FilmedTerminal) -> None:
    terminal.wait_for(lambda screen: not is_reading(screen), LOAD)


def is_reading(screen: Screen) -> bool:
    return any(" so far" in line for line in screen)


# -- keys -------------------------------------------------------------------------------------------------------------


def _keys(terminal: FilmedTerminal, site: Site) -> Figure:
    wait_for_depth(terminal, site)
    seconds = []
    for key in itertools.cycle(KEYS):
        # A list that is still empty has no row to move from.
        screen = terminal.wait_for(lambda screen: cursor(screen) is not None, BEGIN)
        if not is_reading(screen):
            break
        seconds.append(terminal.time_key(key, TABS.get(key, moved)))
    name = f"console: keys while it reads, 95th percentile of {len(seconds)}"
    if not seconds:
        return Figure(name, None, "ms", 100, "it had read before the first key")
    return Figure(name, 1000 * percentile(seconds), "ms", 100)


def moved(before: Screen, now: Screen) -> bool:
    return cursor(now) not in (None, cursor(before))


def _tab(screen: Screen) -> str:
    """By the titles of its columns."""
    if any("last hour" in line and "primary" in line for line in screen):
        return "Domains"
    return "Messages" if any("subject" in line and "queue id" in line for line in screen) else ""


def cursor(screen: Screen) -> str | None:
    """What tells the row under the cursor: the domain, or the queue ID, which is the last column."""
    for line in screen:
        if line.startswith("▌"):
            words = line[1:].split()
            last = words[-1] if words else None
            return next((word for word in words if _tab(screen) == "Domains" and ".example.org" in word), last)
    return None


def percentile(values: Sequence[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[18] if len(values) > 1 else values[0]


TABS: Mapping[str, Answer] = {
    "1": lambda _, now: _tab(now) == "Domains",
    "2": lambda _, now: _tab(now) == "Messages",
}


# -- once everything is read -------------------------------------------------------------------------------------------


def _at_rest(terminal: FilmedTerminal, seconds: float) -> Iterator[Figure]:
    terminal.idle(min(5.0, seconds))  # what the first read left to do
    began, used = time.perf_counter(), cpu_seconds(terminal.pid)
    sent = terminal.idle(seconds)
    lasted = time.perf_counter() - began
    share = 100 * (cpu_seconds(terminal.pid) - used) / lasted
    yield Figure("console: idle, share of a core", share, "%", 3)
    yield Figure("console: idle, sent to the terminal", sent / lasted, "B/s", 300)
    yield Figure("console: memory, once read (PSS, with its helpers)", memory(terminal.pid), "MB", 150)


def _paging(terminal: FilmedTerminal, pages: int) -> Figure:
    terminal.press("2")
    terminal.wait_for(lambda screen: cursor(screen) is not None and _tab(screen) == "Messages", BEGIN)
    terminal.idle(1)
    seconds = []
    for _ in range(pages):
        seconds.append(terminal.time_key("PageDown", _another_page))
        terminal.idle(0.2)  # the preview follows a little later
    terminal.press("1")
    terminal.wait_for(lambda screen: _tab(screen) == "Domains", BEGIN)
    return Figure(f"console: page down, 95th percentile of {pages}", 1000 * percentile(seconds), "ms", 50)


def _another_page(before: Screen, now: Screen) -> bool:
    """From the first row to the last."""
    (first, *_, last), (top, *_, bottom) = _page(before), _page(now)
    return first != top and last != bottom


def _page(screen: Screen) -> list[str]:
    """The queue IDs in sight."""
    top = next(number for number, line in enumerate(screen) if "subject" in line and "queue id" in line)
    rows = [line.split() for line in screen[top + 1 :]]
    end = next(number for number, words in enumerate(rows) if not words or words[0].startswith("─"))
    return [words[-1] for words in rows[:end]]


def _arrivals(terminal: FilmedTerminal, site: Site, settle: float) -> Iterator[Figure]:
    total = site.messages
    seconds = []
    for _ in range(ARRIVALS):
        total += 1
        site.postfix.inject("sender@example.com", ["info@d0.example.org"])
        accepted = time.perf_counter()
        wait_for_total(terminal, total)
        seconds.append(time.perf_counter() - accepted)
    yield Figure(f"console: a new message on screen, slowest of {ARRIVALS}", max(seconds), "s", 1.0)
    terminal.idle(settle)
    name = "console: queue files read for it"
    try:
        with opened_files(terminal.pid, site.postfix.queue_directory, site.settings.parent / "trace") as opened:
            _put(site)
            wait_for_total(terminal, total + 1)
            terminal.idle(settle)
    except FileNotFoundError:
        yield Figure(name, None, "", 1, "needs strace")
    else:
        yield Figure(name, len(opened), "", 1)


def wait_for_total(terminal: FilmedTerminal, total: int) -> None:
    terminal.wait_for(lambda screen: any(f"{total:,}" in line.split() for line in screen), BEGIN)


def _put(site: Site) -> None:
    """A message renamed into place, as cleanup(8) does; Postfix is not told, and leaves it there."""
    owner = pwd.getpwnam("postfix")
    now = time.time()
    new = site.postfix.queue_directory / "pid" / "new"
    new.write_bytes(QueueFile(recipients=["info@d0.example.org"], arrival=now).raw())
    os.chown(new, owner.pw_uid, 0)
    new.chmod(0o700)
    seconds, fraction = divmod(now, 1)
    queue_id = encode(int(seconds), int(fraction * 1e6), new.stat().st_ino, long=False)
    new.rename(site.postfix.queue_directory / "incoming" / queue_id)
