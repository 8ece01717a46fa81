"""The order of things: nothing starves, nothing is forgotten."""

import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mxtui.delivery.schedule import Schedule


def id_of(number: int) -> str:
    return f"{number:018x}"


def drain(schedule: Schedule, domain: str) -> list[str]:
    taken = []
    while (found := schedule.take(domain)) is not None:
        taken.append(found)
    return taken


@given(st.permutations(range(20)))
def test_the_oldest_goes_first(order: list[int]) -> None:
    schedule = Schedule()
    for number in order:
        schedule.add(id_of(number), "example.org")
    assert drain(schedule, "example.org") == [id_of(number) for number in range(20)]


def test_what_is_due_later_waits_for_its_time() -> None:
    schedule = Schedule()
    schedule.add(id_of(1), "example.org", 100.0)
    schedule.add(id_of(2), "example.org", 50.0)
    assert schedule.take("example.org") is None
    assert schedule.next_due() == 50.0
    assert list(schedule.promote(49.9)) == []
    assert list(schedule.promote(50.0)) == ["example.org"]
    assert drain(schedule, "example.org") == [id_of(2)]
    assert list(schedule.promote(1000.0)) == ["example.org"]
    assert drain(schedule, "example.org") == [id_of(1)]


def test_what_an_operator_asked_for_goes_before_older_mail() -> None:
    schedule = Schedule()
    for number in range(5):
        schedule.add(id_of(number), "example.org")
    schedule.add(id_of(9), "example.org", 1000.0)
    schedule.urge(id_of(9), "example.org")
    schedule.urge(id_of(3), "example.org")
    assert drain(schedule, "example.org") == [id_of(number) for number in (3, 9, 0, 1, 2, 4)]


def test_a_message_moved_again_and_again_is_there_once() -> None:
    schedule = Schedule()
    for at in (None, 5.0, 3.0, None, 8.0):
        schedule.add(id_of(1), "example.org", at)
    assert len(schedule) == 1
    assert list(schedule.promote(7.9)) == []
    assert list(schedule.promote(8.0)) == ["example.org"]
    assert drain(schedule, "example.org") == [id_of(1)]
    assert len(schedule) == 0


def test_a_message_stands_in_the_line_of_each_of_its_domains() -> None:
    schedule = Schedule()
    schedule.add(id_of(1), "a.example")
    schedule.add(id_of(1), "b.example")
    schedule.discard(id_of(1), "a.example")
    assert schedule.take("a.example") is None
    assert schedule.take("b.example") == id_of(1)


def test_old_mail_can_be_asked_for_without_touching_younger() -> None:
    schedule = Schedule()
    for number in (5, 1, 3):
        schedule.add(id_of(number), "example.org")
    assert schedule.take_before("example.org", id_of(4)) == id_of(1)
    assert schedule.take_before("example.org", id_of(4)) == id_of(3)
    assert schedule.take_before("example.org", id_of(4)) is None
    assert drain(schedule, "example.org") == [id_of(5)]


class Model(RuleBasedStateMachine):
    """The schedule beside a dictionary that says what should be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule()
        self.due: dict[str, float] = {}
        """0 is ready, -1 is urgent."""
        self.now = 1.0

    @rule(number=st.integers(0, 12), after=st.one_of(st.none(), st.integers(0, 8)))
    def add(self, number: int, after: int | None) -> None:
        self.schedule.add(id_of(number), "example.org", None if after is None else self.now + after)
        self.due[id_of(number)] = 0.0 if after is None else self.now + after

    @rule(number=st.integers(0, 12))
    def urge(self, number: int) -> None:
        self.schedule.urge(id_of(number), "example.org")
        self.due[id_of(number)] = -1.0

    @rule()
    def calm(self) -> None:
        urgent = {key for key, due in self.due.items() if due == -1.0}
        assert set(self.schedule.calm("example.org")) == urgent
        self.due.update(dict.fromkeys(urgent, 0.0))

    @rule(number=st.integers(0, 12))
    def discard(self, number: int) -> None:
        self.schedule.discard(id_of(number), "example.org")
        self.due.pop(id_of(number), None)

    @rule(seconds=st.integers(0, 5))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds
        list(self.schedule.promote(self.now))
        for key, due in self.due.items():
            if 0 < due <= self.now:
                self.due[key] = 0.0

    @rule()
    def take(self) -> None:
        urgent = sorted(key for key, due in self.due.items() if due == -1.0)
        ready = sorted(key for key, due in self.due.items() if due == 0.0)
        expected = next(iter(urgent + ready), None)
        assert self.schedule.ready("example.org") == (expected is not None)
        assert self.schedule.take("example.org") == expected
        if expected is not None:
            del self.due[expected]

    @invariant()
    def nothing_is_forgotten(self) -> None:
        assert len(self.schedule) == len(self.due)
        assert sorted(self.schedule.ids("example.org")) == sorted(self.due)
        later = [due for due in self.due.values() if due > 0]
        if later:
            assert self.schedule.next_due() is not None
            assert (self.schedule.next_due() or 0.0) <= min(later)

    def teardown(self) -> None:
        list(self.schedule.promote(self.now + 1000))
        assert sorted(drain(self.schedule, "example.org")) == sorted(self.due)


TestModel = Model.TestCase
TestModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)

MILLION = """
import resource
from mxtui.delivery.schedule import Schedule
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
schedule = Schedule()
for number in range(1_000_000):
    due = None if number % 2 else float(number % 3600 + 1)
    schedule.add(f"{number * 7919:014x}0000", f"d{number % 200}.example", due)
assert len(schedule) == 1_000_000
list(schedule.promote(4000.0))
assert all(schedule.take(f"d{number}.example") for number in range(200))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_million_messages_take_less_than_150_mb() -> None:
    megabytes = int(subprocess.run([sys.executable, "-c", MILLION], capture_output=True, check=True, timeout=60).stdout)
    assert megabytes < 150
