import pytest
from hypothesis import given

from mxtui.model.filter import JUDGED_WORDS, UNJUDGED, Filter, Not, Standing, matches, parse
from mxtui.model.message import QueuedMessage, Recipient
from tests.model.filters import NOW, filters, messages

MESSAGE = QueuedMessage(
    queue_id="4fAbC1",
    state="deferred",
    inode=7,
    arrival=NOW - 7200,
    size=2048,
    sender="Alice@Shop.Example",
    recipients=(
        Recipient("info@example.org", "example.org", "connect to mx1[198.51.100.1]:25: Connection refused"),
        Recipient("bob@mail.example.net", "mail.example.net"),
    ),
    expires=NOW + 3600,
    client_address="198.51.100.7",
    subject="Your invoice [4711] für März",
)
BOUNCE = MESSAGE._replace(sender="", recipients=(), subject=None, expires=None, client_address="unknown", state="hold")


@pytest.mark.parametrize(
    "written",
    [
        "",
        "id:4fAbC1",
        "id:4f*",
        "from:alice@shop.example",
        "from:@shop.example",
        "from:*@shop.example",
        "from:nobody@x.example|alice@shop.example",
        "to:bob@mail.example.net",
        "domain:EXAMPLE.org",
        "domain:*.example.net",
        "state:hold|deferred",
        "age>1h",
        "age<=2h",
        "expires<2h",
        "size=2k",
        "recipients>=2",
        'reason:"connection REFUSED"',
        "reason:connect*refused",
        "subject:invoice",
        "subject:[4711]",
        "subject:MÄRZ",
        "subject:f?r",
        "client:198.51.100.7",
        "client:198.51.100.0/24",
        "client:198.51.100.*",
        "refused",
        "invoice alice",
        "bob@mail",
        "-is:bounce",
        "-is:held",
        "-attempts>3",
        "-(state:hold or size>1M)",
    ],
)
def test_matches(written: str) -> None:
    assert matches(parse(written), MESSAGE, NOW)


@pytest.mark.parametrize(
    "written",
    [
        "id:4fabc1",
        "id:4f",
        "from:shop.example",
        "from:@example",
        "from:@ice@shop.example",
        'from:"*@shop.example"',
        "from:<>",
        "domain:example",
        "domain:*.example.org",
        "to:@example.net",
        "state:active",
        "age>2h",
        "expires>1h",
        "attempts>0",
        "attempts<9",
        "subject:[0-9]",
        "client:198.51.100.8",
        "client:198.51.101.0/24",
        "client:2001:db8::/32",
        "is:expired",
        'subject:"inv?ice"',
    ],
)
def test_does_not_match(written: str) -> None:
    assert not matches(parse(written), MESSAGE, NOW)


@pytest.mark.parametrize(
    "written", ["from:<>", "is:bounce", "is:held", "-subject:x", "-reason:x", "-expires<9d", "from:*"]
)
def test_what_a_message_lacks_matches_only_negated(written: str) -> None:
    assert matches(parse(written), BOUNCE, NOW)


@pytest.mark.parametrize("written", ["from:<>", "from:*", "is:bounce", "from:MAILER-DAEMON"])
def test_a_damaged_file_that_names_no_sender_is_no_bounce(written: str) -> None:
    unreadable = BOUNCE._replace(fault="cut short: the record that ends a message is missing")
    assert not matches(parse(written), unreadable, NOW)
    assert matches(parse(f"-{written}"), unreadable, NOW)
    assert matches(parse("from:*"), unreadable._replace(sender="a@b.example"), NOW)


def test_expired_is_by_age_or_by_force() -> None:
    expired = parse("is:expired")
    assert matches(expired, MESSAGE, NOW + 3600)
    assert matches(expired, BOUNCE._replace(forced_expire=True), NOW)


@pytest.mark.parametrize("written", ["score>1", "host:a", "campaign:1", "is:suspect"])
def test_what_a_message_alone_cannot_tell_is_never_guessed(written: str) -> None:
    tree = parse(written, known={"score", "host", "campaign", "is:suspect"})
    with pytest.raises(ValueError, match="cannot be told"):
        matches(tree, MESSAGE, NOW)


@pytest.mark.parametrize("written", ["score>1", "score<1", "campaign:*", "is:suspect", "is:backscatter"])
def test_what_nobody_has_judged_matches_no_judgement(written: str) -> None:
    tree = parse(written, known=JUDGED_WORDS)
    assert not matches(tree, MESSAGE, NOW, UNJUDGED)
    assert matches(Not(tree), MESSAGE, NOW, UNJUDGED)
    assert matches(parse("score>1", JUDGED_WORDS), MESSAGE, NOW, Standing(2.0))


@given(filters(extra=False), messages)
def test_a_negation_matches_exactly_the_rest(tree: Filter, message: QueuedMessage) -> None:
    assert matches(Not(tree), message, NOW) is not matches(tree, message, NOW)


@given(filters(extra=False), messages)
def test_a_filter_read_back_matches_the_same(tree: Filter, message: QueuedMessage) -> None:
    assert matches(parse(str(tree)), message, NOW) is matches(tree, message, NOW)
