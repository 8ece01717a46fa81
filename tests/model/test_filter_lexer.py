import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mxtui.errors import FilterError
from mxtui.model.filter import join_arguments, parse, spans


def coloured(text: str, error_at: int | None = None) -> list[tuple[str, str]]:
    return [(text[start:end], kind) for start, end, kind in spans(text, error_at)]


def test_each_part_of_a_filter_is_told_apart() -> None:
    assert coloured('-state:deferred|hold (age>2h or "a b")') == [
        ("-", "negation"),
        ("state", "word"),
        (":", "operator"),
        ("deferred", "value"),
        ("|", "operator"),
        ("hold", "value"),
        ("(", "operator"),
        ("age", "word"),
        (">", "operator"),
        ("2h", "value"),
        ("or", "operator"),
        ('"a b"', "value"),
        (")", "operator"),
    ]


def test_an_unclosed_quote_is_an_error_up_to_the_end() -> None:
    assert coloured('subject:"inv oice') == [("subject", "word"), (":", "operator"), ('"inv oice', "error")]


def test_the_token_under_a_filter_error_is_marked() -> None:
    text = "state:hold form:a"
    with pytest.raises(FilterError) as caught:
        parse(text)
    assert ("form", "error") in coloured(text, caught.value.position)


@given(st.text('ab:<>=|-()" \\*or\n'))
@example('a|"')
@example("age>|")
def test_spans_cover_all_but_spaces_in_order(text: str) -> None:
    found = spans(text)
    end = 0
    for start, stop, _kind in found:
        assert end <= start < stop
        assert not text[end:start].strip()
        end = stop
    assert not text[end:].strip()


@pytest.mark.parametrize(
    ("arguments", "joined"),
    [
        (["state:hold", "age>2h"], "state:hold age>2h"),
        (["reason:connection refused"], 'reason:"connection refused"'),
        (["-subject:free money", "state:hold"], '-subject:"free money" state:hold'),
        (["connection refused"], '"connection refused"'),
        (["state:hold age>2h"], "state:hold age>2h"),
        (["state:hold refused"], "state:hold refused"),
        (["reason:refused age>2h"], "reason:refused age>2h"),
        (["reason:refused or state:hold"], "reason:refused or state:hold"),
        (["reason:refused -state:hold"], "reason:refused -state:hold"),
        (['reason:"connection refused"'], 'reason:"connection refused"'),
        (["(state:hold or refused)"], "(state:hold or refused)"),
        (["   "], "   "),
        ([], ""),
    ],
)
def test_quotes_eaten_by_the_shell_are_put_back(arguments: list[str], joined: str) -> None:
    assert join_arguments(arguments) == joined
