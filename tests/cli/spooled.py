"""A spool of our own with mail in it, and `mxtui` on it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mxtui.demo.primary import FakePrimary
from tests.cli.running import Done, run
from tests.service.serving import Serve, marked

SETTINGS = """
audit = "{folder}/audit.jsonl"
state = "{folder}/state"
[kept]
folder = "{folder}/kept"
[drain]
folder = "{folder}/drains"
settle = "0s"
[probe]
interval = "60s"
transition = "60s"
fall = 1
rise = 1
timeout = "2s"
"""

MESSAGES = 5


class Spooled:
    """A spool with some mail for a primary that is down, and `mxtui` on it."""

    def __init__(self, backup: Serve, primary: FakePrimary) -> None:
        self.backup = backup
        self.primary = primary

    def __call__(self, verb: str, *words: str) -> Done:
        queue = [] if verb == "audit" else ["-q", str(self.backup.spool)]
        command = [verb, *words[:1], *queue] if verb == "migrate" else [verb, *queue]
        rest = words[1:] if verb == "migrate" else words
        argv = [sys.executable, "-m", "mxtui", *command, "--config", str(self.backup.config), *rest]
        return run(argv, {"XDG_CONFIG_HOME": str(self.backup.folder)})

    @property
    def ids(self) -> list[str]:
        return [one["queue_id"] for one in self("list", "--json").objects]

    def states(self) -> dict[str, int]:
        return {state: len(ids) for state, ids in self.backup.spooled().items()}


@contextmanager
def spooled_mail(folder: Path, primary: FakePrimary, *flags: str) -> Iterator[Spooled]:
    """Mail for a primary that is down."""
    primary.down()
    with Serve(folder, {"example.org": primary.port}, *flags, settings=SETTINGS.format(folder=folder)) as backup:
        for number in range(MESSAGES):
            backup.send_mail("anna@example.org", marked(number), sender=f"s{number}@example.com")
        yield Spooled(backup, primary)
