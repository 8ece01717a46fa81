"""How long one look at the whole queue takes, beside Postfix's own programs."""

import json
from collections.abc import Iterator
from statistics import median

from tests.benchmarks.site import Ran, Site, untouched
from tests.benchmarks.table import Figure


def reading(site: Site, times: int) -> Iterator[Figure]:
    """New processes each time, in turns, so that what else the machine does falls on all alike.

    The page cache is warm for all three: the first round is not counted.
    """
    config = str(site.postfix.config_directory)
    programs = {
        "mxtui status --json": site.mxtui("status", "--json"),
        "postqueue -j": ["postqueue", "-c", config, "-j"],
        "qshape": ["qshape", "-c", config, "-b", "10", "maildrop", "incoming", "active", "deferred", "hold"],
    }
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    with untouched(site):
        for turn in range(times + 1):
            for name, argv in programs.items():
                ran = site.run(argv)
                _prove_whole(name, ran, site)
                if turn:
                    seconds[name].append(ran.seconds)
    medians = {name: median(values) for name, values in seconds.items()}
    ours = medians.pop("mxtui status --json")
    yield Figure("`mxtui status --json`, with its check of the primaries", ours)
    for name, theirs in medians.items():
        yield Figure(f"`{name}`", theirs)
    for name, limit in (("postqueue -j", 0.5), ("qshape", 0.4)):
        yield Figure(f"`mxtui status --json` ÷ `{name}`", ours / medians[name], "×", limit)


def _prove_whole(name: str, ran: Ran, site: Site) -> None:
    """A program that left something out would be fast for nothing.

    Raises:
        RuntimeError: it did.
    """
    if name == "postqueue -j":
        found = ran.output.count("\n")
    elif name == "qshape":
        # Recipients in all, on the line TOTAL; a message has one at least.
        found = min(int(ran.output.split("TOTAL")[1].split()[0]), site.messages)
    else:
        status = json.loads(ran.output)
        found = status["queue"]["messages"]
        states = {domain["primary"] and domain["primary"]["state"] for domain in status["domains"]}
        if states != {"up"}:
            raise RuntimeError(f"the primary is up, and mxtui status says {states}")
    if found != site.messages:
        raise RuntimeError(f"{name} lists {found} of {site.messages} messages")
