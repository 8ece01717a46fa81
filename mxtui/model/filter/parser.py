"""Filter text to its tree, by recursive descent. Whatever is not understood is an error, never a wider match."""

import re
from collections.abc import Collection
from difflib import get_close_matches
from ipaddress import ip_network

from mxtui.errors import FilterError
from mxtui.model.filter.lexer import Token, Type, tokens
from mxtui.model.filter.syntax import (
    EVERYTHING,
    EXTRA_WORDS,
    IS_VALUES,
    And,
    Compare,
    Field,
    Filter,
    Match,
    Not,
    Or,
    Pattern,
    Relation,
)
from mxtui.model.message import STATES
from mxtui.model.units import DURATION_EXAMPLES, SIZE_EXAMPLES, parse_duration, parse_size

MAX_DEPTH = 50
"""Groups and negations within each other; a filter deeper than this is not one that a person wrote."""

_WORDS = {field.value: field for field in Field}
_MATCHED = tuple(f"{field.value}:" for field in Field if not field.numeric and field.value not in EXTRA_WORDS)
_COMPARED = tuple(f"{field.value}>" for field in Field if field.numeric and field.value not in EXTRA_WORDS)
_ID = re.compile(r"[0-9A-Za-z*?]+")
_COUNT = re.compile(r"[0-9]{1,15}")
_SCORE = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?")


def parse(text: str, known: Collection[str] = ()) -> Filter:
    """The filter that a text asks for; `EVERYTHING` when it is empty, which callers that change something refuse.

    `known` names those of `EXTRA_WORDS` that the queue at hand can answer.

    Raises:
        FilterError: with the position of the mistake and what was expected there.
    """
    return _Parser(text, known).whole()


class _Parser:
    def __init__(self, text: str, known: Collection[str]) -> None:
        self.tokens = list(tokens(text))
        self.at = 0
        self.depth = 0
        self.known = known

    def peek(self) -> Token:
        return self.tokens[self.at]

    def take(self) -> Token:
        token = self.tokens[self.at]
        self.at += 1
        return token

    def touches(self) -> bool:
        """Whether the next token follows the last without a space."""
        return self.peek().start == self.tokens[self.at - 1].end

    def whole(self) -> Filter:
        if self.peek().type is Type.END:
            return EVERYTHING
        result = self.either()
        if self.peek().type is Type.CLOSE:
            raise _mistake("this parenthesis closes nothing", self.peek(), "remove it, or open one before it")
        return result

    def either(self) -> Filter:
        terms = [self.all()]
        while self.peek().type is Type.OR:
            self.take()
            terms.append(self.all())
        return terms[0] if len(terms) == 1 else Or(tuple(terms))

    def all(self) -> Filter:
        terms = [self.term()]
        while self.peek().type not in (Type.OR, Type.CLOSE, Type.END):
            if self.peek().type is Type.AND:
                self.take()
            terms.append(self.term())
        return terms[0] if len(terms) == 1 else And(tuple(terms))

    def term(self) -> Filter:
        token = self.take()
        match token.type:
            case Type.MINUS:
                return self.negation(token)
            case Type.OPEN:
                return self.group(token)
            case Type.WORD:
                return self.leaf(token)
            case Type.VALUE | Type.QUOTED | Type.UNCLOSED:
                self.at -= 1
                return self.bare(token)
            case Type.END:
                previous = self.tokens[self.at - 2]
                raise _mistake(f"the filter ends after “{previous.value}”", token, _any_term())
            case _:
                raise _mistake(f"“{token.value}” has nothing before it to work on", token, _any_term())

    def negation(self, minus: Token) -> Filter:
        if self.peek().type is Type.MINUS and self.touches():
            raise _mistake("two minus signs: an option belongs before the filter", minus, "one minus negates a term")
        if self.peek().type is not Type.END and not self.touches():
            raise _mistake("a minus on its own", minus, "write it against the term it negates, as in -state:hold")
        self.deeper(minus)
        term = self.term()
        self.depth -= 1
        return Not(term)

    def group(self, opening: Token) -> Filter:
        if self.peek().type is Type.CLOSE:
            raise _mistake("nothing between the parentheses", self.peek(), _any_term())
        self.deeper(opening)
        term = self.either()
        self.depth -= 1
        if self.peek().type is not Type.CLOSE:
            raise _mistake("this parenthesis is never closed", opening, "a ) at the end of the group")
        self.take()
        return term

    def deeper(self, token: Token) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _mistake(f"more than {MAX_DEPTH} groups within each other", token, "a flatter filter")

    def bare(self, token: Token) -> Filter:
        values = self.values(Field.TEXT)
        for value in values:
            if value.wildcard and not value.text.strip("*?"):
                raise _mistake(
                    f"“{value.text}” would match everything", token, "a part of what to look for; --all names all"
                )
        return Match(Field.TEXT, values)

    def leaf(self, word: Token) -> Filter:
        relation = self.take()
        field = _WORDS.get(word.value)
        if field is None:
            raise _mistake(f"“{word.value}{relation.value}” is not a filter word", word, _suggest(word.value))
        if field.value in EXTRA_WORDS and field.value not in self.known:
            raise _mistake(f"“{field.value}” is not known for this queue", word, _words())
        if field.numeric:
            return self.comparison(field, relation)
        if relation.value != ":":
            raise _mistake(f"“{field.value}” is matched, not compared", relation, f"{field.value}:")
        return Match(field, self.values(field))

    def comparison(self, field: Field, token: Token) -> Filter:
        timed = field in (Field.AGE, Field.EXPIRES)
        if token.value == ":" or (token.value == "=" and timed):
            expected = "< > <= or >=" if timed else "< > <= >= or ="
            raise _mistake(f"“{field.value}” is compared, not matched", token, f"{expected} after {field.value}")
        expected = {
            Field.AGE: f"a duration: {DURATION_EXAMPLES}",
            Field.EXPIRES: f"a duration: {DURATION_EXAMPLES}",
            Field.SIZE: f"a size: {SIZE_EXAMPLES}",
        }.get(field, "a number")
        value = self.value(expected)
        try:
            number = _number(field, value.value)
        except ValueError:
            raise _mistake(f"“{value.value}” is not {expected.partition(':')[0]}", value, expected) from None
        if self.peek().type is Type.PIPE:
            raise _mistake(f"“{field.value}” takes one value", self.peek(), "a space or the end")
        self.apart()
        return Compare(field, Relation(token.value), number)

    def values(self, field: Field) -> tuple[Pattern, ...]:
        expected = _EXPECTED.get(field, "a value")
        values = [self.pattern(field, expected)]
        while self.peek().type is Type.PIPE and self.touches():
            self.take()
            values.append(self.pattern(field, expected))
        self.apart()
        return tuple(values)

    def value(self, expected: str) -> Token:
        """The value right here: with a space before it, it would be a term of its own, and this one empty."""
        token = self.peek()
        if token.type is Type.UNCLOSED:
            raise _mistake("this quote is never closed", token, 'a " at the end of the value')
        if token.type not in (Type.VALUE, Type.QUOTED) or (self.at and not self._follows()):
            after = self.tokens[self.at - 1]
            what = after.value if after.type is Type.PIPE else self.tokens[self.at - 2].value + after.value
            raise FilterError(f"nothing after “{what}”", after.end, f"{expected}, without a space before it")
        return self.take()

    def _follows(self) -> bool:
        return self.touches() or self.tokens[self.at - 1].type not in (Type.RELATION, Type.PIPE)

    def apart(self) -> None:
        if self.peek().type in (Type.VALUE, Type.QUOTED, Type.UNCLOSED, Type.OPEN, Type.WORD) and self.touches():
            raise _mistake("no space before this", self.peek(), "a space, or quotes around the whole value")

    def pattern(self, field: Field, expected: str) -> Pattern:
        token = self.value(expected)
        text, literal = token.value, token.type is Type.QUOTED
        if field in (Field.SENDER, Field.RECIPIENT) and not literal:
            text = _address(text)
        if field is Field.SENDER and not text and not literal:
            return Pattern("")
        if not text:
            raise _mistake("an empty value", token, expected)
        if field is Field.STATE or field is Field.IS:
            text = self.choice(field, text.lower(), token)
            return Pattern(text)
        wildcard = not literal and ("*" in text or "?" in text)
        if field is Field.ID and (not _ID.fullmatch(text) or text.upper() == "ALL"):
            raise _mistake(f"“{text}” is not a queue ID", token, expected)
        if field is Field.CLIENT and not wildcard and not _is_network(text):
            raise _mistake(f"“{text}” is not an address", token, expected)
        return Pattern(text, wildcard)

    def choice(self, field: Field, text: str, token: Token) -> str:
        """One of the field's own words."""
        words = STATES if field is Field.STATE else tuple(word for word in IS_VALUES if self._answers(word))
        if text in words:
            return text
        if not self._answers(text):
            raise _mistake(f"“{field.value}:{text}” is not known for this queue", token, _one_of(words))
        near = get_close_matches(text, words, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise _mistake(f"“{text}” is not one that {field.value}: knows", token, f"{hint}{_one_of(words)}")

    def _answers(self, word: str) -> bool:
        return f"is:{word}" not in EXTRA_WORDS or f"is:{word}" in self.known


def _mistake(message: str, token: Token, expected: str) -> FilterError:
    return FilterError(message, token.start, expected)


_EXPECTED = {
    Field.ID: "a queue ID (letters and digits), * and ? allowed",
    Field.SENDER: "an address, @domain, <> or a pattern such as *@example.org",
    Field.RECIPIENT: "an address, @domain or a pattern such as *@example.org",
    Field.DOMAIN: "a domain, or *.domain",
    Field.CLIENT: "an address or prefix, 198.51.100.7 or 198.51.100.0/24",
    Field.STATE: "one of " + ", ".join(STATES),
    Field.IS: "one of bounce, expired, held, unknown",
}


def _one_of(words: Collection[str]) -> str:
    return "one of " + ", ".join(words)


def _words() -> str:
    return "one of " + " ".join(_MATCHED + _COMPARED)


def _any_term() -> str:
    return "a word such as domain:, state: or age>, text, or a group"


def _suggest(word: str) -> str:
    near = get_close_matches(word, _WORDS, n=1)
    if near:
        field = _WORDS[near[0]]
        return f"did you mean {field.value}{'>' if field.numeric else ':'}?  {_words()}"
    return f"{_words()}; text that looks like a word goes in quotes"


def _address(text: str) -> str:
    """Without the angle brackets of a pasted path; MAILER-DAEMON is how postqueue writes the null sender."""
    if text.startswith("<") and text.endswith(">"):
        return text[1:-1]
    return "" if text.upper() == "MAILER-DAEMON" else text


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def _number(field: Field, text: str) -> int | float:
    if field in (Field.AGE, Field.EXPIRES):
        return parse_duration(text)
    if field is Field.SIZE:
        return parse_size(text)
    if field is Field.SCORE and _SCORE.fullmatch(text):
        return float(text) if "." in text else int(text)
    if field is not Field.SCORE and _COUNT.fullmatch(text):
        return int(text)
    raise ValueError(text)
