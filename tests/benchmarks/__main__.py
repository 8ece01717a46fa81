"""`make bench`: measures what mxtui promises about speed and memory, on this machine, in one run.

Needs Postfix and root. A queue of 100,000 messages in 200 domains is made in Postfix's format; Postfix's own programs
read the same files. Exit status 1 when a limit is missed.
"""

import argparse
import compileall
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import mxtui
from mxtui.demo.postfix import postfix_available
from tests.benchmarks.acting import acting
from tests.benchmarks.alerting import checking, rules
from tests.benchmarks.console import console, footprint
from tests.benchmarks.draining import draining
from tests.benchmarks.following import following
from tests.benchmarks.hosts import hosts
from tests.benchmarks.inspecting import inspecting
from tests.benchmarks.machine import machine
from tests.benchmarks.queue_factory import Queue
from tests.benchmarks.ramping import ramping
from tests.benchmarks.reading import reading
from tests.benchmarks.receiving import receiving
from tests.benchmarks.remembering import remembering
from tests.benchmarks.remote import remote
from tests.benchmarks.sifting import sifting
from tests.benchmarks.site import Site, running
from tests.benchmarks.spooled import spooled
from tests.benchmarks.table import Figure, as_markdown, as_text
from tests.benchmarks.thin import thin

PARTS = (
    "reading", "alerts", "console", "spool", "remote", "hosts", "following", "acting", "receiving", "draining",
    "ramping", "remembering", "sifting", "inspecting", "thin",
)  # fmt: skip


def measure(options: argparse.Namespace, tell: Callable[[str], None]) -> tuple[list[Figure], str]:
    """All figures, and the machine in a line."""
    figures: list[Figure] = []

    def take(found: Iterator[Figure], about: str = "") -> None:
        for figure in found:
            figures.append(replace(figure, name=about + figure.name))
            tell("  ".join(figures[-1].cells()))

    # As pip does when it installs: a checkout may be one in which nothing writes bytecode.
    compileall.compile_dir(Path(mxtui.__file__).parent, quiet=1)
    with _queue(options.messages, options.domains, tell) as site:
        where = machine(site.postfix.queue_directory)
        if "reading" in options.parts:
            take(reading(site, options.times))
        if "alerts" in options.parts:
            take(rules())
            take(checking(site, options.times))
        if "console" in options.parts:
            take(console(site, options.times, options.idle))
        if "spool" in options.parts:
            take(spooled(site, options.times))
        if "remote" in options.parts:
            take(remote(site, options.idle))
        if "hosts" in options.parts:
            take(hosts(site, options.idle))
        if "thin" in options.parts:
            take(thin(site, options.idle))
        if "following" in options.parts:
            take(following(site))
    if "acting" in options.parts:
        take(acting(options.hold, options.times))
    if "receiving" in options.parts:
        take(receiving(options.mail, options.times))
    if "draining" in options.parts:
        take(draining(options.mail, options.times))
    if "ramping" in options.parts:
        take(ramping(options.far, options.times))
    if "remembering" in options.parts:
        take(remembering(options.remembered, options.messages))
    if "sifting" in options.parts:
        take(sifting(options.sifted))
    if "inspecting" in options.parts:
        take(inspecting(options.times))
    if options.million:
        with _queue(1_000_000, options.domains, tell) as site:
            take(reading(site, 1), "1,000,000: ")
            take(footprint(site, 500), "1,000,000: ")
    return figures, f"{options.messages:,} messages in {options.domains} domains; warm page cache; {where}."


@contextmanager
def _queue(messages: int, domains: int, tell: Callable[[str], None]) -> Iterator[Site]:
    tell(f"making a queue of {messages:,} messages")
    with running(Queue(messages, domains)) as site:
        yield site


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--domains", type=int, default=200)
    parser.add_argument("--hold", type=int, default=2_000, help="messages to hold at once")
    parser.add_argument("--mail", type=int, default=5_000, help="messages to receive, and to drain")
    parser.add_argument("--far", type=int, default=4_000, help="messages to drain to a primary that is far away")
    parser.add_argument("--sifted", type=int, default=40_000, help="messages, half of them of six campaigns")
    parser.add_argument("--remembered", type=int, default=1_000, help="domains in a week of history, and in a forecast")
    parser.add_argument("--times", type=int, default=3, help="runs of which the median counts")
    parser.add_argument("--idle", type=float, default=20.0, help="seconds to watch it idle")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="leave the others out")
    parser.add_argument("--million", action="store_true", help="1,000,000 messages as well: minutes, and 9 GB of disk")
    parser.add_argument("--markdown", action="store_true", help="as README carries it")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Measure and print; the exit status."""
    options = arguments(given)
    if reason := postfix_available():
        print(f"the benchmark measures beside Postfix: {reason}", file=sys.stderr)
        return 4
    # By timeout(1) or a closed terminal too, what was started is stopped.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    figures, where = measure(options, lambda line: print(line, file=sys.stderr, flush=True))
    print((as_markdown if options.markdown else as_text)(figures, where))
    return int(any(figure.missed for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
