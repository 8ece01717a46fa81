import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.receiver.recipients.learned import Learned, LearnedRecipients


def good(address: str, at: float = 1.0) -> Learned:
    return Learned(address, "good", at, "250 Ok")


def test_what_was_learned_is_known_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "learned"
    first = LearnedRecipients(path)
    first.learn(good("a@example.org"))
    first.learn(Learned("b@example.org", "bad", 2.0, "550 no"))
    first.learn(good("c@example.org"))
    assert first.forget("c@example.org")
    assert not first.forget("c@example.org")
    second = LearnedRecipients(path)
    assert list(second) == [good("a@example.org"), Learned("b@example.org", "bad", 2.0, "550 no")]
    assert path.stat().st_mode & 0o777 == 0o600
    first.close()
    second.close()


def test_the_oldest_go_first_and_the_journal_stays_short(tmp_path: Path) -> None:
    path = tmp_path / "learned"
    learned = LearnedRecipients(path, limit=10)
    for number in range(1000):
        learned.learn(good(f"{number % 50}@example.org", number))
    assert len(learned) == 10
    assert learned.get("49@example.org") is not None
    assert len(path.read_bytes().splitlines()) <= 20
    learned.close()
    smaller = LearnedRecipients(path, limit=5)
    assert len(smaller) == 5
    smaller.close()


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([b'{"address":', b'"a"', b"}", b"[" * 50, b"\n", b"1e999"])).map(b"".join)
)
def test_a_damaged_journal_costs_only_what_was_damaged(tmp_path_factory: pytest.TempPathFactory, damage: bytes) -> None:
    path = tmp_path_factory.mktemp("journal") / "learned"
    learned = LearnedRecipients(path)
    learned.learn(good("a@example.org"))
    learned.close()
    path.write_bytes(path.read_bytes() + damage)
    again = LearnedRecipients(path)
    assert again.get("a@example.org") == good("a@example.org")
    again.close()


def test_a_disk_that_fails_costs_the_journal_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    learned = LearnedRecipients(folder / "learned", limit=2)
    shutil.rmtree(folder)
    for number in range(10):
        learned.learn(good(f"{number}@example.org"))
    assert "No such file" in learned.broken
    assert learned.get("9@example.org") is not None
    learned.close()


def test_it_works_without_a_file() -> None:
    learned = LearnedRecipients()
    learned.learn(good("a@example.org"))
    assert [each.address for each in learned] == ["a@example.org"]
    learned.close()
