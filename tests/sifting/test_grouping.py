"""Campaigns are found, and nobody else's mail in them."""

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxtui.sifting.features import traits_of
from mxtui.sifting.grouping import Grouping, Traits
from mxtui.sifting.shapes import words
from mxtui.sifting.sketch import EMPTY, likeness, sketch
from tests.sifting.corpus import Mail, queue_of


def grouped(mails: list[Mail]) -> dict[int, Counter[str]]:
    """Kinds of mail by cluster."""
    grouping = Grouping(1 << 20)
    places = [grouping.place(traits_of(m.raw, m.sender, m.recipients, m.client)).cluster for m in mails]
    kinds: dict[int, Counter[str]] = defaultdict(Counter)
    for place, mail in zip(places, mails, strict=True):
        kinds[grouping.root(place)][mail.kind] += 1
    return kinds


@pytest.mark.parametrize("client", ["its own", "127.0.0.1"])
def test_each_campaign_is_found_and_fewer_than_one_good_message_in_a_thousand_with_it(client: str) -> None:
    mails = queue_of(2_000, 2_000, seed=len(client))
    if client != "its own":  # behind a proxy that tells nothing
        mails = [mail._replace(client=client) for mail in mails]
    kinds = grouped(mails)
    totals = Counter(mail.kind for mail in mails)
    good_inside = 0
    for name in {mail.kind for mail in mails if not mail.good}:
        largest = max(kinds.values(), key=lambda found: found[name])
        assert largest[name] >= 0.95 * totals[name], name
        good_inside += sum(number for kind, number in largest.items() if kind.startswith("good"))
        assert {kind for kind in largest if not kind.startswith("good")} == {name}
    assert good_inside < 2_000 / 1_000


def test_a_campaign_worded_differently_each_time_is_one_in_whatever_order_it_comes() -> None:
    mails = queue_of(1_500, 1_500, seed=1)
    some = [mail for mail in mails if mail.good or mail.kind == "advance fee, words replaced"]
    traits = [(mail.kind, traits_of(mail.raw, mail.sender, mail.recipients, mail.client)) for mail in some]
    for seed in range(10):
        random.Random(seed).shuffle(traits)
        grouping = Grouping(1 << 20)
        places = [(kind, grouping.place(each).cluster) for kind, each in traits]
        found = Counter(grouping.root(cluster) for kind, cluster in places if not kind.startswith("good"))
        assert found.most_common(1)[0][1] >= 0.95 * found.total(), seed


TEXT = words("the minister left eighteen million dollars with the company because nobody else could be trusted with it")


def body(said: tuple[str, ...], **changes: object) -> Traits:
    return Traits(sketch(said), len(said), "", "", "")._replace(**changes)  # type: ignore[arg-type]


def test_the_same_text_is_one_campaign_whoever_sends_it() -> None:
    grouping = Grouping(1 << 16)
    places = [grouping.place(body(TEXT, sender=f"a{n}@b{n}.example", network=f"192.0.{n}")) for n in range(5)]
    assert {grouping.root(place.cluster) for place in places} == {1}


def test_the_mail_of_a_stolen_account_is_not_that_of_its_owner() -> None:
    grouping = Grouping(1 << 16)
    who = {"sender": "anna@shop.example", "network": "192.0.2"}
    owner = grouping.place(
        body(words("shall we meet on thursday about that offer from the printer round here tomorrow"), **who)
    )
    thief = [grouping.place(body(TEXT, subject=f"very good news {n}", **who)) for n in range(3)]
    stranger = grouping.place(body(TEXT, sender="x@y.example"))
    assert grouping.root(thief[-1].cluster) == grouping.root(stranger.cluster)
    assert grouping.root(owner.cluster) != grouping.root(stranger.cluster)


def test_no_chain_of_resemblances_grows() -> None:
    """Each text shares a third with the one before, and none with all the others."""
    grouping = Grouping(1 << 16)
    some = [f"word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(400)]
    places = [grouping.place(body(tuple(some[at : at + 30]))).cluster for at in range(0, 360, 18)]
    sizes = Counter(grouping.root(place) for place in places)
    assert max(sizes.values()) <= 4


traits = st.builds(
    Traits,
    sketch=st.lists(st.sampled_from(TEXT), max_size=40).map(tuple).map(sketch),
    words=st.integers(0, 40),
    subject=st.sampled_from(["", "invoice #", "your parcel # could not be delivered"]),
    sender=st.sampled_from(["", "a@b.example", "c@d.example"]),
    network=st.sampled_from(["", "192.0.2", "2001:db8:0:1"]),
    attachments=st.lists(st.binary(min_size=8, max_size=8), max_size=2).map(tuple),
)


@given(st.lists(traits, max_size=30))
@settings(max_examples=50)
def test_every_message_is_in_one_cluster_and_the_sizes_add_up(some: list[Traits]) -> None:
    grouping = Grouping(1 << 12)
    places = [grouping.place(each) for each in some]
    sizes = Counter(grouping.root(place.cluster) for place in places)
    assert all(grouping.size(cluster) == number for cluster, number in sizes.items())
    absorbed = [each for place in places for each in place.absorbed]
    assert len(absorbed) == len(set(absorbed)) == len(grouping) - len(sizes)


@given(st.lists(traits, max_size=20))
@settings(max_examples=50)
def test_what_is_remembered_has_the_same_sizes_again(some: list[Traits]) -> None:
    first, again = Grouping(1 << 12), Grouping(1 << 12)
    places = [first.place(each).cluster for each in some]
    for each, place in zip(some, places, strict=True):
        again.restore(each, first.root(place))
    assert [again.size(first.root(place)) for place in places] == [first.size(place) for place in places]
    assert again.place(body(TEXT, attachments=(b"12345678",))).cluster <= len(first) + 1


def test_what_is_remembered_takes_in_what_is_like_it() -> None:
    first, again = Grouping(1 << 16), Grouping(1 << 16)
    some = [body(TEXT, sender=f"a@b{n}.example") for n in range(4)]
    for each in some:
        again.restore(each, first.place(each).cluster)
    assert again.place(body(TEXT[1:], sender="new@c.example")).cluster == 1


def test_likeness_is_the_share_of_what_two_texts_have_in_common() -> None:
    assert likeness(sketch(TEXT), sketch(TEXT)) == 1.0
    assert likeness(sketch(TEXT), sketch(TEXT[:12])) > 0.4
    assert likeness(sketch(TEXT), sketch(("other", "words"))) == 0.0
    assert likeness(EMPTY, sketch(TEXT)) == 0.0
