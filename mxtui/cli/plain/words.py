"""From a line to words, and from numbers in it to what they stand for. Pure."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from mxtui.cli.plain.lists import Meaning, Row
from mxtui.errors import UsageError

TAKES: Final[Mapping[str, Meaning]] = {
    **dict.fromkeys(
        (
            "messages",
            "list",
            "hold",
            "release",
            "quarantine",
            "renew",
            "redirect",
            "reject",
            "delete",
            "flush",
            "learn",
            "clear",
            "suspects",
        ),
        "filter",
    ),
    **dict.fromkeys(("show", "audit"), "id"),
    **dict.fromkeys(
        ("domain", "primary", "suspend", "resume", "migrate", "announce", "probe", "history", "doctor"), "domain"
    ),
    "ack": "alert",
}
"""What a number stands for behind a word."""

_SECOND: Final = ("migrate", "learn")
"""Whose first word says what is to be done."""

_DIGITS: Final = 9
"""Of a row's number, at most; Python takes long over many, and refuses thousands."""

_CALLED: Final[Mapping[Meaning, str]] = {
    "filter": "messages that a filter can name", "id": "a message", "domain": "a domain", "alert": "an alert",
}  # fmt: skip


def split(line: str) -> list[str]:
    """Words as in a shell: quotes keep together what has spaces. `mxtui` before them is left out.

    Raises UsageError: a quote is not closed.
    """
    try:
        words = shlex.split(line)
    except ValueError:
        raise UsageError("a quotation mark is not closed", 'As in: hold subject:"one two".') from None
    return words[1:] if words[:1] == ["mxtui"] else words


def meant(words: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """The words, with the numbers that follow the command replaced by what they stand for in the last list.

    Raises UsageError: there is no such row, or it is nothing that the command takes.
    """
    if not words:
        return []
    if words[0].isdecimal() and len(words) == 1:
        return _opened(words[0], rows)
    takes, start = TAKES.get(words[0]), 2 if words[0] in _SECOND else 1
    end = start
    while end < len(words) and words[end].isdecimal():
        end += 1
    if takes is None or end == start:
        return list(words)
    found = [_meaning(number, rows, takes) for number in words[start:end]]
    if takes == "filter":
        texts = [text for each in found for text in each]
        chosen = texts if len(texts) == 1 else [f"({' or '.join(texts)})"]
    else:
        chosen = [text for each in found for text in each]
    return [*words[:start], *chosen, *words[end:]]


def _row(number: str, rows: Sequence[Row]) -> Row:
    if not rows:
        raise UsageError(f"{number} of what? There is no list yet", "domains and messages make one.")
    if len(number) > _DIGITS or not 1 <= int(number) <= len(rows):
        raise UsageError(f"{number} is no row that was said", f"The last list was said up to {len(rows):,}.")
    return rows[int(number) - 1]


def _opened(number: str, rows: Sequence[Row]) -> list[str]:
    opens = _row(number, rows).opens
    if not opens:
        raise UsageError(f"there is no more to say about {number}", "")
    return list(opens)


def _meaning(number: str, rows: Sequence[Row], takes: Meaning) -> tuple[str, ...]:
    meaning = (_row(number, rows).means or {}).get(takes)
    if meaning is None:
        raise UsageError(f"{number} does not stand for {_CALLED[takes]}", "Say it in words.")
    if any(text.startswith("-") for text in meaning):
        raise UsageError(f"{number} begins like an option", "Name it in words.")
    return meaning
