"""A postsuper(1) that stays; here one whose answers are known."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from mxtui.queues.postfix.direct.standing import Standing
from mxtui.queues.postfix.run import CutShort

REMOVES = 'while read id; do case "$id" in A*) echo "postsuper: $id: removed" >&2;; esac; done; echo ended >&2'

Start = Callable[[str], Standing]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as stack:

        def make(script: str) -> Standing:
            process = Standing(["/bin/sh", "-c", script])
            stack.callback(process.close)
            return process

        yield make


def test_one_process_serves_one_group_after_the_other(start: Start) -> None:
    process = start(REMOVES)
    for number in range(3):
        named = process.tell([b"A%07d" % number, b"AB%06d" % number], 10.0)
        assert named == b"postsuper: A%07d: removed\npostsuper: AB%06d: removed\n" % (number, number)
        assert process.alive


def test_where_one_is_not_named_it_has_come_to_its_end(start: Start) -> None:
    process = start(REMOVES)
    assert process.tell([b"A0000001", b"B0000002", b"A0000003"], 10.0).endswith(b"A0000003: removed\nended\n")
    assert not process.alive


def test_one_that_dies_has_said_what_it_did(start: Start) -> None:
    process = start('read id; echo "postsuper: $id: removed" >&2; echo "postsuper: fatal: no log" >&2; exit 1')
    said = process.tell([b"A%07d" % number for number in range(20_000)], 10.0)  # more than a pipe holds
    assert said == b"postsuper: A0000000: removed\npostsuper: fatal: no log\n"
    assert not process.alive


def test_one_that_takes_too_long_is_ended(start: Start) -> None:
    process = start("exec sleep 60")
    with pytest.raises(CutShort, match="took too long"):
        process.tell([b"A0000001"], 0.05)
    assert not process.alive
