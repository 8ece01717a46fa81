"""Files to settings: /etc/mxtui.toml, then the user's own, then --config; later wins, key by key."""

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mxtui.config.positions import line_of
from mxtui.config.setting import ENTRIES, READ
from mxtui.config.settings import TABLES, Settings
from mxtui.errors import ConfigError

SYSTEM_FILE = Path("/etc/mxtui.toml")

LIMIT = 1 << 20
"""Bytes; a settings file larger than this is some other file."""


def files(explicit: Path | None = None, *, system: Path = SYSTEM_FILE) -> tuple[Path, ...]:
    """The files that would be read, in order, whether they exist or not."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(home) if home.startswith("/") else Path("~/.config").expanduser()
    own = folder / "mxtui" / "config.toml"
    return (system, own) if explicit is None else (system, own, explicit)


def load(explicit: Path | None = None, *, system: Path = SYSTEM_FILE) -> Settings:
    """The settings in force.

    Raises:
        ConfigError: a file that cannot be read or understood, an unknown key, a value of the wrong kind; it names file,
            line and key. `explicit` has to exist, the others need not.
    """
    values: dict[str, Any] = {}
    for path in files(explicit, system=system):
        text = _read(path, required=path is explicit)
        if text is not None:
            _merge(values, _File(path, text).values())
    settings: Settings = _build(Settings, values)
    return settings


def where(path: tuple[str, ...], explicit: Path | None = None, *, system: Path = SYSTEM_FILE) -> str:
    """Who sets a key, for the message of a mistake that shows only later: `/etc/mxtui.toml:12: serve.key`; the key
    alone where it has its default.
    """
    for file in reversed(files(explicit, system=system)):
        text = _read(file, required=False)
        if text is None:
            continue
        tables = tomllib.loads(text)
        written = _as_written(tables, path)
        if _has(tables, written):
            return f"{file}:{line_of(text, written)}: {_dotted(written)}"
    return _dotted(path)


def _has(table: object, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(table, dict) or name not in table:
            return False
        table = table[name]
    return True


def _as_written(tables: Mapping[str, Any], path: tuple[str, ...]) -> tuple[str, ...]:
    """The path with the last name in the letters of the file: domains are in lower case once they are read."""
    table: Any = tables
    for name in path[:-1]:
        table = table.get(name) if isinstance(table, dict) else None
    names = table if isinstance(table, dict) else {}
    return (*path[:-1], next((name for name in names if name.lower() == path[-1].lower()), path[-1]))


def _read(path: Path, *, required: bool) -> str | None:
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT + 1)
        if len(content) > LIMIT:
            raise ConfigError(f"{path}: larger than {LIMIT >> 20} MB", "Is this the right file?")
        return content.decode()
    except (FileNotFoundError, NotADirectoryError):
        if not required:
            return None
        raise ConfigError(f"{path}: no such file", "Name an existing file with --config.") from None
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", "It has to be readable for the user who runs mxtui.") from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigError(f"{path}:{line}: not UTF-8", "TOML files are UTF-8.") from None


class _File:
    """One file, while it is being checked."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text

    def values(self) -> dict[str, Any]:
        """Its values by key, in nested tables, each checked."""
        try:
            tables = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{self.path}: {error}", "It has to be TOML: https://toml.io") from None
        except RecursionError:
            raise ConfigError(f"{self.path}: nested too deeply", "It has to be TOML: https://toml.io") from None
        return dict(self.table(Settings, tables, ()))

    def table(self, kind: Any, table: Mapping[str, object], path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        known = {item.name: item for item in fields(kind)}
        for name, value in table.items():
            here = (*path, name)
            if name not in known:
                raise self.unknown(here, tuple(known))
            metadata = known[name].metadata
            if not metadata:
                yield name, dict(self.table(TABLES[name], self.as_table(value, here), here))
            elif ENTRIES in metadata:
                entries = self.as_table(value, here)
                yield name, {key.lower(): self.entry(metadata, entry, (*here, key)) for key, entry in entries.items()}
            else:
                yield name, self.value(metadata, value, here)

    def value(self, metadata: Mapping[str, Any], value: object, path: tuple[str, ...]) -> Any:
        try:
            return metadata[READ](value)
        except ValueError as error:
            shown = "a table" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
            raise self.error(path, f"{shown[:60]} will not do", f"Expected {error}.") from None

    def entry(self, metadata: Mapping[str, Any], value: object, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            raise self.error(
                path, "a table will not do", 'TOML splits names at dots: put them in quotes, as in "a.example".'
            )
        return self.value(metadata, value, path)

    def as_table(self, value: object, path: tuple[str, ...]) -> Mapping[str, object]:
        if isinstance(value, dict):
            return value
        raise self.error(path, "not a table", f"Write [{_dotted(path)}] and its keys below.")

    def unknown(self, path: tuple[str, ...], known: Sequence[str]) -> ConfigError:
        near = get_close_matches(path[-1], known, n=1)
        nearest = f"Did you mean {_dotted((*path[:-1], near[0]))}? " if near else ""
        return self.error(path, "no such setting", f"{nearest}Known here: {', '.join(known)}.")

    def error(self, path: tuple[str, ...], what: str, hint: str) -> ConfigError:
        return ConfigError(f"{self.path}:{line_of(self.text, path)}: {_dotted(path)}: {what}", hint)


def _dotted(path: Sequence[str]) -> str:
    return ".".join(name if name.replace("_", "").replace("-", "").isalnum() else f'"{name}"' for name in path)


def _merge(values: dict[str, Any], later: Mapping[str, Any]) -> None:
    for name, value in later.items():
        if isinstance(value, dict) and isinstance(values.get(name), dict):
            _merge(values[name], value)
        else:
            values[name] = value


def _build(kind: Any, values: Mapping[str, Any]) -> Any:
    tables = {name: TABLES[name] for item in fields(kind) if (name := item.name) in TABLES}
    return kind(**{**values, **{name: _build(table, values.get(name, {})) for name, table in tables.items()}})
