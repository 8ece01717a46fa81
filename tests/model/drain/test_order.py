from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.drain.order import NEW_MAIL_TURN, Order
from mxtui.model.plan import Target
from tests.model.drain.drains import targets
from tests.support.plans import target


def order(mail: list[Target], *suspects: str) -> Order:
    return Order(mail, lambda each: each.queue_id in suspects)


def all_of(waiting: Order) -> list[Target]:
    return [waiting.pop() for _ in range(len(waiting))]


def test_domains_take_turns_and_in_each_the_oldest_is_next() -> None:
    busy = [target(f"B{n:08X}", domains=("busy.example",), arrival=100.0 - n) for n in range(4)]
    quiet = [target(f"C{n:08X}", domains=("quiet.example",), arrival=200.0 + n) for n in range(2)]
    taken = all_of(order([*busy, *quiet]))
    assert [each.queue_id[0] for each in taken] == ["B", "C", "B", "C", "B", "B"]
    assert [each.queue_id for each in taken if each.queue_id[0] == "B"] == [each.queue_id for each in reversed(busy)]


def test_null_senders_suspects_and_what_is_to_be_returned_go_last() -> None:
    bounce, suspect = target("B00000000", sender="", arrival=1.0), target("C00000000", arrival=2.0)
    returned = target("D00000000", arrival=3.0)._replace(forced_expire=True)
    good = targets(2)
    taken = all_of(order([bounce, suspect, returned, *good], "C00000000"))
    assert taken == [*good, bounce, suspect, returned]


def test_the_canary_is_the_oldest_clean_message_of_all_domains() -> None:
    old = target("B00000000", domains=("old.example",), arrival=10.0)
    waiting = order([*targets(3), old, target("C00000000", sender="", arrival=1.0)])
    canary = waiting.pop_canary()
    assert (canary.target, canary.clean) == (old, True)
    assert old not in list(waiting)


def test_without_a_clean_message_the_canary_is_the_oldest_and_says_so() -> None:
    bounces = [target("B00000000", sender="", arrival=2.0), target("C00000000", sender="", arrival=1.0)]
    canary = order(bounces).pop_canary()
    assert (canary.target, canary.clean) == (bounces[1], False)


def test_new_mail_has_every_fourth_turn_though_a_backlog_waits() -> None:
    waiting = order(targets(40))
    waiting.add(targets(3, start=1000))
    turns = [position for position, each in enumerate(all_of(waiting)) if each.identity.arrival >= 2000]
    assert len(turns) == 3
    assert all(later - earlier == NEW_MAIL_TURN for earlier, later in pairwise(turns))


def test_an_empty_order_has_no_next() -> None:
    with pytest.raises(IndexError):
        order([]).pop()
    with pytest.raises(IndexError):
        order([]).pop_canary()


mail = st.lists(
    st.builds(
        target,
        st.uuids().map(lambda each: each.hex.upper()),
        sender=st.sampled_from(["", "a@b.example"]),
        domains=st.sampled_from([(), ("a.example",), ("b.example", "a.example"), ("c.example",)]),
        arrival=st.integers(0, 20).map(float),
    ),
    max_size=30,
)


@given(mail, mail, st.integers(0, 5))
def test_everything_comes_once_and_each_domain_oldest_first(first: list[Target], later: list[Target], at: int) -> None:
    waiting = order(first)
    taken = [waiting.pop() for _ in range(min(at, len(waiting)))]
    waiting.add(later)
    assert len(waiting) == len(list(waiting)) == len(first) + len(later) - len(taken)
    taken += all_of(waiting)
    assert sorted(taken) == sorted([*first, *later])
    for chosen in (first, later):
        for domain in {each.domains for each in chosen}:
            arrivals = [
                each.identity.arrival for each in taken if each in chosen and each.sender and each.domains == domain
            ]
            assert arrivals == sorted(arrivals)
