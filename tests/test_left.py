"""What guards have held, on disk."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mxtui.left import HOLDING, LeftByGuards, as_left, is_left
from tests.support.plans import target

WRITERS = 8
EACH = 25


def test_what_was_added_is_known_until_it_is_forgotten(tmp_path: Path) -> None:
    left = LeftByGuards(tmp_path)
    held = target("A00000001", state="hold")
    left.add([held, target("A00000002", state="hold")], 1000.0)
    assert is_left(held, left.known())
    left.forget({"A00000001"})
    assert list(left.known()) == ["A00000002"]
    assert not is_left(held, left.known())


def test_what_was_put_into_hold_later_than_the_guard_did_was_held_by_somebody_else(tmp_path: Path) -> None:
    left = LeftByGuards(tmp_path)
    left.add([target(f"A0000000{number}", state="hold") for number in range(3)], 1000.0)
    since = {"A00000000": 1003.0, "A00000001": 1001.0 + HOLDING}  # of the third nobody can say
    assert list(as_left(left.known(), since)) == ["A00000000", "A00000002"]


def test_of_many_who_write_at_once_nobody_loses_what_another_wrote(tmp_path: Path) -> None:
    LeftByGuards(tmp_path).add([target(f"F{number:08}") for number in range(WRITERS * EACH)], 1.0)

    def write(writer: int) -> None:
        for number in range(EACH):
            LeftByGuards(tmp_path).add([target(f"A{writer}{number:07}")], 1000.0)
            LeftByGuards(tmp_path).forget({f"F{writer * EACH + number:08}"})

    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(write, range(WRITERS)))
    expected = {f"A{writer}{number:07}" for writer in range(WRITERS) for number in range(EACH)}
    assert LeftByGuards(tmp_path).known().keys() == expected
    assert {each.name for each in tmp_path.iterdir()} == {"left.json", "left.lock"}


def test_what_a_drain_had_and_could_not_deliver_is_left_anew(tmp_path: Path) -> None:
    """It may have been written to meanwhile."""
    left = LeftByGuards(tmp_path)
    left.add([target("A00000000", state="hold"), target("A00000001", state="hold")], 1000.0)
    left.seen({"A00000001", "B00000000"}, 5000.0)
    assert list(as_left(left.known(), dict.fromkeys(left.known(), 4990.0))) == ["A00000001"]
