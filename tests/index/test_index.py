from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.index import Index, Sort, judging
from mxtui.model.age import bucket
from mxtui.model.campaign import SINGLE, Judged
from mxtui.model.filter import JUDGED_WORDS, UNJUDGED, Standing, matches, parse
from mxtui.model.history import WHOLE
from mxtui.model.message import Changes, QueuedMessage
from mxtui.model.overview import Flow
from mxtui.model.planning import same_message
from mxtui.model.tally import DELIVERABLE
from tests.index.messages import NOW, REASONS, message, messages, queue_ids, recipient

FILTERS = [
    "", "from:<>", "from:*@example.org", "from:@example.net", "to:info@example.org", "domain:example.org",
    "domain:*.example.org", "domain:MÜNCHEN.example", "state:deferred|hold", "-state:hold", "age>2h", "age<5m",
    "expires<12h", "-expires<12h", "size>1M", "attempts>3", "-attempts>3", "recipients>1", "recipients=0",
    'reason:"connection refused"', "reason:überlast", "-reason:full", "subject:rechnung", "subject:приглашение",
    'subject:"100% ["', "client:203.0.113.7", "client:203.0.113.0/24", "client:2001:db8::/32", "client:unk*",
    "is:bounce", "is:expired", "is:held", "is:unknown", "info", "mailbox", "a_b", "x%y", "-info", "id:4dKq7J1hVwz9x1",
    "id:4dkq7j1hvwz9x1", "id:*x1", "(from:<> or age>1d) -state:hold size<2M", "from:a?b@*",
]  # fmt: skip

batches = st.lists(
    st.builds(Changes, present=st.lists(messages, max_size=5), gone=st.lists(queue_ids, max_size=2)), max_size=6
)


def index_of(*queued: QueuedMessage) -> Index:
    index = Index(NOW)
    index.apply(Changes(queued))
    index.complete()
    return index


def settled(history: list[Changes]) -> dict[str, QueuedMessage]:
    """What a queue holds after these batches, worked out the simple way."""
    queue: dict[str, QueuedMessage] = {}
    for present, gone in history:
        latest = {m.queue_id: m for m in present}
        queue.update(latest)
        for queue_id in gone:
            if queue_id not in latest:
                queue.pop(queue_id, None)
    return queue


@given(batches)
def test_totals_after_any_changes_are_those_of_a_fresh_count(history: list[Changes]) -> None:
    index = Index(NOW)
    index.complete()
    for changes in history:
        index.apply(changes)
        index.domains()  # what is asked in between must not be remembered for too long
    queue = settled(history)
    assert index.queue().messages == len(queue)
    assert index.queue().bytes == sum(m.size for m in queue.values())
    assert index.queue().states == Counter(m.state for m in queue.values())
    assert index.queue().oldest_arrival == min((m.arrival for m in queue.values()), default=None)
    assert index.queue().next_expire == min(
        (m.expires for m in queue.values() if m.expires and m.recipients), default=None
    )
    by_domain = {totals.domain: totals for totals in index.domains()}
    assert set(by_domain) == {r.domain for m in queue.values() for r in m.recipients}
    for domain, totals in by_domain.items():
        ours = [m for m in queue.values() if any(r.domain == domain for r in m.recipients)]
        assert totals.messages == len(ours)
        assert totals.recipients == sum(r.domain == domain for m in ours for r in m.recipients)
        assert totals.oldest_arrival == min(m.arrival for m in ours)
        assert totals.oldest_waiting == min((m.arrival for m in ours if m.state in DELIVERABLE), default=None)
        assert totals.oldest_held == min((m.arrival for m in ours if m.state == "hold"), default=None)
        buckets = Counter(bucket(NOW - m.arrival) for m in ours for r in m.recipients if r.domain == domain)
        assert totals.age_buckets == tuple(buckets[n] for n in range(10))


@given(batches, st.lists(st.integers(0, 90_000), max_size=4))
def test_recipients_grow_older_bucket_by_bucket_as_time_passes(history: list[Changes], steps: list[int]) -> None:
    index = Index(NOW)
    now = NOW
    for changes in history:
        index.apply(changes)
    for step in steps:
        now += step
        index.advance(now)
    for totals in index.domains():
        ages = Counter(
            bucket(now - m.arrival)
            for m in settled(history).values()
            for r in m.recipients
            if r.domain == totals.domain
        )
        assert totals.age_buckets == tuple(ages[n] for n in range(10))


@given(st.lists(messages, max_size=8), st.sampled_from(FILTERS))
def test_a_filter_means_in_sql_what_it_means_in_words(queued: list[QueuedMessage], text: str) -> None:
    index = index_of(*queued)
    filter_ = parse(text)
    expected = {m.queue_id for m in settled([Changes(queued)]).values() if matches(filter_, m, NOW)}
    assert set(index.ids(filter_)) == expected


JUDGED_FILTERS = ["score>10", "score<=10", "-score>10", "score=10", "campaign:C7F3", "campaign:*", "-campaign:a1b2",
                  "is:suspect", "-is:suspect", "is:backscatter", "is:suspect from:<>", "campaign:a1b2|c7"]  # fmt: skip

points = st.sampled_from([-3.0, 0.0, 2.5, 7.5, 10.0, 12.3])

judgements = st.lists(
    st.builds(
        Judged,
        messages.map(lambda each: each.identity),
        points,
        st.sampled_from(["", "a1b2", "c7f3"]),
        cleared=st.booleans(),
        backscatter=st.booleans(),
    ),
    max_size=8,
)

weights = st.dictionaries(st.sampled_from(["a1b2", "c7f3", "ffff"]), points)
clearances = st.dictionaries(st.sampled_from(["a1b2", "c7f3"]), st.booleans())


def standings(
    queued: dict[str, QueuedMessage], judged: list[Judged], worth: dict[str, float], cleared: dict[str, bool]
) -> dict[str, Standing]:
    """What the messages of a queue were judged to be, worked out the simple way."""
    found = dict.fromkeys(queued, UNJUDGED)
    for each in judged:
        message = queued.get(each.identity.queue_id)
        if message is not None and same_message(message.identity, each.identity):
            score = round(each.points + worth.get(each.campaign, 0), 1)
            free = each.cleared or cleared.get(each.campaign, False)
            found[message.queue_id] = Standing(score, each.campaign, score >= 10 and not free, each.backscatter)
    return found


@given(st.lists(messages, max_size=8), judgements, weights, clearances, st.sampled_from(JUDGED_FILTERS))
def test_a_judgement_means_in_sql_what_it_means_in_words(
    queued: list[QueuedMessage],
    judged: list[Judged],
    worth: dict[str, float],
    cleared: dict[str, bool],
    text: str,
) -> None:
    index = index_of(*queued)
    followed = index.view(parse(text, JUDGED_WORDS), Sort("score"))
    here = settled([Changes(queued)])
    # Of several judgements in one batch the last counts, whether or not it is about the message that is here.
    latest = {each.identity.queue_id: each for each in judged}
    index.judge(judged)
    index.weigh(worth, cleared)
    told = standings(here, list(latest.values()), worth, cleared)
    filter_ = parse(text, JUDGED_WORDS)
    expected = {m.queue_id for m in here.values() if matches(filter_, m, NOW, told[m.queue_id])}
    assert set(index.ids(filter_)) == expected
    followed.refresh()
    assert set(followed.ids()) == expected
    assert index.view(filter_, Sort("score")).ids() == followed.ids()
    shown = {row.queue_id: (row.score, row.campaign or "", bool(row.suspect)) for row in followed.rows(0, 99)}
    assert shown == {queue_id: told[queue_id][:3] for queue_id in expected}
    assert index.judging()[0] == sum(standing.score is not None for standing in told.values())


def test_a_judgement_stays_with_a_message_that_moves_and_never_goes_to_another_one_of_its_name() -> None:
    index = index_of(message("A", inode=1), message("B", inode=2))
    index.judge([Judged(message("A", inode=1).identity, 12.0, "c7f3"), Judged(message("B", inode=2).identity, 12.0)])
    index.apply(Changes([message("A", inode=1, state="hold"), message("B", inode=3)]))
    assert index.suspects() == ["A"]
    assert [each.queue_id for each in index.unjudged(10)] == ["B"]  # the other was judged
    index.apply(Changes((), ["A"]))
    assert index.campaign("c7f3") is None


def test_single_suspects_are_those_that_the_filter_finds_outside_of_campaigns() -> None:
    queued = [message(name, inode=number, sender=f"{name}@a.example") for number, name in enumerate("ABCDE", 1)]
    index = index_of(*queued)
    points = [12.0, 30.0, 9.9, 10.0, -3.0]
    judged = [Judged(each.identity, worth) for each, worth in zip(queued, points, strict=True)]
    index.judge([*judged[:1], judged[1]._replace(campaign="c7f3"), *judged[2:]])
    single = index.campaign(SINGLE)
    assert single is not None
    assert set(index.ids(parse(single.selection, JUDGED_WORDS))) == {"A", "D"}
    assert (single.messages, single.senders, single.kind, single.name) == (2, 2, "single", SINGLE)
    index.scan([judged[2]._replace(points=5.0)])
    assert set(index.ids(parse(single.selection, JUDGED_WORDS))) == {"A", "C", "D"}
    single = index.campaign(SINGLE)
    assert single is not None
    assert (single.messages, single.score) == (3, 12.3)
    index.apply(Changes((), ["A", "C", "D"]))
    assert index.campaign(SINGLE) is None


def test_looking_for_single_suspects_passes_over_all_other_messages() -> None:
    index = index_of(message("A"))
    plan = index._database.execute(f"EXPLAIN QUERY PLAN SELECT 1 FROM judged j WHERE {judging._SINGLE}").fetchall()
    assert plan[0][-1] == "SEARCH j USING INDEX judged_single (<expr>>?)"


def test_each_message_is_to_be_judged_once_the_latest_first() -> None:
    index = index_of(message("A"), message("B"))
    index.apply(Changes([message("C")]))
    assert [each.queue_id for each in index.unjudged(2)] == ["C", "B"]
    assert [each.queue_id for each in index.unjudged(2)] == ["A"]
    assert index.unjudged(2) == []


def test_a_campaign_is_told_by_what_is_queued_of_it() -> None:
    unknown = recipient("nobody@example.org", dsn="5.1.1")
    some = [
        message("A", sender="a@one.example", recipients=(unknown, recipient("b@example.org")), arrival=NOW - 9),
        message("B", sender="A@two.example", state="hold", client_address="203.0.113.8"),
        message("C", sender="", arrival=NOW - 1),
    ]
    index = index_of(*some)
    index.judge([Judged(each.identity, 3.0, "c7f3") for each in some])
    index.weigh({"c7f3": 8.0})
    found = index.campaign("c7f3")
    assert found is not None
    assert (found.messages, found.recipients, found.unknown_recipients) == (3, 4, 1)
    assert (found.senders, found.sender_domains, found.null_senders, found.clients) == (3, 3, 1, 2)
    assert (found.kept, found.score, found.sample, found.newest) == (1, 11.0, "B", NOW - 1)
    assert index.changed_campaigns() == {"c7f3"}
    assert index.changed_campaigns() == set()


@given(
    batches,
    st.sampled_from(FILTERS),
    st.sampled_from(["age", "from", "to", "subject", "size", "reason", "next"]),
    st.booleans(),
)
def test_a_view_that_followed_changes_equals_one_made_anew(
    history: list[Changes], text: str, column: str, descending: bool
) -> None:
    index = Index(NOW)
    index.apply(Changes([message(f"4dKq8J1hVwz9x{n}", size=n) for n in range(300)]))
    index.complete()
    sort = Sort(column, descending)  # type: ignore[arg-type]
    followed = index.view(parse(text), sort)
    for changes in history:
        index.apply(changes)
    followed.refresh()
    anew = index.view(parse(text), sort)
    assert followed.ids() == anew.ids()
    assert (followed.count, followed.bytes, followed.oldest) == (anew.count, anew.bytes, anew.oldest)


def test_a_view_shows_rows_by_position_oldest_first() -> None:
    index = index_of(*(message(f"4dKq7J1hVwz9x{n}", arrival=NOW - n) for n in range(9)))
    view = index.view(None, Sort())
    assert [row.queue_id[-1] for row in view.rows(0, 3)] == ["8", "7", "6"]
    assert [row.queue_id[-1] for row in view.rows(7, 99)] == ["1", "0"]
    assert view.position("4dKq7J1hVwz9x7") == 1
    assert view.position("gone") is None


def test_a_row_carries_the_first_recipient_and_its_reason() -> None:
    index = index_of(message(recipients=(recipient("a@one.example"), recipient("b@two.example"))))
    (row,) = index.view(None, Sort()).rows(0, 1)
    assert (row.recipient, row.recipients, row.domain, row.reason) == ("a@one.example", 2, "one.example", REASONS[0])


def test_a_message_that_did_not_change_is_no_change() -> None:
    index = index_of(message())
    assert not index.apply(Changes([message()]))
    assert index.apply(Changes([message(state="hold")]))


def test_a_message_comes_back_whole() -> None:
    whole = message(recipients=(recipient("a@one.example"), recipient("b@two.example", None, None)), forced_expire=True)
    assert index_of(whole).message(whole.queue_id) == whole


def test_arrivals_and_departures_count_from_the_first_complete_read_on() -> None:
    index = index_of(message("4dKq7J1hVwz9x0"))
    index.apply(Changes([message("4dKq7J1hVwz9x1"), message("4dKq7J1hVwz9x0", state="hold")]))
    index.apply(Changes(gone=["4dKq7J1hVwz9x0", "4dKq7J1hVwz9xZ"]))
    assert (index.arrived, index.departed) == (1, 1)
    assert index.flow("example.org") == Flow(arrived=1, left=1)
    assert index.flow("other.example") == Flow()


def test_one_cause_is_one_group_whatever_hosts_and_addresses_its_texts_name() -> None:
    refused = "connect to mx{}.example.org[192.0.2.{}]:25: Connection refused"
    index = index_of(
        *(message(f"4dKq7J1hVwz9x{n}", recipients=(recipient("a@b.example", refused.format(n, n)),)) for n in range(5)),
        message("4dKq7J1hVwz9x6", recipients=(recipient("a@c.example", "452 4.2.2 Mailbox full"),)),
    )
    groups = index.groups("reason")
    assert [(group.key, group.messages) for group in groups] == [
        ("connection refused", 5),
        ("452 4.2.2 Mailbox full", 1),
    ]
    assert index.reasons("b.example", 5) == [("connection refused", 5)]


def test_a_group_counts_a_message_with_many_recipients_once() -> None:
    index = index_of(message(recipients=tuple(recipient(f"u{n}@d{n % 2}.example") for n in range(10))))
    (group,) = index.groups("sender")
    assert (group.messages, group.recipients, group.bytes, group.domains) == (1, 10, 1000, 2)


def test_ten_thousand_recipients_are_one_message() -> None:
    index = index_of(message(recipients=tuple(recipient(f"u{n}@example.org") for n in range(10_000))))
    assert index.queue().messages == 1
    assert index.queue().recipients == 10_000
    index.apply(Changes(gone=[message().queue_id]))
    assert index.domains() == []


def test_what_comes_and_goes_is_counted_by_domain_once_the_first_read_is_done() -> None:
    index = Index(NOW)
    index.apply(Changes([message("4dKq7J1hVwz9x0")]))
    index.complete()
    both = (recipient("a@example.org"), recipient("b@example.org"), recipient("c@example.net"))
    index.apply(Changes([message("4dKq7J1hVwz9x1", recipients=both, size=500)], ["4dKq7J1hVwz9x0"]))
    counted = index.counted()
    assert counted.arrived == {"example.org": 1, "example.net": 1, WHOLE: 1}
    assert counted.left == {"example.org": 1, WHOLE: 1}
    assert counted.arrived_bytes == 500


def test_a_message_leads_to_all_of_its_campaign() -> None:
    some = [message(name, arrival=NOW - at) for at, name in enumerate("ABCD")]
    index = index_of(*some)
    index.judge([Judged(each.identity, 0.0, "c7f3" if each.queue_id in "ABC" else "") for each in some])
    assert index.same_campaign("B") == ["C", "B", "A"]
    assert index.same_campaign("D") == index.same_campaign("gone") == []


def test_recipients_are_told_in_pieces_and_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mxtui.index.index.ADDRESSES", 2)
    some = [message(name, recipients=(recipient(f"{name.lower()}@example.org"),)) for name in "ABC"]
    index = index_of(*some)
    mark, told = 0, list[str]()
    while (piece := index.recipients_since(mark))[0] != mark:
        mark, told = piece[0], [*told, *piece[1]]
    assert told == ["a@example.org", "b@example.org", "c@example.org"]
    index.apply(Changes([message("D")], ["A"]))
    assert index.recipients_since(mark) == (mark + 1, ["info@example.org"])


def test_a_recipient_that_is_known_not_to_exist_is_unknown_for_as_long_as_that_is_known() -> None:
    index = index_of(
        message("4dKq7J1hVwz9x1", recipients=(recipient("Info@Example.org", None, None),)),
        message("4dKq7J1hVwz9x2", recipients=(recipient("anna@example.org"),)),
        message("4dKq7J1hVwz9x3", recipients=(recipient("anna@example.org", "no such user", "5.1.1"),)),
    )
    unknown = index.view(parse("is:unknown"), Sort(), NOW)
    index.judge([Judged(index.targets(["4dKq7J1hVwz9x1"])[0].identity, 1.0, "c7f3")])

    def listed() -> set[str]:
        unknown.refresh()
        return {row.queue_id for row in unknown.rows(0, 10)}

    assert listed() == {"4dKq7J1hVwz9x3"}
    index.know_nonexistent(["info@example.org", "nobody@example.org"])
    assert listed() == {"4dKq7J1hVwz9x1", "4dKq7J1hVwz9x3"}
    campaign = index.campaign("c7f3")
    assert campaign is not None
    assert (campaign.unknown_recipients, campaign.unknown_untried) == (1, 1)
    index.know_nonexistent([])
    assert listed() == {"4dKq7J1hVwz9x3"}
    assert "c7f3" in index.changed_campaigns()
