"""Verdicts learned from the primary, kept in the spool's folder so that a restart during an outage knows them still.

A cache: a journal of one JSON object a line, the last one for an address counts. Losing it costs questions, no mail, so
nothing is fsynced, and what cannot be read is passed over.
"""

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mxtui.message.sanitize import one_line
from mxtui.model.words import duration

FILE = "recipients.jsonl"
"""In the spool."""

LONGEST_LINE = 4096

HINTS = 7 * 86400.0
"""Seconds that an address which did not exist is taken for one that does not."""


@dataclass(frozen=True, slots=True)
class Learned:
    """One address; `@domain` good: the primary takes any, bad: it tells them apart."""

    address: str
    outcome: Literal["good", "bad"]
    at: float
    """Epoch seconds."""
    reply: str = ""
    """The primary's, sanitised."""

    def words(self, now: float) -> str:
        """Who says so, and when."""
        return f"call-out to the primary {duration(now - self.at)} ago: {self.reply}"


class LearnedRecipients:
    """At most `limit` addresses; those learned longest ago go first. Without a path, in memory only.

    A write is one line appended; after `limit` of those the journal is written anew. Raises OSError from the
    constructor where the path cannot be written; later the journal is given up and `broken` says why.
    """

    def __init__(self, path: Path | None = None, *, limit: int = 100_000) -> None:
        self.limit = limit
        self.broken = ""
        self._path = path
        self._known: OrderedDict[str, Learned] = OrderedDict()
        self._lines = 0
        if path is not None:
            with suppress(FileNotFoundError):
                for learned in read_learned(path).values():
                    self._put(learned)
            self._rewrite(path)

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Learned]:
        return iter(tuple(self._known.values()))

    def get(self, address: str) -> Learned | None:
        """What was learned last, however long ago."""
        return self._known.get(address)

    def learn(self, learned: Learned) -> None:
        """Remember, instead of what was known."""
        self._put(learned)
        self._write(learned.address, {"outcome": learned.outcome, "at": learned.at, "reply": learned.reply})

    def forget(self, address: str) -> bool:
        """Discard; whether it was known."""
        if self._known.pop(address, None) is None:
            return False
        self._write(address, {"outcome": "forgotten"})
        return True

    def close(self) -> None:
        """Nothing is written after this."""
        if self._path is not None and not self.broken:
            self._journal.close()
            self.broken = "closed"

    def _put(self, learned: Learned) -> None:
        self._known.pop(learned.address, None)
        self._known[learned.address] = learned
        if len(self._known) > self.limit:
            self._known.popitem(last=False)

    def _write(self, address: str, fields: dict[str, object]) -> None:
        if self._path is None or self.broken:
            return
        try:
            if self._lines >= 2 * self.limit:
                self._journal.close()
                self._rewrite(self._path)
                return
            self._journal.write(_line(address, fields))
            self._lines += 1
        except OSError as error:
            self._journal.close()
            self.broken = str(error)

    def _rewrite(self, path: Path) -> None:
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        with fresh.open("xb") as file:
            for each in self._known.values():
                file.write(_line(each.address, {"outcome": each.outcome, "at": each.at, "reply": each.reply}))
        fresh.chmod(0o600)
        fresh.replace(path)
        self._journal = path.open("ab", buffering=0)
        self._lines = len(self._known)


def read_learned(path: Path) -> dict[str, Learned]:
    """What a journal holds, by address, as it was learned last; the latest last. Nothing is written. Raises OSError."""
    known: dict[str, Learned] = {}
    with path.open("rb") as lines:
        while line := lines.readline(LONGEST_LINE):
            if (learned := _parse(line)) is not None:
                known.pop(learned.address, None)
                known[learned.address] = learned
            elif (forgotten := _forgotten(line)) is not None:
                known.pop(forgotten, None)
    return known


def nonexistent(known: Mapping[str, Learned], now: float) -> dict[str, Learned]:
    """The addresses that the primary knew nothing of when it was asked, within a week.

    For refusing mail that is too long: a user may have been made since. As a hint about mail that waits it serves.
    """
    return {
        address: each
        for address, each in known.items()
        if each.outcome == "bad" and not address.startswith("@") and 0 <= now - each.at < HINTS
    }


def _line(address: str, fields: dict[str, object]) -> bytes:
    return json.dumps({"address": address, **fields}).encode() + b"\n"


def _object(line: bytes) -> dict[str, object]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _parse(line: bytes) -> Learned | None:
    match _object(line):
        case {"address": str(address), "outcome": "good" | "bad" as outcome, "at": float() | int() as at, **rest}:
            reply = rest.get("reply")
            return Learned(address, outcome, float(at), one_line(reply) if isinstance(reply, str) else "")
    return None


def _forgotten(line: bytes) -> str | None:
    match _object(line):
        case {"address": str(address), "outcome": "forgotten"}:
            return address
    return None
