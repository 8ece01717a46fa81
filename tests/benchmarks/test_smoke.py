"""The benchmark itself works, on a queue too small to say anything."""

import pytest

from tests.benchmarks.__main__ import arguments, measure
from tests.benchmarks.sifting import SEEDS
from tests.benchmarks.table import Figure, as_markdown, as_text

SMALL = [
    "--messages", "300", "--domains", "5", "--hold", "20", "--mail", "60", "--far", "40", "--times", "1", "--idle", "1",
    "--remembered", "3", "--sifted", "600",
]  # fmt: skip

ROWS = (
    "`mxtui status --json`, with its check of the primaries",
    "`postqueue -j`",
    "`qshape`",
    "`mxtui status --json` ÷ `postqueue -j`",
    "`mxtui status --json` ÷ `qshape`",
    "alerts and forecast: a tick over 1,000 domains, median",
    "alerts and forecast: slowest tick but one in twenty",
    "alerts and forecast: with two alerts on each domain, median",
    "`mxtui check`, the first time",
    "`mxtui check`, from then on",
    "console: depth of the queue on screen, from the keystroke",
    "console: everything read",
    "console: idle, share of a core",
    "console: idle, sent to the terminal",
    "console: memory, once read (PSS, with its helpers)",
    "console: memory, most while reading (PSS, with its helpers)",
    "console: keys while it reads, 95th percentile of",
    "console: page down, 95th percentile of 7",
    "console: a new message on screen, slowest of 5",
    "console: queue files read for it",
    "spool: `mxtui status --json`",
    "spool: `mxtui status --json` ÷ `postqueue -j` of as many",
    "spool: console: depth of the queue on screen, from the keystroke",
    "spool: console: everything read",
    "spool: console: memory, once read (PSS, with its helpers)",
    "spool: console: memory, most while reading (PSS, with its helpers)",
    "remote: depth of the queue on screen, from the keystroke",
    "remote: everything read",
    "remote: sent over the line by then, a message",
    "remote: idle, over the line",
    "remote: a new message on screen, slowest of 5",
    "four hosts: depth of each on screen, from the keystroke",
    "four hosts: everything read",
    "four hosts: memory, once read (PSS, with its helpers)",
    "four hosts: idle, over the line, each",
    "four hosts: a new message on each, slowest of 5",
    *(
        f"thin line, {size}: {what}"
        for size in ("80×24", "120×40")
        for what in ("idle", "a page down, most of 3", "one message more")
    ),
    "console: keys at rest, 95th percentile of 48",
    "console: keys while",
    "followed to their verdicts a second, with the console beside",
    "holding 20 messages: the act",
    "holding 20 messages: the whole `mxtui hold`",
    "holding 20 messages: `postsuper` processes",
    "received a second by `mxtui serve`",
    "received a second by Postfix",
    "time to receive ÷ Postfix's",
    "memory that receiving 20 × 25 MB at once takes",
    "drained a second by our forwarder",
    "drained a second by `postqueue -f`",
    "time to drain ÷ Postfix's",
    "drained a second from Postfix's queue by our sender",
    "time to drain Postfix's queue ÷ its own",
    "drained a second by Postfix, guarded and paced",
    "time to drain, guarded and paced ÷ `postqueue -f`",
    "50 ms away: drained a second at the cap by our sender on Postfix's queue",
    "50 ms away: ramp to 80 % of that",
    "50 ms away: drained a second at the cap by our forwarder on a spool",
    "50 ms away: ramp to 80 % of that",
    "50 ms away: drained a second at the cap by Postfix",
    "50 ms away: ramp to 80 % of that",
    "history: 3 domains: writing, share of a core",
    "history: 3 domains: the slowest minute",
    "history: 3 domains: seven days on disk",
    "history: 3 domains: seven days of one",
    "forecast: 300 messages in 3 domains, all expiring",
    *(row for seed in SEEDS for row in (*[f"sifting, seed {seed}: "] * 6, f"sifting, seed {seed}: good inside of 300")),
    "sifting: 100,000 messages, processor time",
    "sifting: 100,000 remembered, processor time",
    "sifting: 100,000 on disk",
    "inspector: its process, once for a console",
    "inspector: 50 kB on the screen",
    "inspector: 50 kB out of Postfix's format",
    "inspector: 25 MB on the screen",
    "inspector: 25 MB out of Postfix's format",
)


@pytest.mark.postfix
@pytest.mark.timeout(300)  # three servers and six consoles are started
def test_one_run_measures_every_figure_that_has_a_limit(need_postfix: None) -> None:
    figures, where = measure(arguments(SMALL), lambda _: None)
    names = [figure.name for figure in figures]
    assert len(names) == len(ROWS)
    assert all(name.startswith(row) for name, row in zip(names, ROWS, strict=True))
    assert "300 messages in 5 domains" in where


def test_a_figure_over_its_limit_is_called_missed() -> None:
    figures = [Figure("slow", 2.0, "s", 1.0), Figure("quick", 1.0, "s", 1.0), Figure("told", 5.0, "s")]
    assert [figure.missed for figure in figures] == [True, False, False]
    assert "MISSED" in as_text(figures, "a machine").splitlines()[1]


def test_the_table_for_readme_is_markdown() -> None:
    figures = [Figure("a share", 0.456, "×", 0.5), Figure("files", None, "", 1, "needs strace")]
    assert as_markdown(figures, "a machine").splitlines() == [
        "| figure | measured | limit | verdict |",
        "| --- | ---: | ---: | --- |",
        "| a share | 0.46 × | 0.50 × | met |",
        "| files (needs strace) | – | 1 | not measured |",
        "",
        "a machine",
    ]
