"""From what happened to recipients to what is said of messages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.flushing import FATES, Flushing, Rate, message_fate
from mxtui.model.plan import Fate, Verdict
from tests.support.plans import target


def books(recipients: int = 1, messages: int = 1) -> Flushing:
    return Flushing([target(f"A{n:08X}", recipients=recipients) for n in range(messages)], 0.0)


def verdict(recipient: str, fate: Fate, queue_id: str = "A00000000") -> Verdict:
    return Verdict(queue_id, recipient, fate, at=1.0)


def test_a_message_is_delivered_when_every_recipient_is() -> None:
    flushing = books(recipients=2)
    flushing.verdict(verdict("a", "delivered"))
    assert flushing.progress(1.0, "steady").left == 1
    flushing.verdict(verdict("b", "delivered"))
    assert flushing.progress(1.0, "steady").delivered == 1


def test_one_who_still_waits_keeps_the_message_deferred() -> None:
    flushing = books(recipients=2)
    flushing.verdict(verdict("a", "delivered"))
    flushing.verdict(verdict("b", "deferred"))
    progress = flushing.progress(1.0, "done")
    assert (progress.delivered, progress.deferred) == (0, 1)


def test_one_who_was_refused_keeps_the_message_from_being_called_delivered() -> None:
    flushing = books(recipients=2)
    flushing.verdict(verdict("a", "delivered"))
    flushing.verdict(verdict("b", "refused"))
    progress = flushing.progress(1.0, "done")
    assert (progress.delivered, progress.refused, progress.left) == (0, 1, 0)


def test_a_message_that_left_without_evidence_is_never_delivered() -> None:
    flushing = books(recipients=2)
    flushing.verdict(verdict("a", "delivered"))
    flushing.left("A00000000", 2.0)
    progress = flushing.progress(2.0, "done")
    assert (progress.delivered, progress.unknown, progress.left) == (0, 1, 0)


def test_two_aliases_of_one_address_are_two_recipients() -> None:
    flushing = books(recipients=2)
    flushing.verdict(verdict("a", "delivered"), original="x")
    assert flushing.progress(1.0, "steady").left == 1
    flushing.verdict(verdict("a", "delivered"), original="y")
    assert flushing.progress(1.0, "steady").delivered == 1


def test_mail_of_others_changes_nothing() -> None:
    flushing = books()
    flushing.verdict(verdict("a", "delivered", "ZZZZZZZZ"))
    flushing.left("ZZZZZZZZ", 1.0)
    assert flushing.progress(1.0, "steady") == books().progress(1.0, "steady")


def test_each_verdict_is_shown_once() -> None:
    flushing = books(messages=3)
    flushing.verdict(verdict("a", "delivered"))
    assert len(flushing.progress(1.0, "steady").recent) == 1
    assert len(flushing.progress(1.0, "steady").recent) == 0


def test_each_message_is_closed_once_with_the_words_that_decided_it() -> None:
    flushing = books(recipients=2, messages=2)
    flushing.verdict(Verdict("A00000000", "a", "delivered", "2.0.0", "taken", at=1.0))
    flushing.verdict(Verdict("A00000000", "b", "deferred", "4.2.2", "mailbox full", at=1.0))
    flushing.left("A00000001", 1.0)
    closed = {verdict.queue_id: (verdict.fate, verdict.reply) for verdict in flushing.progress(1.0, "steady").closed}
    assert closed == {"A00000000": ("deferred", "mailbox full"), "A00000001": ("vanished", "")}
    assert not flushing.progress(1.0, "steady").closed


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abc"), st.sampled_from(FATES), st.booleans())))
def test_every_message_is_counted_exactly_once(events: list[tuple[int, str, Fate, bool]]) -> None:
    flushing = books(recipients=2, messages=5)
    for number, recipient, fate, leaves in events:
        if leaves:
            flushing.left(f"A{number:08X}", 1.0)
        else:
            flushing.verdict(verdict(recipient, fate, f"A{number:08X}"))
    p = flushing.progress(2.0, "steady")
    assert p.delivered + p.deferred + p.bounced + p.refused + p.unknown + p.left == p.queued == 5


@given(st.lists(st.sampled_from(FATES)))
def test_only_deliveries_make_a_delivery(fates: list[Fate]) -> None:
    assert (message_fate(fates) == "delivered") == (bool(fates) and set(fates) == {"delivered"})


def test_a_steady_rate_is_told_and_falls_when_nothing_comes() -> None:
    rate = Rate(0.0)
    for n in range(300):
        rate.add(n / 10)
    assert rate.at(30.0) == pytest.approx(10, rel=0.1)
    assert rate.at(90.0) < 0.1


def test_a_young_rate_is_told_right_too() -> None:
    rate = Rate(0.0)
    for n in range(1, 21):
        rate.add(n / 10)
    assert rate.at(2.0) == pytest.approx(10, rel=0.15)
