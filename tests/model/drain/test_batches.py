from mxtui.model.drain.batches import Batches
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.plan import Fate
from tests.model.drain.drains import settle, vary


class Engine:
    """Takes and settles for a pace."""

    def __init__(self, **settings: object) -> None:
        self.pace = Batches(DrainSettings(**settings), vary)  # type: ignore[arg-type]
        self.now = 0.0

    def take(self, most: int = 1_000_000) -> int:
        number = min(most, self.pace.room(self.now))
        self.pace.took(number)
        return number

    def settle(self, number: int = 1, fate: Fate = "delivered", *, dsn: str | None = None) -> None:
        for _ in range(number):
            self.pace.settled(settle("A00000000", fate, dsn=dsn), self.now, self.now)

    def ramp(self) -> None:
        while not self.pace.steady:
            self.settle(self.take())


def test_each_batch_is_five_times_the_one_before_up_to_the_cap() -> None:
    engine = Engine()
    sizes = []
    for _ in range(6):
        sizes.append(size := engine.take())
        engine.settle(size)
    assert sizes == [1, 5, 25, 125, 625, 625]


def test_nothing_more_goes_until_a_small_batch_is_settled_to_the_last() -> None:
    engine = Engine()
    engine.settle(engine.take())
    assert (engine.take(), engine.take()) == (5, 0)
    engine.settle(4)
    assert engine.take() == 0
    engine.settle()
    assert engine.take() == 25


def test_a_tenth_of_a_large_batch_need_not_be_waited_for_and_takes_places_of_the_next() -> None:
    engine = Engine()
    for size in (1, 5, 25):
        assert engine.take() == size
        engine.settle(size)
    assert engine.take() == 125
    engine.settle(112)
    assert engine.take() == 0
    engine.settle(1)
    assert engine.take() == 625 - 12


def test_a_batch_may_be_taken_in_pieces() -> None:
    engine = Engine()
    engine.settle(engine.take())
    assert engine.take(2) == 2
    engine.settle(2)
    assert engine.take(2) == 2
    assert engine.take() == 1


def test_at_the_cap_each_that_is_settled_makes_room_for_another() -> None:
    engine = Engine()
    engine.ramp()
    assert engine.take() == 625
    engine.settle(100)
    assert engine.take() == 100


def test_a_spoilt_batch_begins_again_at_one_after_a_pause() -> None:
    engine = Engine()
    engine.settle(engine.take())
    engine.settle(engine.take())
    engine.take()
    engine.settle(6, "deferred", dsn="4.4.1")
    assert (engine.pace.failures, engine.pace.resumes) == (1, 5.0)
    engine.settle(19)
    assert engine.take() == 0
    engine.now = 5.0
    assert engine.take() == 1
    engine.settle()
    assert (engine.pace.failures, engine.pace.trouble, engine.take()) == (0, "", 5)


def test_what_was_under_way_at_the_failure_makes_it_no_worse() -> None:
    engine = Engine()
    engine.ramp()
    engine.take()
    engine.settle(625, "deferred", dsn="4.4.1")
    assert engine.pace.failures == 1
    engine.now = 5.0
    assert engine.take() == 1


def test_while_what_failed_is_still_in_hand_nothing_more_goes() -> None:
    engine = Engine()
    engine.ramp()
    engine.take()
    engine.settle(200, "deferred", dsn="4.4.1")
    engine.now = 60.0
    assert engine.take() == 0
    engine.pace.settled(settle("A00000000", "deferred", dsn="4.4.1"), 0.0, engine.now)
    assert engine.take() == 0


def test_ten_failures_in_a_row_are_enough_in_a_batch_of_any_size() -> None:
    engine = Engine()
    engine.ramp()
    engine.take()
    for _ in range(10):
        engine.settle(9, "deferred", dsn="4.4.1")
        engine.settle()
    assert engine.pace.failures == 0
    engine.settle(10, "deferred", dsn="4.4.1")
    assert engine.pace.failures == 1


def test_some_failures_in_a_batch_do_not_keep_the_next_from_growing() -> None:
    engine = Engine()
    engine.settle(engine.take())
    engine.take()
    engine.settle(1, "deferred", dsn="4.4.1")
    engine.settle(4)
    assert engine.take() == 25


def test_full_mailboxes_are_no_trouble_of_the_primary() -> None:
    engine = Engine()
    engine.settle(engine.take())
    engine.settle(engine.take(), "deferred", dsn="4.2.2")
    assert engine.take() == 25
