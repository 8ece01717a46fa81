"""What belonging together says, and what it does not."""

from mxtui.model.campaign import Campaign
from mxtui.sifting.weighing import weigh

NOW = 1_800_000_000.0


def campaign(**changes: object) -> Campaign:
    """A letter of one house to a thousand subscribers."""
    facts: dict[str, object] = {
        "name": "c7f3", "messages": 1_000, "bytes": 1, "recipients": 1_000, "unknown_recipients": 0, "senders": 1_000,
        "sender_shapes": 1, "sender_domains": 1, "null_senders": 0, "clients": 3, "networks": 1, "oldest": NOW - 9,
        "newest": NOW, "kept": 0, "own_points": 0.0, "sample": "A", "subject": "News", "sender": "a@b.example",
    }  # fmt: skip
    return Campaign(**{**facts, **changes})  # type: ignore[arg-type]


def total(found: Campaign) -> float:
    return sum(each.points for each in weigh(found))


def test_a_newsletter_is_bulk_and_nothing_speaks_against_it() -> None:
    assert campaign().kind == "bulk"
    assert total(campaign()) == 0


def test_the_same_text_of_a_thousand_senders_from_all_over_is_suspect() -> None:
    spam = campaign(sender_shapes=990, sender_domains=800, clients=900, networks=900)
    assert spam.kind == "campaign"
    assert total(spam) >= 10


def test_many_domains_that_one_network_sends_for_are_suspect() -> None:
    assert total(campaign(sender_shapes=1_000, sender_domains=200, networks=1)) >= 10


def test_shops_that_share_a_provider_are_not() -> None:
    assert total(campaign(sender_shapes=30, sender_domains=30, networks=1)) < 10


def test_one_letter_that_many_servers_return_is_backscatter() -> None:
    bounces = campaign(null_senders=1_000, senders=1, sender_shapes=1, networks=40)
    assert bounces.kind == "bounces"
    assert [each.name for each in weigh(bounces)] == ["backscatter", "returned_by_many"]
    assert total(bounces) >= 10


def test_recipients_that_do_not_exist_weigh_by_their_share() -> None:
    few, many = campaign(unknown_recipients=60), campaign(unknown_recipients=400)
    assert 0 < total(few) < total(many) < 10


def test_recipients_that_only_a_call_out_knows_of_are_told_apart() -> None:
    (evidence,) = (each for each in weigh(campaign(unknown_recipients=60, unknown_untried=40)) if each.points)
    assert evidence.detail == "60 of 1,000 recipients do not exist, 40 by call-outs or lists"


def test_a_handful_is_never_suspect_by_itself() -> None:
    assert total(campaign(messages=8, sender_shapes=8, sender_domains=8, networks=8)) < 10
    assert weigh(campaign(messages=2)) == ()


def test_every_piece_says_why() -> None:
    spam = campaign(sender_shapes=990, sender_domains=800, networks=900, unknown_recipients=400)
    assert all(each.title and each.detail and each.source == "mxtui" for each in weigh(spam))
