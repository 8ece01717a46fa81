import pytest

from mxtui.message.addresses import domains
from mxtui.message.dates import moment
from mxtui.message.inspect import inspect

TWO_HOPS = b"""\
Received: from mx1.example.org (unknown [203.0.113.77])
\t(using TLSv1.2 with cipher ECDHE (256/256 bits))
\t(No client certificate requested)
\tby mx2.example.net (Postfix) with ESMTPS id 4dKq7P2GzHz9xK
\tfor <sales@example.org>; Mon, 23 Nov 2026 07:54:02 +0100 (CET)
Received: from localhost (localhost [IPv6:::1]) by relay.rechnung.example (Postfix) with ESMTP id X;
\tMon, 23 Nov 2026 07:51:10 +0100

"""


def test_hops_are_listed_oldest_first_with_their_delays() -> None:
    old, new = inspect(TWO_HOPS).hops
    assert (old.origin, old.address, old.by, old.protocol, old.delay) == (
        "localhost", "::1", "relay.rechnung.example", "ESMTP", None,
    )  # fmt: skip
    assert (new.origin, new.helo, new.name, new.by) == (
        "203.0.113.77", "mx1.example.org", "unknown", "mx2.example.net",
    )  # fmt: skip
    assert (new.protocol, new.recipient, new.time, new.delay) == ("ESMTPS", "sales@example.org", 1795416842.0, 172.0)


@pytest.mark.parametrize(
    "value", [b"", b";", b"x", b"((((((", b"by", b"from from from", b"from a by b", b"; not a date", b"\xff\x00"]
)
def test_a_hop_that_cannot_be_read_is_still_a_hop(value: bytes) -> None:
    (hop,) = inspect(b"Received: " + value + b"\n\n").hops
    assert (hop.time, hop.delay) == (None, None)


def test_a_client_named_by_address_only_is_known_by_it() -> None:
    (hop,) = inspect(b"Received: from [192.0.2.1] (helo=x) by y; 1 Jan 2026 00:00:00 GMT\n\n").hops
    assert (hop.origin, hop.address, hop.time) == ("192.0.2.1", "192.0.2.1", 1767225600.0)


def test_a_loop_is_cut_to_its_newest_hops() -> None:
    raw = b"".join(b"Received: by h%d; 1 Jan 2026 00:00:00 GMT\n" % number for number in range(150))
    found = inspect(raw)
    assert (len(found.hops), found.hops[-1].by) == (100, "h0")
    assert found.notes == ("the newest 100 of 150 hops are listed: a loop, or made up",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon, 23 Nov 2026 01:20 +0100", 1795393200.0),
        ("23 Nov 26 00:20:00 -0000", 1795393200.0),
        ("", None),
        ("yesterday", None),
        ("Mon, 99 Nov 2026 99:99:99 +9999", None),
        ("1 Jan 99999999999999999999 00:00:00 +0000", None),
        (",", None),
        ("Mon, ", None),
    ],
)
def test_dates_are_read_or_refused(text: str, expected: float | None) -> None:
    assert moment(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a@Example.ORG", ("example.org",)),
        ('"x@bank.example" <a@evil.example>', ("evil.example",)),
        ("(x@bank.example) a@evil.example (y@bank.example)", ("evil.example",)),
        ("a@x.example, B <b@y.example.>", ("x.example", "y.example")),
        ("friends: a@x.example, b@y.example;", ("x.example", "y.example")),
        ('"a, <b@bank.example>" <c@evil.example>', ("evil.example",)),
        ('(a \\) " b) <c@evil.example>', ("evil.example",)),
        ("<@relay.example,@two.example:a@evil.example>", ("evil.example",)),
        ("=?utf-8?q?x=40bank.example?= <a@evil.example>", ("evil.example",)),
        ("undisclosed-recipients:;", ()),
        ("", ()),
        ("(" * 4000, ()),
    ],
)
def test_only_a_mailbox_has_a_domain(value: str, expected: tuple[str, ...]) -> None:
    assert domains(value) == expected
