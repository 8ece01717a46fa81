"""What is typed at the plain prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.cli.plain.editor import Editor


def typed(data: bytes, *, echo: bool = True) -> tuple[str, list[str]]:
    """Everything that is echoed, and the lines, of input that then ends."""
    editor = Editor(echo=echo)
    editor.feed(data)
    editor.feed(b"")
    echoed, lines = "", []
    while not editor.ended:
        said, line = editor.take()
        echoed += said
        if line is not None:
            lines.append(line)
    return echoed, lines


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"domains\n", ["domains"]),
        (b"domains\r\nmore\r\n", ["domains", "more"]),
        (b"domains\rmore\n\n", ["domains", "more", ""]),
        (b"domains", ["domains"]),
        (b"dox\x7fmains\n", ["domains"]),
        (b"\x7f\x7fmore\n", ["more"]),
        (b"nonsense\x15more\n", ["more"]),
        (b"m\x1b[Ao\x1bOHr\x1b[3~e\n", ["more"]),
        (b"mo\x00\x07re\n", ["more"]),
        (b"from:m\xc3\xbcller\n", ["from:müller"]),
        (b"hold 1\nyes\n", ["hold 1", "yes"]),
        (b"\x04never\n", []),
        (b"", []),
    ],
)
def test_lines_are_what_was_meant(data: bytes, lines: list[str]) -> None:
    assert typed(data)[1] == lines


def test_what_is_typed_is_echoed_and_what_is_taken_back_erased() -> None:
    assert typed(b"dox\x7f\n")[0] == "dox\b \b\n"
    assert typed("日\x7f\n".encode())[0] == "日\b \b\b \b\n"
    assert typed(b"domains\n", echo=False)[0] == ""


def test_ctrl_d_ends_one_question_and_a_closed_pipe_all() -> None:
    editor = Editor(echo=True)
    editor.feed(b"\x04more")
    assert editor.take() == ("", None)
    assert editor.ended
    editor.go_on()
    editor.feed(b"")
    assert editor.take() == ("more\n", "more")
    editor.go_on()
    assert editor.ended


def test_a_line_counts_as_begun_until_it_is_whole() -> None:
    editor = Editor(echo=True)
    editor.feed(b"dom")
    editor.take()
    assert editor.begun
    editor.feed(b"ains\n")
    assert editor.take() == ("ains\n", "domains")
    assert not editor.begun


@given(st.binary(max_size=200))
def test_nothing_typed_makes_a_terminal_do_anything_but_erase(data: bytes) -> None:
    echoed, lines = typed(data)
    assert all(character.isprintable() or character in "\b\n" for character in echoed)
    assert all(line.isprintable() for line in lines)
