"""Filter text to tokens, for the parser and for colouring what is being typed; no text is an error here."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Literal, NamedTuple

from mxtui.model.filter.syntax import OPERATORS, quote

Kind = Literal["word", "value", "operator", "negation", "error"]


class Type(StrEnum):
    """What a token is, named as an error message would."""

    OPEN = "("
    CLOSE = ")"
    MINUS = "-"
    AND = "and"
    OR = "or"
    WORD = "a filter word"
    RELATION = "a relation"
    VALUE = "a value"
    QUOTED = "a quoted value"
    PIPE = "|"
    UNCLOSED = "an unclosed quote"
    END = "the end"


class Token(NamedTuple):
    """A piece of the text, `text[start:end]`."""

    type: Type
    start: int
    end: int
    value: str
    """As meant: unquoted and unescaped; words in lower case."""


_WORD = re.compile(r"([A-Za-z_]+)(:|<=|>=|<|>|=)")
_VALUE = re.compile(r'[^\s()"|]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SINGLE = {"(": Type.OPEN, ")": Type.CLOSE, "-": Type.MINUS, "|": Type.PIPE}


def tokens(text: str) -> Iterator[Token]:
    """Every token in order, the END last. Linear in the length of the text."""
    at = 0
    while at < len(text):
        character = text[at]
        if character.isspace():
            at += 1
        elif character in _SINGLE:
            yield Token(_SINGLE[character], at, at + 1, character)
            at += 1
        elif (word := _WORD.match(text, at)) is not None:
            yield Token(Type.WORD, word.start(1), word.end(1), word[1].lower())
            yield Token(Type.RELATION, word.start(2), word.end(2), word[2])
            at = word.end()
            if at < len(text) and (text[at] == '"' or _VALUE.match(text, at)):
                for token in _values(text, at):
                    yield token
                    at = token.end
        else:
            for token in _values(text, at):
                yield token
                at = token.end
    yield Token(Type.END, len(text), len(text), "")


def _values(text: str, at: int) -> Iterator[Token]:
    """A value and its alternatives, from `at`, where one begins."""
    token = _value(text, at)
    yield token
    while token.type is not Type.UNCLOSED and text.startswith("|", token.end):
        yield Token(Type.PIPE, token.end, token.end + 1, "|")
        after = token.end + 1
        if after == len(text) or not (text[after] == '"' or _VALUE.match(text, after)):
            return
        token = _value(text, after)
        yield token


def _value(text: str, at: int) -> Token:
    if text[at] == '"':
        quoted = _QUOTED.match(text, at)
        if quoted is None:
            return Token(Type.UNCLOSED, at, len(text), text[at + 1 :])
        return Token(Type.QUOTED, at, quoted.end(), _ESCAPE.sub(r"\1", quoted[1]))
    found = _VALUE.match(text, at)
    assert found is not None
    value = found[0]
    if value.lower() in OPERATORS and text[at - 1 : at] not in {":", "|", "<", ">", "="}:
        return Token(Type(value.lower()), at, found.end(), value)
    return Token(Type.VALUE, at, found.end(), value)


_COLOURS: dict[Type, Kind] = {
    Type.WORD: "word",
    Type.VALUE: "value",
    Type.QUOTED: "value",
    Type.MINUS: "negation",
    Type.UNCLOSED: "error",
}


def spans(text: str, error_at: int | None = None) -> list[tuple[int, int, Kind]]:
    """What to colour how: (start, end, kind), in order, never overlapping.

    `error_at` is the position of a FilterError about this text; the token there becomes an error.
    """
    return [
        (token.start, token.end, "error" if error_at == token.start else _COLOURS.get(token.type, "operator"))
        for token in tokens(text)
        if token.type is not Type.END
    ]


_PHRASE = re.compile(r"(-?(?:(?:reason|subject|text):)?)([^\"()|]*\s[^\"()|]*)", re.DOTALL | re.IGNORECASE)
_SYNTAX = re.compile(r"(?:^|\s)(?:-|[A-Za-z_]+[:<>=]|(?:and|or)(?:\s|$))", re.IGNORECASE)


def join_arguments(arguments: Sequence[str]) -> str:
    """One filter from the arguments of a command line, whose shell has eaten the quotes.

    `mxtui list reason:"connection refused"` arrives as `reason:connection refused`. Left alone it would ask for less
    than what was typed, and a verb would act on more. So an argument with a space, no other sign of the language in it
    and no word but `reason:`, `subject:` or `text:` before it is one value; a whole filter in one argument stays as is.
    """
    return " ".join(_requote(argument) for argument in arguments)


def _requote(argument: str) -> str:
    phrase = _PHRASE.fullmatch(argument)
    if phrase is None or not phrase[2].strip() or _SYNTAX.search(phrase[2]):
        return argument
    return phrase[1] + quote(phrase[2].strip())
