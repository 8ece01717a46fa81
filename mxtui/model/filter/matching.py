"""What a filter means, one message at a time. The reference that the index's SQL is tested against."""

import operator
import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple, assert_never

from mxtui.model.filter.syntax import And, Compare, Everything, Field, Filter, Match, Not, Or, Pattern, Relation
from mxtui.model.message import NULL_SENDER, QueuedMessage

UNKNOWN_RECIPIENT: Final = ".1.1"
"""How the enhanced status code of a bad destination mailbox ends (RFC 3463 3.2), whether for good or not yet."""

_COMPARE: dict[Relation, Callable[[float, float], bool]] = {
    Relation.LESS: operator.lt,
    Relation.MORE: operator.gt,
    Relation.AT_MOST: operator.le,
    Relation.AT_LEAST: operator.ge,
    Relation.EQUAL: operator.eq,
}


class Standing(NamedTuple):
    """What a message was judged to be."""

    score: float | None = None
    """None where nobody has judged it: no comparison is true."""
    campaign: str = ""
    suspect: bool = False
    backscatter: bool = False


UNJUDGED: Final = Standing()


def matches(
    filter: Filter,  # noqa: A002
    message: QueuedMessage,
    now: float,
    standing: Standing | None = None,
) -> bool:
    """Whether a message is meant, at a time in seconds since the epoch.

    Raises:
        ValueError: the filter asks what a message alone cannot tell (`EXTRA_WORDS`), and no `standing` was given.
    """
    match filter:
        case Everything():
            return True
        case And(terms):
            return all(matches(term, message, now, standing) for term in terms)
        case Or(terms):
            return any(matches(term, message, now, standing) for term in terms)
        case Not(term):
            return not matches(term, message, now, standing)
        case Compare(field, relation, value):
            number = _number(field, message, now, standing)
            return number is not None and _COMPARE[relation](number, value)
        case Match(field, values):
            return any(_meets(field, value, message, now, standing) for value in values)
        case _:
            assert_never(filter)


def _number(field: Field, message: QueuedMessage, now: float, standing: Standing | None) -> float | None:
    match field:
        case Field.AGE:
            return now - message.arrival
        case Field.EXPIRES:
            return message.expires - now if message.expires is not None else None
        case Field.SIZE:
            return message.size
        case Field.ATTEMPTS:
            return message.attempts
        case Field.RECIPIENTS:
            return len(message.recipients)
        case Field.SCORE if standing is not None:
            return standing.score
        case _:
            raise ValueError(f"{field.value} cannot be told from a message alone")


def _meets(
    field: Field, pattern: Pattern, message: QueuedMessage, now: float, standing: Standing | None = None
) -> bool:
    match field:
        case Field.ID:
            return _is(pattern, message.queue_id, cased=True)
        case Field.SENDER:
            return not message.unknown_sender and _is_address(pattern, message.sender)
        case Field.RECIPIENT:
            return any(_is_address(pattern, recipient.address) for recipient in message.recipients)
        case Field.DOMAIN:
            return any(_is(pattern, recipient.domain) for recipient in message.recipients)
        case Field.STATE:
            return message.state == pattern.text
        case Field.REASON:
            return any(recipient.reason and within(pattern, recipient.reason) for recipient in message.recipients)
        case Field.SUBJECT:
            return message.subject is not None and within(pattern, message.subject)
        case Field.TEXT:
            return (
                within(pattern, message.sender)
                or _meets(Field.SUBJECT, pattern, message, now)
                or any(within(pattern, recipient.address) for recipient in message.recipients)
                or _meets(Field.REASON, pattern, message, now)
            )
        case Field.CLIENT:
            return message.client_address is not None and is_client(pattern, message.client_address)
        case Field.IS:
            return _is_kind(pattern.text, message, now, standing)
        case Field.CAMPAIGN if standing is not None:
            return bool(standing.campaign) and _is(pattern, standing.campaign)
        case _:
            raise ValueError(f"{field.value} cannot be told from a message alone")


def _is_kind(kind: str, message: QueuedMessage, now: float, standing: Standing | None) -> bool:
    match kind:
        case "bounce":
            return message.sender == NULL_SENDER and not message.unknown_sender
        case "held":
            return message.state == "hold"
        case "quarantined":
            return message.state == "quarantine"
        case "expired":
            return message.forced_expire or (message.expires is not None and message.expires <= now)
        case "unknown":
            return any((recipient.dsn or "").endswith(UNKNOWN_RECIPIENT) for recipient in message.recipients)
        case "suspect" if standing is not None:
            return standing.suspect
        case "backscatter" if standing is not None:
            return standing.backscatter
        case _:
            raise ValueError(f"is:{kind} cannot be told from a message alone")


def within(pattern: Pattern, text: str) -> bool:
    """Whether the pattern occurs anywhere in the text."""
    return _expression(pattern, True, False).match(text) is not None


def whole(pattern: Pattern, text: str) -> bool:
    """Whether the pattern is the whole text, whatever its case."""
    return _is(pattern, text)


def is_client(pattern: Pattern, address: str) -> bool:
    """Whether a client address (text from a queue file, possibly `unknown`) is this one or in this prefix."""
    if pattern.wildcard:
        return _is(pattern, address)
    try:
        return ip_address(address) in ip_network(pattern.text, strict=False)
    except ValueError:
        return False


def _is_address(pattern: Pattern, address: str) -> bool:
    if pattern.text.startswith("@") and not pattern.wildcard:
        return _is(pattern, address[-len(pattern.text) :])
    return _is(pattern, address)


def _is(pattern: Pattern, text: str, *, cased: bool = False) -> bool:
    return _expression(pattern, False, cased).match(text) is not None


@lru_cache(maxsize=256)
def _expression(pattern: Pattern, anywhere: bool, cased: bool) -> re.Pattern[str]:
    flags = re.DOTALL
    if not cased:
        flags |= re.IGNORECASE
    if pattern.text.isascii():
        flags |= re.ASCII
    if not pattern.wildcard:
        text = re.escape(pattern.text)
        return re.compile(f"(?:.*?{text})" if anywhere else rf"{text}\Z", flags)
    # Brackets mean nothing in the language, though fnmatch would take them for a set.
    glob = pattern.text.replace("[", "[[]")
    return re.compile(translate(f"*{glob}*" if anywhere else glob), flags)
