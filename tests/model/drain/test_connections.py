from mxtui.model.drain.connections import CROWDED, Connections
from mxtui.model.drain.settings import DrainSettings
from mxtui.model.plan import Fate
from tests.model.drain.drains import settle, vary


class Sender:
    """Takes and settles for a pace, one id after the other."""

    def __init__(self, **settings: object) -> None:
        self.pace = Connections(DrainSettings(**settings), vary)  # type: ignore[arg-type]
        self.now = 0.0

    def take(self) -> int:
        number = self.pace.room(self.now)
        self.pace.took(number)
        return number

    def settle(
        self,
        number: int = 1,
        fate: Fate = "delivered",
        *,
        taken_at: float | None = None,
        dsn: str | None = None,
        busy: bool = False,
        seconds: float | None = None,
    ) -> None:
        then = self.now if taken_at is None else taken_at
        for _ in range(number):
            self.pace.settled(settle("A00000000", fate, dsn=dsn, busy=busy, seconds=seconds), then, self.now)

    def grow(self, *, seconds: float | None = None) -> None:
        """Until nothing grows any more."""
        while not self.pace.steady:
            self.settle(self.take(), seconds=seconds)


def test_two_at_first_and_twice_as_many_with_each_round_up_to_the_cap() -> None:
    sender = Sender()
    rounds = []
    for _ in range(6):
        rounds.append(taken := sender.take())
        sender.settle(taken)
    assert rounds == [2, 4, 8, 16, 20, 20]
    assert sender.pace.steady


def test_a_few_are_in_hand_for_each_connection_but_for_the_one_that_tries_after_a_failure() -> None:
    sender = Sender(ahead=5)
    assert (sender.take(), sender.pace.connections, sender.pace.window) == (10, 2, 10)
    sender.settle(10)
    assert (sender.take(), sender.pace.connections) == (60, 12)
    sender.settle(60, "deferred", dsn="4.4.2")
    sender.now = sender.pace.resumes
    assert (sender.take(), sender.pace.connections, sender.pace.window) == (1, 1, 1)


def test_a_reserve_grows_one_by_one_when_all_connections_are_there_and_goes_with_the_first_trouble() -> None:
    sender = Sender(reserve=2, most_connections=4)
    sender.settle(sender.take())
    assert (sender.pace.connections, sender.pace.window) == (4, 4)
    sender.settle(sender.take())
    assert (sender.pace.connections, sender.pace.window) == (4, 8)
    sender.settle(sender.take())
    assert (sender.pace.connections, sender.pace.window) == (4, 12), "two more for each, and no more"
    sender.settle(sender.take(), "deferred", dsn="4.4.2")
    sender.now = sender.pace.resumes
    sender.settle(sender.take())
    assert (sender.pace.connections, sender.pace.window) == (3, 3)


def test_waiting_behind_the_reserve_is_not_the_primarys_slowness() -> None:
    sender = Sender(reserve=4, most_connections=4)
    for _ in range(40):
        taken = sender.take()
        sender.settle(taken, seconds=1.0 * taken / sender.pace.connections)
    assert (sender.pace.window, sender.pace.trouble) == (20, "")
    sender.settle(sender.take(), seconds=90.0)
    assert sender.pace.trouble.startswith("a message takes it")
    assert sender.pace.window < 20


def test_the_window_counts_what_is_in_hand() -> None:
    sender = Sender()
    assert (sender.take(), sender.take()) == (2, 0)
    sender.settle()
    assert sender.take() == 2


def test_a_run_of_failures_halves_once_and_pauses_once() -> None:
    sender = Sender()
    sender.grow()
    sender.take()
    sender.now = 10.0
    sender.settle(20, "deferred", dsn="4.4.2", taken_at=9.0)
    assert sender.pace.failures == 1
    assert (sender.take(), sender.pace.resumes) == (0, 15.0)
    sender.now = 15.0
    assert sender.take() == 1
    sender.settle()
    assert sender.pace.window == 11
    assert sender.pace.trouble == ""


def test_pauses_double_while_nothing_goes_well_and_one_message_tries_after_each() -> None:
    sender = Sender()
    waits: list[float] = []
    for _ in range(8):
        assert sender.take() == (2 if not waits else 1)
        sender.settle(sender.pace._in_hand, "deferred", dsn="4.4.1")
        waits.append(sender.pace.resumes - sender.now)
        sender.now = sender.pace.resumes
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300]
    sender.take()
    sender.settle()
    assert sender.pace.failures == 0
    sender.take()
    sender.settle(1, "deferred", dsn="4.4.1")
    assert sender.pace.resumes == sender.now + 5


def test_pauses_vary_within_their_share() -> None:
    early, late = Connections(DrainSettings(), lambda: 0.0), Connections(DrainSettings(), lambda: 1.0)
    for pace in (early, late):
        pace.took(1)
        pace.settled(settle("A00000000", "deferred", dsn="4.4.1"), 0.0, 0.0)
    assert (early.resumes, late.resumes) == (4.25, 5.75)


def test_a_full_mailbox_or_a_refusal_says_nothing_of_the_primary() -> None:
    sender = Sender()
    sender.take()
    sender.settle(1, "deferred", dsn="4.2.2")
    sender.settle(1, "refused")
    assert sender.pace.trouble == ""
    assert (sender.pace.window, sender.take()) == (2, 2)


def test_a_busy_primary_is_left_the_room_it_has_and_asked_again_later_each_time_less_often() -> None:
    sender = Sender()
    while sender.pace.window < 10:
        sender.take()
        sender.settle()
    sender.settle(1, "deferred", busy=True)
    assert "421" in sender.pace.trouble
    sender.now = sender.pace.resumes
    for _ in range(40):
        sender.take()
        sender.settle()
    assert sender.pace.window == 9
    assert sender.pace.steady
    sender.now = CROWDED + 0.1
    sender.settle()
    assert sender.pace.window == 10
    sender.settle(1, "deferred", busy=True)
    sender.now = CROWDED * 2.5
    sender.settle(40)
    assert sender.pace.window == 9


def test_replies_that_become_slow_halve_it_once_a_round_and_hold_its_growth() -> None:
    sender = Sender()
    sender.grow(seconds=0.05)
    sender.settle(20, seconds=0.05)
    sender.now = 10.0
    sender.settle(20, seconds=5.0, taken_at=9.0)
    assert sender.pace.window == 10
    assert sender.pace.trouble.startswith("a message takes it ")
    sender.settle(40, seconds=0.05, taken_at=9.0)
    assert sender.pace.trouble == ""
    assert sender.pace.window == 20


def test_a_primary_that_is_slow_from_the_start_is_not_in_trouble() -> None:
    sender = Sender()
    sender.grow(seconds=8.0)
    sender.settle(20, seconds=9.0)
    assert sender.pace.trouble == ""


def test_more_connections_make_replies_slower_and_that_is_no_trouble() -> None:
    sender = Sender()
    for round_number in range(10):
        sender.settle(sender.take(), seconds=0.01 * (1 + 5 * round_number))
    assert (sender.pace.trouble, sender.pace.window) == ("", 20)
