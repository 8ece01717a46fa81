"""Signals of our own: each says what is odd, and none of them takes good mail for spam."""

import io
import zipfile
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mxtui.message.differences import Envelope
from mxtui.message.inspect import inspect
from mxtui.model.envelope import Client
from mxtui.model.evidence import Evidence
from mxtui.scanning.signals import Facts, look_alike, signals
from tests.sifting.corpus import OURS, queue_of

ARRIVAL = 1_795_780_800.0
DATE = "Fri, 27 Nov 2026 12:00:00 +0000"

STRANGER = Client("203.0.113.7", "mail.example.net", "mail.example.net")
RELAYED = frozenset({"example.org", "museum.example"})


def letter(**fields: str) -> EmailMessage:
    message = EmailMessage()
    headers = {"From": "Ann <ann@example.net>", "To": "bob@example.org", "Subject": "Friday", "Date": DATE}
    headers |= {"Message-ID": "<1@example.net>", **{name.replace("_", "-"): value for name, value in fields.items()}}
    for name, value in headers.items():
        if value:
            message[name] = value
    message.set_content("At noon, as last week.\n")
    return message


def told(
    message: EmailMessage | bytes, *, sender: str = "ann@example.net", client: Client | None = STRANGER,
    refused: int = 0, recipients: int = 1, unreachable: bool | None = None,
) -> dict[str, Evidence]:  # fmt: skip
    raw = message if isinstance(message, bytes) else message.as_bytes()
    envelope = Envelope(sender, ARRIVAL, frozenset({"mx2.example.org"}), frozenset({"mx1.example.org"}), client=client)
    facts = Facts(envelope, recipients, refused, RELAYED, unreachable)
    return {each.name: each for each in signals(inspect(raw), facts)}


def test_a_plain_letter_is_not_odd() -> None:
    assert told(letter()) == {}


def zipped(name: str, data: bytes = b"MZ\x90\x00" + b"x" * 200) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(name, data)
    return packed.getvalue()


def test_a_program_in_a_zip_is_named() -> None:
    message = letter()
    message.add_attachment(zipped("Invoice.pdf.exe"), maintype="application", subtype="zip", filename="Invoice.zip")
    found = told(message)
    assert found["program_in_archive"].detail == "Invoice.pdf.exe"
    assert "double_ending" in found


def test_a_program_that_says_it_is_a_picture_is_disguised() -> None:
    message = letter()
    message.add_attachment(b"MZ\x90\x00" + b"x" * 500, maintype="image", subtype="png", filename="holiday.png")
    assert {"program", "disguised"} <= set(told(message))


def test_a_name_that_is_turned_round_is_shown_as_it_is() -> None:
    message = letter()
    message.add_attachment(b"MZ\x90\x00" + b"x" * 500, maintype="application", subtype="x-x", filename="a\u202efdp.exe")
    assert "U+202E" in told(message)["hidden_in_name"].detail


def test_a_link_that_leads_elsewhere_is_said() -> None:
    message = letter()
    message.add_alternative('<a href="https://evil.example/x">https://bank.example/</a>', subtype="html")
    found = told(message)["link_differs"]
    assert "bank[.]example" in found.detail
    assert "evil[.]example" in found.detail


@pytest.mark.parametrize(
    ("fields", "sender", "name"),
    [
        ({"From": '"Your Bank service@bank.example" <x@junk.example>'}, "x@junk.example", "name_is_address"),
        ({"From": "Bob <bob@example.org>"}, "bob@example.org", "from_ours"),
        ({"From": "Bob <bob@examp1e.org>"}, "bob@examp1e.org", "look_alike"),
        ({"From": "Bob <bob@muzeum.example>"}, "x@muzeum.example", "look_alike"),
        ({"From": "undisclosed"}, "ann@example.net", "no_author"),
        ({"Reply_To": "other@mailbox.example"}, "ann@example.net", "reply_elsewhere"),
        ({"Date": "Mon, 30 Nov 2026 12:00:00 +0000"}, "ann@example.net", "future_date"),
        ({"Date": "Mon, 1 Jan 2024 12:00:00 +0000"}, "ann@example.net", "old_date"),
        ({"Date": ""}, "ann@example.net", "no_date"),
        ({"Message_ID": ""}, "ann@example.net", "no_message_id"),
        ({"Subject": "Frei\u200btag"}, "ann@example.net", "hidden_in_subject"),
    ],
)
def test_what_is_odd_about_a_header_is_said(fields: dict[str, str], sender: str, name: str) -> None:
    assert name in told(letter(**fields), sender=sender)


def test_a_client_that_calls_itself_our_primary_is_a_forger() -> None:
    found = told(letter(), client=Client("203.0.113.7", "", "mx1.example.org"))
    assert {"forged_helo", "no_reverse_name"} <= set(found)


def test_mail_of_this_host_has_no_client_to_be_odd() -> None:
    assert told(letter(From="Bob <bob@example.org>"), sender="bob@example.org", client=None) == {}


def test_a_bounce_to_nobody_is_backscatter() -> None:
    found = told(letter(From="<mailer-daemon@example.net>"), sender="", refused=1)
    assert found["bounce_to_nobody"].points == 4.0


def test_the_more_recipients_do_not_exist_the_odder() -> None:
    few, many = told(letter(), refused=1, recipients=10), told(letter(), refused=10, recipients=10)
    assert few["unknown_recipient"].points < many["unknown_recipient"].points


def test_a_sender_that_cannot_be_answered_is_said_where_it_was_asked() -> None:
    assert "sender_unreachable" in told(letter(), unreachable=True)
    assert told(letter(), unreachable=False) == {}


@pytest.mark.parametrize(
    ("domain", "like"),
    [
        ("example.org", ""), ("mail.example.org", ""), ("example.com", ""), ("sample.org", ""), ("", ""),
        ("examp1e.org", "example.org"), ("exarnple.org", "example.org"), ("exmaple.org", "example.org"),
        ("exampl.org", "example.org"), ("examplee.org", "example.org"), ("еxample.org", "example.org"),
        ("xn--xample-2of.org", "example.org"), ("example-org.example.net", "example.org"),
        ("example.org.login.example", "example.org"), ("x" * 5000 + ".org", ""),
    ],
)  # fmt: skip
def test_domains_that_read_as_ours(domain: str, like: str) -> None:
    assert look_alike(domain, frozenset({"example.org"})) == like


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_domains_can_be_compared(one: str, other: str) -> None:
    look_alike(one, frozenset({other}))


@given(st.binary(max_size=2000), st.text(max_size=40))
def test_whatever_the_mail_the_words_are_safe(raw: bytes, sender: str) -> None:
    for each in told(raw, sender=sender, refused=1).values():
        assert each.title.isprintable()
        assert each.detail.isprintable()
        assert abs(each.points) < 10  # none is enough alone


def test_no_good_mail_of_a_thousand_is_suspect() -> None:
    """Newsletters, invoices, lists, bounces, letters."""
    worst = 0.0
    good = [mail for mail in queue_of(1000, 0, seed=7) if mail.good]
    assert len(good) >= 500
    for mail in good:
        envelope = Envelope(mail.sender, ARRIVAL, client=Client(mail.client, "mail.example.net", "mail.example.net"))
        seen = inspect(mail.raw)
        found = signals(seen, Facts(envelope, len(mail.recipients), relayed=frozenset(OURS)))
        arrival_odd = {"old_date", "future_date"}  # the corpus has dates of its own
        worst = max(worst, sum(each.points for each in found if each.name not in arrival_odd))
    assert worst < 7.0
