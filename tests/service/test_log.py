import io

import pytest

from mxtui.service.log import Logfmt, line


def test_what_a_stranger_wrote_forges_no_line_and_commands_no_terminal() -> None:
    text = line("refused", "warning", sender='a"b\\c@x', reply="550 no\r\nlevel=error event=fake \x1b[2J\u202e")
    assert "\n" not in text
    assert "\x1b" not in text
    assert text == (
        'level=warning event=refused sender="a\\"b\\\\c@x" reply="550 no␍␊level=error event=fake ␛[2J<U+202E>"'
    )


def test_values_are_bounded_and_what_is_unknown_is_left_out() -> None:
    assert len(line("x", "info", reply="a" * 100_000)) < 600
    assert line("x", "info", host=None, ok=True, seconds=0.25, n=3, empty="") == (
        'level=info event=x ok=true seconds=0.25 n=3 empty=""'
    )


def test_the_journal_is_told_the_priority() -> None:
    stream = io.StringIO()
    Logfmt(stream, journal=True)("down", "error")
    assert stream.getvalue() == "<3>level=error event=down\n"


def test_a_log_that_is_gone_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    stream.close()
    Logfmt(stream)("still here")
