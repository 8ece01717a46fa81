from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.delivery.replies import LINE_LIMIT, REPLY_LIMIT, Replies, Reply
from mxtui.primary.words import GarbledError


def read(*chunks: bytes) -> list[Reply]:
    replies = Replies()
    for chunk in chunks:
        replies.feed(chunk)
    return [replies.pop() for _ in range(len(replies))]


def test_a_reply_of_several_lines_is_one() -> None:
    assert read(b"250-mx1\r\n250-SIZE 10\r\n250 DSN\r\n") == [Reply(250, ("mx1", "SIZE 10", "DSN"))]


def test_pipelined_replies_are_told_apart() -> None:
    assert [reply.code for reply in read(b"250 a\r\n450 b\r\n354 c\r\n")] == [250, 450, 354]


@given(st.lists(st.integers(0, 40), max_size=8))
def test_it_does_not_matter_where_the_network_cuts(cuts: list[int]) -> None:
    said = b"250-first\r\n250 second\r\n550 5.1.1 no such user\r\n"
    edges = sorted({0, *cuts, len(said)})
    assert read(*(said[start:end] for start, end in pairwise(edges))) == read(said)


def test_the_enhanced_code_is_taken_only_where_it_agrees_with_the_code() -> None:
    assert Reply(550, ("5.1.1 no such user",)).enhanced == "5.1.1"
    assert Reply(450, ("5.1.1 no such user",)).enhanced == "4.0.0"
    assert Reply(250, ("fine",)).enhanced == "2.0.0"


def test_a_reply_reaches_nobody_raw() -> None:
    reply = read(b"550 5.7.1 \x1b]0;owned\x07 \xe2\x80\xae away\r\n")[0]
    assert "\x1b" not in reply.text
    assert "\u202e" not in reply.text
    assert len(Reply(550, ("x" * 10_000,)).text) <= 500


@pytest.mark.parametrize(
    "said",
    [
        b"hello\r\n",
        b"25\r\n",
        b"250-a\r\n550 b\r\n",
        b"999 what\r\n",
        b"250x\r\n",
        b"\x00\x01\x02\r\n",
        b"2" * (LINE_LIMIT + 1),
        b"220 " + b"x" * LINE_LIMIT + b"\r\n",
        b"250-" + b"x" * 1000 + b"\r\n",
    ],
)
def test_what_is_no_smtp_is_refused_and_never_piles_up(said: bytes) -> None:
    with pytest.raises(GarbledError):
        read(*(said for _ in range(REPLY_LIMIT)))
