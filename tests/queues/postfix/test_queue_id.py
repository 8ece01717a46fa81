import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxtui.queues.postfix import queue_id
from mxtui.queues.postfix.queue_id import Hashing

SECONDS = st.integers(1_000_000_000, 1 << 33)
MICROSECONDS = st.integers(0, 999_999)
INODES = st.integers(1, 1 << 63)


@pytest.mark.parametrize(
    "name", ["ALL", "-x", "", "12345", "../../etc/passwd", "1234.56", "ABCDEF\n", "ABCD EF", "é23456"]
)
def test_what_is_no_queue_id_is_refused(name: str) -> None:
    assert not queue_id.valid(name)


@settings(deadline=None)
@given(SECONDS, MICROSECONDS, INODES)
def test_a_long_id_tells_when_it_was_made(seconds: int, microseconds: int, inode: int) -> None:
    name = queue_id.encode(seconds, microseconds, inode, long=True)
    assert queue_id.valid(name)
    assert queue_id.arrival(name) == pytest.approx(seconds + microseconds / 1e6, abs=1e-5)


@settings(deadline=None)
@given(SECONDS, MICROSECONDS, INODES)
def test_a_short_id_does_not(seconds: int, microseconds: int, inode: int) -> None:
    name = queue_id.encode(seconds, microseconds, inode, long=False)
    assert queue_id.valid(name)
    assert queue_id.arrival(name) is None


@settings(deadline=None)
@given(st.text(max_size=120))
def test_any_text_is_judged_without_failing(text: str) -> None:
    queue_id.arrival(text)
    Hashing(frozenset({"deferred"}), 2).folder("deferred", text)


@settings(deadline=None)
@given(SECONDS, MICROSECONDS, INODES)
def test_long_and_short_ids_of_one_moment_share_a_directory(seconds: int, microseconds: int, inode: int) -> None:
    hashing = Hashing(frozenset({"deferred"}), 3)
    folders = {
        hashing.folder("deferred", queue_id.encode(seconds, microseconds, inode, long=long)) for long in (False, True)
    }
    spelled = f"{microseconds:05X}"
    assert folders == {f"deferred/{spelled[0]}/{spelled[1]}/{spelled[2]}"}


def test_a_queue_that_is_not_hashed_is_flat() -> None:
    assert Hashing(frozenset({"deferred"}), 1).folder("hold", "ABCDEF123") == "hold"
