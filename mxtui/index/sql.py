"""The filter language as SQL. `model.filter.matches` says what a filter means; a property test holds this to it.

Every value travels as a parameter; nothing an operator or a message wrote becomes part of a statement.
"""

import sqlite3
from functools import lru_cache
from typing import Any, assert_never

from mxtui.model.filter import (
    EVERYTHING,
    And,
    Compare,
    Everything,
    Field,
    Filter,
    Match,
    Not,
    Or,
    Pattern,
    is_client,
    whole,
    within,
)
from mxtui.model.filter.matching import UNKNOWN_RECIPIENT
from mxtui.model.origin import network, sender_shape

Where = tuple[str, list[Any]]
"""A condition over `message m`, never NULL, and its parameters in order."""

_JUDGED = "FROM judged j LEFT JOIN campaign c ON c.id = j.campaign WHERE j.message = m.id"

NONEXISTENT = "r.address COLLATE NOCASE IN (SELECT address FROM nonexistent)"
"""Of a recipient `r`: it was refused to somebody who asked for it."""

_TOTAL = "round(j.points + coalesce(j.scanned, 0) + coalesce(c.points, 0), 1)"

SCORE = f"(SELECT {_TOTAL} {_JUDGED})"
"""Of message `m`; NULL where nobody has judged it."""

CAMPAIGN = f"(SELECT c.name {_JUDGED})"

SUSPECT = (
    f"EXISTS (SELECT 1 {_JUDGED} AND NOT j.cleared AND NOT coalesce(c.cleared, 0) "
    f"AND {_TOTAL} >= (SELECT threshold FROM suspicion))"
)

_NUMBERS: dict[Field, str] = {
    Field.SIZE: "m.size",
    Field.ATTEMPTS: "m.attempts",
    Field.RECIPIENTS: "m.recipients",
    Field.SCORE: SCORE,
}


_KNOWN_SENDER = "(m.sender <> '' OR m.fault IS NULL)"
"""`QueuedMessage.unknown_sender`, denied."""


def add_functions(database: sqlite3.Connection) -> None:
    """What SQLite lacks: prefixes and networks, senders' shapes, and letters beyond ASCII without regard to case."""
    database.create_function("in_prefix", 2, _in_prefix, deterministic=True)
    database.create_function("fits", 4, _fits, deterministic=True)
    database.create_function("sender_shape", 1, sender_shape, deterministic=True)
    database.create_function("network", 1, network, deterministic=True)


@lru_cache(maxsize=65_536)
def _in_prefix(address: str | None, prefix: str) -> bool:
    return address is not None and is_client(Pattern(prefix), address)


def _fits(text: str | None, pattern: str, wildcard: int, anywhere: int) -> bool:
    fit = within if anywhere else whole
    return text is not None and fit(Pattern(pattern, bool(wildcard)), text)


def where(filter_: Filter | None, now: float) -> Where:
    """The condition under which a message is meant, at `now`."""
    match filter_ or EVERYTHING:
        case Everything():
            return "1", []
        case And(terms):
            return _joined(" AND ", [where(term, now) for term in terms])
        case Or(terms):
            return _joined(" OR ", [where(term, now) for term in terms])
        case Not(term):
            condition, parameters = where(term, now)
            return f"NOT {condition}", parameters
        case Compare(field, relation, value):
            expression, parameters = _number(field, now)
            return f"(({expression} {relation.value} ?) IS TRUE)", [*parameters, value]
        case Match(field, values):
            return _joined(" OR ", [_meets(field, value, now) for value in values])
        case unknown:
            assert_never(unknown)


def _joined(operator: str, conditions: list[Where]) -> Where:
    return f"({operator.join(c for c, _ in conditions)})", [p for _, parameters in conditions for p in parameters]


def _number(field: Field, now: float) -> Where:
    if field is Field.AGE:
        return "? - m.arrival", [now]
    if field is Field.EXPIRES:
        return "m.expires - ?", [now]
    try:
        return _NUMBERS[field], []
    except KeyError:
        raise ValueError(f"{field.value} cannot be told from the queue alone") from None


def _meets(field: Field, pattern: Pattern, now: float) -> Where:
    match field:
        case Field.ID:
            glob = pattern.text.replace("[", "[[]") if pattern.wildcard else ""
            return ("m.queue_id GLOB ?", [glob]) if pattern.wildcard else ("m.queue_id = ?", [pattern.text])
        case Field.SENDER:
            return _joined(" AND ", [(_KNOWN_SENDER, []), _address("m.sender", pattern)])
        case Field.RECIPIENT:
            return _of_a_recipient(_address("r.address", pattern))
        case Field.DOMAIN:
            return _by_recipient_of("domain", _whole("t.name", pattern))
        case Field.STATE:
            return "m.state = ?", [pattern.text]
        case Field.REASON:
            return _by_recipient_of("reason", _anywhere("t.text", pattern))
        case Field.SUBJECT:
            return _anywhere("m.subject", pattern)
        case Field.TEXT:
            anywhere = [_anywhere("m.sender", pattern), _anywhere("m.subject", pattern)]
            anywhere += [_of_a_recipient(_anywhere("r.address", pattern)), _meets(Field.REASON, pattern, now)]
            return _joined(" OR ", anywhere)
        case Field.CLIENT:
            if pattern.wildcard:
                return _whole("m.client", pattern)
            return "in_prefix(m.client, ?)", [pattern.text]
        case Field.IS:
            return _is(pattern.text, now)
        case Field.CAMPAIGN:
            return _whole(CAMPAIGN, pattern)
        case _:
            raise ValueError(f"{field.value} cannot be told from the queue alone")


def _is(kind: str, now: float) -> Where:
    match kind:
        case "bounce":
            return "(m.sender = '' AND m.fault IS NULL)", []
        case "held":
            return "m.state = 'hold'", []
        case "quarantined":
            return "m.state = 'quarantine'", []
        case "suspect":
            return SUSPECT, []
        case "backscatter":
            return "EXISTS (SELECT 1 FROM judged j WHERE j.message = m.id AND j.backscatter)", []
        case "unknown":
            return _of_a_recipient((f"((r.dsn LIKE ?) IS TRUE OR {NONEXISTENT})", [f"%{UNKNOWN_RECIPIENT}"]))
        case "expired":
            return "(m.forced_expire OR (m.expires <= ?) IS TRUE)", [now]
        case _:
            raise ValueError(f"is:{kind} cannot be told from the queue alone")


def _of_a_recipient(condition: Where) -> Where:
    return f"EXISTS (SELECT 1 FROM recipient r WHERE r.message = m.id AND {condition[0]})", condition[1]


def _by_recipient_of(table: str, condition: Where) -> Where:
    """Messages with a recipient whose domain or reason satisfies the condition, which is asked once per name."""
    # The inner query names no message, so SQLite runs it once; the outer one costs what the messages asked of cost.
    among = f"SELECT t.id FROM {table} t WHERE {condition[0]}"
    return f"EXISTS (SELECT 1 FROM recipient r WHERE r.message = m.id AND r.{table} IN ({among}))", condition[1]


def _address(expression: str, pattern: Pattern) -> Where:
    if pattern.text.startswith("@") and not pattern.wildcard:
        return _whole(f"substr({expression}, -{len(pattern.text)})", pattern)
    return _whole(expression, pattern)


def _whole(expression: str, pattern: Pattern) -> Where:
    if not pattern.text.isascii():
        return f"fits({expression}, ?, ?, 0)", [pattern.text, pattern.wildcard]
    if pattern.wildcard:
        return f"({expression} LIKE ? ESCAPE '!') IS TRUE", [_like(pattern)]
    return f"({expression} = ? COLLATE NOCASE) IS TRUE", [pattern.text]


def _anywhere(expression: str, pattern: Pattern) -> Where:
    if not pattern.text.isascii():
        return f"fits({expression}, ?, ?, 1)", [pattern.text, pattern.wildcard]
    return f"({expression} LIKE ? ESCAPE '!') IS TRUE", [f"%{_like(pattern)}%"]


def _like(pattern: Pattern) -> str:
    text = pattern.text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return text.replace("*", "%").replace("?", "_") if pattern.wildcard else text
