"""The small parts that bound what clients can use up."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.receiver.admission import Admission, client_of, plain_address
from mxtui.receiver.memory import Hold, Memory
from mxtui.receiver.room import DiskRoom
from mxtui.receiver.settings import Limits


def test_connections_are_counted_in_all_and_by_client() -> None:
    admission = Admission(Limits(connections=3, connections_per_client=2))
    assert admission.enter("a") == ""
    assert admission.enter("a") == ""
    assert admission.enter("a").startswith("421 4.7.0 ")
    assert admission.enter("b") == ""
    assert admission.enter("b").startswith("421 4.3.2 ")
    admission.leave("a")
    assert admission.enter("b") == ""
    assert admission.open == 3


def test_one_ipv6_network_is_one_client() -> None:
    assert client_of("2001:db8::1") == client_of("2001:db8::ffff:1")
    assert client_of("2001:db8::1") != client_of("2001:db8:0:1::1")
    assert plain_address(("::ffff:192.0.2.1", 25, 0, 0)) == "192.0.2.1"
    assert plain_address(("fe80::1%eth0", 25, 0, 2)) == "fe80::1"
    assert plain_address("") == "unknown"


def test_memory_is_had_before_it_is_used_and_given_back() -> None:
    memory = Memory(100, 60)
    with Hold(memory, "a") as one, Hold(memory, "b") as other:
        assert one.cover(60)
        assert not one.cover(61), "its client's share is used up"
        assert other.cover(40)
        assert not other.cover(41), "all is used up"
        assert not memory.fits("c", 1)
        one.release()
        assert other.cover(41)
    assert (memory.used, memory.peak) == (0, 100)
    assert memory.fits("a", 60)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60))))
def test_memory_never_exceeds_its_bounds(steps: list[tuple[int, int]]) -> None:
    memory = Memory(100, 50)
    holds = [Hold(memory, "ab"[number % 2]) for number in range(5)]
    for which, size in steps:
        if not size:
            holds[which].release()
        holds[which].cover(size)
        assert memory.used == sum(hold.size for hold in holds) <= 100
        assert sum(hold.size for hold in holds[::2]) <= 50


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def filesystem(monkeypatch: pytest.MonkeyPatch, *, blocks: int, inodes: int, files: int = 1000) -> None:
    found = os.statvfs_result((1024, 1024, 0, 0, blocks, files, 0, inodes, 0, 255))
    monkeypatch.setattr("mxtui.receiver.room.os.statvfs", lambda path: found)


def test_there_is_room_until_bytes_or_inodes_run_low(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clock = Clock()
    room = DiskRoom(tmp_path, free_bytes=10_240, free_inodes=5, clock=clock)
    filesystem(monkeypatch, blocks=20, inodes=100)
    assert room(10_240) == ""
    assert "bytes free" in room(10_241), "what is announced counts"
    filesystem(monkeypatch, blocks=9, inodes=100)
    assert room(0) == "", "looked at once a second"
    clock.now += 1
    assert "bytes free" in room(0)
    filesystem(monkeypatch, blocks=20, inodes=4)
    clock.now += 1
    assert "inodes free" in room(0)


def test_a_file_system_without_a_number_of_inodes_has_enough(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    filesystem(monkeypatch, blocks=10**9, inodes=0, files=0)
    assert DiskRoom(tmp_path)(0) == ""


def test_a_spool_that_is_gone_has_no_room(tmp_path: Path) -> None:
    assert "cannot be looked at" in DiskRoom(tmp_path / "gone")(0)
