"""Whatever the bytes: an answer, in bounded time, with nothing in it that a terminal obeys."""

import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mxtui.message.differences import Envelope, differences
from mxtui.message.encoded_words import decode_subject
from mxtui.message.inspect import Inspection, inspect
from mxtui.message.limits import Limits
from mxtui.message.parts import Part

MAIL = b"""\
Received: from mx1.example.org (unknown [203.0.113.77])
\t(using TLSv1.2) by mx2.example.net (Postfix) with ESMTPS id 4dKq7P2GzHz9xK
\tfor <sales@example.org>; Mon, 23 Nov 2026 07:54:02 +0100 (CET)
From: "Bank \\"Example\\"" <konto@bank.example>
Reply-To: =?utf-8?B?w7xiZXI=?= (a comment) <zahlung@mailbox.example>, x: y@z.example;
Date: Mon, 23 Nov 2026 01:20:00 +0100
Message-ID: <88413@localhost>
Subject: =?utf-8?Q?Offene_Rechnung_=E2=82?=
 =?iso-2022-jp*de?B?GyRCIUQbKEI=?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Bitte =F6ffnen Sie http://pay.rechnung.example/88413
--inner
Content-Type: text/html; charset=utf-7

<p title='x'>Hello &amp; &#8364; <!-- x --><b>you</b><a href="http://evil.example/">https://bank.example</a>
--inner--
--outer
Content-Type: message/rfc822

Subject: inner
Content-Type: text/plain; charset*=''utf-16

text
--outer
Content-Type: application/zip; name="a\xc3\xbc.zip"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename*0*=utf-8''Rech%20nung; filename*1="_\xe2\x80\xae88.zip"

UEsDBBQAAAAIAAAA
--outer--
"""
TOKENS = [line + b"\n" for line in MAIL.split(b"\n")] + [
    b'"', b"'", b"(", b")", b"<", b">", b";", b"=", b"\\", b"\0", b"\r", b"\n", b"\n\n", b" ", b"\t", b"\x1b[31m",
    b"\x9b", "\u202e".encode(), b"\xff", b"=?", b"?=", b"&#", b"<!--", b"</script", b"<script>", b"--", b"+2AA-",
    b"%00", b"&#xD800;",
]  # fmt: skip

# A terminal acts on these (C0, C1, DEL), reorders text by them (bidi) or cannot print them (half a surrogate pair).
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\u2028\u2029]")


def strings(found: Inspection) -> Iterator[str]:
    for header in found.headers:
        yield from (header.name, header.value)
    for hop in found.hops:
        yield from (hop.helo, hop.name, hop.address, hop.by, hop.protocol, hop.recipient, hop.origin)
    for part in found.parts:
        yield from (part.media_type, part.charset, part.encoding, part.disposition, part.filename)
        yield from (part.sniffed or "", part.executable, part.encrypted)
        for entry in part.archive.entries:
            yield from (entry.name, entry.sniffed or "", entry.executable)
    for link in found.text.links:
        yield from (link.shown, link.target)
    yield from found.text.lines
    yield from found.notes


def check(raw: bytes) -> None:
    found = inspect(raw)
    for text in strings(found):
        assert not UNSAFE.search(text), text
    for text in (*found.text.lines, *(link.target for link in found.text.links)):
        assert not re.search(r"(?i)(https?|ftp)://", text)
    limits = Limits()
    assert 1 <= len(found.parts) <= limits.parts
    assert len(found.headers) <= limits.headers
    assert len(found.text.lines) <= limits.text_lines
    assert found.text.omitted >= 0
    for part in found.parts:
        assert 0 <= part.start <= part.end <= len(raw)
        assert 0 <= part.decoded_size <= part.size + 1  # one letter of quoted-printable may be nothing else
        assert part.depth <= limits.depth
    assert all(_inside(part, found.parts) for part in found.parts)
    differences(found, Envelope("a@b.example", 1795416842.0, frozenset({"mx1.example.org"})))
    assert not UNSAFE.search(decode_subject(raw))


def _inside(part: Part, parts: tuple[Part, ...]) -> bool:
    """Whether some part one level up spans this one."""
    return part.depth == 0 or any(
        other.depth == part.depth - 1 and other.start <= part.start and part.end <= other.end for other in parts
    )


@given(st.binary(max_size=2000))
def test_arbitrary_bytes_are_inspected(raw: bytes) -> None:
    check(raw)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(TOKENS), max_size=60))
def test_pieces_of_mail_in_any_order_are_inspected(pieces: list[bytes]) -> None:
    check(b"".join(pieces))


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(0, len(MAIL)), st.integers(0, 80), st.sampled_from(TOKENS)), max_size=8))
def test_real_mail_with_anything_replaced_is_inspected(changes: list[tuple[int, int, bytes]]) -> None:
    raw = MAIL
    for start, length, piece in changes:
        raw = raw[:start] + piece + raw[start + length :]
    check(raw)


def test_real_mail_cut_anywhere_is_inspected() -> None:
    for end in range(len(MAIL)):
        check(MAIL[:end])


SIZE = 10 << 20
HTML = b"Content-Type: text/html\n\n"
MIXED = b"Content-Type: multipart/mixed; boundary=b\n\n"


def nested(levels: int) -> bytes:
    return b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(levels))


@pytest.mark.parametrize(
    ("head", "filling"),
    [
        (MIXED, b"--b\n"),
        (MIXED, b"--b\n\n"),
        (MIXED, b"--bX\n"),
        (MIXED, b"--b" + b" " * 1000 + b"x\n"),
        (nested(19), b"x\n"),
        (nested(19), b"\n--"),
        (nested(19), b"--b1X\n"),
        (nested(1000), b"--b\n"),
        (b"", nested(1)),
        (b"", b"Content-Type: message/rfc822\n\n"),
        (b"", b"a: b\n"),
        (b"a: b\n", b" \n"),
        (b"Subject: ", b"=?utf-8?q?a?= "),
        (b"Subject: ", b"=?u?q?"),
        (b"From: ", b"("),
        (b"Received: from x ", b"("),
        (b"", b"Received: from a (b [1.2.3.4]) by c; Mon, 1 Jan 2024 00:00:00 +0000\n"),
        (b"Content-Type: ", b";a=b"),
        (b"Content-Type: x/y;a=", b'"\\'),
        (b"", b"x"),
        (b"\n", b"\n"),
        (b"\n", b"http://"),
        (b"\n", "\u202e".encode()),
        (b"Content-Transfer-Encoding: base64\n\n", b"A=\n"),
        (b"Content-Transfer-Encoding: quoted-printable\n\n", b"=\n"),
        (b"Content-Type: text/plain; charset=iso-2022-jp\n\n", b"\x1b$B!"),
        (HTML, b"<"),
        (HTML, b"<a "),
        (HTML, b"<a x='"),
        (HTML, b"<!--"),
        (HTML, b"<p>"),
        (HTML, b"<a href=x>"),
        (HTML, b"</script "),
        (HTML, b"<![CDATA["),
        (HTML, b"&#1"),
        (HTML, b" <b> </b>"),
    ],
    ids=lambda piece: ascii(piece[-30:]),
)
def test_ten_megabytes_of_malice_take_less_than_two_seconds(head: bytes, filling: bytes) -> None:
    raw = head + filling * (SIZE // len(filling))
    started = time.process_time()
    found = inspect(raw)
    assert time.process_time() - started < 2
    assert found.size == len(raw)


def test_a_message_read_in_part_says_so() -> None:
    assert inspect(MAIL, truncated=True).notes[0].startswith("only the first")
