from mxtui.message.differences import Envelope, Remark, differences
from mxtui.message.inspect import inspect

ARRIVAL = 1795416842.0

HONEST = {
    "Received": "from mail.shop.example (mail.shop.example [192.0.2.1]) by mx2; Mon, 23 Nov 2026 07:54:02 +0100",
    "From": "Shop <news@shop.example>",
    "To": "sales@example.org",
    "Date": "Mon, 23 Nov 2026 07:50:00 +0100",
    "Message-ID": "<1@mail.shop.example>",
}


def remarks(sender: str = "bounce@mail.shop.example", **changed: str | None) -> list[tuple[str, str]]:
    headers = HONEST | {name.replace("_", "-"): value for name, value in changed.items()}
    raw = "".join(f"{name}: {value}\n" for name, value in headers.items() if value is not None) + "\n"
    envelope = Envelope(sender, ARRIVAL, frozenset({"mx1.example.org", "mx2.example.net"}))
    return [(remark.header, remark.words) for remark in differences(inspect(raw.encode()), envelope)]


def test_an_honest_message_has_no_remarks() -> None:
    assert remarks() == []


def test_a_sender_of_another_domain_is_marked() -> None:
    assert remarks("service@rechnung.example") == [("From", "envelope differs")]


def test_a_domain_that_only_ends_alike_is_another() -> None:
    assert remarks("a@evilshop.example") == [("From", "envelope differs")]


def test_a_bounce_has_no_sender_to_differ_from() -> None:
    assert remarks("") == []


def test_a_sender_without_an_address_is_marked() -> None:
    assert remarks(From="Bank") == [("From", "no address")]
    assert remarks(From=None) == [("From", "no address")]


def test_an_answer_that_goes_elsewhere_is_marked() -> None:
    assert remarks(Reply_To="zahlung@mailbox.example") == [("Reply-To", "not the From domain")]
    assert remarks(Reply_To="a@shop.example, b@mailbox.example") == [("Reply-To", "not the From domain")]
    assert remarks(Reply_To="a@support.shop.example") == []


def test_a_date_far_from_the_arrival_is_marked() -> None:
    assert remarks(Date="Mon, 23 Nov 2026 01:20:00 +0100") == [("Date", "6h 34m too early")]
    assert remarks(Date="Tue, 24 Nov 2026 08:54:02 +0100") == [("Date", "1d 01h in the future")]
    assert remarks(Date="soon") == [("Date", "not a date")]
    assert remarks(Date=None) == [("Date", "missing")]


def test_a_message_id_of_no_public_host_is_marked() -> None:
    for host in ("localhost", "pc.local", "x"):
        assert remarks(Message_ID=f"<1@{host}>") == [("Message-ID", "not a public name")]


def test_a_stranger_that_calls_itself_by_our_name_is_marked() -> None:
    received = "from MX1.example.org (unknown [203.0.113.77]) by mx2.example.net; Mon, 23 Nov 2026 07:54:02 +0100"
    assert remarks(Received=received) == [("helo", "our own name")]
    assert remarks(Received=received.replace("unknown", "mx1.example.org")) == []


def test_results_of_other_servers_are_untrusted_but_no_difference() -> None:
    raw = b"Authentication-Results: other.example; dkim=pass\nAuthentication-Results: mx2.example.net; dkim=pass\n\n"
    found = differences(inspect(raw), Envelope("", ARRIVAL, frozenset({"mx2.example.net"})))
    results = [remark for remark in found if remark.header == "Authentication-Results"]
    assert results == [
        Remark("Authentication-Results", "foreign, untrusted", differs=False),
        Remark("Authentication-Results", "names us, unverified", differs=False),
    ]


def test_a_header_that_may_appear_once_is_marked_when_it_does_not() -> None:
    raw = b"From: a@x.example\nfrom: b@y.example\nDate: Mon, 23 Nov 2026 07:50:00 +0100\n\n"
    found = differences(inspect(raw), Envelope("a@x.example", ARRIVAL))
    assert found == (Remark("From", "appears 2 times"),)
