import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mxtui.message.sanitize import block, one_line

HOSTILE = st.text(
    st.one_of(
        st.characters(),
        st.characters(categories=["Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Me"]),
        st.sampled_from("\x1b\x9b\u202e\u2066\u200b\u200d\ufe0f\U000e0041\u0301\udce9\t\n\r aé👩"),
    )
)
FORBIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(HOSTILE)
@example("\x1b]0;owned\x07")
@example("a\u202eb")
def test_one_line_never_lets_through_what_a_terminal_obeys(text: str) -> None:
    assert not {unicodedata.category(character) for character in one_line(text)} & FORBIDDEN


@given(HOSTILE)
@example("a\r\nb\rc\td\x85e\u2028f")
def test_a_block_lets_through_line_feeds_and_nothing_else_that_a_terminal_obeys(text: str) -> None:
    assert not {unicodedata.category(character) for character in block(text).replace("\n", "")} & FORBIDDEN


@given(HOSTILE, st.integers(2, 40))
@example("é\ufe0f\ufe0f", 30)
@example("\u0301" * 9, 40)
def test_sanitizing_twice_changes_nothing_more(text: str, limit: int) -> None:
    once = one_line(text, limit)
    assert one_line(once, limit) == once
    assert block(block(text)) == block(text)


@given(HOSTILE, st.integers(1, 40))
@example("a" * 100, 1)
def test_one_line_keeps_to_its_limit(text: str, limit: int) -> None:
    assert len(one_line(text, limit)) <= limit


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_printable_ascii_passes_unchanged(text: str) -> None:
    assert one_line(text, len(text)) == text
    assert block(text) == text


@given(HOSTILE)
def test_a_block_is_bounded_by_what_comes_in(text: str) -> None:
    assert len(block(text)) <= 10 * len(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße aus Köln, 東京, Привет, שלום", "Grüße aus Köln, 東京, Привет, שלום"),
        ("\x1b[2J\x07\x7f", "␛[2J␇␡"),
        ("\x9b31m", "<U+009B>31m"),
        ("one\r\ntwo\tthree", "one␍␊two three"),
        ("no\u00a0break\u3000wide", "no break wide"),
        ("invoice\u202egpj.exe", "invoice<U+202E>gpj.exe"),
        ("pay\u200cpal", "pay<U+200C>pal"),
        ("pay\u200bpal\ufeff", "pay<U+200B>pal<U+FEFF>"),
        ("می\u200cخواهم", "میخواهم"),
        ("👩\u200d💻 ❤\ufe0f 1\ufe0f⃣", "👩💻 ❤ 1⃣"),
        ("a\ufe01", "a<U+FE01>"),
        ("😀\ufe01\ufe02\ufe03\ufe04\ufe05", "😀<U+FE01 +4>"),
        ("\U000e0041\U000e0042", "<U+E0041><U+E0042>"),
        ("x\u2028y\u2029z", "x<U+2028>y<U+2029>z"),
        ("\ue000\U0010ffff", "<U+E000><U+10FFFF>"),
        ("caf\udce9", "caf<E9>"),
        ("\u0301e", "◌\u0301e"),
        ("Z" + "\u0335" * 50, "Z" + "\u0335" * 4 + "<+46 marks>"),
        ("\u3164\u2800", "<U+3164><U+2800>"),
        ("[bold red]x[/]", "[bold red]x[/]"),
    ],
)
def test_what_is_shown_for(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_long_text_is_cut_with_an_ellipsis() -> None:
    assert one_line("a" * 300) == "a" * 199 + "…"
    assert one_line("é" * 300, 10) == "é" * 9 + "…"
    assert one_line("\u200b" * 10**6 + "spam", 20) == "<U+200B +80>…"


def test_a_block_keeps_its_lines_and_columns() -> None:
    assert block("a\tb\r\n\u0301\x1b\n\ttab\n") == "a       b\n◌\u0301␛\n        tab\n"
