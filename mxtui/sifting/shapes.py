"""Texts and subjects without what a campaign changes from one message to the next."""

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from itertools import islice
from typing import Final

MOST_WORDS: Final = 600
"""Of one body: what makes a campaign is said by then, and a sender may write without end."""

SHORTEST: Final = 4
"""Letters. Shorter words are articles and prepositions in most languages that are written with spaces."""

LONGEST: Final = 24
"""Letters. What is longer is a token made by chance, or text in which nothing separates words."""

# For lower case, and possessive: what precedes the mark never holds it, so nothing is tried twice.
_LINK = re.compile(r"[a-z][a-z0-9+.-]{1,15}+(?:\[:\]|:)//\S{1,2000}|\bwww\.\S{1,500}")
_ADDRESS = re.compile(r"[\w.+=-]{1,64}+@[\w.\[\]-]{1,255}")
_WORD = re.compile(r"[^\W_]+")
_LONG_WORD = re.compile(rf"[^\W_]{{{SHORTEST},}}")
_VOWEL = re.compile(r"[aeiouyäöüáéíóúàèìòùâêîôûåæøœıа-яёα-ω]")
_RUN = re.compile(r"[bcdfghjklmnpqrstvwxz]{6,}")
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")

_REPLY = re.compile(r"^(?:(?:re|fwd?|aw|wg|sv|vs|antw|rif|r)\s*(?:\[\d+\])?\s*:\s*)+", re.IGNORECASE)
_VARIABLE = re.compile(r"[^\W_]*\d[\w-]*")

SUBJECT_WORDS: Final = 12


def words(text: str, leave_out: Collection[str] = ()) -> tuple[str, ...]:
    """What a body says, in its order: lower case, without links, addresses, numbers and words made by chance.

    Languages without spaces give each two neighbouring characters. `leave_out` are names that belong to a recipient.

    >>> words("Dear Anna, your invoice 88413 at https://pay.example/x7 is overdue", {"anna"})
    ('dear', 'your', 'invoice', 'overdue')
    """
    text = unicodedata.normalize("NFKC", text).lower()
    if "//" in text or "www." in text:
        text = _LINK.sub(" ", text)
    if "@" in text:
        text = _ADDRESS.sub(" ", text)
    if text.isascii() or _IDEOGRAPH.search(text) is None:
        spaced = (
            word
            for word in _LONG_WORD.findall(text)
            if len(word) <= LONGEST and word not in leave_out and _is_word(word)
        )
        return tuple(islice(spaced, MOST_WORDS))
    found: list[str] = []
    for word in _WORD.findall(text):
        if _IDEOGRAPH.search(word):
            found += [word[at : at + 2] for at in range(min(len(word), MOST_WORDS) - 1)]
        elif SHORTEST <= len(word) <= LONGEST and word not in leave_out and _is_word(word):
            found.append(word)
        if len(found) >= MOST_WORDS:
            break
    return tuple(found[:MOST_WORDS])


@lru_cache(maxsize=1 << 15)
def _is_word(word: str) -> bool:
    """Whether a person may have written it: no digit in it, vowels, and no long run without one. It is remembered:
    nothing longer than `LONGEST` is to be asked about.
    """
    if not word.isalpha():
        return False
    return not word.isascii() or (_VOWEL.search(word) is not None and _RUN.search(word) is None)


def subject_shape(subject: str, leave_out: Collection[str] = ()) -> str:
    """A subject without reply marks, numbers, and a recipient's name; punctuation does not count.

    >>> subject_shape("Re: AW: Invoice INV-88413 for Anna is overdue!", {"anna"})
    'invoice # for is overdue'
    """
    text = _REPLY.sub("", unicodedata.normalize("NFKC", subject).strip().lower())
    shape: list[str] = []
    for word in re.findall(r"[^\W_]+(?:[-_'][^\W_]+)*", text)[: 4 * SUBJECT_WORDS]:
        if word in leave_out:
            continue
        kept = "#" if _VARIABLE.fullmatch(word) or any(letter.isdigit() for letter in word) else word
        if kept != "#" or shape[-1:] != ["#"]:
            shape.append(kept)
    return " ".join(shape[:SUBJECT_WORDS])


def is_telling(shape: str) -> bool:
    """Whether a subject says enough to tell a campaign by: three words that are none made up.

    >>> is_telling("invoice #"), is_telling("your parcel # could not be delivered")
    (False, True)
    """
    return sum(len(word) > 2 for word in shape.split()) >= 3


def phrases(shape: str) -> list[str]:
    """Each three words of a subject that follow each other: a campaign keeps them, whatever name it puts before.

    >>> phrases("anna sent you private pictures #")
    ['anna sent you', 'sent you private', 'you private pictures']
    """
    found = [word for word in shape.split() if word != "#"]
    return [" ".join(found[at : at + 3]) for at in range(len(found) - 2)]


def names_of(recipients: Collection[str]) -> frozenset[str]:
    """Words of recipients' addresses, which a mail to them may greet them by."""
    return frozenset(word for address in recipients for word in _WORD.findall(address.lower()) if len(word) > 2)
