"""Queue IDs: their grammar, the time inside long ones, and the directory that Postfix keeps each under.

Source: Postfix, src/global/mail_queue.h and mail_queue.c; `enable_long_queue_ids` in postconf(5).
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

_ID = re.compile(r"[0-9A-Za-z]{6,100}")

_DIGITS = "0123456789BCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
"""Base 52: digits and letters without vowels, so that no ID spells a word."""

_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}

_SEPARATOR = "z"
_TIME = 10
"""Characters of time before the separator of a long ID: at least six of seconds, four of microseconds."""

_MICROSECONDS = 4


def valid(queue_id: str) -> bool:
    """Whether this can name a message (`ALL`, `-x` and paths cannot).

    >>> valid("4jXB0Q1b2z9r"), valid("B3F0A12C4"), valid("ALL"), valid("../../etc")
    (True, True, False, False)
    """
    return _ID.fullmatch(queue_id) is not None


def valid_among(names: Iterable[str]) -> list[str]:
    """Those names that can name a message, at a third of what asking for each costs."""
    return list(filter(_ID.fullmatch, names))


def arrival(queue_id: str) -> float | None:
    """Seconds since the epoch at which a long ID was made; None for a short one, which has microseconds only."""
    end = _separator(queue_id)
    if end < 0:
        return None
    seconds = _number(queue_id[: end - _MICROSECONDS])
    microseconds = _number(queue_id[end - _MICROSECONDS : end])
    # An ID is text from a directory: 100 digits of base 52 must not become an absurd date.
    if seconds is None or microseconds is None or seconds > 1 << 40:
        return None
    return seconds + microseconds / 1e6


def spelling(queue_id: str) -> str:
    """The characters that choose a message's directory: of a long ID its microseconds as five hex digits."""
    end = _separator(queue_id)
    if end < 0:
        return queue_id
    return f"{_number(queue_id[end - _MICROSECONDS : end]) or 0:05X}"


class Hashing(NamedTuple):
    """Which queues are split into directories by ID, and how deep (hash_queue_names, hash_queue_depth)."""

    names: frozenset[str]
    depth: int

    def folder(self, queue: str, queue_id: str) -> str:
        """The directory of a message, relative to the queue directory.

        >>> Hashing(frozenset({"deferred"}), 2).folder("deferred", "B3F0A12C4")
        'deferred/B/3'
        >>> Hashing(frozenset({"deferred"}), 2).folder("hold", "B3F0A12C4")
        'hold'
        """
        if queue not in self.names:
            return queue
        return "/".join((queue, *spelling(queue_id).ljust(self.depth, "_")[: self.depth]))


def encode(seconds: int, microseconds: int, inode: int, *, long: bool) -> str:
    """The ID that Postfix would give to a file.

    >>> encode(1795355934, 704321, 424242, long=False)
    'ABF4167932'
    """
    if not long:
        return f"{microseconds:05X}{inode:X}"
    return f"{_digits(seconds, 52):0>6}{_digits(microseconds, 52):0>4}{_SEPARATOR}{_digits(inode, 51)}"


def _separator(queue_id: str) -> int:
    """Where a long ID's time ends; -1 for a short ID."""
    end = queue_id.rfind(_SEPARATOR)
    return end if end >= _TIME else -1


def _number(text: str) -> int | None:
    value = 0
    for character in text:
        digit = _VALUES.get(character)
        if digit is None:
            return None
        value = value * 52 + digit
    return value


def _digits(value: int, base: int) -> str:
    text = ""
    while True:
        value, digit = divmod(value, base)
        text = _DIGITS[digit] + text
        if not value:
            return text
