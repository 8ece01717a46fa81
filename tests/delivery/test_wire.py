import re

from hypothesis import given
from hypothesis import strategies as st

from mxtui.delivery.wire import END, on_the_wire


def wire(*chunks: bytes) -> bytes:
    return b"".join(on_the_wire(chunks))


def test_lines_end_in_crlf_and_leading_dots_are_doubled() -> None:
    assert wire(b"A: b\n\n.\n..x\ny.z\n") == b"A: b\r\n\r\n..\r\n...x\r\ny.z\r\n.\r\n"


def test_a_last_line_without_an_end_gets_one() -> None:
    assert wire(b"A: b\n\nx") == b"A: b\r\n\r\nx\r\n.\r\n"


def test_an_empty_message_is_a_dot() -> None:
    assert wire() == wire(b"") == END


def test_a_dot_that_begins_a_chunk_is_doubled_only_at_the_start_of_a_line() -> None:
    assert wire(b".a\n", b".b", b".c\n") == b"..a\r\n..b.c\r\n.\r\n"


def test_no_way_of_ending_a_line_ends_the_message() -> None:
    for smuggled in (b"\r\n.\r\n", b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r.\n", b"\r\n.\n", b"\r\n.\r"):
        sent = wire(b"A: b\n\nx" + smuggled + b"MAIL FROM:<>\n")
        assert sent.count(b"\r\n.\r\n") == 1
        assert sent.endswith(b"\r\n.\r\n")


pieces = st.lists(st.text(alphabet="a.\r\n", max_size=12).map(str.encode), max_size=6)


@given(pieces)
def test_never_a_bare_cr_or_lf_and_only_one_end_wherever_it_is_cut(chunks: list[bytes]) -> None:
    sent = wire(*chunks)
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", sent)
    assert (b"\r\n" + sent).find(b"\r\n.\r\n") == len(b"\r\n" + sent) - 5


@given(pieces)
def test_what_is_cut_differently_is_sent_alike(chunks: list[bytes]) -> None:
    assert wire(*chunks) == wire(b"".join(chunks))


@given(st.lists(st.sampled_from([b"", b".", b"..", b"text", b".text"]), max_size=8))
def test_the_receiver_gets_back_what_was_stored(lines: list[bytes]) -> None:
    stored = b"".join(line + b"\n" for line in lines)
    received = wire(stored).removesuffix(END)
    assert b"".join(line.removeprefix(b".") + b"\n" for line in received.split(b"\r\n")[:-1]) == stored
