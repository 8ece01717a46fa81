"""A thin line: what the console sends a terminal of 80×24 and one of 120×40, on a real pty."""

from collections.abc import Iterator

from tests.benchmarks.console import LOAD, cursor, is_reading
from tests.benchmarks.site import Site
from tests.benchmarks.table import Figure
from tests.end_to_end.terminal import Terminal

SIZES = ((80, 24), (120, 40))

SETTLE = 1.0
"""Seconds in which what a key has begun is over: the preview follows a little later."""

PAGES = 3


def thin(site: Site, idle: float) -> Iterator[Figure]:
    """Bytes, for terminals of 24 and of 40 lines with true colour, which costs most."""
    for columns, lines in SIZES:
        name = f"thin line, {columns}×{lines}"
        with Terminal(site.mxtui(), columns=columns, lines=lines) as terminal:
            _ready(terminal, site)
            rest = terminal.idle(idle) / idle
            yield Figure(f"{name}: idle", rest, "B/s", 100)
            terminal.press("2")
            terminal.wait_for(lambda screen: cursor(screen) is not None and any("subject" in line for line in screen))
            terminal.idle(SETTLE)
            pages = max(_cost(terminal, "PageDown", rest) for _ in range(PAGES))
            yield Figure(f"{name}: a page down, most of {PAGES}", pages, "B", 4096)
            terminal.press("1")
            terminal.wait_for(lambda screen: any("domain" in line and "primary" in line for line in screen))
            terminal.idle(SETTLE)
            yield Figure(f"{name}: one message more", _arrival(terminal, site, rest), "B")


def _ready(terminal: Terminal, site: Site) -> None:
    # What is held is on no line with the total where there are 80 columns.
    total = f"{site.messages:,}"
    terminal.wait_for(lambda screen: any(total in line.split() for line in screen) and not is_reading(screen), LOAD)
    terminal.idle(5.0)  # what the first read left to do


def _cost(terminal: Terminal, key: str, rest: float) -> float:
    before = terminal.bytes_received
    terminal.press(key)
    terminal.idle(SETTLE)
    return terminal.bytes_received - before - rest * SETTLE


def _arrival(terminal: Terminal, site: Site, rest: float) -> float:
    before = terminal.bytes_received
    site.postfix.inject("sender@example.com", ["info@d0.example.org"])
    terminal.idle(SETTLE)
    return terminal.bytes_received - before - rest * SETTLE
