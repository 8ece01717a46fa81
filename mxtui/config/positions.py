"""The line on which a key of a TOML file stands. tomllib does not tell, and an operator wants to know."""

import re
import tomllib
from collections.abc import Mapping

Path = tuple[str, ...]

_HEADER = re.compile(r"\s*(\[{1,2}.+?\]{1,2})\s*(?:#.*)?$")
_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_KEY = re.compile(rf"\s*({_PART}(?:\s*\.\s*{_PART})*)\s*=")


def line_of(text: str, path: Path) -> int:
    """The line, from 1, of a key in a valid TOML text; of the table around it when it stands inside a longer value.

    A text that looks like a key inside a multi-line string can mislead it: it serves error messages only.
    """
    lines = _lines(text)
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _lines(text: str) -> dict[Path, int]:
    found: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if (header := _HEADER.match(line)) is not None and (path := _path(header[1])) is not None:
            table = path
            found.setdefault(table, number)
        elif (key := _KEY.match(line)) is not None and (path := _path(f"{key[1]} = 0")) is not None:
            for end in range(1, len(path) + 1):
                found.setdefault(table + path[:end], number)
    return found


def _path(written: str) -> Path | None:
    """The names of a header or key, read by tomllib itself: it knows how they are quoted."""
    try:
        value: object = tomllib.loads(written)
    except tomllib.TOMLDecodeError:
        return None
    names: list[str] = []
    while isinstance(value, Mapping) and value:
        name, value = next(iter(value.items()))
        names.append(name)
    return tuple(names)
