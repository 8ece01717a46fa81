"""Looking at a spool of our own as large as Postfix's queue, beside `postqueue -j` on that queue."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

from tests.benchmarks.console import footprint
from tests.benchmarks.site import Site
from tests.benchmarks.spool_factory import Spooled, make
from tests.benchmarks.table import Figure


def spooled(site: Site, times: int) -> Iterator[Figure]:
    """In turns, page cache warm: the first round is not counted."""
    with tempfile.TemporaryDirectory(prefix="mxtui-bench-") as folder:
        spool = make(Path(folder) / "spool", Spooled(site.messages, site.domains, contents=False))
        held = len(spool.names()["hold"])
        ours = replace(site, spool=spool.path, held=held)
        status = ours.mxtui("status", "--json", "--no-probe")
        postqueue = ["postqueue", "-c", str(site.postfix.config_directory), "-j"]
        seconds: dict[str, list[float]] = {"ours": [], "theirs": []}
        for turn in range(times + 1):
            for name, argv in (("ours", status), ("theirs", postqueue)):
                ran = site.run(argv)
                if name == "ours" and json.loads(ran.output)["queue"]["messages"] != site.messages:
                    raise RuntimeError("mxtui status does not count the whole spool")
                if turn:
                    seconds[name].append(ran.seconds)
        took = median(seconds["ours"])
        yield Figure("spool: `mxtui status --json`", took)
        yield Figure(
            "spool: `mxtui status --json` ÷ `postqueue -j` of as many", took / median(seconds["theirs"]), "×", 0.5
        )
        for figure in footprint(ours, 150):
            yield replace(figure, name=f"spool: {figure.name}")
