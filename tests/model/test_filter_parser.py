import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mxtui.errors import FilterError
from mxtui.model.filter import (
    EVERYTHING,
    EXTRA_WORDS,
    And,
    Compare,
    Field,
    Filter,
    Match,
    Not,
    Or,
    Pattern,
    Relation,
    parse,
    quote,
)
from tests.model.filters import filters

DEFERRED = Match(Field.STATE, (Pattern("deferred"),))
HELD = Match(Field.STATE, (Pattern("hold"),))
OLD = Compare(Field.AGE, Relation.MORE, 7200)


def text(*values: str) -> Match:
    return Match(Field.TEXT, tuple(Pattern(value) for value in values))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("state:deferred", DEFERRED),
        ("STATE:Deferred", DEFERRED),
        ("state:deferred|hold", Match(Field.STATE, (Pattern("deferred"), Pattern("hold")))),
        ("age>2h", OLD),
        ("age>=1h30m", Compare(Field.AGE, Relation.AT_LEAST, 5400)),
        ("expires<12h", Compare(Field.EXPIRES, Relation.LESS, 43200)),
        ("size>1.5M", Compare(Field.SIZE, Relation.MORE, 1572864)),
        ("attempts>3", Compare(Field.ATTEMPTS, Relation.MORE, 3)),
        ("recipients=1", Compare(Field.RECIPIENTS, Relation.EQUAL, 1)),
        ("from:<>", Match(Field.SENDER, (Pattern(""),))),
        ("from:MAILER-DAEMON", Match(Field.SENDER, (Pattern(""),))),
        ("from:<a@example.org>", Match(Field.SENDER, (Pattern("a@example.org"),))),
        ("from:*@spam.example", Match(Field.SENDER, (Pattern("*@spam.example", wildcard=True),))),
        ('from:"*@spam.example"', Match(Field.SENDER, (Pattern("*@spam.example"),))),
        ('reason:"connection refused"', Match(Field.REASON, (Pattern("connection refused"),))),
        (r'subject:"say \"hi\" \\o/"', Match(Field.SUBJECT, (Pattern('say "hi" \\o/'),))),
        ("client:198.51.100.0/24", Match(Field.CLIENT, (Pattern("198.51.100.0/24"),))),
        ("client:2001:db8::7", Match(Field.CLIENT, (Pattern("2001:db8::7"),))),
        ("connection refused", And((text("connection"), text("refused")))),
        ('"connection refused"', text("connection refused")),
        ("timeout|refused", text("timeout", "refused")),
        ('"or" "and"', And((text("or"), text("and")))),
        ("text:or", text("or")),
        ("550-5.7.1", text("550-5.7.1")),
        ("2001:db8::1", text("2001:db8::1")),
        ("-state:hold", Not(HELD)),
        ("state:deferred age>2h", And((DEFERRED, OLD))),
        ("state:deferred and age>2h", And((DEFERRED, OLD))),
        ("state:deferred or state:hold", Or((DEFERRED, HELD))),
        ("state:deferred age>2h or state:hold", Or((And((DEFERRED, OLD)), HELD))),
        ("age>2h (state:deferred or state:hold)", And((OLD, Or((DEFERRED, HELD))))),
        ("-(state:deferred or state:hold)", Not(Or((DEFERRED, HELD)))),
        ("(state:deferred)", DEFERRED),
        ("-(-state:hold)", Not(Not(HELD))),
    ],
)
def test_a_filter_means_what_it_says(written: str, meant: object) -> None:
    assert parse(written) == meant


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
def test_an_empty_filter_is_told_apart_from_every_other(empty: str) -> None:
    assert parse(empty) == EVERYTHING


@pytest.mark.parametrize(
    ("written", "position", "message", "expected"),
    [
        ("form:a@example.org", 0, "“form:” is not a filter word", "did you mean from:?"),
        ("state:hold ages>2h", 11, "“ages>” is not a filter word", "did you mean age>?"),
        ("http://example.org", 0, "“http:” is not a filter word", "quotes"),
        ("from:", 5, "nothing after “from:”", "an address"),
        ("from: a@example.org", 5, "nothing after “from:”", "without a space"),
        ('from:""', 5, "an empty value", "an address"),
        ('""', 0, "an empty value", "a value"),
        ("state:hold|", 11, "nothing after “|”", "one of maildrop"),
        ("state:hold | state:deferred", 11, "“|” has nothing before it", "a word"),
        ("state:defered", 6, "“defered” is not one that state: knows", "did you mean deferred?"),
        ("is:bounced", 3, "“bounced” is not one that is: knows", "did you mean bounce?"),
        ("age>2", 4, "“2” is not a duration", "30s, 10m, 2h or 5d"),
        ("age>", 4, "nothing after “age>”", "a duration"),
        ("age:2h", 3, "“age” is compared", "< > <="),
        ("age=2h", 3, "“age” is compared", "< > <="),
        ("age>2h|3h", 6, "“age” takes one value", "a space"),
        ("size>lots", 5, "“lots” is not a size", "500, 10k, 1M or 1G"),
        ("size>" + "9" * 40, 5, "is not a size", "10k"),
        ("attempts>many", 9, "“many” is not a number", "a number"),
        ("attempts>" + "9" * 5000, 9, "is not a number", "a number"),
        ("from=a@example.org", 4, "“from” is matched", "from:"),
        ("id:ALL", 3, "“ALL” is not a queue ID", "letters and digits"),
        ("id:-x", 3, "“-x” is not a queue ID", "letters and digits"),
        ("client:nowhere", 7, "“nowhere” is not an address", "198.51.100.7"),
        ('subject:"invoice', 8, "this quote is never closed", '"'),
        ("(state:hold", 0, "this parenthesis is never closed", ")"),
        ("state:hold)", 10, "this parenthesis closes nothing", "remove it"),
        ("()", 1, "nothing between the parentheses", "a word"),
        ("reason:lost(timeout)", 11, "no space before this", "quotes"),
        ('reason:lost"timeout"', 11, "no space before this", "quotes"),
        ("-", 1, "the filter ends after “-”", "a word"),
        ("- state:hold", 0, "a minus on its own", "-state:hold"),
        ("--all", 0, "two minus signs", "one minus"),
        ("or state:hold", 0, "“or” has nothing before it", "a word"),
        ("state:hold or", 13, "the filter ends after “or”", "a word"),
        ("*", 0, "“*” would match everything", "--all"),
        ("spam|**", 0, "“**” would match everything", "--all"),
        ("(" * 5000, 50, "more than 50 groups", "flatter"),
        ("score>10", 0, "“score” is not known for this queue", "from:"),
        ("campaign:7", 0, "“campaign” is not known for this queue", "from:"),
        ("is:suspect", 3, "“is:suspect” is not known for this queue", "bounce"),
    ],
)
def test_a_mistake_names_its_place_and_what_was_expected(
    written: str, position: int, message: str, expected: str
) -> None:
    with pytest.raises(FilterError) as caught:
        parse(written)
    assert (caught.value.position, message in caught.value.message) == (position, True), caught.value
    assert expected in caught.value.expected


def test_words_beyond_the_queue_are_understood_where_they_are_known() -> None:
    assert parse("score>4.5", known=EXTRA_WORDS) == Compare(Field.SCORE, Relation.MORE, 4.5)
    assert parse("is:suspect", known=EXTRA_WORDS) == Match(Field.IS, (Pattern("suspect"),))
    assert parse("host:mx1.example.org", known={"host"}) == Match(Field.HOST, (Pattern("mx1.example.org"),))


@given(filters())
def test_a_filter_written_out_reads_back_the_same(tree: object) -> None:
    assert parse(str(tree), known=EXTRA_WORDS) == tree


@given(st.text())
@example('"\\')
@example("a|")
@example("from:\x00")
@example("is:suspect or")
def test_any_text_is_a_filter_or_a_filter_error_within_the_text(written: str) -> None:
    tree, mistake = attempt(written)
    if mistake is not None:
        assert 0 <= mistake.position <= len(written)
        assert mistake.expected
    else:
        assert (tree == EVERYTHING) == (not written.strip())
        assert parse(str(tree)) == tree


def attempt(written: str) -> tuple[Filter | None, FilterError | None]:
    try:
        return parse(written), None
    except FilterError as mistake:
        return None, mistake


@given(st.text(min_size=1))
@example("MAILER-DAEMON")
@example("<>")
@example("*")
@example("or")
@example('"')
@example("a b")
def test_a_quoted_value_is_taken_literally_whatever_it_is(value: str) -> None:
    assert parse(f"from:{quote(value)}") == Match(Field.SENDER, (Pattern(value),))
    assert parse(quote(value)) == text(value)


@pytest.mark.parametrize("pattern", ["a b*", "(*", "plain", '"*', ""])
def test_a_wildcard_pattern_that_could_not_be_written_cannot_be_made(pattern: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(pattern))):
        Pattern(pattern, wildcard=True)
