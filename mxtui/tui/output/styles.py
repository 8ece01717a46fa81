"""Styles as the terminal knows them: from one to the next in as few bytes as it takes (ECMA-48, SGR)."""

from functools import lru_cache
from typing import Final, NamedTuple

PLAIN: Final = ""
"""The terminal's own."""

_OFF: Final = {
    "1": "22",
    "2": "22",
    "3": "23",
    "4": "24",
    "5": "25",
    "7": "27",
    "8": "28",
    "9": "29",
    "21": "24",
    "53": "55",
}
_ON_BLANKS: Final = frozenset(("4", "7", "9", "21", "53"))
"""Underlined, reversed, struck through, overlined: what shows where there is no letter."""


class _Parts(NamedTuple):
    attributes: frozenset[str]
    ink: str
    ground: str


@lru_cache(maxsize=4096)
def _parts(style: str) -> _Parts:
    """Of a style as Textual writes it after a reset: `1;38;2;255;0;0;48;5;12`."""
    attributes, ink, ground = set(), "", ""
    codes = style.split(";") if style else []
    at = 0
    while at < len(codes):
        code = codes[at]
        if code in ("38", "48"):
            length = 5 if codes[at + 1 : at + 2] == ["2"] else 3
            colour = ";".join(codes[at : at + length])
            ink, ground = (colour, ground) if code == "38" else (ink, colour)
            at += length
            continue
        if code.isdigit() and (30 <= int(code) <= 37 or 90 <= int(code) <= 97):
            ink = code
        elif code.isdigit() and (40 <= int(code) <= 47 or 100 <= int(code) <= 107):
            ground = code
        elif code in _OFF:
            attributes.add(code)
        at += 1
    return _Parts(frozenset(attributes), ink, ground)


@lru_cache(maxsize=4096)
def blank(style: str) -> str:
    """How a space looks in it: two styles for which this is the same differ by nothing that can be seen there."""
    attributes, ink, ground = _parts(style)
    shown = attributes & _ON_BLANKS
    return ";".join((*sorted(shown), ink if shown else "", ground))


@lru_cache(maxsize=16_384)
def transition(before: str, after: str) -> str:
    """What takes the terminal from one style to another; empty where they are the same.

    >>> transition("1;31", "1;32")
    '\\x1b[32m'
    >>> transition("1;31;44", "")
    '\\x1b[m'
    """
    if before == after:
        return ""
    old, new = _parts(before), _parts(after)
    whole = ["0", *sorted(new.attributes), *filter(None, (new.ink, new.ground))]
    gone = {_OFF[code] for code in old.attributes - new.attributes}
    # 22 ends bold and dim both.
    kept = {code for code in old.attributes & new.attributes if _OFF[code] not in gone}
    steps = [*sorted(gone), *sorted(new.attributes - kept)]
    if new.ink != old.ink:
        steps.append(new.ink or "39")
    if new.ground != old.ground:
        steps.append(new.ground or "49")
    shortest = min(";".join(steps), ";".join(whole), key=len)
    return f"\x1b[{'' if shortest == '0' else shortest}m" if shortest else ""
