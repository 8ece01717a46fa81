"""The tree of a filter. `str` writes it in the filter language, and parsing that gives the same tree again."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from mxtui.model.units import format_duration, format_size


class Field(StrEnum):
    """What a leaf looks at; the value is the word in the language."""

    ID = "id"
    SENDER = "from"
    RECIPIENT = "to"
    DOMAIN = "domain"
    STATE = "state"
    AGE = "age"
    EXPIRES = "expires"
    SIZE = "size"
    ATTEMPTS = "attempts"
    RECIPIENTS = "recipients"
    REASON = "reason"
    SUBJECT = "subject"
    CLIENT = "client"
    IS = "is"
    SCORE = "score"
    HOST = "host"
    CAMPAIGN = "campaign"
    TEXT = "text"
    """Sender, recipient, reason or subject; written as a bare value."""

    @property
    def numeric(self) -> bool:
        """Compared by `< > <= >= =` rather than matched by `:`."""
        return self in _NUMERIC


_NUMERIC = frozenset({Field.AGE, Field.EXPIRES, Field.SIZE, Field.ATTEMPTS, Field.RECIPIENTS, Field.SCORE})

JUDGED_WORDS: tuple[str, ...] = ("score", "campaign", "is:suspect", "is:backscatter")
"""Words about what a message was judged to be."""

EXTRA_WORDS: tuple[str, ...] = (*JUDGED_WORDS, "host")
"""Words that need knowledge beyond the queue itself: understood only where a caller says it has that knowledge."""

IS_VALUES: tuple[str, ...] = ("bounce", "expired", "held", "quarantined", "unknown", "suspect", "backscatter")
"""`bounce` has the null sender; `expired` gives up at its next attempt, by age or by force; `held` is in hold,
`quarantined` in quarantine; `unknown` has a recipient that its primary did not know (an index may know of more, by
call-outs); `suspect` reaches the configured score, and nobody cleared it; `backscatter` returns a letter that came back
from many places, which nobody here wrote."""


class Relation(StrEnum):
    """How a number compares."""

    LESS = "<"
    MORE = ">"
    AT_MOST = "<="
    AT_LEAST = ">="
    EQUAL = "="


@dataclass(frozen=True, slots=True)
class Pattern:
    """One value to match.

    A pattern of ASCII letters ignores the case of ASCII only, as SQLite's LIKE does; another ignores the case of all
    letters. Queue IDs never ignore case.

    Raises:
        ValueError: a wildcard pattern without a wildcard, or with what only quotes could carry, which make it literal.
    """

    text: str
    wildcard: bool = False
    """`*` is any run of characters and `?` any one; otherwise both are just themselves."""

    def __post_init__(self) -> None:
        if self.wildcard and not _GLOB.fullmatch(self.text):
            raise ValueError(f"not a wildcard pattern: {self.text!r}")


@dataclass(frozen=True, slots=True)
class Everything:
    """The empty filter. Verbs that change something refuse it: all has to be said (`--all`)."""

    def __str__(self) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Match:
    """The field matches one of the values. A field that is not known never matches.

    How a pattern meets a field:

    - `id`: whole, exact case. `domain`, `host`, `campaign`: whole.
    - `from`, `to`: whole address; one that starts with `@` and has no wildcard is everything in that domain;
      an empty one is the null sender.
    - `reason`, `subject`, bare values: anywhere within.
    - `client`: an address, a CIDR prefix, or a wildcard pattern over the address as text.
    - `state`, `is`: one of their words.

    `to`, `domain` and `reason` match a message when one of its recipients does.
    """

    field: Field
    values: tuple[Pattern, ...]

    def __str__(self) -> str:
        values = "|".join(_spell(value) for value in self.values)
        bare = self.field is Field.TEXT and (not self.values[0].wildcard or _BARE.match(self.values[0].text))
        return values if bare else f"{self.field.value}:{values}"


@dataclass(frozen=True, slots=True)
class Compare:
    """The field stands in this relation to a number: seconds, bytes, a count or a score. Unknown never does."""

    field: Field
    relation: Relation
    value: int | float

    def __str__(self) -> str:
        if self.field in (Field.AGE, Field.EXPIRES):
            number = format_duration(int(self.value))
        elif self.field is Field.SIZE:
            number = format_size(int(self.value))
        else:
            number = str(self.value)
        return f"{self.field.value}{self.relation.value}{number}"


@dataclass(frozen=True, slots=True)
class Not:
    """Whatever the term does not match. Two-valued: `-reason:x` matches a message without any reason."""

    term: "Filter"

    def __str__(self) -> str:
        return f"-{_group(self.term)}"


@dataclass(frozen=True, slots=True)
class And:
    """All of the terms; two or more."""

    terms: tuple["Filter", ...]

    def __str__(self) -> str:
        return " ".join(_group(term) for term in self.terms)


@dataclass(frozen=True, slots=True)
class Or:
    """One of the terms; two or more."""

    terms: tuple["Filter", ...]

    def __str__(self) -> str:
        return " or ".join(str(term) if isinstance(term, And) else _group(term) for term in self.terms)


Filter = Everything | And | Or | Not | Match | Compare

EVERYTHING = Everything()


def leaves(filter: Filter) -> Iterator[Match | Compare]:  # noqa: A002
    """Everything that a filter looks at, negated or not."""
    match filter:
        case And(terms) | Or(terms):
            for term in terms:
                yield from leaves(term)
        case Not(term):
            yield from leaves(term)
        case Match() | Compare():
            yield filter
        case Everything():
            return


def asks_for_subjects(filter: Filter) -> bool:  # noqa: A002
    """Whether it can only be answered with subjects read, which costs a third more than reading without them."""
    return any(leaf.field in (Field.SUBJECT, Field.TEXT) for leaf in leaves(filter))


def asks_for_recipients(filter: Filter) -> bool:  # noqa: A002
    """Whether it matters which recipients do not exist, which has to be asked for."""
    return depends_on_judgement(filter) or any(
        leaf.field is Field.IS and any(value.text == "unknown" for value in leaf.values)
        for leaf in leaves(filter)
        if isinstance(leaf, Match)
    )


def depends_on_time(filter: Filter) -> bool:  # noqa: A002
    """Whether messages come to match, or cease to, by the clock alone."""

    def ages(leaf: Match | Compare) -> bool:
        if isinstance(leaf, Match):
            return leaf.field is Field.IS and any(value.text == "expired" for value in leaf.values)
        return leaf.field in (Field.AGE, Field.EXPIRES)

    return any(ages(leaf) for leaf in leaves(filter))


def depends_on_judgement(filter: Filter) -> bool:  # noqa: A002
    """Whether it can only be answered with messages judged."""

    def judges(leaf: Match | Compare) -> bool:
        if isinstance(leaf, Match) and leaf.field is Field.IS:
            return any(f"is:{value.text}" in JUDGED_WORDS for value in leaf.values)
        return leaf.field.value in JUDGED_WORDS

    return any(judges(leaf) for leaf in leaves(filter))


OPERATORS = frozenset({"and", "or"})
_RESERVED = OPERATORS | {"mailer-daemon"}
_GLOB = re.compile(r'(?=.*[*?])[^\s()"|]+')
_BARE = re.compile(r"[\w@.*?]+$")
_PLAIN = re.compile(r"[\w@.+/][\w@.+/-]*")


def quote(value: str) -> str:
    """A value as the language takes it literally, quoted where it must be.

    >>> quote("example.org"), quote("connection refused"), quote("*")
    ('example.org', '"connection refused"', '"*"')
    """
    if _PLAIN.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _spell(pattern: Pattern) -> str:
    if pattern.wildcard:
        return pattern.text
    return quote(pattern.text) if pattern.text else "<>"


def _group(term: Filter) -> str:
    return f"({term})" if isinstance(term, And | Or | Not) else str(term)
