"""Commands on the record, and a primary that starts again in the middle of a drain."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from mxtui.demo.ledger import BookedPrimary
from tests.recording.backups import Backup

EACH: Final = 1.0
"""Seconds between two lines of a drain, where its phase stays the same."""

COMMAND_TIMEOUT: Final = 60.0

COUNTS: Final = ("delivered", "deferred", "bounced", "left")
HEAD: Final = " seconds  phase    delivered   deferred    bounced       left       rate"


@dataclass
class Recording:
    """What was seen, line by line, with nothing in it that only this machine has."""

    folder: Path
    lines: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def tell(self, text: str = "") -> None:
        """A line, or some."""
        self.lines += [line.rstrip() for line in self.anonymous(text).split("\n")]

    def happens(self, text: str) -> None:
        """Something outside the commands, with its time."""
        self.tell(f"\n[{time.monotonic() - self.began:.0f} s] {text}.")

    def anonymous(self, text: str) -> str:
        """Paths as they would be on a host of one's own."""
        return text.replace(str(self.folder), "/example")

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.lines).strip() + "\n"


def output(backup: Backup, *words: str) -> str:
    """What a command says, on stdout."""
    done = subprocess.run(
        backup.argv(*words), stdin=subprocess.DEVNULL, capture_output=True, timeout=COMMAND_TIMEOUT, check=True
    )
    return done.stdout.decode().rstrip("\n")


class Restart:
    """The primary goes down at the first look after so many were delivered, and comes back by itself."""

    def __init__(self, primary: BookedPrimary, after: int, away: float, seen: Recording) -> None:
        self._primary, self._after, self._away, self._seen = primary, after, away, seen
        self._back = threading.Timer(away, primary.up)

    def look(self, delivered: int) -> None:
        """So many are."""
        if self._back.ident is None and delivered >= self._after:
            self._seen.tell(f"          (the primary starts again, which takes it {self._away:g} s)")
            self._primary.down()
            self._back.start()

    def over(self) -> None:
        """It is back."""
        if self._back.ident is not None:
            self._back.join()


@dataclass
class Flushes:
    """`mxtui flush`, followed."""

    seen: Recording
    backup: Backup
    statuses: list[int] = field(default_factory=list)
    phases: set[str] = field(default_factory=set)

    def __call__(self, *words: str, restart: Restart | None = None) -> None:
        shown = " ".join(f"'{word}'" if " " in word else word for word in words)
        self.seen.tell(f"\n$ mxtui flush {shown}")
        with (self.seen.folder / "narration").open("w+b") as narration:
            process = subprocess.Popen(
                self.backup.argv("flush", *words, "--json"),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=narration,
            )  # fmt: skip
            assert process.stdout is not None
            with process.stdout as stream:
                self._follow((json.loads(line) for line in stream), restart)
            self.statuses.append(process.wait(COMMAND_TIMEOUT))
            narration.seek(0)
            if said := narration.read().decode().rstrip("\n"):
                self.seen.tell(said)
        self.seen.tell(f"exit {self.statuses[-1]}")

    def _follow(self, objects: Iterator[Mapping[str, Any]], restart: Restart | None) -> None:
        told: Mapping[str, Any] = {}
        last: Mapping[str, Any] = {}
        first = 0.0
        for each in objects:
            if "phase" not in each:
                continue
            if not last:
                self.seen.tell(HEAD)
                first = each["at"]
            last = each
            self.phases.add(each["phase"])
            if not told or each["phase"] != told["phase"] or each["at"] - told["at"] >= EACH:
                told = each
                self._row(each, each["at"] - first)
            if restart is not None:
                restart.look(each["delivered"])
        if any(last[name] != told[name] for name in COUNTS if last):
            self._row(last, last["at"] - first)
        if restart is not None:
            restart.over()

    def _row(self, each: Mapping[str, Any], seconds: float) -> None:
        counts = "".join(f"{each[name]:>11,}" for name in COUNTS)
        why = f"  {each['why']}" if each["why"] else ""
        self.seen.tell(f"{seconds:>8.1f}  {each['phase']:<7}{counts}{each['per_second']:>9.0f}/s{why}")
