"""From what happened to recipients to what is said of messages."""

from hypothesis import given
from hypothesis import strategies as st

from mxtui.model.drain.following import Followed
from mxtui.model.flushing import FATES
from mxtui.model.plan import Fate, Verdict
from tests.support.plans import target


def followed(recipients: int = 1, messages: int = 1) -> Followed:
    books = Followed(0.0)
    for number in range(messages):
        books.take(target(f"A{number:08X}", recipients=recipients), 0.0)
    return books


def verdict(recipient: str, fate: Fate, queue_id: str = "A00000000") -> Verdict:
    return Verdict(queue_id, recipient, fate, at=1.0)


def fates(books: Followed) -> list[Fate]:
    return [each.fate for each in books.settled()]


def test_a_message_is_delivered_when_every_recipient_is() -> None:
    books = followed(recipients=2)
    books.verdict(verdict("a", "delivered"))
    assert (len(books), fates(books)) == (1, [])
    books.verdict(verdict("b", "delivered"))
    assert (len(books), fates(books)) == (0, ["delivered"])


def test_one_who_still_waits_keeps_the_message_deferred() -> None:
    books = followed(recipients=2)
    books.verdict(verdict("a", "delivered"))
    books.verdict(verdict("b", "deferred"))
    assert fates(books) == ["deferred"]


def test_one_who_was_refused_keeps_the_message_from_being_called_delivered() -> None:
    books = followed(recipients=2)
    books.verdict(verdict("a", "delivered"))
    books.verdict(verdict("b", "refused"))
    assert (len(books), fates(books)) == (0, ["refused"])


def test_a_message_that_left_without_evidence_is_never_delivered() -> None:
    books = followed(recipients=2)
    books.verdict(verdict("a", "delivered"))
    books.left("A00000000", 2.0)
    assert (len(books), fates(books)) == (0, ["vanished"])


def test_two_aliases_of_one_address_are_two_recipients() -> None:
    books = followed(recipients=2)
    books.verdict(verdict("a", "delivered"), original="x")
    assert len(books) == 1
    books.verdict(verdict("a", "delivered"), original="y")
    assert fates(books) == ["delivered"]


def test_mail_of_others_changes_nothing() -> None:
    books = followed()
    books.verdict(verdict("a", "delivered", "ZZZZZZZZ"))
    books.left("ZZZZZZZZ", 1.0)
    books.gone_before("ZZZZZZZZ", 1.0)
    assert (list(books), fates(books), books.moved_at) == (["A00000000"], [], 0.0)


def test_each_message_is_told_once_with_its_words_and_how_long_it_took() -> None:
    books = followed(recipients=2, messages=2)
    books.verdict(Verdict("A00000000", "a", "delivered", "2.0.0", "taken", at=1.0))
    books.verdict(Verdict("A00000000", "b", "deferred", "4.2.2", "mailbox full", at=1.5), busy=True)
    books.left("A00000001", 2.0)
    first, second = books.settled()
    assert [each.reply for each in first.verdicts] == ["taken", "mailbox full"]
    assert (first.fate, first.seconds, first.busy) == ("deferred", 1.5, True)
    assert (second.queue_id, second.fate, second.verdicts) == ("A00000001", "vanished", ())
    assert not books.settled()


def test_what_was_gone_before_its_turn_was_not_tried() -> None:
    books = followed()
    books.gone_before("A00000000", 1.0)
    (settled,) = books.settled()
    assert (settled.fate, settled.verdicts, settled.seconds) == ("vanished", (), None)


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from("abc"), st.sampled_from(FATES), st.booleans())))
def test_every_message_is_counted_exactly_once(events: list[tuple[int, str, Fate, bool]]) -> None:
    books = followed(recipients=2, messages=5)
    for number, recipient, fate, leaves in events:
        if leaves:
            books.left(f"A{number:08X}", 1.0)
        else:
            books.verdict(verdict(recipient, fate, f"A{number:08X}"))
    told = [each.queue_id for each in books.settled()]
    assert sorted([*told, *books]) == [f"A{number:08X}" for number in range(5)]
