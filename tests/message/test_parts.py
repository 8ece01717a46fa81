import base64
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxtui.message.inspect import inspect
from mxtui.message.limits import Limits


def outline(raw: bytes) -> list[str]:
    return ["  " * part.depth + part.media_type for part in inspect(raw).parts]


MIXED = b"""\
Subject: hello
Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8

hello
--inner
Content-Type: text/html

<p>hello
--inner--
--outer
Content-Type: application/zip
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename=a.zip

%s
--outer--
epilogue
""" % base64.encodebytes(b"PK\x03\x04" + b"\0" * 996).rstrip()

OUTLINE = [
    "multipart/mixed",
    "  multipart/alternative",
    "    text/plain",
    "    text/html",
    "  application/zip",
]


def test_the_tree_is_listed_depth_first() -> None:
    assert outline(MIXED) == OUTLINE


def test_crlf_makes_no_difference() -> None:
    assert outline(MIXED.replace(b"\n", b"\r\n")) == OUTLINE


def test_a_message_cut_short_shows_what_is_there() -> None:
    assert outline(MIXED[:-120]) == OUTLINE


def test_sizes_are_as_stored_and_about_as_decoded() -> None:
    plain, zipped = inspect(MIXED).parts[2], inspect(MIXED).parts[4]
    assert (plain.size, plain.decoded_size) == (5, 5)
    assert zipped.size == len(base64.encodebytes(bytes(1000)).rstrip())
    assert zipped.decoded_size == pytest.approx(1000, abs=3)


def test_a_file_is_known_by_its_first_bytes() -> None:
    assert inspect(MIXED).parts[4].sniffed == "zip"
    raw = b"Content-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\n"
    assert inspect(raw + base64.encodebytes(b"MZ\x90\0\x03" * 20)).parts[0].sniffed == "program (exe)"
    assert inspect(b"\nMZ is how some letters begin").parts[0].sniffed is None


def test_a_nested_boundary_that_begins_like_the_outer_one_is_not_confused() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=b\n\n"
        b"--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\none\n--bb\n\ntwo\n--bb--\n"
        b"--b\n\nthree\n--b--\n"
    )
    assert outline(raw) == ["multipart/mixed", "  multipart/mixed", *["    text/plain"] * 2, "  text/plain"]


def test_an_attached_message_is_opened() -> None:
    raw = b"Content-Type: message/rfc822\n\nSubject: inner\nContent-Type: text/html\n\n<p>x"
    assert outline(raw) == ["message/rfc822", "  text/html"]


def test_parts_of_a_digest_are_messages() -> None:
    raw = b"Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: x\n\ntext\n--b--\n"
    assert outline(raw) == ["multipart/digest", "  message/rfc822", "    text/plain"]


@pytest.mark.parametrize("declared", [b"", b"Content-Type: nonsense\n", b"Content-Type: ;x\n", b"Content-Type: /\n"])
def test_what_is_no_type_counts_as_text(declared: bytes) -> None:
    assert outline(declared + b"\nbody") == ["text/plain"]


def test_a_multipart_without_its_boundary_says_so() -> None:
    assert "without a usable boundary" in inspect(b"Content-Type: multipart/mixed\n\nx").notes[0]
    assert "never appears" in inspect(b"Content-Type: multipart/mixed; boundary=b\n\nx").notes[0]


def test_an_encoded_multipart_is_not_opened_and_says_so() -> None:
    raw = b"Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n--b\n\nx\n--b--\n"
    assert outline(raw) == ["multipart/mixed"]
    assert inspect(raw).notes == ("multipart/mixed encoded as base64 is not opened",)


def test_nesting_stops_at_the_limit() -> None:
    raw = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(5000))
    found = inspect(raw)
    assert max(part.depth for part in found.parts) == 20
    assert found.notes == ("parts nested deeper than 20 are not listed",)


def test_parts_stop_at_the_limit_once() -> None:
    raw = (
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=b\n\n"
        + b"--b\n\nx\n" * 500
        + b"--a\n\ny\n" * 500
    )
    found = inspect(raw)
    assert len(found.parts) == 200
    assert [note for note in found.notes if "parts are listed" in note] == list(found.notes)
    assert len(found.notes) == 1


def test_time_that_is_up_ends_the_walk_and_says_so() -> None:
    clock = iter(range(1000))
    found = inspect(MIXED, limits=Limits(seconds=2), clock=lambda: next(clock))
    assert 1 <= len(found.parts) < len(OUTLINE)
    assert found.notes == ("inspection stopped after 2 s; what follows is not listed",)


@settings(max_examples=60)
@given(bodies=st.lists(st.text(), max_size=5))
def test_mail_made_by_the_standard_library_is_read_as_it_reads_it(bodies: list[str]) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Grüße aus Köln, " * 5
    mail.set_content("plain")
    mail.add_alternative("<p>html", subtype="html")
    for number, body in enumerate(bodies):
        mail.add_attachment(
            body.encode("utf-8", "replace"), "application", "octet-stream", filename=f"Übersicht {number}.bin"
        )
    found = inspect(bytes(mail))
    assert found.value("Subject") == mail["Subject"].rstrip()
    assert [part.media_type for part in found.parts] == [part.get_content_type() for part in mail.walk()]
    assert [part.filename for part in found.parts] == [part.get_filename() or "" for part in mail.walk()]
    attached = [part.decoded_size for part in found.parts if part.disposition == "attachment"]
    assert attached == [pytest.approx(len(body.encode("utf-8", "replace")), abs=3) for body in bodies]
