import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.receiver.content import PIECE, Content

HOSTILE = st.lists(st.sampled_from([b"\r", b"\n", b".", b"\r\n", b"a", b"\0", b"\xff", b"..", b"QUIT\r\n"])).map(
    b"".join
)


def made(*, size: int = 10**6, line: int = 10**5, prefix: bytes = b"") -> Content:
    return Content(prefix, size_limit=size, line_limit=line)


def read(data: bytes, cuts: list[int] | None = None, *, size: int = 10**6, line: int = 10**5) -> tuple[Content, bool]:
    """All of it, cut into chunks."""
    content = made(size=size, line=line)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    for number, (start, end) in enumerate(pairwise(edges), 1):
        if content.feed(data[start:end]):
            content.rest += data[end:]
            return content, True
        assert number < len(edges)
    return content, False


def text_of(content: Content) -> bytes:
    return b"".join(content.pieces())


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b".\r\n", b""),
        (b"a\r\n.\r\n", b"a\n"),
        (b"..a\r\n...\r\n..\r\n.\r\n", b".a\n..\n.\n"),
        (b"a\nb\r\n.\r\n", b"a\nb\n"),
        (b"a\rb\r\r\n.\r\n", b"a b \n"),
        (b"\0\xff\r\n.\r\n", b"\0\xff\n"),
        (b"\r\n.\r\n", b"\n"),
    ],
)
def test_text_is_stored_with_lf_ends_and_dots_unstuffed(sent: bytes, stored: bytes) -> None:
    content, ended = read(sent)
    assert ended
    assert text_of(content) == stored
    assert content.size == len(stored)
    assert content.sha256 == hashlib.sha256(stored).hexdigest()


@pytest.mark.parametrize(
    "almost",
    [
        b"\n.\n",
        b"\n.\r\n",
        b"\r\n.\n",
        b"\r.\r",
        b"\r.\r\n",
        b"\r\n.\r",
        b"\n.\r",
        b"\r.\n",
        b"\r\n\0.\r\n",
        b"\r\n.\0\r\n",
        b"\r\n. \r\n",
        b"\r\n.\r\r\n",
        b"\r\r\n\r.\r\n",
    ],
)
def test_no_smuggling_sequence_ends_a_message(almost: bytes) -> None:
    """CVE-2023-51764, -51765, -51766: each ends a message for some server, so none may for us."""
    for cut in range(len(almost) + 20):
        content, ended = read(b"body" + almost + b"MAIL FROM:<x@y>\r\n.\r\nQUIT\r\n", [cut])
        assert ended
        assert content.rest == b"QUIT\r\n"
        stored = text_of(content)
        assert b"MAIL FROM:<x@y>\n" in stored
        assert b"\r" not in stored


@given(HOSTILE, st.lists(st.integers(0, 10**4), max_size=8))
def test_how_the_network_cuts_a_message_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    whole, ended = read(data)
    cut, cut_ended = read(data, cuts)
    assert (ended, whole.rest) == (cut_ended, cut.rest)
    if ended:
        assert text_of(whole) == text_of(cut)
        assert (whole.size, whole.sha256, whole.normalised) == (cut.size, cut.sha256, cut.normalised)


@given(HOSTILE, st.lists(st.integers(0, 10**4), max_size=8))
def test_a_message_ends_where_the_standard_says(data: bytes, cuts: list[int]) -> None:
    content, ended = read(data, cuts)
    end = (b"\r\n" + data).find(b"\r\n.\r\n")
    assert ended == (end >= 0)
    if ended:
        assert content.rest == data[end + 3 :]


@given(
    st.lists(st.sampled_from([b"", b".", b"..", b".a", b"text", b"a.b"])), st.lists(st.integers(0, 10**3), max_size=5)
)
def test_what_a_correct_client_sends_is_stored_as_it_was(lines: list[bytes], cuts: list[int]) -> None:
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)
    content, ended = read(stuffed + b".\r\n", cuts)
    assert ended
    assert text_of(content) == b"".join(line + b"\n" for line in lines)
    assert not content.normalised


def test_a_message_past_the_limit_is_read_to_its_end_and_not_kept() -> None:
    content = made(size=100)
    assert not content.feed(b"x" * 98 + b"\r\n")
    assert content.held > 0
    assert not content.feed(b"y\r\n" * 1000)
    assert content.fault == "too big"
    assert content.held == 0
    assert content.feed(b".\r\nQUIT\r\n")
    assert content.rest == b"QUIT\r\n"


def test_size_counts_line_ends_as_two_and_no_stuffed_dots() -> None:
    """RFC 1870 5: what would be sent without transparency."""
    assert read(b"..2\r\n" * 20 + b".\r\n", size=80)[0].fault == ""
    assert read(b"..2\r\n" * 20 + b".\r\n", size=79)[0].fault == "too big"


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_line_without_end_is_not_kept(step: int) -> None:
    content = made(line=100)
    for _ in range(3000 // step):
        assert not content.feed(b"x" * step)
        assert content.held <= 100 + step
    assert content.fault == "line too long"
    assert not content.feed(b".\r")
    assert not content.feed(b"\n")
    assert content.feed(b".\r\n")


def test_after_a_fault_nothing_more_is_held() -> None:
    content = made(size=10)
    content.feed(b"x" * 20 + b"\r\n")
    content.feed(b"y" * 90_000)
    assert content.held < 5
    assert not content.feed(b"\r\n")
    assert content.feed(b".\r\n")


@given(HOSTILE, st.lists(st.integers(0, 10**4), max_size=8))
def test_after_a_fault_the_end_is_where_it_was(data: bytes, cuts: list[int]) -> None:
    whole, ended = read(data)
    faulty, faulty_ended = read(data, cuts, size=0, line=3)
    assert (ended, whole.rest) == (faulty_ended, faulty.rest)


def test_a_long_line_between_short_ones_is_noticed() -> None:
    assert read(b"a\r\n" + b"x" * 200 + b"\r\nb\r\n.\r\n", line=100)[0].fault == "line too long"


def test_what_comes_byte_by_byte_is_kept_in_large_pieces() -> None:
    content = made()
    for _ in range(3 * PIECE // 4):
        content.feed(b"abc\r")
        content.feed(b"\n")
    content.feed(b".\r\n")
    assert len(content.pieces()) <= 4


def test_the_header_is_found_behind_the_prefix() -> None:
    content = made(prefix=b"Received: x\n")
    content.feed(b"A: 1\r\nB: 2\r\n\r\nbody\r\n.\r\n")
    assert content.head(1000) == b"A: 1\nB: 2\n"
    assert content.head(3) == b"A: "
    assert text_of(content) == b"Received: x\nA: 1\nB: 2\n\nbody\n"
    bare = made(prefix=b"Received: x\n")
    bare.feed(b"\r\nbody\r\n.\r\n")
    assert bare.head(1000) == b""


def test_a_header_over_many_pieces_is_put_together() -> None:
    content = made(prefix=b"P: x\n")
    field = b"X: " + b"y" * 997 + b"\r\n"
    for _ in range(200):
        content.feed(field)
    content.feed(b"\r\nbody\r\n.\r\n")
    assert content.head(10**6) == field.replace(b"\r", b"") * 200
    assert len(content.head(5000)) == 5000
