"""What a mail log tells of a drill: only the primary's own "yes" is one, and a filter's leads to the next queue ID."""

import itertools

import pytest

from mxtui.drilling.course import Evidence
from mxtui.drilling.following import MOST, Trail
from mxtui.model.health import Primary
from mxtui.queues.postfix.maillog import Attempt, Event, Removed, Returned, Status

HOME = Primary("mx1.example.org", 25, "transport")
HOME_RELAY = "mx1.example.org[192.0.2.1]:25"
FILTER = "127.0.0.1[127.0.0.1]:10024"
AGAIN = "250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as NEW123"


def attempt(queue_id: str, relay: str, text: str = "250 fine", status: Status = "sent") -> Attempt:
    return Attempt(queue_id, "drill@example.org", "", relay, 0.1, "2.0.0", status, text)


def told(*events: Event, primaries: tuple[Primary, ...] = (HOME,)) -> Evidence | None:
    trail = Trail("OLD123", primaries)
    return next((evidence for event in events if (evidence := trail.take(event)) is not None), None)


@pytest.mark.parametrize("relay", [HOME_RELAY, "mx1.example.org[2001:db8::1]:25", "MX1.example.org[192.0.2.1]:25"])
def test_the_primary_took_it(relay: str) -> None:
    evidence = told(attempt("OLD123", relay, "250 2.0.0 Ok: queued as NEW123"))
    assert evidence is not None
    assert (evidence.passed, "routed to" in evidence.text) == (True, False)


@pytest.mark.parametrize("relay", ["local", "none", "virtual", "dovecot", "mx2.example.net[private/dovecot-lmtp]", ""])
def test_whoever_is_no_server_delivered_it_here(relay: str) -> None:
    evidence = told(attempt("OLD123", relay))
    assert evidence is not None
    assert not evidence.passed
    assert "delivered here and not to the primary" in evidence.text
    assert "routed to mx1.example.org:25" in evidence.text


def test_another_server_is_named_beside_the_primary() -> None:
    evidence = told(attempt("OLD123", "fallback.example[192.0.2.9]:25"))
    assert evidence is not None
    assert (evidence.passed, evidence.text.endswith("; routed to mx1.example.org:25")) == (True, True)


def test_a_filter_that_says_no_more_is_not_the_primary() -> None:
    evidence = told(attempt("OLD123", FILTER))
    assert evidence is not None
    assert (evidence.passed, "no line says where it went" in evidence.text) == (False, True)


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
@pytest.mark.parametrize(("relay", "passed"), [(HOME_RELAY, True), ("local", False)])
def test_through_a_filter_it_is_followed_whichever_line_comes_first(
    order: tuple[int, ...], relay: str, *, passed: bool
) -> None:
    lines = [attempt("OLD123", FILTER, AGAIN), attempt("NEW123", relay)]
    evidence = told(*(lines[n] for n in order), Removed("NEW123"), Removed("OLD123"))
    assert evidence is not None
    assert evidence.passed is passed
    assert evidence.text.startswith(f"{FILTER} took it as NEW123; ")


def test_a_queue_id_that_nobody_here_knows_is_the_servers_own() -> None:
    trail = Trail("OLD123", [])
    assert trail.take(attempt("OLD123", HOME_RELAY, AGAIN)) is None
    assert (trail.maybe, trail.taken.passed) == ("NEW123", True)


def test_what_settles_nothing_is_remembered_as_the_last() -> None:
    trail = Trail("OLD123", [HOME])
    assert trail.take(attempt("OLD123", "none", "connection refused", "deferred")) is None
    assert trail.last == "status=deferred relay=none (connection refused)"


@pytest.mark.parametrize(
    "event", [Returned("OLD123", "", forced=False), attempt("OLD123", HOME_RELAY, "550 no", "bounced")]
)
def test_what_was_refused_or_returned_failed(event: Event) -> None:
    evidence = told(event)
    assert evidence is not None
    assert not evidence.passed


def test_filters_in_a_ring_come_to_an_end() -> None:
    ids = [f"RING{n:02}" for n in range(2)]
    trail = Trail(ids[0], [HOME])
    rounds = (attempt(ids[n % 2], FILTER, f"250 queued as {ids[(n + 1) % 2]}") for n in range(100))
    assert any(trail.take(event) for event in rounds)


def test_the_mail_of_others_is_remembered_within_bounds() -> None:
    trail = Trail("OLD123", [HOME])
    for number in range(3 * MOST):
        for _ in range(10):
            trail.take(attempt(f"OTHER{number}", "local"))
    assert trail.take(attempt("OLD123", FILTER, AGAIN)) is None
    assert trail.taken.passed is False
