"""What becomes of each message: delivered and gone, or where it was, or in hold and named."""

import threading
from collections.abc import Callable

import pytest

from mxtui.delivery.host import HostKey
from mxtui.delivery.policy import Policy
from mxtui.demo.primary import FakePrimary
from mxtui.errors import Guarded
from mxtui.model.drain.way import Settled
from mxtui.queues.postfix.whereabouts import locate
from tests.delivery.direct.conftest import Site
from tests.delivery.direct.feeding import Given, deliver, run_through
from tests.queues.postfix.acting import log_of

pytestmark = pytest.mark.postfix


def test_what_waited_is_delivered_once_and_gone(site: Site, primary: FakePrimary) -> None:
    ids = site.waiting("info@example.org", "sales@example.org", count=50) + site.held("held@example.org")
    settled = deliver(site.way(primary.port), site.targets(ids), connections=4)
    assert {each.fate for each in settled.values()} == {"delivered"}
    assert all(each.seconds is not None and each.seconds < 5 for each in settled.values())
    assert len(primary.accepted) == 51
    assert primary.busiest <= 4
    assert set(site.states(ids)) == {""}
    assert primary.connections <= 4, "connections are used again"


def test_recipients_at_several_hosts_are_each_sent_to_their_own(
    site: Site, primaries: Callable[[], FakePrimary]
) -> None:
    one, other = primaries(), primaries()
    ports = {"example.org": one.port, "example.net": other.port}
    ids = site.waiting("info@example.org", "info@example.net", count=5)
    way = site.way(lambda domain: HostKey("127.0.0.1", ports[domain], lookup_mx=False))
    settled = deliver(way, site.targets(ids), connections=1)
    assert {each.fate for each in settled.values()} == {"delivered"}
    assert [message.recipients for message in one.accepted] == [("info@example.org",)] * 5
    assert [message.recipients for message in other.accepted] == [("info@example.net",)] * 5


def test_what_waits_for_a_host_that_is_stopped_is_put_back_and_the_other_gets_its_own(
    site: Site, primaries: Callable[[], FakePrimary]
) -> None:
    one, other = primaries(), primaries()
    one.behave(delay=0.05)
    other.behave(delay=0.05)
    ports = {"example.org": one.port, "example.net": other.port}
    stopped, well = site.waiting("info@example.org", count=40), site.waiting("info@example.net", count=40)
    (both,) = site.waiting("info@example.org", "info@example.net")

    class OneStopped(Given):
        def connections_to(self, host: str) -> int:
            return 0 if host.endswith(f":{one.port}") and one.accepted else 2

    way = site.way(lambda domain: HostKey("127.0.0.1", ports[domain], lookup_mx=False))
    feed = OneStopped(site.targets([*stopped, *well, both]), connections=20)
    settled = {each.queue_id: each for each in run_through(way, feed)}
    assert len(settled) == 81
    assert len(other.accepted) == 41
    assert len(one.accepted) <= 12, "those that were begun"
    left = [settled[each] for each in stopped if site.states([each]) == ["deferred"]]
    assert len(left) >= 28
    assert {(each.fate, each.seconds, each.untried) for each in left} == {("deferred", None, True)}
    assert site.states([both]) == ["deferred"]
    assert site.todo(both) == {"info@example.org"}


def test_whom_a_host_accepts_is_marked_and_the_others_are_kept(site: Site, primary: FakePrimary) -> None:
    primary.behave(permanent="^bad@", temporary="^later@")
    (queue_id,) = site.waiting("good@example.org", "bad@example.org", "later@example.org", "fine@example.org")
    settled = deliver(site.way(primary.port), site.targets([queue_id]))[queue_id]
    assert settled.fate == "refused"
    fates = {verdict.recipient.split("@")[0]: verdict.fate for verdict in settled.verdicts}
    assert fates == {"good": "delivered", "bad": "refused", "later": "deferred", "fine": "delivered"}
    assert site.states([queue_id]) == ["hold"], "Postfix would return it"
    assert site.todo(queue_id) == {"bad@example.org", "later@example.org"}
    primary.behave(permanent="(?!)", temporary="(?!)")
    site.finish_by_postfix([queue_id], primary)
    assert [set(message.recipients) for message in primary.accepted] == [
        {"good@example.org", "fine@example.org"},
        {"bad@example.org", "later@example.org"},
    ]


def test_a_primary_that_refuses_everybody_loses_and_returns_nothing(site: Site, primary: FakePrimary) -> None:
    primary.behave(permanent=".")
    ids = site.waiting("info@example.org", count=10) + site.held("info@example.org")
    settled = deliver(site.way(primary.port), site.targets(ids))
    assert {each.fate for each in settled.values()} == {"refused"}
    assert all("User unknown" in each.verdicts[0].reply for each in settled.values())
    assert set(site.states(ids)) == {"hold"}
    assert all(site.todo(each) == {"info@example.org"} for each in ids)
    assert primary.accepted == []
    assert "status=bounced" not in log_of(site.postfix)
    assert "sender non-delivery notification" not in log_of(site.postfix)


def test_what_is_put_off_goes_back_as_it_was(site: Site, primary: FakePrimary) -> None:
    primary.behave(temporary="^grey@")
    waiting, held = site.waiting("grey@example.org", "good@example.org"), site.held("grey@example.org")
    before = [site.mtime(each) for each in waiting + held]
    settled = deliver(site.way(primary.port), site.targets(waiting + held))
    assert {each.fate for each in settled.values()} == {"deferred"}
    assert site.states(waiting + held) == ["deferred", "hold"]
    assert [site.mtime(each) for each in waiting + held] == before, "its next try is when it was"
    assert site.todo(waiting[0]) == {"grey@example.org"}
    assert all("Greylisted" in each.verdicts[0].reply for each in settled.values() if each.queue_id in held)


def test_what_the_host_cannot_carry_is_left_to_postfix(site: Site, primary: FakePrimary) -> None:
    primary.behave(extensions=("PIPELINING", "SIZE 1000"))
    eight = site.waiting("info@example.org", content="Subject: ü\n\nü\n".encode(), mail_options=["BODY=8BITMIME"])
    large = site.waiting("info@example.org", content=b"Subject: x\n\n" + b"x\n" * 1000)
    asking = site.waiting("info@example.org", rcpt_options=["NOTIFY=SUCCESS"])
    settled = deliver(site.way(primary.port), site.targets(eight + large + asking))
    assert {each.fate for each in settled.values()} == {"deferred"}
    assert set(site.states(eight + large + asking)) == {"deferred"}
    assert primary.accepted == []


def test_a_host_that_takes_few_recipients_gets_the_rest_at_once(site: Site, primary: FakePrimary) -> None:
    primary.behave(recipients=4)
    (queue_id,) = site.waiting(*(f"user{number}@example.org" for number in range(10)))
    assert deliver(site.way(primary.port), site.targets([queue_id]))[queue_id].fate == "delivered"
    assert [len(message.recipients) for message in primary.accepted] == [4, 4, 2]


def test_a_host_that_ends_each_connection_soon_gets_everything_over_others(site: Site, primary: FakePrimary) -> None:
    primary.behave(messages=3)
    ids = site.waiting("info@example.org", count=10)
    settled = deliver(site.way(primary.port), site.targets(ids), connections=1)
    assert {each.fate for each in settled.values()} == {"delivered"}
    assert len(primary.accepted) == 10
    assert primary.connections == 4


def test_a_host_that_is_busy_is_said_to_be(site: Site, primary: FakePrimary) -> None:
    primary.behave(busy=True)
    ids = site.waiting("info@example.org", count=4)
    settled = deliver(site.way(primary.port), site.targets(ids), connections=1)
    assert any(each.busy for each in settled.values())
    assert {each.fate for each in settled.values()} == {"deferred"}
    assert set(site.states(ids)) == {"deferred"}


def test_a_host_that_cannot_be_reached_has_all_put_back(site: Site, primary: FakePrimary) -> None:
    primary.down()
    ids = site.waiting("info@example.org", count=6)
    settled = deliver(site.way(primary.port), site.targets(ids))
    assert {each.verdicts[0].fate for each in settled.values()} == {"deferred"}
    assert all("refused" in each.verdicts[0].reply for each in settled.values())
    assert set(site.states(ids)) == {"deferred"}


def test_a_stop_leaves_every_message_delivered_or_as_it_was(site: Site, primary: FakePrimary) -> None:
    primary.behave(delay=0.05)
    ids = site.waiting("info@example.org", count=30) + site.held("info@example.org", count=3)
    stop = threading.Event()
    settled: list[Settled] = []
    feed = Given(site.targets(ids))
    for some in site.way(primary.port).deliver(feed, stop):
        settled += some
        if settled:
            stop.set()
    told = {each.queue_id: each.fate for each in settled}
    assert len(told) == len(settled)
    assert set(told) == set(ids) - {target.queue_id for target in feed.left}
    assert 0 < len(primary.accepted) < len(ids)
    assert sorted(told.values()).count("delivered") == len(primary.accepted)
    for queue_id, now in zip(ids, site.states(ids), strict=True):
        before = "deferred" if queue_id in ids[:30] else "hold"
        assert now == ("" if told.get(queue_id) == "delivered" else before)


def test_a_stop_does_not_wait_for_a_host_that_does_not_greet(site: Site, primary: FakePrimary) -> None:
    primary.behave(hang="banner")
    ids = site.waiting("info@example.org", count=3)
    stop = threading.Event()
    settled: list[Settled] = []
    way = site.way(primary.port, policy=Policy())  # 5 min for the greeting
    for some in way.deliver(Given(site.targets(ids)), stop):
        settled += some
        if primary.connections:
            stop.set()
    assert {each.queue_id: each.fate for each in settled} == dict.fromkeys(ids, "deferred")
    assert set(site.states(ids)) == {"deferred"}


def test_closing_the_iterator_early_leaves_nothing_in_between(site: Site, primary: FakePrimary) -> None:
    primary.behave(delay=0.05)
    ids = site.waiting("info@example.org", count=20)
    running = site.way(primary.port).deliver(Given(site.targets(ids)), threading.Event())
    while not primary.accepted:
        next(running)
    running.close()  # type: ignore[attr-defined]
    states = site.states(ids)
    assert states.count("") == len(primary.accepted)
    assert states.count("deferred") == len(ids) - len(primary.accepted)


def test_a_second_run_on_the_same_queue_is_refused(site: Site, primary: FakePrimary) -> None:
    primary.behave(delay=0.1)
    ids = site.waiting("info@example.org", count=3)
    folder = site.journal()
    running = site.way(primary.port, folder).deliver(Given(site.targets(ids)), threading.Event())
    next(iter(running))
    with pytest.raises(Guarded, match="somebody else"):
        deliver(site.way(primary.port, folder), site.targets(ids))
    assert sum(each.fate == "delivered" for some in running for each in some) + 0 <= 3
    assert len(primary.accepted) == 3


def test_a_message_that_changed_is_not_touched(site: Site, primary: FakePrimary) -> None:
    ids = site.waiting("info@example.org", count=3)
    targets = site.targets(ids)
    other = [target._replace(identity=target.identity._replace(inode=target.identity.inode + 1)) for target in targets]
    settled = deliver(site.way(primary.port), [*other[:1], *targets[1:]])
    assert settled[ids[0]].fate == "deferred"
    assert "another message" in settled[ids[0]].verdicts[0].reply
    assert site.states(ids) == ["deferred", "", ""]


def test_what_an_operator_holds_meanwhile_stays_held(site: Site, primary: FakePrimary) -> None:
    ids = site.held("info@example.org")
    targets = [target._replace(state="deferred") for target in site.targets(ids)]
    settled = deliver(site.way(primary.port), targets)
    assert settled[ids[0]].verdicts[0].reply == "held by somebody else"
    assert site.states(ids) == ["hold"]
    assert primary.accepted == []


def test_the_journal_is_for_its_owner_only(site: Site, primary: FakePrimary) -> None:
    folder = site.journal()
    deliver(site.way(primary.port, folder), site.targets(site.waiting("info@example.org")))
    assert (folder.stat().st_mode & 0o777, (folder / "journal").stat().st_mode & 0o777) == (0o700, 0o600)


def test_recipients_beyond_the_content_are_marked_too(site: Site, primary: FakePrimary) -> None:
    site.postfix.postconf(always_bcc="copy@example.org")
    try:
        ids = site.waiting("later@example.org", "info@example.org")
    finally:
        site.postfix.postconf(always_bcc="")
    primary.behave(temporary="^later@")
    deliver(site.way(primary.port), site.targets(ids))
    assert site.todo(ids[0]) == {"later@example.org"}
    here = locate(site.layout, ids[0])
    assert here is not None
    assert here.state == "deferred"
    primary.behave(temporary="(?!)")
    site.finish_by_postfix(ids, primary)
    assert [set(message.recipients) for message in primary.accepted] == [
        {"info@example.org", "copy@example.org"},
        {"later@example.org"},
    ]
