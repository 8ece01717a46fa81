"""How one setting is declared: default, reader and meaning in one line."""

import tomllib
from collections.abc import Callable
from dataclasses import field
from typing import Any, TypeVar

T = TypeVar("T")

READ = "read"
"""Metadata of a field: how its value is read from TOML."""
ENTRIES = "entries"
"""Metadata of a table whose keys are the operator's own; read in lower case, as domains and commands are."""


def about(read: Callable[[object], Any], default: str, meaning: str) -> dict[str, Any]:
    """What is known of a setting; `default` as one would write it."""
    return {READ: read, "default": default, "meaning": meaning}


def setting(read: Callable[[object], T], written: str, meaning: str) -> T:
    """A setting: its default as one would write it, read as if it had been."""
    made: Any = field(
        default=read(tomllib.loads(f"value = {written}")["value"]), metadata=about(read, written, meaning)
    )
    return made  # type: ignore[no-any-return]


def optional(read: Callable[[object], T], meaning: str) -> T | None:
    """A setting that is found out, or without effect, where it is not written."""
    made: Any = field(default=None, metadata=about(read, "", meaning))
    return made  # type: ignore[no-any-return]


def entries(read: Callable[[object], Any], example: str, meaning: str) -> Any:
    """A table of the operator's own keys."""
    return field(default_factory=dict, metadata={**about(read, example, meaning), ENTRIES: True})
