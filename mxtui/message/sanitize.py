"""The one sanitizer: whatever came from outside passes here before it reaches a terminal, a log or a file.

Mail, SMTP replies, DNS and file names are written by attackers, and a terminal obeys what it is sent. Controls become
visible pictures (`␛`), characters that hide or reorder text become their codes (`<U+202E>`), and what merely piles up
(combining marks, runs of invisible characters) is counted instead of shown. The result is safe as text; it is still not
markup, and nothing may parse it as such.
"""

from functools import lru_cache
from itertools import groupby
from typing import Literal
from unicodedata import category

ELLIPSIS = "…"

ONE_LINE = 200
"""Characters that fit no screen's line and yet hold any address or reply worth reading."""

_MARKS = 4
"""Combining marks in a row that a living script needs; more is a flood that paints over other lines."""

_SHOWN = 3
"""Hidden characters in a row that are each shown; of more, the first and their number."""

_TAB = 8

_Class = Literal["plain", "space", "control", "hidden", "joiner", "mark"]

# Unicode's Default_Ignorable_Code_Point among letters, marks and symbols, which categories do not tell: combining
# grapheme joiner, Hangul fillers, Khmer inherent vowels, Mongolian variation selectors, the blank of Braille.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")

_DOTTED_CIRCLE = "\N{DOTTED CIRCLE}"


def one_line(text: str, limit: int = ONE_LINE) -> str:
    """A text on one line, at most `limit` characters; line ends are shown, tabs are spaces.

    >>> one_line("Win\\x1b[2J \\u202egpj.exe")
    'Win␛[2J <U+202E>gpj.exe'
    """
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    # A bound before the work: replacements only ever grow a character, save for runs, whose number may come out low.
    excerpt = text[: limit * 4 + 1]
    clean = _clean(excerpt)
    if len(clean) <= limit and len(excerpt) == len(text):
        return clean
    if len(clean) < limit:
        return clean + ELLIPSIS
    return clean[: limit - 1] + ELLIPSIS


def block(text: str) -> str:
    """A text of many lines: LF and CRLF end lines, tabs become spaces to the next eighth column.

    Its length is bounded by what comes in: at most ten characters for one.
    """
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.isprintable():
        return text
    return "\n".join(_line(line) for line in text.split("\n"))


def _line(line: str) -> str:
    if "\t" in line:
        line = line.expandtabs(_TAB)
    return line if line.isascii() and line.isprintable() else _clean(line)


def _clean(text: str) -> str:
    parts: list[str] = []
    at = 0
    for kind, run in groupby(text, _classify):
        characters = "".join(run)
        end = at + len(characters)
        match kind:
            case "plain":
                parts.append(characters)
            case "space":
                parts.append(" " * len(characters))
            case "control":
                parts.append(characters.translate(_PICTURES))
            case "mark":
                parts.append(_marks(characters, follows=at > 0))
            case "joiner" if _joins(text, at, end):
                pass
            case _:
                parts.append(_codes(characters))
        at = end
    return "".join(parts)


@lru_cache(maxsize=4096)
def _classify(character: str) -> _Class:
    if character in _INVISIBLE:
        return "hidden"
    if character in "\u200c\u200d" or "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return "joiner"
    match category(character):
        case "Zs":
            return "space"
        case "Cc":
            if character == "\t":
                return "space"
            return "control" if character in _PICTURED else "hidden"
        case "Cf" | "Cs" | "Co" | "Cn" | "Zl" | "Zp":
            return "hidden"
        case "Mn" | "Me":
            return "mark"
        case _:
            return "plain"


_PICTURES = {code: 0x2400 + code for code in range(0x20)} | {0x7F: 0x2421}
_PICTURED = frozenset(map(chr, _PICTURES))


def _joins(text: str, start: int, end: int) -> bool:
    """Whether this is one joiner or variation selector where writing needs one: dropped, for terminals disagree on it.

    Next to an ASCII letter, or more than one, it hides something: a broken-up word, smuggled data.
    """
    before, after = text[start - 1 : start], text[end : end + 1]
    if end - start > 1 or not before or _classify(before) not in ("plain", "mark"):
        return False
    if text[start] in "\u200c\u200d":
        return not before.isascii() and bool(after) and not after.isascii() and _classify(after) in ("plain", "mark")
    return not before.isascii() or after == "\u20e3"


def _marks(marks: str, *, follows: bool) -> str:
    """Marks with something to sit on: at the start of a text they would sit on whatever the screen shows before it."""
    shown = marks if follows else _DOTTED_CIRCLE + marks
    excess = len(marks) - _MARKS
    return shown if excess <= 0 else f"{shown[:-excess]}<+{excess} marks>"


def _codes(characters: str) -> str:
    if len(characters) <= _SHOWN:
        return "".join(f"<{_code(character)}>" for character in characters)
    return f"<{_code(characters[0])} +{len(characters) - 1}>"


def _code(character: str) -> str:
    point = ord(character)
    # A byte that was no UTF-8, as the surrogateescape error handler carries it (PEP 383).
    return f"{point - 0xDC00:02X}" if 0xDC80 <= point <= 0xDCFF else f"U+{point:04X}"
