"""A count that remembers: it comes to what a fresh count comes to, whatever happened in between."""

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxtui.queues.cached import MAGIC, Cache, Counted
from mxtui.queues.postfix.cached import PostfixFiles
from mxtui.queues.postfix.scan import count
from mxtui.queues.postfix.worker import Settings
from mxtui.queues.spool.cached import SpoolFiles
from mxtui.queues.spool.scan import count as count_spool
from tests.delivery.spooling import make_spool
from tests.queues.postfix.following import HASHING, make_queue, move, place, put
from tests.queues.postfix.writer import QueueFile, defer_log
from tests.queues.spool.making import envelope
from tests.queues.spool.making import place as place_in_spool
from tests.queues.spool.making import put as put_in_spool

NOW = 1_795_400_000.0
LIFETIMES = (432000.0, 86400.0)
IDS = ("A1B2C3D4", "B1B2C3D4", "C1B2C3D4", "D1B2C3D4")


class Kept:
    """A queue and its cache."""

    def __init__(self, folder: Path) -> None:
        self.root = make_queue(folder / "queue")
        self.cache = folder / "state" / "count.cache"
        self.settings = Settings(str(self.root), LIFETIMES, False, tuple(sorted(HASHING.names)), HASHING.depth)

    def write(self, state: str, name: str, domain: str, reason: str = "") -> Path:
        """As Postfix does: written aside, then renamed."""
        log = place(self.root, "defer", name)
        log.unlink(missing_ok=True)
        if reason:
            log.write_bytes(defer_log([(f"x@{domain}", 0, "4.4.1", reason)]))
        return put(self.root, state, name, QueueFile(recipients=[f"x@{domain}"], arrival=NOW - len(domain)).raw())

    def count(self) -> Counted:
        return Cache(self.cache, PostfixFiles(self.settings)).count(NOW)

    def assert_counted_as_fresh(self) -> Counted:
        counted = self.count()
        assert counted.tallies.plain() == count(self.settings, NOW).plain()
        return counted


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


acts = st.lists(
    st.tuples(
        st.sampled_from(("write", "move", "remove", "look")),
        st.sampled_from(IDS),
        st.sampled_from(("incoming", "active", "deferred", "hold")),
        st.sampled_from(("example.org", "b.example", "long-domain.example")),
        st.sampled_from(("", "connection refused", "452 mailbox full")),
    ),
    max_size=15,
)


@settings(deadline=None, max_examples=40)
@given(acts)
def test_it_comes_to_what_a_fresh_count_comes_to_whatever_happened(history: list[tuple[str, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = Kept(Path(folder))
        where: dict[str, str] = {}
        for act, name, state, domain, reason in history:
            if act == "look":
                kept.assert_counted_as_fresh()
            elif act == "write":
                if name in where:
                    place(kept.root, where[name], name).unlink()
                kept.write(state, name, domain, reason)
                where[name] = state
            elif name in where and act == "move":
                move(kept.root, name, where[name], state)
                where[name] = state
            elif name in where:
                place(kept.root, where.pop(name), name).unlink()
        kept.assert_counted_as_fresh()


def test_what_did_not_change_is_not_read_again(kept: Kept) -> None:
    for name in IDS:
        kept.write("deferred", name, "example.org", "connection refused")
    assert kept.count().read == 4
    assert kept.count().read == 0
    kept.write("deferred", "E1B2C3D4", "example.org")
    move(kept.root, IDS[0], "deferred", "hold")
    assert kept.assert_counted_as_fresh().read == 2


def test_a_queue_id_that_is_used_again_is_another_message(kept: Kept) -> None:
    path = kept.write("deferred", IDS[0], "example.org", "connection refused")
    kept.count()
    before = path.stat()
    # In the same file, of the same length, and its time set back: as near as it can come.
    path.write_bytes(path.read_bytes().replace(b"x@example.org", b"x@example.com"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = path.stat()
    assert (after.st_ino, after.st_size, after.st_mtime_ns) == (before.st_ino, before.st_size, before.st_mtime_ns)
    counted = kept.assert_counted_as_fresh()
    assert (counted.read, set(counted.tallies.domains)) == (1, {"example.com"})


def test_a_file_from_before_1970_is_counted_as_any_other(kept: Kept) -> None:
    path = kept.write("deferred", IDS[0], "example.org")
    os.utime(path, (-86400, -86400))
    assert kept.assert_counted_as_fresh().read == 1
    assert kept.count().read == 0


def test_what_came_and_went_is_told_by_domain(kept: Kept) -> None:
    for name in IDS:
        kept.write("deferred", name, "example.org")
    assert kept.count().moved == ({}, {}), "nobody knows when it came"
    place(kept.root, "deferred", IDS[0]).unlink()
    place(kept.root, "deferred", IDS[1]).unlink()
    kept.write("deferred", "E1B2C3D4", "b.example")
    move(kept.root, IDS[2], "deferred", "active")
    assert kept.count().moved == ({"b.example": 1}, {"example.org": 2})
    assert kept.count().moved == ({}, {})


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data + b"x",
        lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:],
        lambda data: b"mxtui counted 0\n" + data[len(MAGIC) :],
        lambda data: os.urandom(4096),
    ],
    ids=["empty", "cut", "longer", "a bit", "another version", "noise"],
)
def test_a_damaged_cache_is_thrown_away(kept: Kept, damage: Callable[[bytes], bytes]) -> None:
    for name in IDS:
        kept.write("deferred", name, "example.org")
    kept.count()
    kept.cache.write_bytes(damage(kept.cache.read_bytes()))
    assert kept.assert_counted_as_fresh().read == 4
    assert kept.count().read == 0


def test_a_cache_that_lies_is_found_out_and_thrown_away(kept: Kept) -> None:
    for name in IDS:
        kept.write("deferred", name, "example.org")
    kept.count()
    data = kept.cache.read_bytes()
    body = data[len(MAGIC) + 16 :].replace(b"example.org", b"example.com")
    kept.cache.write_bytes(MAGIC + hashlib.blake2b(body, digest_size=16).digest() + body)
    assert kept.assert_counted_as_fresh().read == 4


def test_a_cache_that_others_could_have_written_is_not_trusted(kept: Kept) -> None:
    kept.write("deferred", IDS[0], "example.org")
    kept.count()
    kept.cache.chmod(0o622)
    assert kept.count().read == 1


def test_other_lifetimes_make_another_cache(kept: Kept) -> None:
    kept.write("deferred", IDS[0], "example.org")
    kept.count()
    kept.settings = kept.settings._replace(lifetimes=(86400.0, 3600.0))
    assert kept.assert_counted_as_fresh().read == 1


def test_without_a_place_for_the_cache_it_counts_all_the_same(kept: Kept) -> None:
    kept.write("deferred", IDS[0], "example.org")
    kept.cache.parent.write_text("in the way")
    assert kept.count().tallies.whole.messages == 1


def test_the_file_holds_no_address(kept: Kept) -> None:
    kept.write("deferred", IDS[0], "example.org", "connection refused")
    kept.count()
    assert b"x@" not in kept.cache.read_bytes()


def test_a_spool_is_counted_as_fresh_too(tmp_path: Path) -> None:
    spool = make_spool(tmp_path)
    made = [put_in_spool(spool, envelope(to=(f"x{number}@example.org",))) for number in range(5)]

    def counted() -> Counted:
        found = Cache(tmp_path / "count.cache", SpoolFiles(spool.places.root)).count(NOW)
        assert found.tallies.plain() == count_spool(spool.places.root, NOW).plain()
        return found

    assert counted().read == 5
    assert counted().read == 0
    place_in_spool(spool, made[0]).rename(place_in_spool(spool, made[0], "hold"))
    place_in_spool(spool, made[1]).unlink()
    assert counted()[1:] == (({}, {"example.org": 1}), 1)
