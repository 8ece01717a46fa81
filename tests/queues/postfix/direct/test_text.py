"""Content as smtp(8) sends it."""

import os
from itertools import takewhile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.queues.postfix.direct import text
from mxtui.queues.postfix.direct.text import DamagedError, broken, on_the_wire, short_lines
from mxtui.queues.postfix.records import Record
from tests.queues.postfix.writer import QueueFile, pointer, record

SIZES = st.sampled_from([0, 1, 2, 127, 128, 996, 997, 998, 999, 1000, 1995, 1996, 1997, 2048, 3000])
DATA = st.builds(lambda start, size: (start + b"x" * 3000)[:size], st.sampled_from([b"", b".", b"..", b" ."]), SIZES)
RECORDS = st.lists(st.tuples(st.sampled_from("NNL"), DATA), max_size=6)


def as_smtp_does(content: list[tuple[str, bytes]]) -> bytes:
    """smtp_text_out() of Postfix, statement for statement."""
    out = bytearray()
    space = 998
    for kind, data in content:
        left = data
        while True:
            if space == 998 and left[:1] == b".":
                out += b"."
            if len(left) >= space:
                out += left[:space] + b"\r\n"
                left = left[space:]
                space = 998
                if left or kind == "L":
                    out += b" "
                    space -= 1
            else:
                out += left if kind == "L" else left + b"\r\n"
                space = space - len(left) if kind == "L" else 998
                break
            if not left:
                break
    if content and content[-1][0] == "L":
        out += b"\r\n"
    return bytes(out)


@given(RECORDS)
def test_lines_are_broken_and_dots_doubled_as_postfix_does(content: list[tuple[str, bytes]]) -> None:
    made = [Record(0, ord(kind), data) for kind, data in content]
    assert b"".join(broken(made)) == as_smtp_does(content)


@given(st.lists(DATA, max_size=6))
def test_the_short_way_says_the_same_as_far_as_it_goes(lines: list[bytes]) -> None:
    short = [*takewhile(lambda line: len(line) < text.LINE, lines)]
    used = sum(len(record("N", line)) for line in short)
    raw = b"".join(record("N", line) for line in lines) + record("X")
    assert short_lines(raw) == (as_smtp_does([("N", line) for line in short]), used, len(short) == len(lines))


@pytest.mark.parametrize("end", range(len(record("N", "x" * 200))))
def test_the_short_way_leaves_what_is_cut_for_the_next_time(end: int) -> None:
    whole = record("N", "one") + record("N", ".two")
    assert short_lines(whole + record("N", "x" * 200)[:end]) == (b"one\r\n..two\r\n", len(whole), False)


@pytest.mark.parametrize(
    "raw", [record("N", "a\rb"), record("N", "a\nb"), record("L", "chunk"), pointer(), record("N", "y" * 998), b""]
)
def test_the_short_way_leaves_the_unusual_to_the_long_one(raw: bytes) -> None:
    assert short_lines(raw + record("X")).used == 0


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (record("N", "no end"), "has no end"),
        (record("N", "cut")[:-1], "runs past the end"),
        (record("Z", "what") + record("X"), "record of type 90"),
        (record("N", "MAIL FROM\r\n.\r") + record("X"), "bare CR or LF"),
        (record("N", "x") + pointer(10**9), "pointer to nowhere"),
    ],
)
def test_what_cannot_be_sent_whole_is_not_sent(tmp_path: Path, raw: bytes, why: str) -> None:
    with pytest.raises(DamagedError, match=why):
        read(tmp_path, raw)


def test_jumps_are_followed_and_large_content_comes_in_pieces(tmp_path: Path) -> None:
    body = record("N", "x" * 900) * 600 + record("L", "x" * 900) + record("N", "") + record("N", "x" * 900) * 399
    jump = len(body) + len(pointer()) + len(record("X"))
    raw = body + pointer(jump) + record("X") + record("N", "behind") + pointer(len(body) + len(pointer()))
    assert read(tmp_path, raw) == (b"x" * 900 + b"\r\n") * 1000 + b"behind\r\n.\r\n"


def test_a_queue_file_as_postfix_writes_it(tmp_path: Path) -> None:
    raw = QueueFile(message=b"Subject: x\n\n.dot\n" + b"y" * 3000 + b"\n").raw()
    start = raw.index(record("M")) + len(record("M"))
    expected = b"Subject: x\r\n\r\n..dot\r\n" + as_smtp_does([("L", b"y" * 2048), ("N", b"y" * 952)]) + b".\r\n"
    assert read(tmp_path, raw, start) == expected


def read(folder: Path, raw: bytes, start: int = 0) -> bytes:
    path = folder / "file"
    path.write_bytes(raw)
    fd = os.open(path, os.O_RDONLY)
    try:
        return b"".join(on_the_wire(fd, start))
    finally:
        os.close(fd)
