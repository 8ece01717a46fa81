"""What can be set, with its default and its meaning: the one place that says so.

Plain dataclasses: without a file there is nothing to validate, and `mxtui status` starts 45 ms sooner.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from mxtui.config import readers
from mxtui.model.next_hop import NextHop

T = TypeVar("T")

READ = "read"
"""Metadata of a field: how its value is read from TOML."""
ENTRIES = "entries"
"""Metadata of a table whose keys are the operator's own; read in lower case, as domains and commands are."""


def _about(read: Callable[[object], Any], default: str, meaning: str) -> dict[str, Any]:
    return {READ: read, "default": default, "meaning": meaning}


def _setting(read: Callable[[object], T], written: str, meaning: str) -> T:
    """A setting: its default as one would write it, read as if it had been."""
    made: Any = field(default=read(_written(written)), metadata=_about(read, written, meaning))
    return made  # type: ignore[no-any-return]


def _written(text: str) -> object:
    if text.startswith('"'):
        return text[1:-1]
    return text == "true" if text in ("true", "false") else int(text)


def _entries(read: Callable[[object], Any], example: str, meaning: str) -> Any:
    """A table of the operator's own keys."""
    return field(default_factory=dict, metadata={**_about(read, example, meaning), ENTRIES: True})


@dataclass(frozen=True, slots=True)
class Probe:
    """How primaries are checked."""

    enabled: bool = _setting(readers.flag, "true", "check whether primaries are up")
    interval: float = _setting(readers.seconds, '"30s"', "time between checks of a primary whose state is settled")
    transition: float = _setting(readers.seconds, '"5s"', "time between checks while its state is in doubt")
    fall: int = _setting(readers.count, "3", "failed checks in a row before a primary is down")
    rise: int = _setting(readers.count, "3", "good checks in a row before it is up again")
    timeout: float = _setting(readers.seconds, '"10s"', "time that one step of a check may take")
    total: float = _setting(readers.seconds, '"25s"', "time that a whole check may take")
    at_once: int = _setting(readers.count, "20", "primaries checked side by side")


@dataclass(frozen=True, slots=True)
class Kept:
    """Copies of deleted messages."""

    folder: Path | None = field(
        default=None,
        metadata=_about(readers.path, "", "where copies are kept (/var/lib/mxtui/kept, else below $XDG_STATE_HOME)"),
    )
    age: float = _setting(readers.seconds, '"7d"', "how long a copy is kept")
    size: int = _setting(readers.size, '"1G"', "room that copies may take; the oldest go first")


@dataclass(frozen=True, slots=True)
class Alerts:
    """When a figure becomes an alert."""

    expiry: float = _setting(readers.seconds, '"24h"', "warn when a message expires within this time")
    expiry_critical: float = _setting(readers.seconds, '"4h"', "and when it is critical")
    free: float = _setting(readers.percent, "20", "warn when less of the queue's file system is free, in percent")
    free_critical: float = _setting(readers.percent, "5", "and when it is critical")


@dataclass(frozen=True, slots=True)
class Console:
    """How the console looks and listens."""

    theme: str = _setting(readers.text, '"auto"', "a Textual theme; auto follows what the terminal can show")
    ascii: bool = _setting(readers.flag, "false", "no characters beyond ASCII")
    mouse: bool = _setting(readers.flag, "true", "listen to the mouse")
    keys: Mapping[str, str] = _entries(readers.text, 'hold = "h,f7"', "keys by command, comma-separated")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    queue: str | None = field(
        default=None,
        metadata=_about(
            readers.text, "", "queue to attach to without -q: a Postfix configuration or queue directory, or a spool"
        ),
    )
    maillog: Path | None = field(
        default=None, metadata=_about(readers.path, "", "the mail log, where Postfix's settings do not lead to it")
    )
    audit: Path | None = field(
        default=None,
        metadata=_about(readers.path, "", "the audit file (/var/log/mxtui/audit.jsonl, else below $XDG_STATE_HOME)"),
    )
    primaries: Mapping[str, NextHop] = _entries(
        readers.server, '"example.org" = "mx1.example.org:25"', "primaries by domain, where routing and MX do not tell"
    )
    probe: Probe = field(default_factory=Probe)
    kept: Kept = field(default_factory=Kept)
    alerts: Alerts = field(default_factory=Alerts)
    console: Console = field(default_factory=Console)


TABLES: Mapping[str, type] = {"probe": Probe, "kept": Kept, "alerts": Alerts, "console": Console}


class Row(NamedTuple):
    """One setting, as documentation shows it."""

    key: str
    """Dotted: `probe.interval`."""
    default: str
    """As TOML; empty where it is found out; an example for tables of one's own keys."""
    meaning: str


def settings_table() -> list[Row]:
    """Every setting in order, for README: what is documented is what is read."""
    return list(_rows(Settings, ""))


def _rows(kind: Any, prefix: str) -> Iterator[Row]:
    item: Field[Any]
    for item in fields(kind):
        if item.name in TABLES and kind is Settings:
            yield from _rows(TABLES[item.name], f"{item.name}.")
        else:
            yield Row(prefix + item.name, item.metadata["default"], item.metadata["meaning"])
