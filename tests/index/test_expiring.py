from hypothesis import given
from hypothesis import strategies as st

from mxtui.index import Index
from mxtui.model.forecast import DAY, HALF_DAY, Deadlines
from mxtui.model.message import Changes, QueuedMessage
from tests.index.messages import NOW, message, messages, recipient

HOUR = 3600.0


def counted(queued: list[QueuedMessage], domain: str, until: float) -> int:
    """One after the other."""
    return sum(
        each.expires is not None and each.expires <= until and any(r.domain == domain for r in each.recipients)
        for each in queued
    )


@given(
    st.lists(messages, max_size=12, unique_by=lambda each: each.queue_id),
    st.sampled_from([None, NOW + HOUR, NOW + 40 * HOUR]),
)
def test_what_expires_is_what_looking_at_each_message_finds(queued: list[QueuedMessage], back: float | None) -> None:
    index = Index(NOW)
    index.apply(Changes(queued))
    index.complete()
    returns = {"example.org": back} if back is not None else {}
    found = index.expiring(NOW, returns)
    for domain in {waiting.domain for each in queued for waiting in each.recipients}:
        due = found.get(domain, Deadlines(before_return=0 if domain in returns else None))
        assert due.within_12h == counted(queued, domain, NOW + HALF_DAY)
        assert due.within_24h == counted(queued, domain, NOW + DAY)
        expected = counted(queued, domain, returns[domain]) if domain in returns else None
        assert due.before_return == expected


def test_a_domain_with_all_the_time_in_the_world_is_left_out() -> None:
    index = Index(NOW)
    index.apply(Changes([message("4dKq7J1hVwz9x0", expires=NOW + 4 * DAY)]))
    index.complete()
    assert index.expiring(NOW, {}) == {}
    assert index.expiring(NOW, {"example.org": NOW + 5 * DAY}) == {"example.org": Deadlines(0, 0, 1)}


def test_a_message_for_several_of_a_domain_counts_once_there() -> None:
    index = Index(NOW)
    both = (recipient("a@example.org"), recipient("b@example.org"), recipient("c@example.net"))
    index.apply(Changes([message("4dKq7J1hVwz9x0", expires=NOW + HOUR, recipients=both)]))
    index.complete()
    assert index.expiring(NOW, {}) == {"example.org": Deadlines(1, 1), "example.net": Deadlines(1, 1)}
